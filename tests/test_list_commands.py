"""The commands that carry a date on, on the clock by which the date ran."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import URL

from dunflow.remind.senders.choose import SANDBOX_URL
from dunflow.sandbox.app import create_app
from dunflow.sandbox.credentials import Credentials
from dunflow.sandbox.serve import serve
from tests.test_date_commands import FIRST, Shop, open_shop
from tests.test_kill import _POLICY, _PORTFOLIO

STEPS = ("letter", "call", "visit", "sms")
POLICY = _POLICY | {
    "packs": ["cn-consumer"],
    "tiers": [
        {
            "tier": channel,
            "from_dpd": number,
            "steps": [{"step": channel, "at_dpd": number, "channel": channel, "template": "firm"}],
        }
        for number, channel in enumerate(STEPS, 1)
    ],
}
PORTFOLIO: dict[str, Any] = _PORTFOLIO | {"clock": "real"}
EARLY, THEN = ("--now", "2026-03-03 06:30"), ("--now", "2026-03-03 10:00")


@pytest.fixture
def shop(
    server: URL, template: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Shop]:
    """On the real clock, with one account for each channel."""
    with open_shop(server, template, monkeypatch, tmp_path, POLICY) as opened:
        (opened.folder / "portfolio.yaml").write_text(yaml.safe_dump(PORTFOLIO))
        rows = ["account,customer,due_on,overdue,name,phone,address"]
        for due in ("2026-03-01", "2026-02-28", "2026-02-27", "2026-02-26"):
            number = len(rows)
            rows.append(f"A{number},C{number},{due},120.50,张三,+861348000000{number},青禾路1号")
        (opened.folder / f"{FIRST}.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
        yield opened


def said(shop: Shop, *words: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(shop.says(*words, "--json"))
    return told


def test_a_date_of_another_clock_is_carried_on_by_that_clock(shop: Shop) -> None:
    shop.says("day", "shop", FIRST, *THEN)
    (batch,) = said(shop, "letters", "shop", *THEN)["batches"]
    assert (batch["letters"], "20260303" in batch["reference"]) == (1, True)
    for channel in ("calls", "visits"):
        (made,) = said(shop, channel, "shop", *THEN)["lists"]
        assert (made["lines"], "20260303" in made["reference"]) == (1, True)


def test_what_no_list_had_in_its_time_is_counted(shop: Shop) -> None:
    shop.says("day", "shop", FIRST, *THEN)
    late = ("--now", "2026-03-20 10:00")
    printed = shop.says("letters", "shop", *late)
    assert printed.startswith("1 letters are given up, as they waited for more than two weeks")
    assert printed.endswith("There is no letter to print.")
    assert said(shop, "letters", "shop", *late)["given_up"] == 0
    assert said(shop, "calls", "shop", *late) | {"place": ""} == {
        "new": 0,
        "given_up": 1,
        "place": "",
        "lists": [],
    }
    assert shop.says("visits", "shop", *late).startswith("1 visits are given up, as they were on")


def test_what_waits_for_its_hours_goes_out_without_airflow(shop: Shop) -> None:
    assert said(shop, "day", "shop", f"{FIRST}", *EARLY)["remind"]["planned"] == 3
    assert said(shop, "dispatch", "shop", *EARLY)["remind"]["planned"] == 3
    sent = said(shop, "dispatch", "shop", *THEN)
    assert (sent["remind"].get("planned"), len(sent["lists"])) == (None, 2)
    assert sent["remind"]["accepted"] == 4
    assert sent["failed"] == []
    again = said(shop, "dispatch", "shop", *THEN)
    assert (again["remind"], again["lists"]) == (sent["remind"], [])
    assert "shop, contacts of 2026-03-02: 4 accepted" in shop.says("dispatch", "shop", *THEN)


def test_a_sender_that_is_down_keeps_back_no_list(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shop.says("day", "shop", FIRST, *EARLY)
    strange = create_app(tmp_path / "strange", credentials=Credentials(*"abcd"))
    with serve(strange) as url:
        monkeypatch.setenv(SANDBOX_URL, url)
        told = json.loads(shop.says("dispatch", "shop", *THEN, "--json", code=1))
    (fault,) = told["failed"]
    assert fault.startswith("sms: ")
    assert len(told["lists"]) == 2


def test_a_replayed_portfolio_dispatches_by_itself(shop: Shop) -> None:
    (shop.folder / "portfolio.yaml").write_text(yaml.safe_dump(_PORTFOLIO))
    assert "each date plays its own dispatching" in shop.says("dispatch", "shop", code=1)


@pytest.mark.parametrize(
    "words",
    [
        ("day", "shop", f"{FIRST}"),
        ("letters", "shop"),
        ("dispatch", "shop"),
        ("calls", "shop"),
        ("visits", "shop"),
        ("placements", "shop", "approve", "--all"),
        ("placements", "shop", "export"),
        ("hold", "shop", "A1", "--kind", "dispute", "--reason", "x"),
    ],
)
def test_nobody_sets_the_clock_where_real_people_are_reached(
    shop: Shop, words: tuple[str, ...]
) -> None:
    senders = {"sms": {"provider": "twilio", "from": "+15005550006"}}
    (shop.folder / "portfolio.yaml").write_text(yaml.safe_dump(PORTFOLIO | {"senders": senders}))
    assert "the clock can be set only" in shop.says(*words, *THEN, code=1)
