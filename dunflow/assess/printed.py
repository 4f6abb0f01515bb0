"""When a contact went out: a letter that is only listed nobody can have received."""

import datetime as dt

from sqlalchemy import ColumnElement, and_, case, func, select

from dunflow.config.policy import WRITTEN
from dunflow.ledger.tables import ACTUAL, contact, print_batch, print_line

NEVER_PRINTED = "never_printed"
"""The reason of a letter that was too late, or forbidden, before the printer had it."""

UNPRINTABLE = "unprintable"
"""The reason of a letter that did not arrive because it can't be printed: no printer had it."""


def was_made() -> ColumnElement[bool]:
    """Whether a row of `contact` was sent, or listed for people or the printer."""
    return and_(contact.c.state.in_(ACTUAL), contact.c.reason.is_distinct_from(UNPRINTABLE))


def went_at() -> ColumnElement[dt.datetime]:
    """When a row of `contact` went out: a letter with the delivery of its print batch, and NULL
    before that; anything else, and letters that somebody else made, when it was accepted."""
    printed_at = (
        select(print_batch.c.delivered_at)
        .join(print_line, print_line.c.print_batch_id == print_batch.c.print_batch_id)
        .where(print_line.c.contact_id == contact.c.contact_id, print_line.c.unprintable.is_(None))
        .correlate(contact)
        .scalar_subquery()
    )
    ours = and_(contact.c.channel == "letter", contact.c.run_id.is_not(None))
    return case((ours, printed_at), else_=contact.c.accepted_at)


def noticed_at(must_arrive: bool) -> ColumnElement[dt.datetime]:
    """When a row of `contact` gave notice in writing, and NULL if it did not.

    That is when it went out or, if it must arrive, when we heard that it had. Of a letter nobody
    hears that.
    """
    by = contact.c.channel
    if not must_arrive:
        return case((by.in_(WRITTEN), went_at()))
    heard = and_(by.in_(WRITTEN), contact.c.state == "delivered")
    # What somebody else sent has no receipt of its own.
    heard_at = func.coalesce(contact.c.ended_at, contact.c.accepted_at)
    return case((by == "letter", went_at()), (heard, heard_at))
