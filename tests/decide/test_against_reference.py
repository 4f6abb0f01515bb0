"""The engine's SQL against the plain reference, over random policies and thousands of accounts."""

import datetime as dt
import itertools
from typing import Any

from filled_ledger import config_of, decide_book
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from known import Account, Day
from ladder_stories import ONE_DAY, ZONE, Book, packs, policies
from reference_guards import Judge
from sqlalchemy import Engine

ACCOUNTS = 250
PHASES = (Phase.reuse, Phase.generate)
"""No shrinking: an example holds many accounts, and those that differ are told, each in full."""

_number = itertools.count()


def usual_day(business_date: dt.date, *, late: bool) -> Day:
    """The run at 06:30 on the day after the business date."""
    midnight = dt.datetime.combine(business_date + ONE_DAY, dt.time(0), tzinfo=ZONE)
    usual = midnight.replace(hour=6, minute=30)
    return Day(business_date, midnight, usual, usual + ONE_DAY, late, ZONE)


def decide_both_ways(
    engine: Engine, policy: dict[str, Any], pack: dict[str, Any], day: Day, seed: int
) -> tuple[list[str], list[str]]:
    """What the reference says and what the ledger says, a line per account and per contact."""
    book = Book(policy, day, seed, ACCOUNTS)
    judge = Judge(policy, pack, day, book.accounts)
    config = config_of(f"p{next(_number)}", policy, pack)
    decided = decide_book(engine, config, day, book)
    wanted = {
        ref: (row.action, row.reason, row.step, row.tier, row.channel)
        for ref, row in judge.rows.items()
    }
    of = {account.ref: account for account in book.accounts}
    return (
        _told(wanted, judge.lists, decided.rows, decided.lists, of, "reference"),
        _told(decided.rows, decided.lists, wanted, judge.lists, of, "engine"),
    )


def _told(
    rows: dict[str, Any],
    lists: dict[str, set[str]],
    other_rows: dict[str, Any],
    other_lists: dict[str, set[str]],
    of: dict[str, Account],
    who: str,
) -> list[str]:
    """Only where the other differs, each with all that is known of the account."""
    return [
        f"{ref}: {rows.get(ref)}\n    {of[ref]}"
        for ref in sorted(rows.keys() | other_rows.keys())
        if rows.get(ref) != other_rows.get(ref)
    ] + [
        f"{ref} lists {sorted(lists.get(ref, set()))}"
        for ref in sorted(lists.keys() | other_lists.keys())
        if lists.get(ref) != other_lists.get(ref)
    ]


@settings(max_examples=20, deadline=None, phases=PHASES)
@given(
    policies(),
    packs(),
    st.dates(dt.date(2026, 3, 1), dt.date(2026, 3, 14)),
    st.booleans(),
    st.integers(0, 2**32),
)
def test_every_decision_is_what_the_design_says(
    shared_ledger: Engine,
    policy: dict[str, Any],
    pack: dict[str, Any],
    business_date: dt.date,
    late: bool,
    seed: int,
) -> None:
    wanted, found = decide_both_ways(
        shared_ledger, policy, pack, usual_day(business_date, late=late), seed
    )
    assert found == wanted
