"""What a script is told where something went wrong: no less than a person."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from sqlalchemy import URL

from dunflow.cli import main
from tests.test_date_commands import FIRST, SECOND, Shop, open_shop
from tests.test_kill import _PORTFOLIO
from tests.test_placement_commands import AT_ONCE


@pytest.fixture
def shop(
    server: URL, template: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Shop]:
    with open_shop(server, template, monkeypatch, tmp_path, AT_ONCE) as opened:
        yield opened


def told(*words: object, code: int = 1) -> tuple[Any, str]:
    """The one document on the standard output, and what is said beside it."""
    done = CliRunner().invoke(main, [*(str(word) for word in words), "--json"])
    assert done.exit_code == code, done.output
    return json.loads(done.stdout), " ".join(done.stderr.split())


def test_what_stopped_a_date_is_told_to_a_script_as_to_a_person(shop: Shop) -> None:
    shop.deliver(FIRST, range(200))
    shop.day(FIRST)
    shop.deliver(SECOND, range(20))
    found, aside = told("day", "shop", SECOND)
    assert "seen 20" in found["error"]
    assert f"Error: {' '.join(found['error'].split())}" == aside


def test_a_backfill_says_why_a_date_failed(shop: Shop) -> None:
    shop.deliver(FIRST, range(3))
    found, aside = told("backfill", "shop", FIRST, SECOND)
    assert (found[f"{FIRST}"], found[f"{SECOND}"]) == ("success", "failed")
    assert list(found["why"]) == [f"{SECOND}"]
    assert f"{SECOND}.csv" in found["why"][f"{SECOND}"]
    assert f"{SECOND}: " in aside


def test_a_feed_that_can_not_be_read_is_named_beside_the_others(shop: Shop) -> None:
    feeds = {kind: {"kind": "files", "path": f"{kind}.csv"} for kind in ("payments", "holds")}
    portfolio = yaml.safe_dump(_PORTFOLIO | {"intake": feeds})
    (shop.folder / "portfolio.yaml").write_text(portfolio)
    (shop.folder / "payments.csv").write_text("what,where\n1,2\n")
    (shop.folder / "holds.csv").write_text("ref,account,kind,from\nh1,A1,dispute,2026-03-01\n")
    found, aside = told("take", "shop")
    assert found["holds"]["new"] == 1
    assert list(found["failed"]) == ["payments"]
    missing = "column 'account' is missing"
    assert missing in found["failed"]["payments"]
    assert missing in aside
    (shop.folder / "payments.csv").write_text("ref,account,amount,booked_at\n")
    assert "failed" not in told("take", "shop", code=0)[0]


def test_a_file_of_strange_accounts_says_how_many(shop: Shop, tmp_path: Path) -> None:
    shop.deliver(FIRST, range(3))
    shop.day(FIRST)
    file = tmp_path / "payments.csv"
    file.write_text("ref,account,amount,booked_at\np1,Z9,1.00,2026-03-02\n")
    assert told("take", "shop", "payments", file, code=0)[0]["unseen"] == 1


def test_a_file_with_rows_of_no_use_is_one_document(shop: Shop, tmp_path: Path) -> None:
    shop.deliver(FIRST, range(3))
    shop.day(FIRST)
    file = tmp_path / "told.csv"
    file.write_text("ref,kind,account,at\n1,gone,A1,2026-03-03\n")
    found, aside = told("placements", "shop", "receive", "agency", file)
    assert len(found["faults"]) == 1
    assert "1 rows are of no use" in aside


def test_where_nothing_moves_a_script_hears_what_is_there(shop: Shop) -> None:
    shop.deliver(FIRST, range(3))
    shop.day(FIRST)
    moved, _ = told("placements", "shop", "recall", "--all", "--reason", "x", code=0)
    assert moved == {"counts": {"recalled": 0}, "refused": {}, "there": {"proposed": 3}}


def test_an_audit_says_to_a_script_that_it_proved_nothing(shop: Shop) -> None:
    shop.deliver(FIRST, range(3))
    shop.day(FIRST)
    assert all(each["proven"] for each in told("audit", "shop", code=0)[0])
    assert not any(each["proven"] for each in told("audit", "shop", SECOND, SECOND, code=0)[0])
