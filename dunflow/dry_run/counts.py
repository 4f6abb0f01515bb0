"""What a dry run came to, counted while its transaction still stands."""

import datetime as dt
from collections import Counter
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, TableClause, and_, func, select

from dunflow.assess.tier_rank import tier_rank
from dunflow.config.book import Book
from dunflow.decide.breaker import decided_before
from dunflow.dry_run.in_use import TOLD, InUse
from dunflow.ledger.tables import contact, contact_account, contact_text, decision
from dunflow.remind.render.segments import measure

_AT_ONCE = 1_000


def contacts(
    conn: Connection, book: Book, waiting: TableClause, shut: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Of the contacts that were `waiting`, by step and channel, the severe ones first: how many go
    out (`goes_out`), the accounts that these name, and what their texts are billed as by SMS
    (`segments`; None by other channels); `held_back`: how many don't, by reason. `shut`: channels
    by which nothing goes out, and why."""
    c = contact.c
    rows = conn.execute(
        select(c.severity, c.step, c.channel, c.state, c.reason)
        .add_columns(func.count(c.contact_id.distinct()).label("n"))
        .add_columns(func.count().label("accounts"))
        .join(waiting, waiting.c.contact_id == c.contact_id)
        .join(contact_account, contact_account.c.contact_id == c.contact_id)
        .where(contact_account.c.dropped.is_(None))
        .group_by(c.severity, c.step, c.channel, c.state, c.reason)
        .order_by(c.severity.desc(), c.step, c.channel, c.reason)
    )
    segments = _segments(conn, waiting)
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        each = found.setdefault(
            (row.step, row.channel),
            {
                "tier": book.policy.tiers[row.severity].tier,
                "step": row.step,
                "channel": row.channel,
                "goes_out": 0,
                "accounts": 0,
                "segments": segments[row.step] if row.channel == "sms" else None,
                "held_back": {},
            },
        )
        if row.state == "claimed":
            each["goes_out"] += row.n
            each["accounts"] += row.accounts
        else:
            why = row.reason or shut.get(row.channel, "waits")
            each["held_back"][why] = each["held_back"].get(why, 0) + row.n
    return list(found.values())


def _segments(conn: Connection, waiting: TableClause) -> Counter[str]:
    """Step → what its texts by SMS are billed as."""
    texts = (
        select(contact.c.step, contact_text.c.body)
        .join(waiting, waiting.c.contact_id == contact.c.contact_id)
        .join(contact_text, contact_text.c.contact_id == contact.c.contact_id)
        .where(contact.c.channel == "sms", contact.c.state == "claimed")
    )
    billed: Counter[str] = Counter()
    for step, body in conn.execute(texts, execution_options={"yield_per": _AT_ONCE}):
        billed[step] += measure(body).segments
    return billed


def raised(conn: Connection, book: Book, portfolio_id: int, date: dt.date) -> list[dict[str, Any]]:
    """Who moves up since the nearest decided date before: tier, to which tier, how many accounts.
    Without a tier is who was not on the ladder, or could not be read."""
    before_on = decided_before(conn, portfolio_id, date)
    if before_on is None:
        return []
    then = decision.alias("then")
    was, is_now = (tier_rank(book.policy, each.c.tier) for each in (then, decision))
    rows = conn.execute(
        select(then.c.tier, decision.c.tier, func.count())
        .select_from(decision)
        .outerjoin(
            then,
            and_(
                then.c.portfolio_id == portfolio_id,
                then.c.business_date == before_on,
                then.c.account_id == decision.c.account_id,
            ),
        )
        .where(decision.c.portfolio_id == portfolio_id, decision.c.business_date == date)
        .where(is_now > func.coalesce(was, -1))
        .group_by(then.c.tier, decision.c.tier)
        .order_by(func.min(is_now).desc(), func.min(was).desc())
    )
    return [{"from": old, "to": new, "accounts": count} for old, new, count in rows]


def changes(conn: Connection, portfolio_id: int, date: dt.date, in_use: InUse) -> dict[str, Any]:
    """`changed`: how many accounts are decided otherwise than they were; `changes`: from what to
    what, the most frequent first. Nothing where there is nothing to compare with."""
    if in_use.rows is None:
        return {}
    cells = in_use.cells()
    was, is_now = [cells[name] for name in TOLD], [decision.c[name] for name in TOLD]
    rows = conn.execute(
        select(*was, *is_now, func.count().label("n"))
        .select_from(decision)
        .join(in_use.rows, in_use.rows.c.account_id == decision.c.account_id)
        .where(decision.c.portfolio_id == portfolio_id, decision.c.business_date == date)
        .where(in_use.differs())
        .group_by(*was, *is_now)
        .order_by(func.count().desc(), *was, *is_now)
    ).all()
    return {
        "changed": sum(row.n for row in rows),
        "changes": [
            {
                "from": dict(zip(TOLD, row[: len(TOLD)], strict=True)),
                "to": dict(zip(TOLD, row[len(TOLD) : -1], strict=True)),
                "accounts": row.n,
            }
            for row in rows
        ],
    }
