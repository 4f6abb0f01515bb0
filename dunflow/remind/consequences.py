"""What follows for others when a contact became actual or failed: gaps, progress, addresses."""

import datetime as dt

from sqlalchemy import Connection, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert

from dunflow.assess.progress import refresh
from dunflow.config.book import Book
from dunflow.ledger.given import among
from dunflow.ledger.tables import ACTUAL, account, contact, contact_account, dead_address
from dunflow.remind import opt_outs


def start_gap(conn: Connection, accepted: list[int]) -> None:
    """The gap of every account that these contacts name counts from their acceptance."""
    if not accepted:
        return
    latest = (
        select(contact_account.c.account_id, func.max(contact.c.accepted_at).label("accepted_at"))
        .join(contact, contact.c.contact_id == contact_account.c.contact_id)
        .where(among(contact_account.c.contact_id, accepted), contact_account.c.dropped.is_(None))
        .group_by(contact_account.c.account_id)
        .subquery("latest")
    )
    conn.execute(
        update(account)
        .where(account.c.account_id == latest.c.account_id)
        .values(last_contact_at=func.greatest(account.c.last_contact_at, latest.c.accepted_at))
    )


def take_back_gap(conn: Connection, contacts: list[int]) -> None:
    """These contacts turned out not to have been made: the gap counts from those that were."""
    if not contacts:
        return
    named, other = contact_account.alias("named"), contact_account.alias("other")
    last = (
        select(func.max(contact.c.accepted_at))
        .join(other, other.c.contact_id == contact.c.contact_id)
        .where(
            other.c.account_id == account.c.account_id,
            other.c.dropped.is_(None),
            contact.c.state.in_(ACTUAL),
        )
        .correlate(account)
        .scalar_subquery()
    )
    of_them = select(named.c.account_id).where(among(named.c.contact_id, contacts))
    conn.execute(
        update(account).where(account.c.account_id.in_(of_them)).values(last_contact_at=last)
    )


def refresh_ladder(conn: Connection, book: Book, contacts: list[int]) -> None:
    """Bring the progress of the episodes that these contacts step in line."""
    if not contacts:
        return
    refresh(
        conn,
        book,
        select(contact_account.c.ladder_episode_id.label("episode_id"))
        .where(among(contact_account.c.contact_id, contacts), contact_account.c.step.is_not(None))
        .distinct(),
    )


def bury_addresses(conn: Connection, contacts: list[int], now: dt.datetime) -> None:
    """Nothing arrives where these contacts went: not used again by this channel."""
    if not contacts:
        return
    conn.execute(
        insert(dead_address)
        .from_select(
            ["portfolio_id", "channel", "address", "reason", "since_at"],
            select(
                contact.c.portfolio_id,
                contact.c.channel,
                contact.c.address,
                func.coalesce(contact.c.error_code, "undelivered"),
                literal(now),
            )
            .where(among(contact.c.contact_id, contacts))
            .order_by(contact.c.contact_id),
        )
        .on_conflict_do_nothing()
    )


def believe_opt_outs(conn: Connection, contacts: list[int], now: dt.datetime) -> None:
    """These people told the provider to stop: binds the customer's channel and the address."""
    if not contacts:
        return
    who = (
        select(
            contact.c.portfolio_id,
            contact.c.channel,
            func.array_agg(contact.c.customer_id.distinct()).label("customers"),
            func.array_agg(contact.c.address.distinct()).label("addresses"),
        )
        .where(among(contact.c.contact_id, contacts))
        .group_by(contact.c.portfolio_id, contact.c.channel)
        .order_by(contact.c.portfolio_id, contact.c.channel)
    )
    for portfolio_id, channel, customers, addresses in conn.execute(who).all():
        opt_outs.bind(conn, portfolio_id, [channel], customers, addresses, "provider", now)
