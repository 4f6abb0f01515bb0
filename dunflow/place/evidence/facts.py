"""What the ledger can prove about accounts: what went out when and arrived, promises, payments."""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, literal, or_, select

from dunflow.assess.printed import went_at
from dunflow.assess.progress import local_day
from dunflow.assess.promises import promise_states
from dunflow.config.book import Book
from dunflow.config.portfolio import Language
from dunflow.ledger.owners import owner_by, person_of, same_owner
from dunflow.ledger.points import POINT_OF
from dunflow.ledger.tables import (
    ACTUAL,
    Instant,
    contact,
    contact_account,
    contact_text,
    customer,
    episode,
    payment,
    placement,
    print_batch,
    print_line,
    promise,
    result,
    worklist,
    worklist_line,
)
from dunflow.money import for_people
from dunflow.remind.render.slots import full_name

Told = dict[str, Any]
NAME_WITHHELD: Final[dict[Language, str]] = {"zh": "【姓名未提供】", "en": "[name withheld]"}
TEXT_WITHHELD: Final[dict[Language, str]] = {
    "zh": "【原文含客户姓名，未提供；贷款机构按上述编号留存】",
    "en": "[withheld: the text names the customer; the lender keeps it under this reference]",
}
_LETTER: Final = r"[^\W\u3400-\u9fff]"
"""Of a script that parts its words; Chinese has names beside any sign."""
LESS: Final = {"hardship": "reached"}
"""Results of which no receiver is told all: a hardship is nobody's business but the lender's."""
LESS_BY_VOICE: Final = {"reached": "answered"}
"""Of an automated call nobody knows who it was that answered."""


def facts(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    business_date: dt.date,
    placements: Sequence[int],
    fields: Sequence[str],
    now: dt.datetime,
) -> dict[int, dict[str, list[Told]]]:
    """Placement → its tables of rows, as they are to be read. Personal data.

    Only of the debt that was placed, and of whose it is by the snapshot of `business_date`: what
    somebody else was sent, promised or paid is held against nobody, and is not for others' eyes.
    """
    of = _Placed(book, portfolio_id, business_date, placements)
    found: dict[int, dict[str, list[Told]]] = {
        each: {"contacts": [], "notices": [], "promises": [], "payments": []} for each in placements
    }
    reader = _Reader(book)
    for row in conn.execute(_contacts(of)):
        # Where a channel reached somebody is shown where the receiver is given that field.
        shown = POINT_OF[row.channel] in fields
        found[row.placement_id]["contacts"].append(reader.contact(row, shown))
        if row.purpose == "notice" and row.body is not None:
            found[row.placement_id]["notices"].append(reader.notice(row, "name" in fields))
    for row in conn.execute(_promises(of, now)):
        found[row.placement_id]["promises"].append(reader.promise(row))
    for row in conn.execute(_payments(of)):
        found[row.placement_id]["payments"].append(reader.payment(row))
    return found


@dataclass(frozen=True)
class _Placed:
    """What is asked for, and by which snapshot it is whose."""

    book: Book
    portfolio_id: int
    business_date: dt.date
    placements: Sequence[int]

    @property
    def owner(self) -> ColumnElement[int]:
        """Whose the account of a placement is."""
        return owner_by(self.portfolio_id, placement.c.account_id, self.business_date)

    def was_theirs(self, at: ColumnElement[dt.datetime]) -> ColumnElement[bool]:
        """Whether the account of a placement was its owner's at that instant already."""
        day = local_day(self.book, at)
        return same_owner(self.portfolio_id, placement.c.account_id, day, self.business_date)


def _contacts(of: _Placed) -> Select[Any]:
    """Everything that went out about the account in this episode, agencies' contacts included.

    Letters that the printer never had are left out: nobody was sent them. So are calls and visits
    that stood on no list that people had, unless somebody told a result."""
    c = contact.c
    on_list = (
        exists()
        .where(
            worklist_line.c.contact_id == c.contact_id,
            worklist.c.worklist_id == worklist_line.c.worklist_id,
            worklist.c.delivered_at.is_not(None),
        )
        .correlate(contact)
    )
    return (
        select(
            placement.c.placement_id,
            went_at().label("sent_at"),
            c.ended_at,
            c.channel,
            c.step,
            c.purpose,
            c.state,
            c.error_code,
            _by_hand().label("by_hand"),
            result.c.result,
            result.c.happened_at,
            c.address,
            c.reference,
            c.provider_id,
            contact_account.c.amount,
            c.currency,
            contact_text.c.subject,
            contact_text.c.body,
            customer.c.name,
            print_batch.c.reference.label("printed_in"),
        )
        .join(
            contact_account,
            and_(
                contact_account.c.ladder_episode_id == placement.c.episode_id,
                contact_account.c.account_id == placement.c.account_id,
                contact_account.c.dropped.is_(None),
            ),
        )
        .join(contact, c.contact_id == contact_account.c.contact_id)
        .join(customer, customer.c.customer_id == c.customer_id)
        .outerjoin(result, result.c.contact_id == c.contact_id)
        .outerjoin(contact_text, contact_text.c.contact_id == c.contact_id)
        .outerjoin(
            print_line,
            and_(print_line.c.contact_id == c.contact_id, print_line.c.unprintable.is_(None)),
        )
        .outerjoin(print_batch, print_batch.c.print_batch_id == print_line.c.print_batch_id)
        .where(
            placement.c.placement_id.in_(of.placements),
            person_of(customer) == of.owner,
            c.state.in_(ACTUAL),
            went_at().is_not(None),
            or_(~_by_hand(), on_list, result.c.result.is_not(None)),
        )
        .order_by("sent_at", c.contact_id)
    )


def _without_name(text: str, name: str | None, language: Language) -> str:
    """A notice for a receiver that is not given the customer's name.

    The name may be spelled otherwise by now than in the text. Where it is not found there, or there
    is none any more, nothing of the text is shown.
    """
    known = full_name(name)
    if known is None:
        return TEXT_WITHHELD[language]
    # Whole words: the lender "Sunrise" does not name Mr Sun.
    as_a_word = rf"(?<!{_LETTER}){re.escape(known)}(?!{_LETTER})"
    without, times = re.subn(as_a_word, NAME_WITHHELD[language], text)
    return without if times else TEXT_WITHHELD[language]


def _by_hand() -> ColumnElement[bool]:
    """Whether people of ours carry a row of `contact` out, from a list, and tell the result."""
    return and_(contact.c.channel.in_(("call", "visit")), contact.c.run_id.is_not(None))


def _promises(of: _Placed, now: dt.datetime) -> Select[Any]:
    """Of this debt: also such as were made before it came onto the ladder, but none that was made
    before an earlier one was cured."""
    p, before = promise.c, episode.alias("before")
    of_earlier_debt = (
        exists()
        .where(
            before.c.account_id == p.account_id,
            before.c.ended_on <= episode.c.started_on,
            before.c.ended_on >= local_day(of.book, p.made_at),
        )
        .correlate_except(before)
    )
    asked = (
        select(placement.c.account_id, literal(now, Instant).label("at"))
        .where(placement.c.placement_id.in_(of.placements))
        .distinct()
        .subquery("asked")
    )
    states = promise_states(of.book, asked).subquery("states")
    return (
        select(placement.c.placement_id, p.made_at, p.amount, p.currency, p.promised_on)
        .add_columns(func.coalesce(states.c.state, "cancelled").label("state"))
        .join(episode, episode.c.episode_id == placement.c.episode_id)
        .join(promise, p.account_id == placement.c.account_id)
        .outerjoin(states, states.c.promise_id == p.promise_id)
        .where(
            placement.c.placement_id.in_(of.placements),
            of.was_theirs(p.made_at),
            ~of_earlier_debt,
        )
        .order_by(p.made_at, p.promise_id)
    )


def _payments(of: _Placed) -> Select[Any]:
    """Since the account came onto the ladder."""
    p = payment.c
    return (
        select(placement.c.placement_id, p.booked_at, p.amount, p.currency)
        .join(episode, episode.c.episode_id == placement.c.episode_id)
        .join(
            payment,
            and_(
                p.account_id == placement.c.account_id,
                local_day(of.book, p.booked_at) >= episode.c.started_on,
            ),
        )
        .where(placement.c.placement_id.in_(of.placements), of.was_theirs(p.booked_at))
        .order_by(p.booked_at, p.payment_id)
    )


class _Reader:
    """Rows as a reader sees them: amounts in their currency, instants in the portfolio's zone."""

    def __init__(self, book: Book) -> None:
        self._zone, self._language = book.portfolio.zone, book.portfolio.language

    def contact(self, row: Any, shown: bool) -> Told:
        return {
            "sent": self._at(row.sent_at),
            "listed": row.by_hand,
            "channel": row.channel,
            "step": row.step or "-",
            "purpose": row.purpose,
            "to": (row.address or "") if shown else "",
            "amount": self._money(row) if row.amount else "",
            **self._outcome(row),
            "proof": row.printed_in or row.provider_id or row.reference,
        }

    def _outcome(self, row: Any) -> Told:
        """What became of a contact. What a person or a call's line said is as of when it happened;
        providers tell of the rest, and we know when they told us."""
        if row.result:
            less = LESS_BY_VOICE if row.channel == "voice" else LESS
            came_to = less.get(row.result, row.result)
            return {"state": came_to, "code": "", "at": self._at(row.happened_at), "reported": ""}
        if row.by_hand:
            return {"state": "untold", "code": "", "at": "", "reported": ""}
        told = row.state in ("delivered", "undelivered") and row.ended_at
        code = row.error_code if row.state == "undelivered" else None
        reported = self._at(row.ended_at) if told else ""
        return {"state": row.state, "code": code or "", "at": "", "reported": reported}

    def notice(self, row: Any, named: bool) -> Told:
        text = "\n".join(part for part in (row.subject, row.body) if part)
        return {
            "sent": self._at(row.sent_at),
            "reference": row.reference,
            "text": text if named else _without_name(text, row.name, self._language),
        }

    def promise(self, row: Any) -> Told:
        return {
            "made": self._at(row.made_at),
            "by": row.promised_on.isoformat(),
            "amount": self._money(row),
            "state": row.state,
        }

    def payment(self, row: Any) -> Told:
        return {"booked": self._at(row.booked_at), "amount": self._money(row)}

    def _at(self, instant: dt.datetime) -> str:
        return f"{instant.astimezone(self._zone):%Y-%m-%d %H:%M}"

    def _money(self, row: Any) -> str:
        return for_people(row.amount, row.currency, self._language)
