"""The linter: wording that no decent lender uses, and what a text fails to say.

It reads the rendered text, since a variable can carry the threat.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Final

from dunflow.config.base import read_document
from dunflow.config.pack import Floor
from dunflow.config.policy import Channel
from dunflow.config.portfolio import Language
from dunflow.errors import ConfigError
from dunflow.remind.render import content
from dunflow.remind.render.check import sample, samples
from dunflow.remind.render.forms import Form, forms
from dunflow.remind.render.message import FRAME, Text, render, render_note
from dunflow.remind.render.slots import Slots, lender_for
from dunflow.remind.render.templates import block, load

_BETWEEN_CJK: Final = re.compile(r"(?<=[\u3400-\u9fff])\s+(?=[\u3400-\u9fff])")
_AMID_CJK: Final = re.compile(r"(?<=[\u3400-\u9fff])[-.·•*_~|/\\^+=]+(?=[\u3400-\u9fff])")
_SPELT_OUT: Final = re.compile(r"(?<!\w)(?:[a-z][-.·•*_ ]){2,}[a-z](?!\w)")
_SEPARATORS: Final = re.compile(r"[-.·•*_ ]")
_LEET: Final = re.compile(r"(?<![a-z0-9$])(?=[0-9$]*[a-z])(?=[a-z]*[0-9$])[a-z0-9$]+")
_LOOK_ALIKES: Final = str.maketrans("аеорсухіјѕԁһтмкнвοαερυικν", "aeopcyxijsdhtmkhboaepuikv")
"""Cyrillic and Greek letters → the Latin ones that they look like."""
_DEBT: Final = re.compile(
    r"\b(debts?|loans?|ow(e|es|ed|ing)|overdue|arrears|unpaid|pay\w*|repay\w*|instal\w*|credit"
    r"|collect\w*|balance|amounts?|accounts?|contracts?)\b"
    r"|欠|逾期|还款|借款|贷|债|应还|催|分期|金额|账户|合同|元"
)
SAID_AROUND: Final = ("identify", "again", "wrong_person", "no_more_calls", "goodbye")
"""The blocks of `_base/voice.txt` that are said to whoever answers, beside `limited`."""
KEYS: Final = {
    "0": (re.compile(r"(?<!\d)0(?!\d)|\bzero\b|零"), "say that they are somebody else"),
    "9": (re.compile(r"(?<!\d)9(?!\d)|\bnine\b|九"), "refuse such calls"),
}
"""What the receiver heeds, and how a text names it."""


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
    """The families that a text uses, also one that spells its words oddly; none in a decent one."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    plain = "".join(char for char in plain if unicodedata.category(char) != "Cf")
    plain = _BETWEEN_CJK.sub("", plain)
    spellings = {plain, *_folded(plain)}
    return [
        name
        for name, wording in families().items()
        if any(wording.search(each) for each in spellings)
    ]


def _folded(plain: str) -> Iterator[str]:
    """The text as it is meant where signs stand between a word's letters, or others for them.

    A sign between Chinese characters is no punctuation of theirs; digits are letters only in a
    word that has some; and a one is an i or an l.
    """
    whole = plain.translate(_LOOK_ALIKES)
    whole = _AMID_CJK.sub("", whole)
    whole = _SPELT_OUT.sub(lambda word: _SEPARATORS.sub("", word.group()), whole)
    for one in "il":
        yield _LEET.sub(partial(_in_letters, str.maketrans("013457$", f"o{one}easts")), whole)


def _in_letters(letters: dict[int, int], word: re.Match[str]) -> str:
    return word.group().translate(letters)


def offends(said: Sequence[Form]) -> str | None:
    """The first family that a text about to go out uses; None: it may go."""
    return next((family for form in said if (family := _first_in(form))), None)


@lru_cache(maxsize=2048)
def _first_in(form: Form) -> str | None:
    return next(iter(families_in(form.words)), None)


def lint_templates(
    languages: Collection[Language],
    templates: Mapping[str, Collection[Channel]],
    folder: Path,
    floor: Floor,
) -> list[str]:
    """What is wrong with the wording and the content of templates that can be rendered."""
    faults: dict[str, None] = {}
    for language in languages:
        if any("voice" in channels for channels in templates.values()):
            faults.update(dict.fromkeys(_frame_faults(language, folder)))
        for template, channels in templates.items():
            for channel in channels:
                for slots in samples(language, "Wu Qizhen"):
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
    used = _bad_wording(where, text)
    if channel == "voice" and (told := _tells_anybody(text, slots)):
        used.append(
            f"{where}: block 'limited' of _base says {told!r}, and whoever answers hears it; "
            "keep to who calls, for whom, and where to call back"
        )
    return used + content.faults(where, text, forms(text, slots), channel, slots, floor)


def _frame_faults(language: Language, folder: Path) -> list[str]:
    """What is wrong with what every call says around its message, whatever the template."""
    where = f"template {language}/{'/'.join(FRAME)}"
    said: dict[str, str] = {}
    for name in SAID_AROUND:
        try:
            said[name] = block(load(language, *FRAME, folder), name, {})
        except ConfigError as err:
            return [str(err)]
    faults = _bad_wording(where, Text(None, "\n".join(said.values()), None))
    return faults + [
        f"{where}: block 'identify' does not name the key {key}, by which people {why}"
        for key, (name, why) in KEYS.items()
        if not name.search(said["identify"].casefold())
    ]


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
    lender = lender_for(slots.lender, slots.language)
    heard = (text.subject or "").replace(lender.name, "").casefold()
    found = _DEBT.search(heard)
    return found.group() if found else None
