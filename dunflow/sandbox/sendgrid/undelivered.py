"""What SendGrid says of a mail that does not arrive: in its events, and in Email Activity.

Sources: twilio.com/docs/sendgrid/for-developers/tracking-events/event; twilio/sendgrid-oai
`spec/json/tsg_email_activity_v3.json`.
"""

from dunflow.sandbox.store import Fate

HARD_BOUNCE = ("550 5.1.1 The email account does not exist.", "5.1.1")
SOFT_BOUNCE = ("452 4.2.2 The email account that you tried to reach is over quota.", "4.2.2")
DROPPED = {
    "unsubscribes": "Unsubscribed Address",
    "spam_reports": "Spam Reporting Address",
    "bounces": "Bounced Address",
    "invalid_emails": "Invalid",
}
"""List on which somebody is → the reason for which a mail to them is dropped."""
OVER_QUOTA = "over_quota"
"""The fate of a mail that is dropped for its sender's sake."""


def reason(fate: Fate, listed: str | None) -> str:
    """`listed`: the list on which the recipient is, if any."""
    match fate.event:
        case "bounced":
            return HARD_BOUNCE[0]
        case "blocked":
            return SOFT_BOUNCE[0]
        case "over_quota":
            return "Recipient List over Package Quota"
        case "dropped" if listed is not None:
            return DROPPED[listed]
    return "scripted"


def event_of(fate: Fate, why: str) -> dict[str, object]:
    """What an event says, besides what all of them do."""
    if fate.event in ("dropped", OVER_QUOTA):
        return {"event": "dropped", "reason": why}
    is_soft = fate.event == "blocked"
    status = SOFT_BOUNCE[1] if is_soft else HARD_BOUNCE[1]
    kind = "blocked" if is_soft else "bounce"
    return {"event": "bounce", "type": kind, "reason": why, "status": status}


def activity_of(fate: Fate, why: str) -> dict[str, object]:
    """What the event of a single mail says in Email Activity, besides when it was."""
    if fate.event in ("dropped", OVER_QUOTA):
        return {"event_name": "dropped", "reason": why}
    kind = "soft" if fate.event == "blocked" else "hard"
    return {"event_name": "bounced", "bounce_type": kind, "reason": why}
