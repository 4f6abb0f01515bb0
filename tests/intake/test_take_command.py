"""`dunflow take` looks at the feeds, and tells what waits to be mended."""

import json
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner, Result

from dunflow.cli import main


def take(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["take", "live_book", *arguments])


def declare(folder: Path, feeds: dict[str, Any]) -> None:
    file = folder / "portfolio.yaml"
    document = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump(document | {"intake": feeds}, allow_unicode=True))


def test_every_feed_is_looked_at_and_a_bad_row_is_told_until_it_is_mended(live: Path) -> None:
    declare(
        live,
        {
            "payments": {"kind": "files", "path": "in/*.csv"},
            "holds": {"kind": "files", "path": "nowhere/*.csv"},
        },
    )
    (live / "in").mkdir()
    head = "ref,account,amount,booked_at\n"
    (live / "in/a.csv").write_text(head + "p1,A,1,2026-03-02\np2,A,much,2026-03-02\n")
    looked = take("--json")
    assert looked.exit_code == 1
    told = json.loads(looked.stdout)
    assert told["payments"] == {"new": 1, "known": 0, "rejected": 1}
    assert told["answers"] == {"new": 0, "known": 0, "rejected": 0}
    assert list(told["failed"]) == ["holds"]
    assert "there is no folder" in looked.stderr
    waiting = take("--rejected")
    assert waiting.exit_code == 1
    assert "row 2: amount" in " ".join(waiting.stdout.split())
    assert "much" not in waiting.stdout
    (live / "in/b.csv").write_text(head + "p2,A,2,2026-03-02\n")
    take()
    assert take("--rejected").exit_code == 0


def test_a_kind_needs_its_file(live: Path) -> None:
    told = take("payments")
    assert told.exit_code == 2
    assert "name the FILE with the payments" in told.stderr


def test_a_payment_told_again_in_another_currency_is_no_known_one(live: Path) -> None:
    head, row = "ref,account,amount,currency,booked_at\n", "p1,A,1,{},2026-03-02\n"
    file = live / "paid.csv"
    file.write_text(head + row.format("CNY"))
    assert take("payments", str(file)).exit_code == 0
    for again in ("CNY", ""):  # without one it is of its account's, whatever that is by now
        file.write_text(head + row.format(again))
        assert take("payments", str(file)).stdout.split("\n")[-2] == "0 new, 1 known before"
    file.write_text(head + row.format("USD"))
    told = take("payments", str(file))
    assert told.exit_code == 1
    assert "said something else" in " ".join(told.stdout.split())


def test_accounts_that_nobody_has_seen_are_told(live: Path) -> None:
    file = live / "paid.csv"
    file.write_text("ref,account,amount,booked_at\np1,A99,1,2026-03-02\n")
    assert "1 accounts that no snapshot has brought yet" in take("payments", str(file)).stdout
    file.write_text("ref,account,amount,booked_at\np2,A99,1,2026-03-02\n")
    assert "no snapshot" not in take("payments", str(file)).stdout
