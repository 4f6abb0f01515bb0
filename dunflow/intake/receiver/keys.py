"""Whose word is taken: the secrets and keys by which the providers sign what they send us."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.datastructures import FormData
from twilio.request_validator import (
    HMAC_SHA256,
    SIGNATURE_HEADER,
    SIGNATURE_SETTINGS_HEADER,
    RequestValidator,
    get_signature_algorithm,
)

from dunflow.errors import ConfigError
from dunflow.remind.senders.choose import RECEIVER_URL

SIGNATURE = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP = "X-Twilio-Email-Event-Webhook-Timestamp"
TOO_OLD_S = 48 * 3600
"""SendGrid repeats an event for a day; what is older than two is a replay."""
_DIGITS = 12  # of seconds since 1970
WEBHOOK_SECRET = "TWILIO_WEBHOOK_SECRET"  # noqa: S105 - the variable's name
SENDGRID_KEYS = ("SENDGRID_WEBHOOK_PUBLIC_KEY", "SENDGRID_PARSE_PUBLIC_KEY")
"""Of the event webhook, and of inbound parse: each has a pair of its own."""
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True, repr=False)
class Keys:
    """`repr` is left out: these are secrets. What is empty verifies nothing."""

    public_url: str
    twilio_tokens: tuple[str, ...] = ()
    twilio_shared_secrets: tuple[str, ...] = ()
    sendgrid: tuple[ec.EllipticCurvePublicKey, ...] = ()

    def twilio_signed(self, path: str, headers: Mapping[str, str], form: FormData) -> bool:
        """Whether Twilio sent this form to `path` (with its query), by either of its algorithms."""
        algorithm = get_signature_algorithm(headers.get(SIGNATURE_SETTINGS_HEADER, ""))
        shared = algorithm == HMAC_SHA256
        secrets = self.twilio_shared_secrets if shared else self.twilio_tokens
        signature = headers.get(SIGNATURE_HEADER, "")
        return any(
            _is_signed(secret, self.public_url + path, form, signature, algorithm)
            for secret in secrets
        )

    def sendgrid_signed(self, headers: Mapping[str, str], body: bytes, now_s: float) -> bool:
        """Whether SendGrid sent this very body: it signs the bytes, not what they mean."""
        timestamp = headers.get(TIMESTAMP, "")
        if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > _DIGITS:
            return False
        if abs(now_s - int(timestamp)) > TOO_OLD_S:
            return False
        try:
            signature = base64.b64decode(headers.get(SIGNATURE, ""), validate=True)
        except ValueError:
            return False
        return any(_verifies(key, signature, timestamp.encode() + body) for key in self.sendgrid)


def read_keys(environ: Mapping[str, str]) -> Keys:
    """The keys of the real providers and of the sandbox, whichever are there."""
    # Part of what Twilio signs, and configured, since a request's headers can be made up.
    url = environ.get(RECEIVER_URL, "").rstrip("/")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or "_" in parts.netloc:
        raise ConfigError(
            f"{RECEIVER_URL} is {url!r}; set it to the address under which the providers reach the "
            "receiver, such as https://hooks.example.com (Twilio takes no underscore in it)"
        )
    sandbox = environ.get("DUNFLOW_SANDBOX_AUTH_TOKEN", "")
    tokens = (environ.get("TWILIO_AUTH_TOKEN", ""), sandbox)
    keys = [_public_key(name, environ[name]) for name in SENDGRID_KEYS if environ.get(name)]
    if sandbox:
        keys.append(sandbox_event_key(sandbox).public_key())
    return Keys(
        public_url=url,
        twilio_tokens=tuple(filter(None, tokens)),
        twilio_shared_secrets=tuple(filter(None, (environ.get(WEBHOOK_SECRET, ""),))),
        sendgrid=tuple(keys),
    )


def sandbox_event_key(auth_token: str) -> ec.EllipticCurvePrivateKey:
    """The key with which the sandbox signs its events, made of the secret that both sides have."""
    seed = hmac.new(auth_token.encode(), b"dunflow sandbox events", hashlib.sha512).digest()
    number = int.from_bytes(seed) % (P256_ORDER - 1) + 1
    return ec.derive_private_key(number, ec.SECP256R1())


def _public_key(name: str, text: str) -> ec.EllipticCurvePublicKey:
    try:
        key = serialization.load_der_public_key(base64.b64decode(text, validate=True))
    except ValueError as err:
        raise ConfigError(
            f"{name} is not a key; copy the public key of SendGrid's signed webhook, one line of "
            "base64 without BEGIN and END"
        ) from err
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ConfigError(f"{name} is not a key on an elliptic curve; SendGrid's keys are")
    return key


def _is_signed(secret: str, url: str, form: FormData, signature: str, algorithm: str) -> bool:
    try:
        return bool(RequestValidator(secret).validate(url, form, signature, algorithm))
    except ValueError:
        return False


def _verifies(key: ec.EllipticCurvePublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True
