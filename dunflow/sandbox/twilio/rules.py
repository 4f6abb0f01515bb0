"""What Twilio refuses when a message is created.

Stricter than Twilio in one thing: `To` has to be written as E.164, where Twilio also reads
`(415) 555-2671`. The codes are from the providers' error pages, the magic numbers from the page on
test credentials (twilio.com/docs/iam/test-credentials).
"""

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from dunflow.sandbox.twilio import Refusal

MAX_BODY_CHARACTERS = 1600
MAX_VALIDITY_S = 36_000

E164 = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
SHORT_CODE = re.compile(r"[0-9]{3,8}", re.ASCII)
SENDER_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 &+_-]{1,11}", re.ASCII)
SERVICE_SID = re.compile(r"MG[0-9a-f]{32}", re.ASCII)

MAGIC_FROM = {
    "+15005550001": Refusal(21212, "Invalid From Number (caller ID)"),
    "+15005550007": Refusal(
        21606, "The 'From' phone number is not a valid, SMS-capable number of your account"
    ),
    "+15005550008": Refusal(21611, "This 'From' number has exceeded the maximum queue size"),
}
MAGIC_TO = {
    "+15005550001": Refusal(21211, "Invalid 'To' Phone Number"),
    "+15005550002": Refusal(21612, "The 'To' number is not reachable via this 'From' number"),
    "+15005550003": Refusal(21408, "Permission to send an SMS has not been enabled for the region"),
    "+15005550004": Refusal(21610, "Attempt to send to unsubscribed recipient"),
    "+15005550009": Refusal(21614, "'To' number is not a valid mobile number"),
}


def refusal_of(form: Mapping[str, str]) -> Refusal | None:
    """Why Twilio would not take this message, or None."""
    return _refused_numbers(form) or _refused_body(form) or _refused_options(form)


def _refused_numbers(form: Mapping[str, str]) -> Refusal | None:
    to, sender = form.get("To", ""), form.get("From", "")
    service = form.get("MessagingServiceSid", "")
    if not to:
        return Refusal(21604, "A 'To' phone number is required.")
    if not sender and not service:
        return Refusal(21603, "A 'From' phone number is required.")
    if service and not SERVICE_SID.fullmatch(service):
        return Refusal(21701, "The Messaging Service does not exist.")
    if sender in MAGIC_FROM:
        return MAGIC_FROM[sender]
    if sender and not any(p.fullmatch(sender) for p in (E164, SHORT_CODE, SENDER_NAME)):
        return Refusal(21212, "Invalid From Number (caller ID)")
    if to in MAGIC_TO:
        return MAGIC_TO[to]
    if SHORT_CODE.fullmatch(to):
        return Refusal(21265, "'To' number cannot be a Short Code")
    if not E164.fullmatch(to):
        return Refusal(21211, "Invalid 'To' Phone Number")
    if to == sender:
        return Refusal(21266, "'To' and 'From' number cannot be the same")
    return None


def _refused_body(form: Mapping[str, str]) -> Refusal | None:
    body = form.get("Body", "")
    if not body:
        if form.get("MessagingServiceSid"):
            return Refusal(21619, "A Message Body, Media URL or Content SID is required")
        return Refusal(21602, "Message body is required.")
    if len(body) > MAX_BODY_CHARACTERS:
        return Refusal(
            21617,
            f"The concatenated message body exceeds the {MAX_BODY_CHARACTERS} character limit",
        )
    return None


def _refused_options(form: Mapping[str, str]) -> Refusal | None:
    validity = form.get("ValidityPeriod")
    if validity is not None and not (
        re.fullmatch("[0-9]{1,6}", validity) and 1 <= int(validity) <= MAX_VALIDITY_S
    ):
        return Refusal(21624, "Invalid validity period value")
    callback = form.get("StatusCallback")
    if callback is not None and not is_reachable_name(callback):
        return Refusal(21609, "The 'StatusCallback' URL is not a valid URL")
    return None


def is_reachable_name(url: str) -> bool:
    """Whether this is an http(s) URL whose host is a lawful hostname, so without an underscore."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and "_" not in parts.netloc
