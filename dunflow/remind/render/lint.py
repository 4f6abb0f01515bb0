"""The linter: wording that no decent lender uses, and what a text fails to say.

It reads the rendered text, since a variable can carry the threat. A customer's own name is left out
of it: people are called Crook, and may be written to.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

from dunflow.config.base import read_document
from dunflow.config.duties import Slot
from dunflow.config.pack import Floor
from dunflow.config.policy import Channel
from dunflow.config.portfolio import Language
from dunflow.errors import ConfigError
from dunflow.remind.render.check import sample
from dunflow.remind.render.message import Text, render, render_note
from dunflow.remind.render.slots import NEUTRAL, Slots, called, values

_BETWEEN_CJK: Final = re.compile(r"(?<=[\u3400-\u9fff])\s+(?=[\u3400-\u9fff])")
_OPT_OUT: Final = re.compile(r"\bstop\b|unsubscribe|opt out|退订|拒收")
_DEBT: Final = re.compile(
    r"\b(debts?|loans?|ow(e|es|ed|ing)|overdue|arrears|unpaid|pay\w*|repay\w*|instal\w*|credit"
    r"|collect\w*|balance|amounts?|accounts?|contracts?)\b"
    r"|欠|逾期|还款|借款|贷|债|应还|催|分期|金额|账户|合同|元"
)
_OBJECT: Final = re.compile(r"\b(object\w*|disput\w*|disagree|wrong|not owe)\b|异议|不符|有误")


@cache
def families() -> Mapping[str, re.Pattern[str]]:
    """Family, such as `Z03_crime`, → its wording. All languages: texts mix them."""
    document = read_document(Path(__file__).with_name("wording.yaml"))["families"]
    return {
        name: re.compile(pattern)
        for language in document.values()
        for name, pattern in language.items()
    }


def families_in(text: str) -> list[str]:
    """The families that a text uses; none in a decent one."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    plain = "".join(char for char in plain if unicodedata.category(char) != "Cf")
    plain = _BETWEEN_CJK.sub("", plain)
    return [name for name, wording in families().items() if wording.search(plain)]


def offends(
    text: Text, customer_name: str | None, language: Language, reference: str
) -> str | None:
    """The first family that a text about to go out uses; None: it may go.

    Texts of one template differ in names, numbers and references alone, which offend nobody, so
    they are looked at once.
    """
    whole = _whole(text)
    name = called(customer_name, language)
    if name != NEUTRAL[language]:
        whole = whole.replace(name, "")
    whole = whole.replace(reference, "")
    for digit in "123456789":  # many times as quick as one expression
        whole = whole.replace(digit, "0")
    return _first_in(whole)


@lru_cache(maxsize=8192)
def _first_in(text: str) -> str | None:
    return next(iter(families_in(text)), None)


def lint_templates(
    languages: Collection[Language],
    templates: Mapping[str, Collection[Channel]],
    folder: Path,
    floor: Floor,
) -> list[str]:
    """What is wrong with the wording and the content of templates that can be rendered."""
    faults: dict[str, None] = {}
    for language in languages:
        for template, channels in templates.items():
            for channel in channels:
                for slots in (sample(language, 8), sample(language, -3)):
                    where = f"template {language}/{template} by {channel}"
                    faults.update(
                        dict.fromkeys(_faults(where, channel, template, slots, folder, floor))
                    )
    return list(faults)


def _faults(
    where: str, channel: Channel, template: str, slots: Slots, folder: Path, floor: Floor
) -> list[str]:
    try:
        text = render(channel, template, slots, folder)
    except ConfigError:
        return []  # told by check_templates
    whole = _whole(text)
    used = _bad_wording(where, text)
    if channel == "voice" and (told := _tells_anybody(text, slots)):
        used.append(
            f"{where}: block 'limited' of _base says {told!r}, and whoever answers hears it; "
            "keep to who calls, for whom, and where to call back"
        )
    missing = sorted(floor.required_slots(channel) - said_in(whole, slots))
    return used + [f"{where}: does not say {slot}, which a pack asks for" for slot in missing]


def lint_notes(
    languages: Collection[Language], notes: Mapping[str, Collection[Channel]], folder: Path
) -> list[str]:
    """What is wrong with templates that speak of no debt, their wording included."""
    faults: dict[str, None] = {}
    for language in languages:
        lender = sample(language, 8).lender
        for template, channels in notes.items():
            for channel in channels:
                try:
                    text = render_note(channel, template, language, lender, "K7Q2XH", folder)
                except ConfigError as err:
                    faults[str(err)] = None
                    continue
                where = f"template {language}/{template} by {channel}"
                faults.update(dict.fromkeys(_bad_wording(where, text)))
    return list(faults)


def _bad_wording(where: str, text: Text) -> list[str]:
    families = families_in(_whole(text))
    return [f"{where}: wording of family {name}; reword it" for name in families]


def _whole(text: Text) -> str:
    return "\n".join(part for part in (text.subject, text.body, text.html) if part)


def _tells_anybody(text: Text, slots: Slots) -> str | None:
    """What the part of a call that anybody may hear tells of a debt. A lender's name may."""
    lender = str(vars(values(slots)["lender"])["name"])
    heard = (text.subject or "").replace(lender, "").casefold()
    found = _DEBT.search(heard)
    return found.group() if found else None


def said_in(text: str, slots: Slots) -> set[Slot]:
    """What a rendered text says of the facts that it was made of."""
    given = values(slots)
    plain = text.casefold()
    line = slots.accounts[0]
    marks: dict[Slot, list[str]] = {
        "institution_name": [str(vars(given["lender"])["name"])],
        "debtor_name": [str(given["customer"])],
        "account_tail": [line.account_ref[-4:]],
        "amount_due": [str(given["total"])],
        "as_of": [str(given["as_of"])],
        "reason": [vars(given["accounts"][0])["due_on"]],  # type: ignore[index]
        "how_to_pay": [slots.lender.pay_url],
        "official_contact": [slots.lender.phone],
    }
    said: set[Slot] = {
        slot for slot, words in marks.items() if all(word.casefold() in plain for word in words)
    }
    if _OPT_OUT.search(plain):
        said.add("opt_out_instruction")
    if _OBJECT.search(plain) and (slots.lender.phone in text or slots.lender.complaints in text):
        said.add("how_to_object")
    return said
