"""What SendGrid refuses when a mail is sent: the types, the limits and the order of the parts.

The words are SendGrid's where its error pages give them; clients should go by status and field.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from dunflow.sandbox.sendgrid import Refusal

MAX_RECIPIENTS = 1000
MAX_CUSTOM_ARGS_BYTES = 10_000
TO_CC_BCC = ("to", "cc", "bcc")
ADDRESS = re.compile(r"[^\s@,;<>\"]+@[^\s@.,;<>\"]+(\.[^\s@.,;<>\"]+)+")
TOP_LEVEL = frozenset(
    [
        "personalizations",
        "from",
        "reply_to",
        "reply_to_list",
        "subject",
        "content",
        "attachments",
        "template_id",
        "headers",
        "categories",
        "custom_args",
        "send_at",
        "batch_id",
        "asm",
        "ip_pool_name",
        "mail_settings",
        "tracking_settings",
    ]
)
ORDER = {"text/plain": 0, "text/html": 1}
BAD_REQUEST = Refusal("Bad Request")
"""All that SendGrid says to a wrong type (sendgrid-nodejs #288)."""


def refusal_of(mail: object) -> Refusal | None:
    """Why SendGrid would not take this mail, or None."""
    if not isinstance(mail, dict):
        return BAD_REQUEST
    for name in mail:
        if name not in TOP_LEVEL:
            return Refusal(f"Additional property {name} is not allowed", str(name))
    rules: tuple[Callable[[dict[str, Any]], Refusal | None], ...] = (
        _refused_personalizations,
        _refused_from,
        _refused_subject,
        _refused_content,
        _refused_custom_args,
        _refused_settings,
    )
    return next((refusal for rule in rules if (refusal := rule(mail))), None)


def personalizations(mail: dict[str, Any]) -> list[dict[str, Any]]:
    given = mail.get("personalizations")
    return given if isinstance(given, list) and all(isinstance(p, dict) for p in given) else []


def recipients(personalization: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each recipient with the path of its field, over to, cc and bcc."""
    for kind in TO_CC_BCC:
        given = personalization.get(kind, [])
        for number, recipient in enumerate(given if isinstance(given, list) else [given]):
            yield f"{kind}.{number}", recipient


def _refused_personalizations(mail: dict[str, Any]) -> Refusal | None:
    given = personalizations(mail)
    if not given:
        return Refusal(
            "The personalizations field is required and must have at least one personalization.",
            "personalizations",
        )
    count = 0
    for number, personalization in enumerate(given):
        path = f"personalizations.{number}"
        if not personalization.get("to"):
            return Refusal(
                "The to array is required for all personalization objects, and must have at least "
                "one email object with a valid email address.",
                f"{path}.to",
            )
        refusal = _refused_recipients(personalization, path)
        if refusal:
            return refusal
        count += len(list(recipients(personalization)))
    if count > MAX_RECIPIENTS:
        return Refusal(
            f"There is a limit of {MAX_RECIPIENTS} total recipients (to + cc + bcc) per request.",
            "personalizations",
        )
    return None


def _refused_recipients(personalization: dict[str, Any], path: str) -> Refusal | None:
    seen: set[str] = set()
    for field, recipient in recipients(personalization):
        if not isinstance(recipient, dict):
            return BAD_REQUEST
        address, name = recipient.get("email"), recipient.get("name", "")
        if not isinstance(address, str) or not ADDRESS.fullmatch(address):
            return Refusal("Does not contain a valid address.", f"{path}.{field}.email")
        if not isinstance(name, str):
            return BAD_REQUEST
        if ";" in name or "," in name:
            return Refusal(
                "The name may not contain a semicolon or a comma.", f"{path}.{field}.name"
            )
        if address.lower() in seen:
            return Refusal(
                "Each email address in the personalization block should be unique between to, cc, "
                f"and bcc. We found the first duplicate instance of [{address}] in the "
                f"{path}.{field.split('.')[0]} field.",
                path,
            )
        seen.add(address.lower())
    return None


def _refused_from(mail: dict[str, Any]) -> Refusal | None:
    sender = mail.get("from")
    if sender is not None and not isinstance(sender, dict):
        return BAD_REQUEST
    if not sender or not sender.get("email"):
        return Refusal(
            "The from object must be provided for every email send. It is an object that requires "
            "the email parameter, but may also contain a name parameter.",
            "from.email",
        )
    address, name = sender["email"], sender.get("name", "")
    if not isinstance(address, str) or not isinstance(name, str):
        return BAD_REQUEST
    if not address.isascii() or not ADDRESS.fullmatch(address):
        return Refusal("The from email does not contain a valid address.", "from.email")
    return None


def _refused_subject(mail: dict[str, Any]) -> Refusal | None:
    subjects = [p.get("subject") or mail.get("subject") for p in personalizations(mail)]
    if not all(isinstance(subject, str) for subject in subjects if subject is not None):
        return BAD_REQUEST
    if not all(subjects) and not mail.get("template_id"):
        return Refusal(
            "The subject is required. You can get around this requirement if you use a template "
            "with a subject defined or if every personalization has a subject defined.",
            "subject",
        )
    return None


def _refused_content(mail: dict[str, Any]) -> Refusal | None:
    content = mail.get("content")
    if not content:
        if mail.get("template_id"):
            return None
        return Refusal(
            "Unless a valid template_id is provided, the content parameter is required. There must "
            "be at least one defined content block.",
            "content",
        )
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        return BAD_REQUEST
    for number, part in enumerate(content):
        if not isinstance(part.get("type"), str):
            return BAD_REQUEST
        if not isinstance(part.get("value"), str) or not part["value"]:
            return Refusal(
                "The content value must be a string at least one character in length.",
                f"content.{number}.value",
            )
    ranks = [ORDER.get(part["type"], len(ORDER)) for part in content]
    if ranks != sorted(ranks):
        return Refusal(
            "If present, text/plain and text/html may only be provided once, text/plain first, "
            "followed by text/html, followed by any other content.",
            "content",
        )
    return None


def _refused_custom_args(mail: dict[str, Any]) -> Refusal | None:
    for holder in (mail, *personalizations(mail)):
        arguments = holder.get("custom_args", {})
        if not isinstance(arguments, dict):
            return BAD_REQUEST
        if not all(isinstance(value, str) for value in arguments.values()):
            return BAD_REQUEST
        size = len(json.dumps(arguments, ensure_ascii=False).encode())
        if size >= MAX_CUSTOM_ARGS_BYTES:
            return Refusal(
                f"The custom arguments must be smaller than {MAX_CUSTOM_ARGS_BYTES} bytes.",
                "custom_args",
            )
    return None


def _refused_settings(mail: dict[str, Any]) -> Refusal | None:
    settings = mail.get("mail_settings") or {}
    if isinstance(settings, dict) and isinstance(settings.get("sandbox_mode") or {}, dict):
        return None
    return BAD_REQUEST
