"""Random histories of one book: dates run in time, an outage, dates run late in some order.

What went out on one date is what the next one decides from. The reference keeps its own account of
that; the engine keeps its ledger; each run's rows are compared.
"""

import datetime as dt
import random
from dataclasses import dataclass, replace
from typing import Any

from filled_ledger import HOUR, Filler, config_of, lists_of, print_each, rows_of
from known import Account, Contact, Day
from ladder_stories import ONE_DAY, ZONE, Book, printed_at
from reference_guards import Judge
from sqlalchemy import Connection, Date, Engine, cast, func, select, update

from dunflow.assess.episodes import assess
from dunflow.config.book import Book as Config
from dunflow.decide.decide import decide
from dunflow.decide.lateness import moment_of
from dunflow.ledger import tables as t
from dunflow.ledger.engine import portfolio_id_of, portfolio_lock
from dunflow.place.candidates import propose
from dunflow.place.life import Chosen, reject
from dunflow.remind import outbox, receipts
from dunflow.remind.dispatch import ASKABLE
from dunflow.remind.lease import Claimed
from dunflow.remind.plan import plan
from dunflow.remind.senders.outcome import Accepted, Message, Outcome, Refused, Seen, Unknown
from dunflow.remind.settle import settle

MINUTE = dt.timedelta(minutes=1)


@dataclass(frozen=True)
class Run:
    """One run of a date at an instant; `again`: the date has run before."""

    business_date: dt.date
    at: dt.datetime
    late: bool
    again: bool = False

    @property
    def day(self) -> Day:
        """As the run looks: a late one from the usual time of its date."""
        midnight = dt.datetime.combine(self.business_date + ONE_DAY, dt.time(0), tzinfo=ZONE)
        usual = usual_time(self.business_date)
        now = usual if self.late else self.at
        return Day(self.business_date, midnight, now, usual + ONE_DAY, self.late, ZONE)


def usual_time(business_date: dt.date) -> dt.datetime:
    return dt.datetime.combine(business_date + ONE_DAY, dt.time(6, 30), tzinfo=ZONE)


def draw_runs(first: dt.date, length: int, dice: random.Random) -> list[Run]:
    """Dates in time, with outages after which some of the missed ones are filled, in any order."""
    runs: list[Run] = []
    missed: list[dt.date] = []
    done: list[dt.date] = []
    down = 0
    for number in range(length):
        date = first + number * ONE_DAY
        if down:
            down -= 1
            missed.append(date)
            continue
        at = usual_time(date)
        late = [each for each in missed if dice.random() < 0.8]
        order = dice.choice(("oldest", "newest", "any"))
        late.sort(reverse=order == "newest")
        if order == "any":
            dice.shuffle(late)
        before = late if dice.random() < 0.5 else []
        after = [] if before else late
        runs += [Run(each, at + n * MINUTE, late=True) for n, each in enumerate(before)]
        at += len(before) * MINUTE
        runs.append(Run(date, at, late=False))
        runs += [Run(each, at + n * MINUTE, late=True) for n, each in enumerate(after, 1)]
        if done and dice.random() < 0.2:
            again = dice.choice(done)
            runs.append(Run(again, at + 30 * MINUTE, late=True, again=True))
        done += [date, *late]
        missed = []
        if dice.random() < 0.25:
            down = dice.randint(1, 5)
    return runs


class Beginning(Book):
    """Accounts to which nothing has happened yet."""

    def _climb(self, account: Account) -> None:
        """Nobody was contacted before."""

    def _account(self, number: int, customers: list[Any]) -> Account:
        account = super()._account(number, customers)
        return replace(
            account, placed=False, closed=False, collected=None, turned_down={}, contacts=[]
        )


FATES = ("delivered", "accepted", "undelivered", "blocked", "failed", "expired", "in_doubt")
WEIGHTS = (5, 3, 2, 1, 2, 1, 1)
DID_NOT_ARRIVE = ("undelivered", "blocked")


@dataclass(frozen=True)
class Proposal:
    """What a run proposed, and when a person rejects it, if anybody does."""

    ref: str
    to: str
    at: dt.datetime
    rejected_at: dt.datetime | None

    def stands(self, now: dt.datetime) -> bool:
        return self.at <= now and (self.rejected_at is None or self.rejected_at > now)


class Past:
    """What the reference knows of the runs so far."""

    def __init__(self, policy: dict[str, Any], pack: dict[str, Any], book: Book, seed: int) -> None:
        self.policy, self.pack, self.book, self.seed = policy, pack, book, seed
        self.tiers: dict[tuple[str, dt.date], str] = {}
        self.proposals: list[Proposal] = []
        self.fates: dict[tuple[str, dt.date], str] = {}

    def judge(self, run: Run) -> Judge:
        day = run.day
        for account in self.book.accounts:
            account.highest_tier = self._highest(account.ref, run.business_date)
            mine = [each for each in self.proposals if each.ref == account.ref]
            account.placed = any(each.stands(day.now) for each in mine)
            account.turned_down = {e.to: e.rejected_at for e in mine if e.rejected_at}
        return Judge(self.policy, self.pack, day, self.book.accounts)

    def _highest(self, ref: str, before: dt.date) -> str | None:
        order = [tier["tier"] for tier in self.policy["tiers"]]
        seen = [tier for (of, date), tier in self.tiers.items() if of == ref and date < before]
        return max(seen, key=order.index, default=None)

    def go_on(self, run: Run, judge: Judge) -> None:
        """What the run's rows lead to."""
        of = {account.ref: account for account in self.book.accounts}
        for ref, row in judge.rows.items():
            tier = judge.tier(of[ref])
            if tier is not None and row.tier is not None:
                self.tiers[ref, run.business_date] = judge.tiers[tier]
            if row.action == "hand_off":
                to, at = row.reason.removeprefix("hand_off."), run.day.now
                self.proposals.append(Proposal(ref, to, at, self._rejected_at(ref, at)))
        steps = {ref: judge.due(of[ref]) for ref in judge.rows}
        done = {
            ref: len(judge.done(of[ref], step)) for ref, step in steps.items() if step is not None
        }
        for leader, named in judge.lists.items():
            channel = judge.rows[leader].channel
            assert channel is not None
            at = judge._opens_at(of[leader].customer, channel) + MINUTE
            fate = self.fate(leader, run.business_date, channel)
            for ref in named:
                covered = judge.rows[ref].reason in ("step_due", "covered")
                step = steps[ref] if covered else None
                of[ref].contacts.append(
                    Contact(
                        step=step["step"] if step else None,
                        repetition=done[ref] if step else 0,
                        channel=channel,
                        state="undelivered" if fate in DID_NOT_ARRIVE else fate,
                        accepted_at=at
                        if fate in ("delivered", "accepted", *DID_NOT_ARRIVE)
                        else None,
                        ended_at=_ended_at(fate, at),
                        claimed_at=at,
                        printed_at=self.printed_at(leader, run.business_date, channel, at),
                        sent=f"{leader} {run.business_date}",
                        blocked=fate == "blocked",
                    )
                )

    def _rejected_at(self, ref: str, at: dt.datetime) -> dt.datetime | None:
        dice = random.Random(f"person {self.seed}-{ref}-{at}")
        at_once = MINUTE / 2  # so that dates that run late right after it find it turned down
        after = dice.choice((None, at_once, at_once, at_once, 10 * HOUR, ONE_DAY + HOUR))
        return None if after is None else at + after

    def fate(self, leader: str, business_date: dt.date, channel: str) -> str:
        dice = random.Random(f"{self.seed}-{leader}-{business_date}")
        fate = dice.choices(FATES, WEIGHTS)[0]
        # What is only listed meets no provider, who could leave us in doubt.
        return "delivered" if fate == "in_doubt" and channel not in ASKABLE else fate

    def printed_at(
        self, leader: str, business_date: dt.date, channel: str, at: dt.datetime
    ) -> dt.datetime | None:
        dice = random.Random(f"printer {self.seed}-{leader}-{business_date}")
        return printed_at(channel, self.fate(leader, business_date, channel), at, dice)


def _ended_at(fate: str, at: dt.datetime) -> dt.datetime | None:
    if fate in (*DID_NOT_ARRIVE, "failed"):
        return at if fate == "failed" else at + 30 * MINUTE
    return None


class Ledger:
    """The engine's side: the same book in a portfolio of its own."""

    def __init__(self, engine: Engine, config: Config, book: Book, past: Past, first: Day) -> None:
        self.engine, self.config, self.past = engine, config, past
        with portfolio_lock(engine, config.name) as conn:
            self.number = portfolio_id_of(conn, config.name)
            self.filler = Filler(conn, self.number, first, book)
            self.names = {number: ref for ref, number in self.filler.fill_people().items()}
        self.loaded: set[dt.date] = set()
        self.seen_at = first.as_of

    def run(self, run: Run) -> tuple[dict[str, Any], dict[str, set[str]]]:
        """What the run decided: rows by account, and the accounts that each contact names."""
        date = run.business_date
        with portfolio_lock(self.engine, self.config.name) as conn:
            if date not in self.loaded:
                self.filler.load(conn, run.day)
                self.loaded.add(date)
            self._reject(conn, run.at)
            outbox.expire_older(conn, self.number, date, run.at)
            moment = moment_of(conn, self.config, self.number, date, run.at)
            assert moment.late == run.late
            assess(conn, self.config, self.number, date)
            decided = decide(conn, self.config, self.number, date, moment)
            plan(conn, self.config, self.number, decided)
            propose(conn, self.number, decided)
            rows = rows_of(conn, self.number, run.day, self.names)
            lists = lists_of(conn, self.number, run.day, self.names)
        self._send(date)
        return rows, lists

    def _reject(self, conn: Connection, until: dt.datetime) -> None:
        """What people turned down since the run before."""
        for each in self.past.proposals:
            if each.rejected_at and self.seen_at < each.rejected_at <= until:
                chosen = Chosen(destination=each.to, accounts=(each.ref,))
                moved = reject(conn, self.number, chosen, "x", "x", each.rejected_at)
                assert moved.counts == {"rejected": 1}
        self.seen_at = until

    def _send(self, business_date: dt.date) -> None:
        """Each contact meets its fate, by way of what records it in production."""
        with self.engine.begin() as conn:
            due = conn.execute(
                select(t.contact).where(
                    t.contact.c.portfolio_id == self.number,
                    t.contact.c.business_date == business_date,
                    t.contact.c.state == "planned",
                )
            ).all()
            alike: dict[tuple[str, dt.datetime], list[Any]] = {}
            for contact in due:
                leader = self.names[contact.account_id]
                fate = self.past.fate(leader, business_date, contact.channel)
                if fate != "expired":
                    alike.setdefault((fate, contact.not_before_at + MINUTE), []).append(contact)
            for (fate, at), contacts in alike.items():
                self._meet(conn, contacts, fate, at)

    def _meet(self, conn: Connection, contacts: list[Any], fate: str, at: dt.datetime) -> None:
        zone = func.coalesce(t.customer.c.time_zone, ZONE.key)
        ids = [contact.contact_id for contact in contacts]
        conn.execute(
            update(t.contact)
            .where(
                t.contact.c.contact_id.in_(ids),
                t.customer.c.customer_id == t.contact.c.customer_id,
            )
            .values(
                state="claimed",
                attempts=1,
                claimed_at=at,
                address="x",
                contact_on=cast(func.timezone(zone, at), Date),
            )
        )
        settled = []
        for each in contacts:
            message = Message(each.reference, each.channel, "x", "x", None, None, at)
            settled.append((Claimed(each.contact_id, 1, message), _outcome(fate)))
        settle(conn, self.config, self.number, settled, at)
        printed = [
            (
                each.contact_id,
                self.past.printed_at(
                    self.names[each.account_id], each.business_date, each.channel, at
                ),
            )
            for each in contacts
        ]
        print_each(conn, self.number, printed)
        if fate in ("delivered", *DID_NOT_ARRIVE):
            result = "delivered" if fate == "delivered" else "undelivered"
            told = Seen("x", at, result, blames="sender" if fate == "blocked" else None)
            receipts.take(conn, self.config, [(each, told) for each in ids], at + 30 * MINUTE)


def _outcome(fate: str) -> Outcome:
    match fate:
        case "failed":
            return Refused("x", "message")
        case "in_doubt":
            return Unknown("x")
        case _:
            return Accepted("x")


def differences(
    engine: Engine, name: str, policy: dict[str, Any], pack: dict[str, Any], seed: int, size: int
) -> list[str]:
    """Run one history both ways, up to the first run that differs; a line for each difference."""
    dice = random.Random(seed)
    first = dt.date(2026, 3, 1) + dice.randrange(14) * ONE_DAY
    runs = draw_runs(first, dice.randint(6, 14), dice)
    book = Beginning(policy, runs[0].day, seed, size)
    past = Past(policy, pack, book, seed)
    ledger = Ledger(engine, config_of(name, policy, pack), book, past, runs[0].day)
    kept: dict[dt.date, dict[str, Any]] = {}
    for number, run in enumerate(runs):
        rows, lists = ledger.run(run)
        if run.again:
            wanted, wanted_lists = kept[run.business_date], dict[str, set[str]]()
        else:
            judge = past.judge(run)
            wanted = {
                ref: (row.action, row.reason, row.step, row.tier, row.channel)
                for ref, row in judge.rows.items()
            }
            wanted_lists = judge.lists
        told = [
            f"{ref} in run {number} of {runs}: {rows.get(ref)}, wanted {wanted.get(ref)}"
            for ref in sorted(rows.keys() | wanted.keys())
            if rows.get(ref) != wanted.get(ref)
        ] + [
            f"{ref} lists {lists.get(ref)}, wanted {wanted_lists.get(ref)}, in run {number}"
            for ref in sorted(lists.keys() | wanted_lists.keys())
            if lists.get(ref) != wanted_lists.get(ref)
        ]
        if told:
            return told
        if not run.again:
            past.go_on(run, judge)
        kept[run.business_date] = rows
    return []
