"""Which sender serves a channel, and with whose credentials."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from ipaddress import ip_address
from typing import TypedDict
from urllib.parse import urlsplit

from dunflow.config.portfolio import Sender as SenderConfig
from dunflow.errors import ConfigError
from dunflow.remind.senders.listed import LISTED, ListedSender
from dunflow.remind.senders.outcome import (
    Answer,
    Down,
    Message,
    Outcome,
    Question,
    Seen,
    Sender,
    Unclear,
)
from dunflow.remind.senders.sendgrid import BASE_URL as SENDGRID_URL
from dunflow.remind.senders.sendgrid import SendGridEmail
from dunflow.remind.senders.twilio import TwilioSms
from dunflow.remind.senders.twilio_client import BASE_URL
from dunflow.remind.senders.twilio_voice import TwilioVoice

SANDBOX_URL = "DUNFLOW_SANDBOX_URL"
RECEIVER_URL = "DUNFLOW_RECEIVER_URL"
"""Under which the providers reach the receiver."""


class Unmade:
    """Stands in where settings are missing: the sender is at fault, and nobody was called."""

    def __init__(self, why: str) -> None:
        self._why = why

    def send(self, message: Message, *, now: datetime) -> Outcome:  # noqa: ARG002 - all the same
        return Down("config", self._why)

    def ask(self, questions: Sequence[Question]) -> list[Answer]:
        return [Unclear(self._why, sender_at_fault=True) for _ in questions]

    def sent_since(self, since: datetime) -> Iterator[list[Seen] | Unclear]:  # noqa: ARG002
        yield Unclear(self._why, sender_at_fault=True)


def make_sender(channel: str, config: SenderConfig | None, environ: Mapping[str, str]) -> Sender:
    """A sender for the thread that asks for it; a ConfigError names whatever is missing.

    `config` is the portfolio's `senders.<channel>`; what is only listed needs none.
    """
    if channel in LISTED:
        return ListedSender()
    if config is None:
        raise ConfigError(f"senders.{channel} is missing; add it to portfolio.yaml")
    match channel:
        case "sms":
            return TwilioSms(**_twilio(config, environ))
        case "voice":
            return TwilioVoice(**_twilio(config, environ))
        case "email":
            return make_email(config, environ)
        case _:
            raise ConfigError(
                f"channel {channel!r} has no sender; use sms, email, voice or {LISTED}"
            )


class _Twilio(TypedDict):
    account_sid: str
    auth_token: str
    sender: str
    base_url: str
    receiver_url: str | None


def _twilio(config: SenderConfig, environ: Mapping[str, str]) -> _Twilio:
    names, base_url = ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"), BASE_URL
    if config.provider == "sandbox":
        names = ("DUNFLOW_SANDBOX_ACCOUNT_SID", "DUNFLOW_SANDBOX_AUTH_TOKEN")
    account_sid, auth_token = (_read(environ, name) for name in names)
    if config.provider == "sandbox":
        base_url = _sandbox_url(environ)
    return {
        "account_sid": account_sid,
        "auth_token": auth_token,
        "sender": config.from_,
        "base_url": base_url,
        "receiver_url": _receiver_url(environ),
    }


def make_email(config: SenderConfig, environ: Mapping[str, str]) -> SendGridEmail:
    """The sender of emails; a ConfigError names whatever is missing."""
    is_sandbox = config.provider == "sandbox"
    return SendGridEmail(
        api_key=_read(environ, "DUNFLOW_SANDBOX_API_KEY" if is_sandbox else "SENDGRID_API_KEY"),
        sender=config.from_,
        sender_name=config.name,
        reply_to=config.reply_to,
        base_url=_sandbox_url(environ) if is_sandbox else SENDGRID_URL,
        has_activity=is_sandbox or config.email_activity,
    )


def _read(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "").strip()
    if not value:
        raise ConfigError(f"{name} is not set; put it into the environment of whatever sends")
    return value


def _receiver_url(environ: Mapping[str, str]) -> str | None:
    """None: nobody listens, and the results of messages are asked for instead."""
    return environ.get(RECEIVER_URL, "").rstrip("/") or None


def _sandbox_url(environ: Mapping[str, str]) -> str:
    """The sandbox's base URL, on loopback only: anywhere else it would be somebody's server that
    gets real people's messages under the name of a harmless sandbox."""
    url = _read(environ, SANDBOX_URL).rstrip("/")
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.path or parts.query or not _is_loopback(parts.hostname):
        raise ConfigError(
            f"{SANDBOX_URL} is {url!r}; the sandbox is only reached on this machine, "
            "as http://127.0.0.1:9801"
        )
    return url


def _is_loopback(host: str | None) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False
