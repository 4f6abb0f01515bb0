"""The commands about placements: what a person says of proposals, and of what has left."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL

from tests.test_date_commands import FIRST, SECOND, Shop, open_shop
from tests.test_kill import _POLICY

AT_ONCE = _POLICY | {"packs": [], "hand_off": [{"to": "agency", "when": {"dpd": {"from": 1}}}]}
TOLD_FIRST = _POLICY | {
    "packs": ["in"],
    "tiers": [
        {
            "tier": "only",
            "from_dpd": 1,
            "steps": [
                {
                    "step": "notice",
                    "at_dpd": 1,
                    "channel": "sms",
                    "template": "final",
                    "mandatory": True,
                    "purpose": "notice",
                }
            ],
        }
    ],
    "hand_off": [
        {"to": "agency", "when": {"dpd": {"from": 1}}, "after": {"step": "notice", "days": 0}}
    ],
}
WHY = ["--reason", "it was a mistake", "--by", "ann"]


class Desk:
    """`dunflow placements shop …`, on a date that proposed five accounts."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    def says(self, *words: str, code: int = 0) -> str:
        return self.shop.says("placements", "shop", *words, code=code)

    def counts(self, *words: str) -> dict[str, int]:
        counts: dict[str, int] = json.loads(self.says(*words, "--json"))["counts"]
        return counts

    def states(self) -> dict[str, str]:
        rows: list[dict[str, Any]] = json.loads(self.says("list", *EVERY, "--json"))
        return {row["account"]: row["state"] for row in reversed(rows)}


EVERY = [
    word
    for state in ("proposed", "approved", "exported", "rejected", "recalled", "closed", "returned")
    for word in ("--state", state)
]


@pytest.fixture
def desk(
    server: URL, template: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Desk]:
    with open_shop(server, template, monkeypatch, tmp_path, AT_ONCE) as shop:
        shop.deliver(FIRST, range(5))
        shop.day(FIRST)
        yield Desk(shop)


@pytest.fixture
def told_first(
    server: URL, template: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Desk]:
    """The same with a pack in force, for accounts that had their notice."""
    with open_shop(server, template, monkeypatch, tmp_path, TOLD_FIRST) as shop:
        for date in (FIRST, SECOND):
            shop.deliver(date, range(5))
            shop.day(date)
        yield Desk(shop)


def of(*numbers: int) -> list[str]:
    return [word for number in numbers for word in ("--account", f"A{number}")]


def test_a_person_says_what_leaves_and_what_comes_of_it(desk: Desk) -> None:
    assert desk.counts("reject", *of(0), *WHY) == {"rejected": 1}
    assert desk.counts("propose", *of(0), *WHY) == {"proposed": 1}
    assert desk.counts("approve", "--to", "agency", "--date", f"{FIRST}") == {"approved": 5}
    assert "5 accounts, 602.50 CNY" in desk.says("export")
    assert desk.counts("acknowledge", *of(1)) == {"acknowledged": 1}
    assert desk.counts("recall", *of(1), *WHY) == {"recalled": 1}
    assert desk.counts("refuse", *of(2), *WHY) == {"refused": 1}
    assert desk.counts("return", *of(3), *WHY) == {"returned": 1}
    assert desk.counts("close", *of(4), *WHY) == {"closed": 1}
    assert desk.counts("reopen", "--all", *WHY) == {"returned": 1}
    assert desk.states()["A0"] == "exported"
    assert {desk.states()[f"A{n}"] for n in (3, 4)} == {"returned"}


def test_where_nothing_moves_it_is_said_what_is_there(desk: Desk) -> None:
    assert (
        desk.says("recall", *of(1), *WHY)
        == "0 recalled Nothing moved: there is 1 proposed of these"
    )
    assert "there is no placement of these" in desk.says("approve", "--date", f"{SECOND}")


@pytest.mark.parametrize("command", ["approve", "reject", "propose", "recall", "close", "reopen"])
def test_what_is_meant_has_to_be_said(desk: Desk, command: str) -> None:
    why = [] if command == "approve" else WHY
    assert "--account, --date, or --all" in desk.says(command, *why, code=2)
    if why:
        assert "Missing option '--reason'" in desk.says(command, "--all", code=2)


def test_what_a_pack_wants_checked_is_listed_asked_for_and_shown(told_first: Desk) -> None:
    check = "agents_trained_iibf"
    assert f"Who approves for agency must have checked: {check}" in told_first.says("list")
    refused = told_first.says("approve", "--all", "--by", "ann", code=1)
    assert f"for agency: {check}. Say so once you have: --checked {check}" in refused
    assert set(told_first.states().values()) == {"proposed"}
    said = ("--checked", check, "--by", "ann")
    assert told_first.counts("approve", "--all", *said) == {"approved": 5}
    listed = json.loads(told_first.says("list", "--json"))
    assert {row["approved_by"] for row in listed} == {f"ann (checked: {check})"}
    assert "must have checked" not in told_first.says("list")


def test_what_a_date_of_another_clock_proposed_is_carried_on_by_that_clock(desk: Desk) -> None:
    then = ("--now", "2026-03-04 10:00")
    assert desk.counts("approve", "--all", *then) == {"approved": 5}
    (package,) = json.loads(desk.says("export", "--json", *then))["packages"]
    assert "-20260304-" in package["reference"]
    assert desk.counts("recall", *of(0), *WHY, *then) == {"recalled": 1}
    (row,) = json.loads(desk.says("list", "--state", "recalled", "--json"))
    assert row["exported_at"] == row["ended_at"] == "2026-03-04T02:00:00+00:00"
