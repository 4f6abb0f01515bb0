"""Whether anything was sent that a hold, a placement, an opt-out or a payment forbade."""

from sqlalchemy import Select, exists, or_

from dunflow.assess.holds import is_active
from dunflow.assess.ladder_rows import settled_at
from dunflow.ledger.tables import contact, contact_account, hold, opt_out, placement
from dunflow.report.proofs.scope import Scope, sent


def sent_on_hold(scope: Scope) -> Select[int]:
    active = exists().where(
        or_(
            hold.c.account_id == contact_account.c.account_id,
            hold.c.customer_id == contact.c.customer_id,
        ),
        hold.c.recorded_at <= contact.c.claimed_at,
        is_active(contact.c.claimed_at),
    )
    return sent(scope).where(active)


def sent_while_placed(scope: Scope) -> Select[int]:
    active = exists().where(
        placement.c.account_id == contact_account.c.account_id,
        placement.c.proposed_at <= contact.c.claimed_at,
        placement.c.state != "rejected",
        or_(placement.c.ended_at.is_(None), placement.c.ended_at > contact.c.claimed_at),
    )
    return sent(scope).where(active)


def sent_after_opt_out(scope: Scope) -> Select[int]:
    said_no = exists().where(
        opt_out.c.portfolio_id == contact.c.portfolio_id,
        opt_out.c.channel == contact.c.channel,
        or_(
            opt_out.c.customer_id == contact.c.customer_id,
            opt_out.c.address == contact.c.address,
        ),
        opt_out.c.since_at <= contact.c.claimed_at,
        or_(opt_out.c.lifted_at.is_(None), opt_out.c.lifted_at > contact.c.claimed_at),
    )
    return sent(scope).where(said_no)


def sent_though_settled(scope: Scope) -> Select[int]:
    floor = settled_at(scope.book.policy, contact.c.currency)
    return sent(scope).where(contact_account.c.amount <= floor)
