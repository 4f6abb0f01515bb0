"""SendGrid's inbound parse: what people answer by email.

It posts each mail that comes to a domain of ours as a form, signed like its events if a security
policy says so, and again for three days unless the answer is a 2xx. The mail itself is taken whole
("POST the raw, full MIME message"), since the parts that SendGrid makes of it are each in an
encoding of their own. Sources: twilio.com/docs/sendgrid/for-developers/parsing-email/inbound-email
and …/securing-your-parse-webhooks.
"""

import hashlib
import json
from email import message_from_bytes, policy
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import getaddresses

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from dunflow.intake.receiver.body import keepable
from dunflow.intake.receiver.desk import Desk
from dunflow.intake.receiver.html import as_plain
from dunflow.intake.receiver.quoted import is_reply, own_words, references
from dunflow.intake.receiver.sendgrid import signed_body
from dunflow.intake.replies import Reply

MAX_BYTES = 30_000_000
"""SendGrid passes on no larger ones."""
LONGEST_TEXT = 10_000
"""Of a mail, so many characters are kept."""
RAW, ENVELOPE = "email", "envelope"
BY_MACHINES = frozenset({"auto_reply", "bulk", "junk", "list"})
"""What `Precedence` says of mails that no person wrote."""


async def inbound(request: Request) -> Response:
    """POST: a mail that came to one of our addresses."""
    body = await signed_body(request, MAX_BYTES)
    if isinstance(body, Response):
        return body
    # Whatever anybody in the world put into a mail is read beside the others' calls.
    return await run_in_threadpool(
        _take, request.app.state.desk, request.headers.get("content-type", ""), body
    )


ROUTES = [Route("/sendgrid/inbound", inbound, methods=["POST"])]


def _take(desk: Desk, content_type: str, body: bytes) -> Response:
    form = fields(content_type, body)
    if RAW not in form:
        # It is told again for days: enough to change the setting.
        why = 'the field "email" is missing; in the settings of inbound parse, tick the raw message'
        return PlainTextResponse(why, 500)
    mail = message_from_bytes(form[RAW], policy=policy.default)
    sender = _addresses(mail, "from")
    if sender and not _is_automatic(mail):
        ours = _envelope(form.get(ENVELOPE, b"")) or _addresses(mail, "to")
        text = text_of(mail)
        said = _said(text, _subject(mail), ours)
        reply = Reply(
            ref=f"mail {_id_of(mail, form[RAW])}",
            channel="email",
            text=_kept(said or text),
            received_at=desk.now(),
            # As we write them: mail programs put its letters into any case.
            address=sender[0].lower(),
            quoted=references(text),
            forgeable=True,
            mixed=not said,
        )
        desk.receive(ours, reply)
    return Response(status_code=204)


def fields(content_type: str, body: bytes) -> dict[str, bytes]:
    """The fields of a multipart form, as the bytes that came."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    form = message_from_bytes(head + body, policy=policy.HTTP)
    found = {}
    for part in form.iter_parts() if form.is_multipart() else ():
        name = part.get_param("name", header="content-disposition")
        value = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(value, bytes):
            found[name] = value
    return found


def text_of(mail: EmailMessage) -> str:
    """All that can be read in it, as plain text; "" where there is nothing but attachments."""
    written = _content(mail, "plain")
    # Some clients leave the plain one of two empty.
    return written if written.strip() else as_plain(_content(mail, "html"))


def _content(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    if part is None:
        return ""
    try:
        return str(part.get_content()).replace("\r\n", "\n")
    except (LookupError, ValueError):
        # An encoding that does not exist, or is not the one that was used.
        return part.get_payload(decode=True).decode(errors="replace")  # type: ignore[union-attr]


def _said(text: str, subject: str, ours: list[str]) -> str:
    """What the writer wants to say; some write it into the subject."""
    words = own_words(text, ours)
    return words if is_reply(subject) else f"{subject}\n{words}".strip()


def _kept(text: str) -> str:
    return keepable(text.strip()[:LONGEST_TEXT])


def _is_automatic(mail: EmailMessage) -> bool:
    """Whether no person wrote it: an absence, or a mail that came back (RFC 3834, RFC 6522)."""
    if mail.get_content_type() == "multipart/report" or "x-autoreply" in mail:
        return True
    submitted = [value.strip().lower() for value in _heads(mail, "auto-submitted")]
    precedence = [value.strip().lower() for value in _heads(mail, "precedence")]
    return any(each != "no" for each in submitted) or not BY_MACHINES.isdisjoint(precedence)


def _heads(mail: EmailMessage, name: str) -> list[str]:
    """A heading as it came: what the library makes of one that is at fault may raise anything."""
    return [str(value) for key, value in mail.raw_items() if key.lower() == name]


def _subject(mail: EmailMessage) -> str:
    raw = " ".join(_heads(mail, "subject")[:1])
    try:
        return str(make_header(decode_header(raw)))
    except (MessageError, ValueError, LookupError):
        return raw


def _addresses(mail: EmailMessage, header: str) -> list[str]:
    found = getaddresses(_heads(mail, header))
    return [keepable(address) for _, address in found if "@" in address]


def _envelope(raw: bytes) -> list[str]:
    """The addresses of ours that it came to, also where they stand in no heading."""
    try:
        to = json.loads(raw)["to"]
    except (ValueError, LookupError, TypeError):
        return []
    return [address for address in to if isinstance(address, str)] if isinstance(to, list) else []


def _id_of(mail: EmailMessage, raw: bytes) -> str:
    """The same when it is posted again; a Message-ID itself may hold an address."""
    named = "".join(_heads(mail, "message-id")).strip().encode(errors="replace")
    return hashlib.sha256(named or raw).hexdigest()[:32]
