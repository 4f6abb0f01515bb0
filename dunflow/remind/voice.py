"""What an automated call says, as TwiML: nothing of a debt before the person is identified.

A machine, and whoever can't say who they are, hear the limited message: who calls, for whom, and
where to call back. A person is asked for digits of their own contract, and hears the rest after.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from twilio.twiml.voice_response import VoiceResponse

from dunflow.config.portfolio import Language
from dunflow.remind.render.message import FRAME
from dunflow.remind.render.templates import block, load

SPOKEN: Final[dict[Language, str]] = {"zh": "zh-CN", "en": "en-GB"}
DIGITS: Final = 4
TRIES: Final = 2
WRONG_PERSON, NO_MORE_CALLS = "0", "9"
"""Keys by which whoever answers says so; the frame's text explains them."""
PERSON: Final = "human"
"""Twilio's word for who answered; everything else may be a machine."""
_WAITS_S: Final = 10


@dataclass(frozen=True, repr=False)
class Script:
    """One call's texts, fixed when it was claimed. `repr` is left out: personal data.

    `limited` is for anybody's ears, `message` for the customer's. `pins`: the digits by which the
    customer is told from others; without any nobody hears the message.
    """

    language: Language
    limited: str
    message: str
    pins: frozenset[str]
    folder: Path


def pins_of(account_refs: Iterable[str]) -> frozenset[str]:
    """The last digits of each account, as far as it has so many."""
    digits = (re.sub(r"[^0-9]", "", ref)[-DIGITS:] for ref in account_refs)
    return frozenset(each for each in digits if len(each) == DIGITS)


def limited(language: Language, text: str) -> str:
    """The limited message and no more."""
    says = VoiceResponse()
    says.say(text, language=SPOKEN[language])
    says.hangup()
    return str(says)


def answered(script: Script, answered_by: str, keys_url: str) -> str:
    """What is said to whoever, or whatever, has answered."""
    if answered_by != PERSON or not script.pins:
        return limited(script.language, script.limited)
    return _ask(script, [script.limited, _phrase(script, "identify")], f"{keys_url}/1")


def keyed(script: Script, digits: str, attempt: int, keys_url: str) -> str:
    """What is said after a person has pressed keys for the `attempt`-th time."""
    if is_customer(script, digits):
        return _say(script, script.message, _phrase(script, "goodbye"))
    if digits == WRONG_PERSON:
        return _say(script, _phrase(script, "wrong_person"))
    if digits == NO_MORE_CALLS:
        return _say(script, _phrase(script, "no_more_calls"))
    if attempt < TRIES:
        return _ask(script, [_phrase(script, "again")], f"{keys_url}/{attempt + 1}")
    return _say(script, _phrase(script, "goodbye"))


def is_customer(script: Script, digits: str) -> bool:
    return digits in script.pins


def _ask(script: Script, texts: list[str], url: str) -> str:
    says = VoiceResponse()
    keys = says.gather(
        num_digits=DIGITS, finish_on_key="#", timeout=_WAITS_S, action=url, method="POST"
    )
    for text in texts:
        keys.say(text, language=SPOKEN[script.language])
    # Where no key is pressed, Twilio goes on below.
    says.say(_phrase(script, "goodbye"), language=SPOKEN[script.language])
    says.hangup()
    return str(says)


def _say(script: Script, *texts: str) -> str:
    says = VoiceResponse()
    for text in texts:
        says.say(text, language=SPOKEN[script.language])
    says.hangup()
    return str(says)


def _phrase(script: Script, name: str) -> str:
    return " ".join(block(load(script.language, *FRAME, script.folder), name, {}).split())
