"""Whether an account was cured in the time of what was agreed: then there was nothing left to pay,
whatever had been agreed."""

import datetime as dt

from sqlalchemy import ColumnElement, exists, or_

from dunflow.assess.progress import local_day
from dunflow.config.book import Book
from dunflow.ledger.tables import episode, payment


def was_cured(
    book: Book,
    account_id: ColumnElement[int],
    since: ColumnElement[dt.datetime],
    until: ColumnElement[dt.datetime],
    at: ColumnElement[dt.datetime],
) -> ColumnElement[bool]:
    """Whether the account left the ladder from the day `since` on, before the day `until`, as far
    as is known `at` an instant; and did not come back since what it paid was taken back."""
    again = episode.alias("again")
    day = local_day(book, payment.c.booked_at)
    came_before = (
        exists()
        .where(
            again.c.account_id == account_id,
            again.c.started_on >= episode.c.ended_on,
            again.c.started_on < day,
        )
        .correlate_except(again)
    )
    taken_back = (
        exists()
        .where(
            payment.c.account_id == account_id,
            payment.c.amount < 0,
            payment.c.booked_at <= at,
            day >= episode.c.ended_on,
            ~came_before,
        )
        .correlate_except(payment)
    )
    return (
        exists()
        .where(
            episode.c.account_id == account_id,
            episode.c.ended_on >= local_day(book, since),
            episode.c.ended_on < local_day(book, until),
            episode.c.ended_on < local_day(book, at),
            ~taken_back,
        )
        .correlate_except(episode)
    )


def was_overdue(
    book: Book, account_id: ColumnElement[int], at: ColumnElement[dt.datetime]
) -> ColumnElement[bool]:
    """Whether the account was on the ladder on the day of an instant."""
    day = local_day(book, at)
    return (
        exists()
        .where(
            episode.c.account_id == account_id,
            episode.c.started_on <= day,
            or_(episode.c.ended_on.is_(None), episode.c.ended_on > day),
        )
        .correlate_except(episode)
    )
