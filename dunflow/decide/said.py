"""What was said and agreed that binds an account: no name, phone, address or message."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Select, func, or_, select

from dunflow.assess.holds import ends_at
from dunflow.config.pack import Floor
from dunflow.ledger.owners import last_owner
from dunflow.ledger.points import address_for
from dunflow.ledger.tables import (
    consent,
    conversation,
    customer,
    hold,
    instalment,
    opt_out,
    plan,
    promise,
)


def said(floor: Floor, portfolio_id: int, account_id: int) -> Mapping[str, Select[Any]]:
    """Kind → rows about the account, or about whose it is by the newest snapshot that has it."""
    owner = last_owner(portfolio_id, account_id).scalar_subquery()
    h, p, o = hold.c, promise.c, opt_out.c
    known = select(customer.c.phone.label("address")).where(customer.c.customer_id == owner)
    known_too = select(customer.c.email).where(customer.c.customer_id == owner)
    return {
        "holds": select(
            h.kind, h.from_at, ends_at(floor).label("until_at"), h.recorded_at, h.released_at
        )
        .where(or_(h.account_id == account_id, h.customer_id == owner))
        .order_by(h.recorded_at, h.hold_id),
        "promises": select(p.amount, p.currency, p.promised_on, p.made_at, p.cancelled_at)
        .where(p.account_id == account_id)
        .order_by(p.made_at, p.promise_id),
        "plans": select(
            plan.c.agreed_at,
            func.count().label("instalments"),
            func.sum(instalment.c.amount).label("amount"),
            plan.c.currency,
            func.max(instalment.c.due_on).label("last_due_on"),
            plan.c.cancelled_at,
        )
        .join(instalment, instalment.c.plan_id == plan.c.plan_id)
        .where(plan.c.account_id == account_id)
        .group_by(plan.c.plan_id)
        .order_by(plan.c.agreed_at),
        "opt_outs": select(
            o.channel,
            o.address.is_not(None).label("of_the_address"),
            o.since_at,
            o.lifted_at,
        )
        .where(
            o.portfolio_id == portfolio_id,
            or_(o.customer_id == owner, o.address.in_(known.union(known_too))),
        )
        .order_by(o.since_at, o.opt_out_id),
        "consents": select(
            consent.c.channel,
            consent.c.basis,
            consent.c.given_at,
            consent.c.revoked_at,
            (consent.c.address == address_for(consent.c.channel)).label("for_the_address_of_now"),
        )
        .join(customer, customer.c.customer_id == consent.c.customer_id)
        .where(consent.c.customer_id == owner)
        .order_by(consent.c.given_at, consent.c.consent_id),
        "talks": select(conversation.c.held_at, conversation.c.recorded_at)
        .where(conversation.c.customer_id == owner)
        .order_by(conversation.c.held_at),
    }
