"""The guards, in their order; the first that speaks gives the reason.

1 to 5 are about the account itself and are asked again at the moment of sending; 6 to 9 need the
ladder. The gap of guard 9, 10 (channels) and 11 (whose turn) are asked only where a step would go
out, in reach.py and turns.py.
"""

import datetime as dt

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Text,
    case,
    cast,
    func,
    literal,
    null,
    or_,
)

from dunflow.assess.moment import Moment
from dunflow.clock import DAY
from dunflow.config.book import Book

BLOCKING = ("given_up", "unreachable", "opt_out.", "consent.", "cooldown.", "cap.", "window")
"""The reasons for which a due step can't be carried out: it was given up, or no channel is left."""

NOT_DUE = "not_due"
SETTLED = "settled"


def quieting(f: FromClause) -> ColumnElement[str]:
    """Guards 1 to 5: the reason why nobody is to be contacted about this account, or NULL."""
    return case(
        (f.c.overdue <= f.c.settled_at, literal(SETTLED, Text)),
        (f.c.credit_covers, literal("credit_covers", Text)),
        (f.c.placed, literal("placement.active", Text)),
        (f.c.collected, literal("placement.collected", Text)),
        (f.c.closed, literal("placement.closed", Text)),
        (f.c.hold_kind.is_not(None), literal("hold.", Text) + f.c.hold_kind),
        (f.c.promise_pending, literal("promise.pending", Text)),
        (f.c.plan_current, literal("plan.current", Text)),
        else_=null(),
    )


def verdict(f: FromClause, moment: Moment) -> tuple[ColumnElement[str], ColumnElement[str]]:
    """`(action, reason)` by guards 1 to 9 but the gap; both NULL where a step would go out.

    `f` has the facts, `quiet`, `due` and the columns of `Rungs`.
    """
    quiet = f.c.quiet
    due = f.c.due.is_not(None)
    not_yet = (f.c.dpd < 1) & f.c.rank.is_(None)
    late = literal(moment.late) & or_(due, f.c.hand_off.is_not(None))
    idle = case((f.c.lies_ahead, literal(NOT_DUE, Text)), else_=literal("ladder_done", Text))
    reason = case(
        (not_yet, literal(NOT_DUE, Text)),
        (quiet.is_not(None), quiet),
        (late, literal("late_run", Text)),
        (f.c.hand_off.is_not(None), literal("hand_off.", Text) + f.c.hand_off),
        (~due, idle),
        (f.c.given_up, literal("given_up", Text)),
        (f.c.in_flight, literal("contact.in_flight", Text)),
        else_=cast(null(), Text),
    )
    silent = case((due, literal("suppress", Text)), else_=literal("wait", Text))
    action = case(
        (not_yet | (quiet == SETTLED), literal("wait", Text)),
        (quiet.is_not(None), silent),
        (late, literal("missed", Text)),
        (f.c.hand_off.is_not(None), literal("hand_off", Text)),
        (~due, literal("wait", Text)),
        (or_(f.c.given_up, f.c.in_flight), literal("suppress", Text)),
        else_=cast(null(), Text),
    )
    return action, reason


def in_gap(
    book: Book,
    due: ColumnElement[int],
    last_contact_at: ColumnElement[dt.datetime],
    moment: Moment,
) -> ColumnElement[bool]:
    """Too few calendar days since the account's last actual contact."""

    def first_instant(gap_days: int) -> ColumnElement[dt.datetime]:
        """A contact from here on is less than `gap_days` calendar days before the run's day."""
        first = moment.day - (gap_days - 1) * DAY
        return literal(book.portfolio.calendar.start_of(first))

    usual = first_instant(book.policy.gap_days)
    own = {
        number: first_instant(step.gap_days)
        for number, step in enumerate(book.policy.ladder)
        if step.gap_days is not None
    }
    since = case(own, value=due, else_=usual) if own else usual
    return func.coalesce(last_contact_at >= since, False)
