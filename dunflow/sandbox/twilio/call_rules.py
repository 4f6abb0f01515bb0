"""What Twilio refuses when a call is created or calls are listed, and who answers which number.

The codes are from the providers' error pages, the magic numbers from the page on test credentials
(twilio.com/docs/iam/test-credentials). As with messages, `To` has to be written as E.164.
"""

from collections.abc import Mapping

from dunflow.sandbox.store import Filter
from dunflow.sandbox.twilio import Refusal
from dunflow.sandbox.twilio.listing import DAY, day_of
from dunflow.sandbox.twilio.rules import E164, is_reachable_name

MAX_TWIML_CHARACTERS = 4000
MAX_RINGS_S = 600
EVENTS = frozenset({"initiated", "ringing", "answered", "completed"})

PROFILES = {
    "9901": "machine_end_beep",
    "9902": "machine_end_silence",
    "9903": "machine_end_other",
    "9904": "machine_start",
    "9905": "fax",
    "9906": "unknown",
    "9907": "no-answer",
    "9908": "busy",
    "9909": "failed",
}
"""The last four digits of a number → who answers there, or how a call ends. Else a person does."""

MAGIC_TO = {
    "+15005550001": Refusal(21217, "Phone number does not appear to be valid"),
    "+15005550002": Refusal(21214, "'To' phone number cannot be reached"),
    "+15005550003": Refusal(21215, "Account not authorized to call this number"),
    "+15005550004": Refusal(21216, "Account not allowed to call this number"),
}
MAGIC_FROM = {
    "+15005550001": Refusal(21212, "Invalid From Number (caller ID)"),
}


def refusal_of_call(form: Mapping[str, str]) -> Refusal | None:
    """Why Twilio would not make this call, or None."""
    return _refused_numbers(form) or _refused_words(form) or _refused_options(form)


def filter_of_calls(query: Mapping[str, str], _now: float) -> Filter | Refusal:
    """Which calls a list asks for. Days are GMT and both bounds are included."""
    for name in ("Status", "ParentCallSid", "EndTime", "EndTime<", "EndTime>"):
        if name in query:
            return Refusal(20001, f"the sandbox does not filter calls by {name}")
    days = {}
    for name in ("StartTime", "StartTime<", "StartTime>"):
        if name in query:
            day = day_of(query[name])
            if day is None:
                return Refusal(20001, f"{name} must be a date such as 2026-03-01")
            days[name] = day
    since = [day for day in (days.get("StartTime"), days.get("StartTime>")) if day]
    until = [day + DAY for day in (days.get("StartTime"), days.get("StartTime<")) if day]
    return Filter(
        channel="voice",
        recipient=query.get("To"),
        sender=query.get("From"),
        sent_from=max(since).timestamp() if since else None,
        sent_until=min(until).timestamp() if until else None,
    )


def _refused_numbers(form: Mapping[str, str]) -> Refusal | None:
    to, sender = form.get("To", ""), form.get("From", "")
    if not to:
        return Refusal(21201, "No 'To' number is specified")
    if not sender:
        return Refusal(21213, "'From' phone number is required")
    if sender in MAGIC_FROM:
        return MAGIC_FROM[sender]
    if not E164.fullmatch(sender):
        return Refusal(21212, "Invalid From Number (caller ID)")
    if to in MAGIC_TO:
        return MAGIC_TO[to]
    if not E164.fullmatch(to):
        return Refusal(21211, "Invalid 'To' Phone Number")
    return None


def _refused_words(form: Mapping[str, str]) -> Refusal | None:
    """Where both are given, the TwiML is ignored, as at Twilio."""
    if "Url" in form:
        return None if is_reachable_name(form["Url"]) else Refusal(21205, "Url is not a valid URL")
    if not form.get("Twiml"):
        return Refusal(21205, "Url or Twiml is required")
    if len(form["Twiml"]) > MAX_TWIML_CHARACTERS:
        return Refusal(20001, f"Twiml is longer than {MAX_TWIML_CHARACTERS} characters")
    return None


def _refused_options(form: Mapping[str, str]) -> Refusal | None:
    callback = form.get("StatusCallback")
    if callback is not None and not is_reachable_name(callback):
        return Refusal(21609, "The 'StatusCallback' URL is not a valid URL")
    if form.get("StatusCallbackEvent", "completed") not in EVENTS:
        return Refusal(21626, "Invalid StatusCallbackEvent")
    if form.get("MachineDetection", "Enable") not in ("Enable", "DetectMessageEnd"):
        return Refusal(20001, "MachineDetection is Enable or DetectMessageEnd")
    rings = form.get("Timeout", "60")
    if not rings.isdecimal() or int(rings) > MAX_RINGS_S:
        return Refusal(20001, f"Timeout is at most {MAX_RINGS_S} seconds")
    return None
