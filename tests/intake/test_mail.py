"""Mails that people answer: read whatever client wrote them, kept once, heeded at once."""

import base64
import json
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage

import pytest
import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import Engine, select

from dunflow.clock import VirtualClock
from dunflow.intake.receiver.app import create_app
from dunflow.intake.receiver.desk import Desk
from dunflow.intake.receiver.keys import SIGNATURE, TIMESTAMP, read_keys, sandbox_event_key
from dunflow.ledger.tables import opt_out, reply
from dunflow.remind import opt_outs
from dunflow.sandbox.serve import serve
from tests.remind.contacts import NOW, Outbox, outbox_of

TOKEN = "the-auth-token"
FOOTER = "To stop emails to this address, reply with the word STOP."


class Answers:
    """People who answer by mail, through SendGrid."""

    def __init__(self, url: str, box: Outbox) -> None:
        self.url, self.box = url, box
        assert box.book.portfolio.senders.email
        self.ours = box.book.portfolio.senders.email.answered_at

    def mail(self, sender: str, text: str, **heads: str) -> EmailMessage:
        mail = EmailMessage(policy=policy.SMTP)
        given = {"From": f"Li <{sender}>", "To": self.ours, "Subject": "Re: Your account"}
        for name, value in (given | heads).items():
            mail[name] = value
        mail.set_content(text)
        return mail

    def post(self, mail: EmailMessage, **how: str) -> int:
        return self.post_raw(mail.as_bytes(), **how)

    def post_raw(self, mail: bytes, *, key: str = TOKEN, field: str = "email") -> int:
        envelope = json.dumps({"to": [self.ours.upper()], "from": "li@example.com"}).encode()
        body = b"".join(
            b'--xYz\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (name, value)
            for name, value in ((field.encode(), mail), (b"envelope", envelope))
        )
        body += b"--xYz--\r\n"
        timestamp = str(int(NOW.timestamp()))
        signed = sandbox_event_key(key).sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
        headers = {
            "Content-Type": "multipart/form-data; boundary=xYz",
            SIGNATURE: base64.b64encode(signed).decode(),
            TIMESTAMP: timestamp,
        }
        url = f"{self.url}/sendgrid/inbound"
        return requests.post(url, data=body, headers=headers, timeout=5).status_code

    def kept(self) -> list[tuple[str, str, str]]:
        with self.box.engine.connect() as conn:
            rows = conn.execute(select(reply.c.kind, reply.c.state, reply.c.body))
            return [tuple(row) for row in rows]

    def bound(self) -> set[tuple[int | None, str | None]]:
        with self.box.engine.connect() as conn:
            living = select(opt_out.c.customer_id, opt_out.c.address).where(
                opt_out.c.channel == "email", opt_out.c.lifted_at.is_(None)
            )
            return {tuple(row) for row in conn.execute(living)}


@pytest.fixture
def answers(ledger: Engine) -> Iterator[Answers]:
    box = outbox_of(ledger)
    keys = read_keys(
        {"DUNFLOW_RECEIVER_URL": "https://hooks.example.com", "DUNFLOW_SANDBOX_AUTH_TOKEN": TOKEN}
    )
    desk = Desk(box.engine, VirtualClock(NOW), lambda: {box.book.name: box.book})
    with serve(create_app(desk, keys)) as url:
        yield Answers(url, box)


@pytest.mark.parametrize("letters", [str.lower, str.upper], ids=["as we write it", "capitals"])
def test_a_stop_by_mail_binds_at_once_and_only_once(answers: Answers, letters: object) -> None:
    sent = answers.box.row(answers.box.put("accepted", channel="email"))
    mail = answers.mail(
        letters(sent.address),  # type: ignore[operator]
        f"STOP\n\nOn Monday <{answers.ours}> wrote:\n> {FOOTER}",
        **{"Message-ID": "<1@mail.example>"},
    )
    assert [answers.post(mail), answers.post(mail)] == [204, 204]
    assert answers.kept() == [("opt_out", "kept", "STOP")]
    assert answers.bound() == {(sent.customer_id, None), (None, sent.address)}


def test_what_our_own_mail_says_is_no_refusal(answers: Answers) -> None:
    sent = answers.box.row(answers.box.put("accepted", channel="email"))
    mail = answers.mail(sent.address, f"The amount is wrong\n\n> {FOOTER}\n")
    assert answers.post(mail) == 204
    assert answers.kept() == [("dispute", "open", "The amount is wrong")]
    assert not answers.bound()


def test_a_mail_in_an_encoding_of_china_is_read(answers: Answers) -> None:
    sent = answers.box.row(answers.box.put("accepted", channel="email"))
    mail = answers.mail(sent.address, "")
    mail.set_content("退订\n谢谢", charset="gb18030", cte="8bit")
    assert answers.post(mail) == 204
    assert answers.kept() == [("opt_out", "kept", "退订\n谢谢")]


def test_a_mail_of_html_alone_is_read(answers: Answers) -> None:
    sent = answers.box.row(answers.box.put("accepted", channel="email"))
    mail = answers.mail(sent.address, "")
    mail.set_content(f"<p>Leave me alone</p><blockquote>{FOOTER}</blockquote>", subtype="html")
    assert answers.post(mail) == 204
    assert [kind for kind, _, _ in answers.kept()] == ["opt_out"]


def test_a_refusal_in_the_subject_counts(answers: Answers) -> None:
    sent = answers.box.row(answers.box.put("accepted", channel="email"))
    assert answers.post(answers.mail(sent.address, "\n", Subject="Unsubscribe")) == 204
    assert answers.kept() == [("opt_out", "kept", "Unsubscribe")]


def test_a_mail_without_a_readable_word_waits_for_a_person(answers: Answers) -> None:
    sent = answers.box.row(answers.box.put("accepted", channel="email"))
    mail = answers.mail(sent.address, "")
    mail.clear_content()
    mail.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="proof.pdf")
    assert answers.post(mail) == 204
    assert answers.kept() == [("other", "open", "")]


def test_an_html_part_beside_an_empty_plain_one_is_read(answers: Answers) -> None:
    sent = answers.box.row(answers.box.put("accepted", channel="email"))
    mail = answers.mail(sent.address, "\n")
    mail.add_alternative("<p>STOP</p>", subtype="html")
    assert answers.post(mail) == 204
    assert answers.kept() == [("opt_out", "kept", "STOP")]


def test_what_can_not_be_told_from_a_quotation_is_kept_for_a_person(answers: Answers) -> None:
    sent = answers.box.row(answers.box.put("accepted", channel="email"))
    text = f"On Monday <{answers.ours}> wrote:\n{FOOTER}\nYou have the wrong man."
    assert answers.post(answers.mail(sent.address, text)) == 204
    assert answers.kept() == [("other", "open", text)]
    assert not answers.bound()


@pytest.mark.parametrize(
    "heads",
    [{"Auto-Submitted": "auto-replied"}, {"Precedence": "bulk"}, {"X-Autoreply": "yes"}],
    ids=str,
)
def test_an_absence_is_nobodys_answer(answers: Answers, heads: dict[str, str]) -> None:
    sent = answers.box.row(answers.box.put("accepted", channel="email"))
    mail = answers.mail(sent.address, "I am away; stop by on Monday", **heads)
    assert answers.post(mail) == 204
    assert answers.kept() == []


def test_whoever_writes_from_elsewhere_is_known_by_the_reference_that_they_quote(
    answers: Answers,
) -> None:
    sent = answers.box.row(answers.box.put("accepted", channel="email"))
    text = f"Stop emailing me\n\n> Your reference: {sent.reference}\n"
    assert answers.post(answers.mail("elsewhere@example.net", text)) == 204
    assert answers.kept() == [("opt_out", "kept", "Stop emailing me")]
    assert answers.bound() == {(sent.customer_id, None), (None, "elsewhere@example.net")}


def test_the_refusal_of_somebody_unknown_is_looked_at(answers: Answers) -> None:
    assert answers.post(answers.mail("elsewhere@example.net", "STOP. Ref ABCDEFG")) == 204
    assert [(kind, state) for kind, state, _ in answers.kept()] == [("opt_out", "open")]
    assert answers.bound() == {(None, "elsewhere@example.net")}


def test_nobody_is_opted_in_by_a_mail_that_anybody_could_have_written(answers: Answers) -> None:
    sent = answers.box.row(answers.box.put("accepted", channel="email"))
    with answers.box.engine.begin() as conn:
        number = answers.box.portfolio_id
        opt_outs.bind(conn, number, ["email"], [sent.customer_id], [sent.address], "reply", NOW)
    assert answers.post(answers.mail(sent.address, "START")) == 204
    assert answers.kept() == [("other", "open", "START")]
    assert len(answers.bound()) == 2


def test_nothing_is_believed_that_sendgrid_did_not_sign(answers: Answers) -> None:
    sent = answers.box.row(answers.box.put("accepted", channel="email"))
    assert answers.post(answers.mail(sent.address, "STOP"), key="another") == 403
    assert not answers.kept()
    assert not answers.bound()


def test_without_the_raw_mail_it_is_to_be_told_again(answers: Answers) -> None:
    sent = answers.box.row(answers.box.put("accepted", channel="email"))
    assert answers.post(answers.mail(sent.address, "STOP"), field="text") == 500


def test_a_mail_to_nobody_of_ours_is_not_answered_as_heard(answers: Answers) -> None:
    sent = answers.box.row(answers.box.put("accepted", channel="email"))
    answers.ours = "other@lender.example"
    assert answers.post(answers.mail(sent.address, "STOP")) == 500
    quoting = answers.mail("li.at.work@example.com", f"STOP\n\n> Reference {sent.reference}")
    assert answers.post(quoting) == 500


def test_what_strangers_write_to_nobody_of_ours_is_told_only_once(answers: Answers) -> None:
    answers.ours = "sales@lender.example"
    assert answers.post(answers.mail("offers@spam.example", "Cheap stop watches")) == 204
    assert answers.kept() == []


@pytest.mark.parametrize(
    ("sender", "subject"),
    [
        (b"Li <@,li@example.com", b"Re: x"),
        (b"\xff Li <li@example.com>", b"=?utf-8?b?//8=?= =?x-none?q?a?= \xb4\xfa"),
        (b"li@example.com,", b"=?=?"),
    ],
)
def test_headings_at_fault_keep_no_refusal_back(
    answers: Answers, sender: bytes, subject: bytes
) -> None:
    mail = b"From: %b\r\nSubject: %b\r\nMessage-ID: <@>\r\n\r\nSTOP\r\n" % (sender, subject)
    assert answers.post_raw(mail) == 204
    assert [kind for kind, _, _ in answers.kept()] == ["opt_out"]
