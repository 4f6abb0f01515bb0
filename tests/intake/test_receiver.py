"""What providers tell by themselves: taken if it is signed, once, in whatever order it comes."""

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import pytest
import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Engine, func, insert, select, update
from twilio.request_validator import RequestValidator

from dunflow.clock import VirtualClock
from dunflow.intake.receiver.app import create_app
from dunflow.intake.receiver.desk import Desk
from dunflow.intake.receiver.keys import SIGNATURE, TIMESTAMP, Keys, read_keys, sandbox_event_key
from dunflow.ledger.tables import customer, dead_address, opt_out, receipt, reply, sender_fault
from dunflow.remind import settle
from dunflow.remind.lease import Claimed
from dunflow.remind.senders.outcome import Accepted, Message
from dunflow.sandbox.serve import serve
from tests.remind.contacts import NOW, Outbox, outbox_of

PUBLIC = "https://hooks.example.com"
TOKEN, SHARED = "the-auth-token", "the-shared-secret"
SID = "SM" + "a" * 32


class Receiver:
    """The receiver as the providers see it, behind a proxy under its public name."""

    def __init__(self, url: str) -> None:
        self.url = url

    def twilio(self, path: str, algorithm: str = "HMAC_SHA1", **fields: str) -> int:
        secret = SHARED if algorithm == "HMAC_SHA256" else TOKEN
        signature = RequestValidator(secret).compute_signature(PUBLIC + path, fields, algorithm)
        headers = {"X-Twilio-Signature": signature}
        if algorithm != "HMAC_SHA1":
            settings = f"key=webhooks_sharedkey_1,algorithm={algorithm}"
            headers["X-Twilio-Webhooks-Signature-Settings"] = settings
        return self.post(path, urlencode(fields).encode(), headers)

    def status(self, outbox: Outbox, contact_id: int, status: str, **more: str) -> int:
        fields = {"MessageSid": SID, "MessageStatus": status, "AccountSid": "AC1"} | more
        return self.twilio(f"/twilio/status/{outbox.row(contact_id).reference}", **fields)

    def sendgrid(self, *events: dict[str, object], sent: bytes | None = None) -> int:
        body = ("[" + ",\r\n".join(json.dumps(event) for event in events) + "]\r\n").encode()
        timestamp = str(int(NOW.timestamp()))
        signed = sandbox_event_key(TOKEN).sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
        headers = {SIGNATURE: base64.b64encode(signed).decode(), TIMESTAMP: timestamp}
        return self.post("/sendgrid/events", body if sent is None else sent, headers)

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> int:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return requests.post(
            self.url + path, data=body, headers=form | headers, timeout=5
        ).status_code


@pytest.fixture
def outbox(ledger: Engine) -> Outbox:
    return outbox_of(ledger)


@pytest.fixture
def receiver(outbox: Outbox) -> Iterator[Receiver]:
    keys = read_keys(
        {
            "DUNFLOW_RECEIVER_URL": PUBLIC,
            "DUNFLOW_SANDBOX_AUTH_TOKEN": TOKEN,
            "TWILIO_WEBHOOK_SECRET": SHARED,
        }
    )
    desk = Desk(outbox.engine, VirtualClock(NOW), lambda: {outbox.book.name: outbox.book})
    with serve(create_app(desk, keys)) as url:
        yield Receiver(url)


def count(outbox: Outbox, table: object) -> int:
    with outbox.engine.connect() as conn:
        return int(conn.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


@pytest.mark.parametrize("algorithm", ["HMAC_SHA1", "HMAC_SHA256"])
def test_both_of_twilios_signatures_hold(
    outbox: Outbox, receiver: Receiver, algorithm: str
) -> None:
    sent = outbox.put("accepted", provider_id=SID)
    path = f"/twilio/status/{outbox.row(sent).reference}"
    fields = {"MessageSid": SID, "MessageStatus": "delivered", "ErrorCode": ""}
    assert receiver.twilio(path, algorithm, **fields) == 204
    assert outbox.state(sent) == "delivered"


def test_what_nobody_signed_changes_nothing(outbox: Outbox, receiver: Receiver) -> None:
    sent = outbox.put("accepted", provider_id=SID)
    path = f"/twilio/status/{outbox.row(sent).reference}"
    body = urlencode({"MessageSid": SID, "MessageStatus": "failed"}).encode()
    stolen = RequestValidator(TOKEN).compute_signature(PUBLIC + path, {"MessageSid": SID})
    forged = [
        {},
        {"X-Twilio-Signature": stolen},
        {"X-Twilio-Signature": stolen, "X-Twilio-Webhooks-Signature-Settings": "algorithm=none"},
    ]
    assert [receiver.post(path, body, headers) for headers in forged] == [403] * 3
    assert outbox.state(sent) == "accepted"
    assert count(outbox, receipt) == 0


def test_a_receiver_without_keys_believes_nobody() -> None:
    nobody = Keys("https://hooks.example.com")
    assert not nobody.sendgrid_signed({SIGNATURE: "", TIMESTAMP: "1"}, b"", 1.0)


def test_a_callback_may_come_before_our_own_record(outbox: Outbox, receiver: Receiver) -> None:
    held = outbox.put("claimed", lease_until_at=NOW)
    assert receiver.status(outbox, held, "sent") == 204
    row = outbox.row(held)
    assert (row.state, row.provider_id, row.accepted_at) == ("accepted", SID, NOW)
    assert row.last_contact_at == NOW
    assert row.progress == {"t1": [1, 0, "2026-03-03"]}
    message = Message("x", "sms", row.address, "text", None, None, NOW)
    with outbox.engine.begin() as conn:
        settled = [(Claimed(held, 1, message), Accepted(SID))]
        settle.settle(conn, outbox.book, outbox.portfolio_id, settled, NOW)
    assert (outbox.state(held), outbox.row(held).reason) == ("accepted", None)


@pytest.mark.parametrize("state", ["in_doubt", "parked", "planned", "expired"])
def test_whatever_we_thought_an_accepted_message_was_sent(
    outbox: Outbox, receiver: Receiver, state: str
) -> None:
    doubtful = outbox.put(state)
    receiver.status(outbox, doubtful, "sent")
    row = outbox.row(doubtful)
    assert (row.state, row.provider_id, row.occupies) == ("accepted", SID, True)


def test_a_second_acceptance_of_one_contact_does_not_stay_unknown(
    outbox: Outbox, receiver: Receiver
) -> None:
    sent = outbox.put("accepted", provider_id="SM" + "b" * 32)
    receiver.status(outbox, sent, "sent")
    assert outbox.row(sent).reason == "twice"


def test_a_failure_outlasts_what_comes_late(outbox: Outbox, receiver: Receiver) -> None:
    sent = outbox.put("accepted", provider_id=SID)
    for status, code in [("undelivered", "30005"), ("sent", ""), ("undelivered", "30005")]:
        assert receiver.status(outbox, sent, status, ErrorCode=code) == 204
    row = outbox.row(sent)
    assert (row.state, row.error_code, row.occupies) == ("undelivered", "30005", False)
    assert row.progress == {"t1": [0, 1, None]}
    assert count(outbox, receipt) == 2
    assert count(outbox, dead_address) == 1


def test_an_event_of_a_mail_names_its_contact(outbox: Outbox, receiver: Receiver) -> None:
    doubtful = outbox.put("in_doubt", channel="email", ask_at=NOW)
    event = {
        "event": "processed",
        "sg_event_id": "e1",
        "sg_message_id": "rid.recvd-1",
        "timestamp": int(NOW.timestamp()) + 5,
        "dunflow_reference": outbox.row(doubtful).reference,
    }
    others = {"event": "open", "sg_event_id": "e2", "email": "x@example.com"}
    assert receiver.sendgrid(others, event) == 204
    assert receiver.sendgrid(event) == 204
    row = outbox.row(doubtful)
    assert (row.state, row.provider_id) == ("accepted", "rid")
    assert count(outbox, receipt) == 2


def test_callbacks_of_many_messages_may_come_all_at_once(
    outbox: Outbox, receiver: Receiver
) -> None:
    sent = [outbox.put("claimed", lease_until_at=NOW) for _ in range(20)]
    told = [(of, status) for of in sent for status in ("sent", "delivered", "sent")]

    def tell(each: tuple[int, str]) -> int:
        contact_id, status = each
        return receiver.status(outbox, contact_id, status, MessageSid=f"SM{contact_id:032}")

    with ThreadPoolExecutor(12) as pool:
        assert set(pool.map(tell, told)) == {204}
    assert [outbox.state(each) for each in sent] == ["delivered"] * 20
    assert count(outbox, receipt) == 40


def test_a_late_bounce_has_nothing_but_our_mark(outbox: Outbox, receiver: Receiver) -> None:
    arrived = outbox.put("delivered", channel="email", provider_id="rid", accepted_at=NOW)
    bounce = {
        "event": "bounce",
        "type": "bounce",
        "sg_event_id": "e1",
        "dunflow_reference": outbox.row(arrived).reference,
    }
    receiver.sendgrid(bounce)
    row = outbox.row(arrived)
    assert (row.state, row.error_code, row.provider_id) == ("undelivered", "bounced", "rid")
    assert count(outbox, dead_address) == 1


@pytest.mark.parametrize(
    ("told", "code", "dead"),
    [
        ({"type": "bounce", "status": "5.1.1"}, "bounced", 1),
        ({"type": "bounce"}, "bounced", 1),
        ({"type": "bounce", "status": "4.2.2"}, "blocked", 0),
        ({"type": "blocked", "status": "5.7.1"}, "blocked", 0),
    ],
)
def test_a_bounce_for_a_while_only_does_not_end_an_address(
    outbox: Outbox, receiver: Receiver, told: dict[str, str], code: str, dead: int
) -> None:
    sent = outbox.put("accepted", channel="email", provider_id="rid", accepted_at=NOW)
    bounce = {"event": "bounce", "sg_event_id": "e1", "sg_message_id": "rid.1"}
    assert receiver.sendgrid(bounce | told) == 204
    row = outbox.row(sent)
    assert (row.state, row.error_code) == ("undelivered", code)
    assert count(outbox, dead_address) == dead


@pytest.mark.parametrize(
    ("reason", "code", "blames"),
    [
        ("Bounced Address", "dropped", "address"),
        ("Unsubscribed Address", "dropped", "opted_out"),
        ("Recipient List over Package Quota", "over_quota", "sender"),
        ("Spam Content", "dropped", "message"),
    ],
)
def test_why_a_mail_was_dropped_says_whose_fault_it_is(
    outbox: Outbox, receiver: Receiver, reason: str, code: str, blames: str
) -> None:
    sent = outbox.put("accepted", channel="email", provider_id="rid", accepted_at=NOW)
    dropped = {
        "event": "dropped",
        "reason": reason,
        "sg_event_id": "e1",
        "dunflow_reference": outbox.row(sent).reference,
    }
    assert receiver.sendgrid(dropped) == 204
    row = outbox.row(sent)
    assert (row.state, row.error_code, row.reason) == ("undelivered", code, blames)
    assert count(outbox, sender_fault) == (blames == "sender")


@pytest.mark.parametrize("code", ["30002", "30032", "30034"])
def test_a_number_that_no_carrier_lets_through_is_the_senders_fault(
    outbox: Outbox, receiver: Receiver, code: str
) -> None:
    sent = outbox.put("accepted", provider_id=SID, accepted_at=NOW)
    assert receiver.status(outbox, sent, "undelivered", ErrorCode=code) == 204
    assert (outbox.row(sent).reason, count(outbox, sender_fault)) == ("sender", 1)


def test_events_that_were_written_anew_do_not_verify(outbox: Outbox, receiver: Receiver) -> None:
    event = {"event": "processed", "sg_event_id": "e1"}
    assert receiver.sendgrid(event, sent=json.dumps([event]).encode()) == 403
    assert count(outbox, receipt) == 0


@pytest.mark.parametrize("address", ["ann@example.com", "Ann.Li@example.com"])
def test_whoever_calls_a_mail_spam_gets_no_more(
    outbox: Outbox, receiver: Receiver, address: str
) -> None:
    sent = outbox.put(
        "accepted", channel="email", provider_id="rid", accepted_at=NOW, address=address
    )
    row = outbox.row(sent)
    spam = {
        "event": "spamreport",
        "sg_event_id": "e1",
        "sg_message_id": "rid.1",
        "email": row.address.lower(),
        "dunflow_reference": row.reference,
    }
    receiver.sendgrid(spam)
    with outbox.engine.connect() as conn:
        told = select(opt_out.c.channel, opt_out.c.customer_id, opt_out.c.address)
        bound = conn.execute(told).all()
    assert {tuple(each) for each in bound} == {
        ("email", row.customer_id, None),
        ("email", None, address),
    }


def test_whoever_calls_a_confirmation_spam_gets_no_more(outbox: Outbox, receiver: Receiver) -> None:
    row = outbox.row(outbox.put("accepted", channel="email"))
    with outbox.engine.begin() as conn:
        ours = {"portfolio_id": outbox.portfolio_id, "channel": "email", "address": row.address}
        said = {"reply_ref": "mail 1", "kind": "dispute", "state": "confirmed", "body": "not mine"}
        told = {"received_at": NOW, "confirmation": "ABCD1234"}
        conn.execute(insert(reply).values(**ours, **said, **told))
    event = {"event": "spamreport", "sg_event_id": "e1", "dunflow_reference": "ABCD1234"}
    receiver.sendgrid(event)
    with outbox.engine.connect() as conn:
        bound = conn.execute(select(opt_out.c.customer_id, opt_out.c.address)).all()
    assert {tuple(each) for each in bound} == {(row.customer_id, None), (None, row.address)}


def test_nobody_fills_the_memory_with_what_is_not_signed(receiver: Receiver) -> None:
    assert receiver.post("/sendgrid/events", b"[" * 10_000_001, {}) == 413
    assert receiver.post("/twilio/inbound", b"a=" + b"b" * 1_000_000, {}) == 403


def test_stop_and_start_hold_at_once_and_each_message_is_kept_once(
    outbox: Outbox, receiver: Receiver
) -> None:
    sent = outbox.row(outbox.put("accepted", provider_id=SID))

    def answer(sid: str, text: str, **more: str) -> int:
        fields = {"MessageSid": sid, "From": sent.address, "To": "+15005550006", "Body": text}
        return receiver.twilio("/twilio/inbound", **(fields | more))

    def bound() -> int:
        with outbox.engine.connect() as conn:
            living = select(func.count()).where(
                opt_out.c.lifted_at.is_(None), opt_out.c.channel == "sms"
            )
            return int(conn.execute(living).scalar_one())

    assert [answer("SM1", " ＴＤ "), answer("SM1", " ＴＤ ")] == [200, 200]
    both = 2  # the customer, and the number
    assert (bound(), count(outbox, reply)) == (both, 1)
    assert answer("SM2", "Start") == 200
    assert bound() == 0
    assert answer("SM3", "leave me alone", OptOutType="STOP") == 200
    assert bound() == both
    # A refusal that no portfolio can take is not answered as if it had been heard.
    assert answer("SM4", "STOP", To="+15005550009") == 500
    assert count(outbox, reply) == 3


def test_one_event_that_makes_no_sense_does_not_befall_the_others(
    outbox: Outbox, receiver: Receiver
) -> None:
    row = outbox.row(outbox.put("accepted", channel="email", provider_id="rid", accepted_at=NOW))
    spam = {"event": "spamreport", "sg_event_id": "e1", "sg_message_id": "rid.1"}
    odd: list[dict[str, object]] = [
        {"event": "processed", "sg_event_id": "e2", "sg_message_id": "x.1", "timestamp": at}
        for at in (1772500000000, 1e20, float("nan"), "soon", None)
    ]
    odd.append({"event": "processed", "sg_event_id": "e\0", "sg_message_id": "\ud800.1"})
    assert receiver.sendgrid(*odd, spam | {"dunflow_reference": row.reference}) == 204
    assert count(outbox, opt_out) == 2


def test_a_body_that_is_no_list_of_events_is_refused(receiver: Receiver) -> None:
    for sent in (b"null", b"5", b"[" * 100_000):
        timestamp = str(int(NOW.timestamp()))
        signed = sandbox_event_key(TOKEN).sign(timestamp.encode() + sent, ec.ECDSA(hashes.SHA256()))
        headers = {SIGNATURE: base64.b64encode(signed).decode(), TIMESTAMP: timestamp}
        assert receiver.post("/sendgrid/events", sent, headers) == 400
        assert receiver.post("/sendgrid/events", sent, headers | {TIMESTAMP: "1" * 5000}) == 403


@pytest.mark.parametrize("prefix", ["", "rcs:", "whatsapp:"])
def test_a_no_counts_by_whatever_way_it_came(
    outbox: Outbox, receiver: Receiver, prefix: str
) -> None:
    sent = outbox.row(outbox.put("accepted", provider_id=SID))
    fields = {"MessageSid": "SM1", "From": prefix + sent.address, "To": prefix + "+15005550006"}
    assert receiver.twilio("/twilio/inbound", **fields, Body="STOP\0") == 200
    with outbox.engine.connect() as conn:
        bound = conn.execute(select(opt_out.c.customer_id, opt_out.c.address)).all()
    assert {tuple(row) for row in bound} == {(sent.customer_id, None), (None, sent.address)}


def test_whoever_was_texted_there_is_known_though_they_have_another_number_by_now(
    outbox: Outbox, receiver: Receiver
) -> None:
    sent = outbox.row(outbox.put("accepted", provider_id=SID))
    with outbox.engine.begin() as conn:
        conn.execute(update(customer).values(phone="+8613900139000"))
    fields = {"MessageSid": "SM1", "From": sent.address, "To": "+15005550006", "Body": "STOP"}
    assert receiver.twilio("/twilio/inbound", **fields) == 200
    with outbox.engine.connect() as conn:
        bound = conn.execute(select(opt_out.c.customer_id, opt_out.c.address)).all()
    assert {tuple(row) for row in bound} == {(sent.customer_id, None), (None, sent.address)}
