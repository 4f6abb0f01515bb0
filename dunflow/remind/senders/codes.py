"""Error codes as data: what each says about a message, when it is refused or fails later.

Twilio's from twilio.com/docs/api/errors/CODE. A code that is not here says nothing that we know:
that one message is at fault, and a person sees the code.
"""

from typing import Literal, NamedTuple

Blame = Literal["address", "opted_out", "later", "sender", "text", "message"]
"""`address`: nothing arrives there by this channel. `opted_out`: the person said stop. `later`: try
again within the rules. `sender`: our account, number or credentials. `text`: what it says, so it
must not go out again as it is, and its step is given up. `message`: this one alone."""


STOP_WORDS = frozenset(
    {"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"}
)
"""What Twilio takes for an opt-out by itself, and confirms by itself, whatever the packs say."""


class Meaning(NamedTuple):
    blames: Blame
    words: str
    retry_after_s: float = 0.0


TWILIO: dict[int, Meaning] = {
    10004: Meaning("later", "too many calls at once", 30.0),
    14107: Meaning("later", "too many messages to one number", 30.0),
    20003: Meaning("sender", "Twilio does not accept the credentials"),
    20005: Meaning("sender", "the Twilio account is not active"),
    20404: Meaning("sender", "Twilio knows no such account"),
    21210: Meaning("sender", "the caller's number is not one of this account"),
    21211: Meaning("address", "not a valid number"),
    21212: Meaning("sender", "the sender's number is invalid"),
    21213: Meaning("sender", "the caller's number is missing"),
    21214: Meaning("address", "a number that can't be called"),
    21215: Meaning("message", "the account may not call this country"),
    21216: Meaning("address", "a number that Twilio does not call"),
    21217: Meaning("address", "not a valid number"),
    21219: Meaning("sender", "a trial account may only call verified numbers"),
    21265: Meaning("address", "a short code"),
    21268: Meaning("address", "a premium number"),
    21603: Meaning("sender", "the sender's number is missing"),
    21606: Meaning("sender", "the sender's number cannot send this"),
    21608: Meaning("sender", "a trial account may only send to verified numbers"),
    21408: Meaning("message", "the account may not text to this country"),
    21610: Meaning("opted_out", "the person told Twilio to stop"),
    21611: Meaning("later", "the sender's queue is full", 60.0),
    21612: Meaning("message", "no route from this sender to this number"),
    21614: Meaning("address", "not a mobile number"),
    21617: Meaning("text", "longer than Twilio takes"),
    21635: Meaning("address", "a landline"),
    21659: Meaning("sender", "the sender's number is not one of Twilio's"),
    21660: Meaning("sender", "the sender's number belongs to another account"),
    21661: Meaning("sender", "the sender's number cannot send SMS"),
    21701: Meaning("sender", "the Messaging Service does not exist"),
    21703: Meaning("sender", "the Messaging Service has no sender"),
    30001: Meaning("later", "the queue overflowed"),
    30002: Meaning("sender", "the Twilio account is suspended"),
    30003: Meaning("later", "the handset is off or has no signal"),
    30004: Meaning("address", "blocked by the person or the carrier"),
    30005: Meaning("address", "unknown or no longer in use"),
    30006: Meaning("address", "a landline, or a carrier that can't be reached"),
    30007: Meaning("text", "filtered by the carrier for its text"),
    30008: Meaning("later", "unknown"),
    30022: Meaning("later", "the carrier's daily cap is reached"),
    30023: Meaning("later", "the carrier's daily cap is reached"),
    30032: Meaning("sender", "the toll-free number is not verified"),
    30034: Meaning("sender", "the sender is not registered with the carriers"),
    30036: Meaning("later", "its validity ran out before it left"),
    30410: Meaning("later", "the carrier did not answer in time"),
}
TWILIO_SENDER_STATUS = frozenset({401, 403, 404, 405, 407})
"""HTTP statuses that speak of our account or of the way to Twilio, whatever the code."""

SENDGRID_SENDER_STATUS: dict[int, str] = {
    401: "SendGrid does not accept the API key, or its credits are used up",
    402: "SendGrid wants to be paid first",
    403: "the API key may not send, or the sender is not verified",
    404: "SendGrid knows no such address of its API",
    405: "SendGrid does not take this method",
    407: "a proxy wants credentials",
}


OVER_QUOTA = "over_quota"
"""Our own code for a mail that SendGrid took, and dropped as over the package's quota."""

DROPPED: tuple[tuple[str, str, Blame], ...] = (
    ("unsubscribed", "dropped", "opted_out"),
    ("spam reporting", "dropped", "opted_out"),
    ("bounced", "dropped", "address"),
    ("invalid", "dropped", "address"),
    ("package quota", OVER_QUOTA, "sender"),
)
"""Why SendGrid drops a mail that it took, by words of its reason. Source: "Dropped" in
twilio.com/docs/sendgrid/for-developers/tracking-events/event."""


def of_dropped(reason: object) -> tuple[str, Blame]:
    """The code of a dropped mail, and whose fault it is: unless its reason is known, its own."""
    said = str(reason or "").lower()
    return next(
        ((code, blames) for words, code, blames in DROPPED if words in said), ("dropped", "message")
    )


def of_bounce(*, is_soft: bool) -> tuple[str, Blame]:
    """The code of a mail that a server turned away, and what that says: for a while only, as a full
    mailbox does (RFC 3463: its status begins with a 4), or because nothing arrives there."""
    return ("blocked", "later") if is_soft else ("bounced", "address")


def of_twilio(code: str | None) -> Blame:
    """What a message that failed with this code says."""
    known = _meaning(code)
    return known.blames if known else "message"


def sender_fault(code: str | None) -> str:
    """What is wrong with the sender of a message that did not arrive with this code."""
    if code == OVER_QUOTA:
        return "SendGrid drops mails: the quota of its package is used up"
    known = _meaning(code)
    return known.words if known else f"messages do not arrive, with the code {code}"


def _meaning(code: str | None) -> Meaning | None:
    return TWILIO.get(int(code)) if code and code.isdecimal() else None
