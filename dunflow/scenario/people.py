"""What people say and agree in a scenario, recorded by the functions that production uses."""

import datetime as dt

from sqlalchemy import Connection, select

from dunflow.config.book import Book
from dunflow.intake import consents, holds, plans, promises, replies, waivers
from dunflow.intake.filled_in import WORDS, Line
from dunflow.intake.holders import ensure_account, ensure_customer
from dunflow.intake.results import take_line
from dunflow.ledger.tables import contact
from dunflow.remind.talks import record_talk
from dunflow.scenario.model import (
    Consent,
    Entry,
    Held,
    Hold,
    Plan,
    Promise,
    Release,
    Reply,
    Result,
    Talk,
    Waive,
)
from dunflow.scenario.world import World

BY = "scenario"


class People:
    """Holds, releases, promises, plans and replies of one scenario."""

    def __init__(self, book: Book, portfolio_id: int, world: World) -> None:
        self._book, self._portfolio_id, self._world = book, portfolio_id, world
        self._calendar = book.portfolio.calendar

    def happens_at(self, entry: Entry) -> dt.datetime | None:
        """When an entry of these kinds happens; None for every other one."""
        if entry.hold:
            return self._at(entry.hold.at or entry.hold.from_)
        said = (
            entry.release
            or entry.promise
            or entry.plan
            or entry.reply
            or entry.talk
            or entry.consent
            or entry.result
            or entry.waive
        )
        return self._at(said.at) if said else None

    def record(self, conn: Connection, number: int, entry: Entry, now: dt.datetime) -> None:
        """Write it down. `number` is the entry's place in the timeline."""
        if entry.hold:
            self._hold(conn, entry.hold, now)
        elif entry.release:
            self._release(conn, entry.release, now)
        elif entry.promise:
            self._promise(conn, entry.promise, now)
        elif entry.plan:
            self._plan(conn, entry.plan)
        elif entry.reply:
            self._reply(conn, number, entry.reply, now)
        elif entry.talk:
            self._talk(conn, entry.talk, now)
        elif entry.consent:
            self._consent(conn, entry.consent)
        elif entry.result:
            self._result(conn, entry.result, now)
        elif entry.waive:
            self._waive(conn, entry.waive, now)

    def _hold(self, conn: Connection, said: Hold, now: dt.datetime) -> None:
        until_at = self._calendar.end_after(said.to)
        given = holds.Hold(
            self._holder(conn, said), said.kind, self._at(said.from_), until_at, now, BY
        )
        holds.record_hold(conn, self._portfolio_id, given)

    def _release(self, conn: Connection, said: Release, now: dt.datetime) -> None:
        holder = self._holder(conn, said)
        holds.release_holds(conn, self._book.floor, self._portfolio_id, holder, said.kind, now, BY)

    def _promise(self, conn: Connection, said: Promise, now: dt.datetime) -> None:
        given = promises.Promise(
            account_id=ensure_account(conn, self._portfolio_id, said.account),
            amount=said.amount,
            currency=self._world.currency_of(said.account),
            promised_on=said.by,
            made_at=self._at(said.at),
            recorded_by=BY,
        )
        promises.record_promise(conn, self._portfolio_id, self._calendar, given, now)

    def _plan(self, conn: Connection, said: Plan) -> None:
        given = plans.Plan(
            account_id=ensure_account(conn, self._portfolio_id, said.account),
            currency=self._world.currency_of(said.account),
            instalments=[plans.Instalment(each.due, each.amount) for each in said.instalments],
            grace_days=said.grace_days,
            agreed_at=self._at(said.at),
            recorded_by=BY,
        )
        plans.record_plan(conn, self._portfolio_id, self._calendar, given)

    def _reply(self, conn: Connection, number: int, said: Reply, now: dt.datetime) -> None:
        given = replies.Reply(
            ref=f"reply-{number}",
            channel=said.channel,
            text=said.text,
            received_at=self._at(said.at),
            customer_id=ensure_customer(conn, self._portfolio_id, said.customer),
        )
        words = self._book.stop_words
        replies.record_reply(conn, self._portfolio_id, self._calendar, words, given, now)

    def _talk(self, conn: Connection, said: Talk, now: dt.datetime) -> None:
        account_id = ensure_account(conn, self._portfolio_id, said.account)
        customer_id = ensure_customer(
            conn, self._portfolio_id, self._world.customer_of(said.account)
        )
        at = self._at(said.at)
        record_talk(conn, self._book, self._portfolio_id, customer_id, account_id, at, BY, now)

    def _consent(self, conn: Connection, said: Consent) -> None:
        customer_id = ensure_customer(conn, self._portfolio_id, said.customer)
        given = consents.Consent(
            customer_id, said.channel, said.basis, self._at(said.at), BY, address=said.address
        )
        consents.record_consent(conn, self._portfolio_id, given)

    def _result(self, conn: Connection, said: Result, now: dt.datetime) -> None:
        account_id = ensure_account(conn, self._portfolio_id, said.account)
        newest = conn.execute(
            select(contact.c.reference, contact.c.channel)
            .where(contact.c.account_id == account_id, contact.c.channel.in_(("call", "visit")))
            .order_by(contact.c.contact_id.desc())
            .limit(1)
        ).one()
        line = Line(
            newest.reference, WORDS[said.result], self._at(said.at), said.amount, said.by, said.note
        )
        take_line(conn, self._book, self._portfolio_id, newest.channel, line, BY, now)

    def _waive(self, conn: Connection, said: Waive, now: dt.datetime) -> None:
        waivers.waive(
            conn,
            self._book,
            self._portfolio_id,
            said.account,
            said.step,
            reason="a person said so",
            by=BY,
            now=now,
        )

    def _holder(self, conn: Connection, said: Held) -> holds.Holder:
        if said.account is not None:
            account_id = ensure_account(conn, self._portfolio_id, said.account)
            return holds.Holder(account_id=account_id)
        assert said.customer is not None
        return holds.Holder(customer_id=ensure_customer(conn, self._portfolio_id, said.customer))

    def _at(self, said: dt.date | dt.datetime) -> dt.datetime:
        """A day means its first moment; an instant without an offset is of the portfolio's zone."""
        if not isinstance(said, dt.datetime):
            return self._calendar.start_of(said)
        whole = said if said.tzinfo else said.replace(tzinfo=self._calendar.zone)
        return whole.astimezone(dt.UTC)
