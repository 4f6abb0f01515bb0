"""The page of what was given away: states, what came back, and the money, over HTTP."""

import urllib.request
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Engine

from dunflow import placements
from dunflow.config.book import PACKS, Book, read_floor, root
from dunflow.config.destination import Destination
from dunflow.console.app import create_app
from dunflow.errors import ConfigError
from dunflow.place.life import Chosen
from dunflow.sandbox.serve import serve
from tests.place.conftest import MakeDesk, make_desk, row

__all__ = ["make_desk"]

TOLD = """ref,kind,account,at,amount,currency,commission,remittance
1,accepted,A1,2026-03-02,,,,
2,payment,A1,2026-03-02,1300.00,CNY,300.00,R1
R1,remittance,,2026-03-02,1000.00,CNY,,
3,gone,A2,2026-03-02,,,,
"""


def _page(ledger: Engine, books: Callable[[str], Book]) -> str:
    with (
        serve(create_app([], lambda: ledger, books)) as url,
        urllib.request.urlopen(f"{url}/handed-over") as answer,
    ):
        text: str = answer.read().decode()
        return text


def test_it_tells_states_what_came_back_and_the_money(
    ledger: Engine, make_desk: MakeDesk, tmp_path: Path
) -> None:
    desk = make_desk([row("A1"), row("A2"), row("A3")], Destination(commission="0.20"))
    placements.approve(desk, Chosen(accounts=("A1", "A2")), "me")
    placements.deliver(desk).raise_if_failed()
    file = tmp_path / "told.csv"
    file.write_text(TOLD)
    placements.receive(desk, "agency", file, "them")
    page = _page(ledger, lambda _: desk.book)
    for told in ("acknowledged", "exported", "proposed", "CNY 1,300.00", "remittance"):
        assert told in page
    # 300.00 were kept of 1300.00, and 260.00 were agreed.
    assert '<td class="bad">40.00</td>' in page
    assert "Rows of theirs that could not be taken in: 1." in page
    assert "Accounts of which more was collected than the core has booked: 1." in page
    assert "Somebody" not in page


def test_a_portfolio_that_cannot_be_read_still_shows_its_states(
    ledger: Engine, make_desk: MakeDesk
) -> None:
    make_desk([row("A1")])

    def gone(name: str) -> Book:
        raise ConfigError(f"{name}: is gone")

    page = _page(ledger, gone)
    assert "proposed" in page
    assert "is gone" in page


def test_what_who_approves_must_have_checked_stands_beside_proposals(
    ledger: Engine, make_desk: MakeDesk
) -> None:
    made = make_desk([row("A1")]).book
    book = replace(made, floor=read_floor(["cn-consumer"], [root() / PACKS]))
    checks = ", ".join(book.checks("agency"))
    assert "agency_listed_and_published" in checks
    assert f"Who approves for agency must have checked: {checks}." in _page(ledger, lambda _: book)
    assert "must have checked" not in _page(ledger, lambda _: made)


def test_without_any_it_says_so(ledger: Engine) -> None:
    def none(name: str) -> Book:
        raise AssertionError(name)

    assert "Nothing was proposed to anybody yet" in _page(ledger, none)
