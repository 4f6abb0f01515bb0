"""Cooldowns: the days of rest that a pack asks for after a talk with the customer."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Integer, Text, exists, literal, or_

from dunflow.config.rights import Cooldown
from dunflow.decide.bars import Arm
from dunflow.decide.caps import Going
from dunflow.ledger.tables import conversation


def resting(cooldowns: Sequence[Cooldown], going: Going) -> list[Arm]:
    """For each cooldown the condition that it forbids a contact on that day, and its reason.

    The day of the talk is the first of them, in the customer's own calendar.
    """
    return [
        (
            going.channel.in_(cooldown.channels) & _talked(cooldown, going),
            literal(f"cooldown.{cooldown.id}", Text),
        )
        for cooldown in cooldowns
    ]


def _talked(cooldown: Cooldown, going: Going) -> ColumnElement[bool]:
    talk = conversation.c
    talked = exists().where(
        talk.customer_id == going.customer_id,
        talk.held_on <= going.out_on,
        talk.held_on > going.out_on - literal(cooldown.days, Integer),
    )
    if cooldown.by == "debt":
        talked = talked.where(or_(talk.account_id.is_(None), talk.account_id == going.account_id))
    return talked
