"""A mail that somebody answers, as SendGrid's inbound parse posts it with the raw message ticked.

Source: twilio.com/docs/sendgrid/for-developers/parsing-email/inbound-email.
"""

import json
import secrets
from email import policy
from email.message import EmailMessage
from email.utils import make_msgid

from dunflow.sandbox.store import Message


def form_of(sender: str, to: str, text: str, answered: Message | None) -> tuple[bytes, str]:
    """The form and its content type. The person's client quotes the mail that is `answered`."""
    mail = EmailMessage(policy=policy.SMTP)
    mail["From"], mail["To"] = sender, to
    mail["Message-ID"] = make_msgid(domain="mail.example")
    mail["Subject"] = f"Re: {answered.subject}" if answered else "Hello"
    mail.set_content(text + (_quoted(answered, to) if answered else ""))
    envelope = {"to": [to], "from": sender}
    return _multipart({"email": mail.as_bytes(), "envelope": json.dumps(envelope).encode()})


def _quoted(answered: Message, to: str) -> str:
    lines = "\n".join(f"> {line}" for line in (answered.body or "").split("\n"))
    return f"\n\nOn this day, {answered.sender_name or ''} <{to}> wrote:\n\n{lines}\n"


def _multipart(fields: dict[str, bytes]) -> tuple[bytes, str]:
    boundary = secrets.token_hex(16)
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value
        for name, value in fields.items()
    ]
    body = b"\r\n".join([*parts, f"--{boundary}--\r\n".encode()])
    return body, f"multipart/form-data; boundary={boundary}"
