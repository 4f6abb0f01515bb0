"""Loops that only send, with no outbox around them: what sending itself costs."""

import datetime as dt
import threading
from collections.abc import Callable, Mapping
from decimal import Decimal

from sendgrid import SendGridAPIClient
from twilio.rest import Client

from dunflow.config.book import Book
from dunflow.remind.render.message import render
from dunflow.remind.render.slots import Line, Slots
from dunflow.remind.senders.choose import SANDBOX_URL, make_sender
from dunflow.remind.senders.outcome import Accepted, Message
from dunflow.remind.senders.sendgrid import payload
from dunflow.sandbox.credentials import read_credentials

VALID = dt.timedelta(hours=8)

Send = Callable[[Message], bool]
"""One call of a thread's own client; whether the provider took the message."""
MakeSend = Callable[[str, Book, Mapping[str, str]], Send]


def our_client(channel: str, book: Book, environ: Mapping[str, str]) -> Send:
    """The SDK on our connection: the sender that the outbox uses."""
    sender = make_sender(channel, getattr(book.portfolio.senders, channel), environ)

    def send(message: Message) -> bool:
        return isinstance(sender.send(message, now=message.valid_until - VALID), Accepted)

    return send


def stock_client(channel: str, book: Book, environ: Mapping[str, str]) -> Send:
    """The SDK as it comes, only pointed at the sandbox."""
    credentials, url = read_credentials(environ), environ[SANDBOX_URL]
    sender = getattr(book.portfolio.senders, channel)
    if channel == "email":
        sendgrid = SendGridAPIClient(credentials.api_key, host=url)
        of = {"email": sender.from_, "name": sender.name}
        return lambda message: sendgrid.send(payload(message, of)).status_code == 202
    # The SDK weaves these two into the host, also into 127.0.0.1.
    plain = {"TWILIO_EDGE": "", "TWILIO_REGION": ""}
    twilio = Client(credentials.account_sid, credentials.auth_token, environment=plain)
    twilio.api.base_url = url

    def send(message: Message) -> bool:
        valid_s = int(VALID.total_seconds())
        reply = twilio.messages.create(
            to=message.to, from_=sender.from_, body=message.body, validity_period=valid_s
        )
        return reply.sid is not None

    return send


def run_loop(sends: list[Send], messages: list[Message]) -> int:
    """Send all, by one thread for each of `sends`; how many were taken."""
    left, taken, lock = iter(messages), [0] * len(sends), threading.Lock()

    def work(number: int) -> None:
        while True:
            with lock:
                message = next(left, None)
            if message is None:
                return
            taken[number] += sends[number](message)

    threads = [threading.Thread(target=work, args=[number]) for number in range(len(sends))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(taken)


def messages(channel: str, book: Book, count: int) -> list[Message]:
    """Texts like those of the outbox, rendered beforehand, under references of their own."""
    today = dt.datetime.now(dt.UTC)
    return [_message(channel, book, number, today) for number in range(1, count + 1)]


def _message(channel: str, book: Book, number: int, now: dt.datetime) -> Message:
    due_on = now.date() - dt.timedelta(days=3)
    slots = Slots(
        reference=f"L{number:06}",
        language=book.portfolio.language,
        customer_name="王伟",
        lender=book.portfolio.lender,
        currency=book.portfolio.currency,
        accounts=(Line(f"D{number:010}", Decimal(number) + Decimal("100.25"), due_on, 3),),
        as_of=now.date(),
    )
    text = render(channel, "courtesy", slots, book.folder)  # type: ignore[arg-type]
    return Message(
        reference=slots.reference,
        channel=channel,
        to=f"+861349{number:07}" if channel == "sms" else f"kehu{number}@example.com",
        body=text.body,
        subject=text.subject,
        html=text.html,
        valid_until=now + VALID,
    )
