"""When to try again, and when to ask: the outbox's own retries, which no Airflow decides about."""

import datetime as dt

MINUTE_S = 60.0
HOUR_S = 60 * MINUTE_S

DOUBT_S: dict[str, tuple[float, ...]] = {
    # Twilio lists a message as soon as it has it: three looks over two minutes.
    "sms": (10.0, 50.0, MINUTE_S),
    # A call is listed as soon, too.
    "voice": (10.0, 50.0, MINUTE_S),
    # SendGrid's activity lags behind, and its events come first: three looks over a quarter hour.
    "email": (2 * MINUTE_S, 3 * MINUTE_S, 10 * MINUTE_S),
}
"""Seconds before each look for a contact in doubt. Absent in all of them: it never arrived."""

RESULT_S = (10 * MINUTE_S, HOUR_S, 5 * HOUR_S, 18 * HOUR_S, 24 * HOUR_S)
"""Seconds before each question for the result of an accepted one. Callbacks come sooner, but can be
lost. Some carriers never tell: after two days it is taken as arrived."""

ASK_AT_MOST = dt.timedelta(hours=72)
"""A provider that can't say for so long: a person decides. SendGrid's activity goes back 3 days."""
EXPLAIN_WITHIN = dt.timedelta(hours=24)
"""How long to go on asking why a mail did not arrive, before it is only known that it did not."""
EVENTS_WITHIN = dt.timedelta(minutes=30)
"""How long to wait for an event where there is nobody to ask."""
FAULT_S = (MINUTE_S, 5 * MINUTE_S, 15 * MINUTE_S)
"""Before each new try of a sender that is itself at fault; the last one repeats."""
_BUSY_S, _BUSY_MOST_S = 5.0, 15 * MINUTE_S


def first_look_at(channel: str, now: dt.datetime) -> dt.datetime:
    """When the provider is first asked about a contact that came into doubt now."""
    return now + dt.timedelta(seconds=DOUBT_S[channel][0])


def next_look_at(channel: str, asked: int, now: dt.datetime) -> dt.datetime | None:
    """After `asked` looks that did not find it; None: it never arrived."""
    looks = DOUBT_S[channel]
    return None if asked >= len(looks) else now + dt.timedelta(seconds=looks[asked])


def next_result_at(asked: int, now: dt.datetime) -> dt.datetime | None:
    """After `asked` questions for its result; None: it is not asked for any more."""
    return None if asked >= len(RESULT_S) else now + dt.timedelta(seconds=RESULT_S[asked])


def ask_again_at(since: dt.datetime, retry_after_s: float, now: dt.datetime) -> dt.datetime:
    """After an answer that says nothing: the longer it lasts, the more rarely."""
    waited_s = (now - since).total_seconds() / 2
    return now + dt.timedelta(seconds=max(retry_after_s, min(15 * MINUTE_S, max(30.0, waited_s))))


def try_again_at(attempts: int, retry_after_s: float, now: dt.datetime) -> dt.datetime:
    """A provider that was busy: what it asked for, or twice as long after each attempt."""
    backoff_s = min(_BUSY_MOST_S, _BUSY_S * 2 ** min(attempts - 1, 10))
    return now + dt.timedelta(seconds=max(retry_after_s, backoff_s))


def try_sender_at(tries: int, now: dt.datetime) -> dt.datetime:
    """When a sender that failed `tries` times in a row may be tried again."""
    return now + dt.timedelta(seconds=FAULT_S[min(tries, len(FAULT_S)) - 1])
