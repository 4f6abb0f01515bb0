"""How long to wait, as a provider's reply says it."""

from email.message import Message as Headers
from email.utils import parsedate_to_datetime

DEFAULT_S = 5.0
MAX_S = 900.0


def retry_after_s(headers: Headers) -> float:
    """Seconds until the next try, from `Retry-After` or SendGrid's `X-RateLimit-Reset`.

    An instant is compared with the reply's own Date and not with our clock, which may be off, or
    set to another year in a replay. Anything unreadable gives DEFAULT_S.
    """
    said = headers.get("Retry-After", "").strip()
    if said.isascii() and said.isdigit():
        return _within_reason(float(said))
    now = _unix_seconds(headers.get("Date", ""))
    reset = headers.get("X-RateLimit-Reset", "").strip()
    until = _unix_seconds(said) if said else float(reset) if _is_number(reset) else None
    if now is None or until is None:
        return DEFAULT_S
    return _within_reason(until - now)


def _within_reason(seconds: float) -> float:
    return min(MAX_S, max(1.0, seconds))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _unix_seconds(date: str) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None
