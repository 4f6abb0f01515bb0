"""Business dates in any order, and again, lead to the same episodes."""

import datetime as dt
import itertools
import random
from pathlib import Path

from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sightings import ONE_DAY, Days, Episode, Sighting, episodes_of
from sqlalchemy import Connection, Engine, delete, false, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from dunflow.assess.episodes import assess
from dunflow.config.base import build
from dunflow.config.book import Book
from dunflow.config.pack import Floor
from dunflow.config.policy import Policy
from dunflow.config.portfolio import Portfolio
from dunflow.ledger import partitions
from dunflow.ledger.engine import portfolio_id_of, portfolio_lock
from dunflow.ledger.tables import account, customer, episode, load, quarantine, snapshot

FIRST = dt.date(2026, 3, 1)
ACCOUNTS = 120
PHASES = (Phase.reuse, Phase.generate)
"""No shrinking: an example holds many small histories, and the ones that differ are told."""

_number = itertools.count()


def make_config() -> Book:
    portfolio = {
        "portfolio": f"p{next(_number)}",
        "time_zone": "Asia/Shanghai",
        "region": "CN",
        "language": "zh",
        "currency": "CNY",
        "run_at": "06:30",
        "source": {"kind": "files", "path": "{business_date}.csv"},
        "lender": {"name": {"zh": "x"}, "phone": "1", "pay_url": "https://u", "complaints": "c"},
    }
    policy = {"policy": "one", "tiers": [{"tier": "only", "from_dpd": 1}]}
    return Book(
        build(Portfolio, portfolio, "portfolio"),
        build(Policy, policy, "policy"),
        Floor(packs=[]),
        Path(),
    )


class History:
    """Accounts on the dates that have a snapshot; others are missing."""

    def __init__(self, seed: int, dates: list[dt.date]) -> None:
        self._rng = random.Random(seed)
        self.dates = dates
        self.distrusted: set[dt.date] = set()
        self.accounts = {number: self._account() for number in range(ACCOUNTS)}

    def _account(self) -> Days:
        rng = self._rng
        due_on = FIRST + rng.randint(-6, 4) * ONE_DAY
        days: Days = {}
        for date in self.dates:
            if rng.random() < 0.3:
                due_on += rng.choice((-1, 1, 1, 2, 3)) * ONE_DAY
            what = rng.random()
            if what < 0.25:
                days[date] = None
            else:
                days[date] = Sighting(due_on, unreadable=what < 0.45)
        return days

    def correct(self, date: dt.date) -> None:
        """The source says something else about some accounts of that date."""
        for days in self.accounts.values():
            if self._rng.random() < 0.3:
                due_on = FIRST + self._rng.randint(-6, 6) * ONE_DAY
                days[date] = self._rng.choice((None, Sighting(due_on), Sighting(due_on, True)))

    def episodes(self) -> dict[int, list[Episode]]:
        """By the rules, read forwards; accounts without any are left out."""
        found = {
            number: episodes_of({d: s for d, s in days.items() if d not in self.distrusted})
            for number, days in self.accounts.items()
        }
        return {number: episodes for number, episodes in found.items() if episodes}


class Room:
    """One portfolio in the ledger, in which dates are loaded and assessed."""

    def __init__(self, engine: Engine, history: History) -> None:
        self._engine, self._history, self._book = engine, history, make_config()
        self._loads = itertools.count()
        with engine.begin() as conn:
            self._number = portfolio_id_of(conn, self._book.name)
            of = {"portfolio_id": self._number}
            person = of | {"customer_ref": "C", "seen_on": FIRST}
            people = insert(customer).returning(customer.c.customer_id)
            self._customer_id = conn.execute(people, person).scalar_one()
            numbered = insert(account).returning(account.c.account_ref, account.c.account_id)
            rows = conn.execute(numbered, [of | {"account_ref": str(n)} for n in history.accounts])
            self._ids = {int(ref): account_id for ref, account_id in rows}

    def load(self, date: dt.date, state: str = "accepted") -> None:
        """Replace the date's rows, and trust them or not."""
        with portfolio_lock(self._engine, self._book.name) as conn:
            here = {"portfolio_id": self._number, "business_date": date}
            for table in (snapshot, quarantine):
                of = table.c.portfolio_id == self._number, table.c.business_date == date
                conn.execute(delete(table).where(*of))
            seen = {n: s for n, days in self._history.accounts.items() if (s := days[date])}
            self._fill(conn, date, {n: s for n, s in seen.items() if not s.unreadable})
            unread = [
                here
                | {"account_id": self._ids[number], "line": number, "column_name": "overdue"}
                | {"value_kind": "text", "reason": "x", "rejects_account": True}
                for number, sighting in seen.items()
                if sighting.unreadable
            ]
            if unread:
                conn.execute(insert(quarantine), unread)
            at = self._book.portfolio.calendar.usual_time_of(date)
            counts = dict.fromkeys(("rows_read", "accounts", "customers", "quarantined"), 0)
            came = {"loaded_at": at + next(self._loads) * ONE_DAY, "state": state}
            row = here | came | {"as_of_at": at, "overdue": {}} | counts
            key = [load.c.portfolio_id, load.c.business_date]
            conn.execute(
                upsert(load).values(row).on_conflict_do_update(index_elements=key, set_=came)
            )

    def _fill(self, conn: Connection, date: dt.date, seen: dict[int, Sighting]) -> None:
        rows = [
            {
                "portfolio_id": self._number,
                "business_date": date,
                "account_id": self._ids[number],
                "customer_id": self._customer_id,
                "due_on": sighting.due_on,
                "overdue_amount": 100,
                "currency": "CNY",
            }
            for number, sighting in seen.items()
        ]
        if not partitions.exists(conn, snapshot, self._number, date):
            nothing = select(*snapshot.columns).where(false())
            partitions.fill(conn, snapshot, self._number, date, nothing)
            partitions.attach(conn, snapshot, self._number, date)
        if rows:
            conn.execute(insert(snapshot), rows)

    def assess(self, date: dt.date) -> None:
        with portfolio_lock(self._engine, self._book.name) as conn:
            assess(conn, self._book, self._number, date)

    def episodes(self) -> dict[int, list[Episode]]:
        names = {account_id: number for number, account_id in self._ids.items()}
        found: dict[int, list[Episode]] = {}
        with self._engine.connect() as conn:
            rows = conn.execute(
                select(episode.c.account_id, episode.c.started_on, episode.c.ended_on)
                .where(episode.c.portfolio_id == self._number)
                .order_by(episode.c.account_id, episode.c.started_on)
            )
            for account_id, started_on, ended_on in rows:
                found.setdefault(names[account_id], []).append((started_on, ended_on))
        return found


def differing(history: History, room: Room) -> list[str]:
    """A line for each account whose episodes are not those of the rules."""
    wanted, found = history.episodes(), room.episodes()
    return [
        f"{number}: {_days(history.accounts[number])}: "
        f"found {_told(found.get(number, []))}, right is {_told(wanted.get(number, []))}"
        for number in history.accounts
        if wanted.get(number) != found.get(number)
    ]


def _days(days: Days) -> str:
    return " ".join(
        f"{date:%d}:" + ("-" if s is None else "?" if s.unreadable else f"due {s.due_on:%d}")
        for date, s in sorted(days.items())
    )


def _told(episodes: list[Episode]) -> str:
    return ", ".join(f"[{a:%d}, {b:%d})" if b else f"[{a:%d}, …)" for a, b in episodes) or "none"


@st.composite
def dates(draw: st.DrawFn) -> list[dt.date]:
    """Some of ten days, so that there are gaps."""
    offsets = draw(st.sets(st.integers(0, 9), min_size=3, max_size=8))
    return [FIRST + offset * ONE_DAY for offset in sorted(offsets)]


seeds = st.integers(0, 2**32)


@settings(max_examples=4, deadline=None, phases=PHASES)
@given(dates(), seeds, st.data())
def test_any_order_gives_the_episodes_of_the_calendar(
    shared_ledger: Engine, days: list[dt.date], seed: int, data: st.DataObject
) -> None:
    history = History(seed, days)
    room = Room(shared_ledger, history)
    for date in data.draw(st.permutations(days), label="order"):
        room.load(date)
        room.assess(date)
    assert differing(history, room) == []


@settings(max_examples=2, deadline=None, phases=PHASES)
@given(dates(), seeds, st.data())
def test_running_any_date_again_changes_no_episode(
    shared_ledger: Engine, days: list[dt.date], seed: int, data: st.DataObject
) -> None:
    history = History(seed, days)
    room = Room(shared_ledger, history)
    for date in data.draw(st.permutations(days), label="order"):
        room.load(date)
        room.assess(date)
    for date in data.draw(st.lists(st.sampled_from(days), min_size=1, max_size=4), label="again"):
        room.assess(date)
    assert differing(history, room) == []


@settings(max_examples=6, deadline=None, phases=PHASES)
@given(dates(), seeds, st.data())
def test_corrected_rows_count_as_if_they_had_come_first(
    shared_ledger: Engine, days: list[dt.date], seed: int, data: st.DataObject
) -> None:
    history = History(seed, days)
    room = Room(shared_ledger, history)
    steps = [*data.draw(st.permutations(days)), *data.draw(st.lists(st.sampled_from(days)))]
    loaded: set[dt.date] = set()
    for date in steps:
        if date in loaded or data.draw(st.booleans(), label="corrected at once"):
            room.load(date)
            room.assess(date)
            history.correct(date)
        room.load(date)
        room.assess(date)
        loaded.add(date)
    assert differing(history, room) == []


@settings(max_examples=6, deadline=None, phases=PHASES)
@given(dates(), seeds, st.data())
def test_rows_that_are_trusted_no_more_count_as_if_they_had_never_come(
    shared_ledger: Engine, days: list[dt.date], seed: int, data: st.DataObject
) -> None:
    history = History(seed, days)
    room = Room(shared_ledger, history)
    *order, last = data.draw(st.permutations(days), label="order")
    loaded: list[dt.date] = []
    for date in order:
        room.load(date)
        room.assess(date)
        loaded.append(date)
        if data.draw(st.booleans(), label="one comes again"):
            again = data.draw(st.sampled_from(loaded))
            history.correct(again)
            state = data.draw(st.sampled_from(("loaded", "refused", "accepted")))
            room.load(again, state)
            if state != "accepted":
                history.distrusted.add(again)
            elif again in history.distrusted:
                history.distrusted.remove(again)
                room.assess(again)
    room.load(last)
    room.assess(last)
    assert differing(history, room) == []
