"""What becomes of a message after it was accepted: a matter of its age, and of its fate if any.

An SMS leaves after a second and arrives after three; a mail arrives after two; a call rings after
one and is taken after four. Sources: Twilio's guide outbound-message-status-in-status-callbacks and
its page on answering-machine detection, SendGrid's Email Activity.
"""

from typing import NamedTuple

from dunflow.sandbox.store import ANSWER, Fate, Message

LEAVES_S, ARRIVES_S = 1.0, 3.0
MAIL_ARRIVES_S = 2.0
RINGS_S, ANSWERS_S, HANGS_UP_S = 1.0, 4.0, 24.0
UNANSWERED: dict[str, float] = {"busy": 3.0, "no-answer": 25.0, "failed": 2.0}
"""Ends of a call that nobody took, and after how many seconds. Any other fate of a call is who, or
what, took it."""


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
    if message.channel == ANSWER:
        return [Stage(message.status, at)]
    if message.channel == "voice":
        return [Stage(message.status, at), Stage("ringing", at + RINGS_S), *_talk(at, fate)]
    last = (
        Stage("delivered", at + ARRIVES_S)
        if fate is None
        else Stage("undelivered", at + ARRIVES_S, fate.error_code)
    )
    return [Stage(message.status, at), Stage("sent", at + LEAVES_S), last]


def _talk(at: float, fate: Fate | None) -> list[Stage]:
    if fate is not None and fate.event in UNANSWERED:
        return [Stage(fate.event, at + UNANSWERED[fate.event])]
    return [Stage("in-progress", at + ANSWERS_S), Stage("completed", at + HANGS_UP_S)]


def answered_by(fate: Fate | None) -> str | None:
    """Who, or what, takes a call; None: nobody."""
    if fate is None:
        return "human"
    return None if fate.event in UNANSWERED else fate.event


def stage(message: Message, fate: Fate | None, now: float) -> Stage:
    """How far it has come by now."""
    lived = stages(message, fate)
    return next((each for each in reversed(lived) if each.since <= now), lived[0])
