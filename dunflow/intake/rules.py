"""What a row must hold besides being readable, by its kind."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Date,
    Table,
    and_,
    cast,
    distinct,
    func,
    literal,
    select,
    tuple_,
)

from dunflow.config.book import Book
from dunflow.intake.promises import FURTHEST, TOO_FAR
from dunflow.ledger.tables import HOLD_KINDS


@dataclass(frozen=True)
class Rule:
    """Rows that are turned down, the column to blame, and why."""

    broken: ColumnElement[bool]
    column: str
    reason: str


def rules_of(kind: str, book: Book, rows: Table, rejected: Table) -> Iterable[Rule]:
    """In the order in which they are asked; each about the rows that those before it left."""
    match kind:
        case "holds":
            return _holds(book, rows)
        case "promises":
            return _promises(book, rows)
        case "plans":
            return _plans(book, rows, rejected)
        case "merged_customers":
            return [Rule(rows.c.customer == rows.c.into, "into", "is the very same customer")]
        case "earlier_contacts":
            return _earlier_contacts(book, rows)
        case "earlier_placements":
            return _earlier_placements(book, rows)
        case _:
            return []


def _holds(book: Book, rows: Table) -> list[Rule]:
    rules = [
        Rule(
            func.num_nonnulls(rows.c.account, rows.c.customer) != 1,
            "account",
            "name an account or a customer, and one of them only",
        ),
        Rule(rows.c.to < rows.c["from"], "to", "lies before the first day"),
    ]
    for kind in HOLD_KINDS:
        if not book.floor.never_released(kind):
            continue
        released = and_(rows.c.kind == kind, rows.c.released_at.is_not(None))
        rules.append(Rule(released, "released_at", "a hold of this kind is never released"))
    return rules


def _promises(book: Book, rows: Table) -> list[Rule]:
    made_on = cast(func.timezone(literal(book.portfolio.time_zone), rows.c.made_at), Date)
    return [
        Rule(rows.c.amount <= 0, "amount", "is not more than nothing"),
        Rule(rows.c.by < made_on, "by", "lies before the day on which it was promised"),
        Rule(rows.c.by > made_on + FURTHEST.days, "by", TOO_FAR),
    ]


UNKNOWN_DESTINATION = (
    "is no destination of portfolio.yaml, nor of the policy's hand_off; write it as it stands "
    "there, or name it in portfolio.yaml"
)
CONTRADICTED = "the rows of this plan contradict each other"


def _plans(book: Book, rows: Table, rejected: Table) -> list[Rule]:
    """A plan of which a part can't be read is another plan, so it is turned down whole. So is one
    with an instalment from before it was agreed: payments count from then on, so nobody keeps it.
    """
    agreed_on = cast(func.timezone(literal(book.portfolio.time_zone), rows.c.agreed_at), Date)
    over = select(rows.c.ref).where(rows.c.due_on < agreed_on)
    one = tuple_(rows.c.account, rows.c.agreed_at)
    muddled = select(rows.c.ref).group_by(rows.c.ref).having(func.count(distinct(one)) > 1)
    twice = (
        select(rows.c.ref)
        .group_by(rows.c.ref, rows.c.due_on)
        .having(func.count(distinct(rows.c.amount)) > 1)
    )
    torn = select(rejected.c.account).where(rejected.c.account.is_not(None))
    unpaid = select(rows.c.ref).where(rows.c.amount <= 0)
    return [
        Rule(rows.c.ref.in_(unpaid), "amount", "an instalment is not more than nothing"),
        Rule(rows.c.ref.in_(over), "due_on", "an instalment was over when the plan was agreed"),
        Rule(rows.c.ref.in_(muddled), "ref", CONTRADICTED),
        Rule(rows.c.ref.in_(torn), "ref", "another row of this plan can't be read"),
        Rule(rows.c.ref.in_(twice), "due_on", "two instalments fall due on one day"),
    ]


def _earlier_contacts(book: Book, rows: Table) -> list[Rule]:
    steps = [step.step for step in book.policy.ladder]
    unknown = and_(rows.c.step.is_not(None), rows.c.step.not_in(steps))
    return [Rule(unknown, "step", "is no step of the policy; leave it empty for any other contact")]


def _earlier_placements(book: Book, rows: Table) -> list[Rule]:
    ended = rows.c.state.not_in(("exported", "acknowledged")) & rows.c.ended_at.is_(None)
    known = {*book.portfolio.destinations, *(rule.to for rule in book.policy.hand_off)}
    return [
        Rule(ended, "ended_at", "is empty, though it is over"),
        Rule(rows.c.destination.not_in(known), "destination", UNKNOWN_DESTINATION),
    ]
