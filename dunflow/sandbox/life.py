"""What becomes of a message after it was accepted: a matter of its age, and of its fate if any.

An SMS leaves after a second and arrives after three; a mail arrives after two. Sources: Twilio's
guide outbound-message-status-in-status-callbacks, SendGrid's Email Activity.
"""

from typing import NamedTuple

from dunflow.sandbox.store import Fate, Message

LEAVES_S, ARRIVES_S = 1.0, 3.0
MAIL_ARRIVES_S = 2.0


class Stage(NamedTuple):
    """How far a message has come, in the provider's words; `since` in Unix seconds."""

    status: str
    since: float
    error_code: int | None = None


def stages(message: Message, fate: Fate | None) -> list[Stage]:
    """Its whole life, in order; the first stage is how it was accepted."""
    at = message.created_at
    if message.channel == "email":
        ends = "delivered" if fate is None else "not_delivered"
        return [Stage("processed", at), Stage(ends, at + MAIL_ARRIVES_S)]
    last = (
        Stage("delivered", at + ARRIVES_S)
        if fate is None
        else Stage("undelivered", at + ARRIVES_S, fate.error_code)
    )
    return [Stage(message.status, at), Stage("sent", at + LEAVES_S), last]


def stage(message: Message, fate: Fate | None, now: float) -> Stage:
    """How far it has come by now."""
    lived = stages(message, fate)
    return next((each for each in reversed(lived) if each.since <= now), lived[0])
