"""Senders and receivers that can't work are told before anything is sent."""

from pathlib import Path

import pytest

from dunflow.config.book import read_book
from tests.config.harbour import PORTFOLIO, TIER, refusal, warnings


def test_a_real_sender_without_its_credentials_is_told(
    harbour: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    senders = 'mode: shadow\nsenders: {sms: {provider: twilio, from: "+15005550006"}}\n'
    (harbour / "portfolio.yaml").write_text(PORTFOLIO + senders)
    (harbour / "policy.yaml").write_text(f"policy: p\npacks: [strict]\ntiers: [{TIER}]")
    monkeypatch.delenv("TWILIO_ACCOUNT_SID", raising=False)
    monkeypatch.delenv("TWILIO_AUTH_TOKEN", raising=False)
    assert any("senders.sms: TWILIO_ACCOUNT_SID is not set" in told for told in warnings())
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", "AC1")
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "t")
    assert not any("senders.sms" in told for told in warnings())


def test_a_core_whose_place_is_not_known_here_is_told(
    harbour: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (harbour / "policy.yaml").write_text(f"policy: p\npacks: [strict]\ntiers: [{TIER}]")
    (harbour / "snapshot.sql").write_text("SELECT 1")
    for name in ("HARBOUR_CORE", "AIRFLOW_CONN_HARBOUR_CORE"):
        monkeypatch.delenv(name, raising=False)
    source = '{kind: files, path: "in/{business_date}.csv"}'
    asked = PORTFOLIO.replace(source, "{kind: sql, connection: HARBOUR_CORE}")
    (harbour / "portfolio.yaml").write_text(asked)
    [told] = [each for each in warnings() if each.startswith("source:")]
    assert "HARBOUR_CORE and AIRFLOW_CONN_HARBOUR_CORE" in told
    monkeypatch.setenv("HARBOUR_CORE", "postgresql://me:secret@127.0.0.1:1/core")
    assert not any(each.startswith("source:") for each in warnings())


def test_answers_to_mails_that_nobody_hears_are_told(harbour: Path) -> None:
    sender = "provider: sendgrid, from: a@harbour.example"
    (harbour / "policy.yaml").write_text(f"policy: p\npacks: [strict]\ntiers: [{TIER}]")
    told = []
    for more in ("", ", reply_to: b@replies.harbour.example"):
        senders = f"mode: shadow\nsenders: {{email: {{{sender}{more}}}}}\n"
        (harbour / "portfolio.yaml").write_text(PORTFOLIO + senders)
        told.append([each for each in warnings() if "answers go to a@harbour.example" in each])
    assert [len(each) for each in told] == [1, 0]


@pytest.mark.parametrize(
    ("sender", "why"),
    [
        (
            'sms: {provider: sandbox, from: "+15005550006", reply_to: "+1501"}',
            "sms.reply_to is '+1501'",
        ),
        ("email: {provider: sandbox, from: a@b.example, reply_to: b}", "email.reply_to is 'b'"),
    ],
)
def test_answers_go_where_they_can(harbour: Path, sender: str, why: str) -> None:
    (harbour / "portfolio.yaml").write_text(PORTFOLIO + f"senders: {{{sender}}}\n")
    assert why in refusal()


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ('senders: {sms: {provider: sandbox, from: "07400900900"}}', "sms.from is '07400900900'"),
        ("senders: {email: {provider: sandbox, from: hi}}", "email.from is 'hi'"),
        ("senders: {sms: {provider: sandbox, from: 447700900999}}", "YAML reads as no text"),
        ("starts_on: 2026-01-01", "write it in quotes"),
        ("settle_below: 3", "unknown key"),
    ],
)
def test_what_can_not_work_is_told_before_anything_is_sent(
    harbour: Path, said: str, why: str
) -> None:
    (harbour / "portfolio.yaml").write_text(f"{PORTFOLIO}{said}\n")
    assert why in refusal()


@pytest.mark.parametrize("sender", ["+15005550006", "12345", "MG" + "0" * 32, "Harbour Ln"])
def test_whatever_twilio_sends_as_may_send(harbour: Path, sender: str) -> None:
    senders = f'senders: {{sms: {{provider: sandbox, from: "{sender}"}}}}\n'
    (harbour / "portfolio.yaml").write_text(PORTFOLIO + senders)
    (harbour / "policy.yaml").write_text(f"policy: p\npacks: [strict]\ntiers: [{TIER}]")
    assert read_book("harbour").portfolio.senders.sms


def test_a_receiver_that_no_hand_off_names_is_told(harbour: Path) -> None:
    (harbour / "portfolio.yaml").write_text(PORTFOLIO + "destinations: {nrth: {kind: agency}}\n")
    (harbour / "policy.yaml").write_text(f"policy: p\npacks: [strict]\ntiers: [{TIER}]")
    assert any(each.startswith("destinations.nrth: no hand-off") for each in warnings())
