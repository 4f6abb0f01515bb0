"""The text of a contact, by channel."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dunflow.config.policy import Channel
from dunflow.config.portfolio import Language, Lender
from dunflow.remind.render.segments import spell_plainly
from dunflow.remind.render.slots import Slots, lender_for, one_line, values
from dunflow.remind.render.templates import block, fill, load

PARTS: Final[dict[Channel, tuple[str, ...]]] = {
    "sms": ("sms.txt",),
    "email": ("subject.txt", "email.txt", "email.html"),
    "voice": ("voice.txt",),
    "call": ("call.txt",),
    "letter": ("list.txt",),
    "visit": ("visit.txt",),
}
"""The files that a template needs for a channel."""

FRAME: Final = ("_base", "voice.txt")
"""What every automated call says around its message, in blocks; `limited` is for anybody's ears."""

_GAPS: Final = re.compile(r"\n{3,}")


@dataclass(frozen=True, repr=False)
class Text:
    """What goes out. `repr` is left out: it holds personal data.

    Of an automated call `subject` is what anybody may hear, who answers or listens to a machine.
    """

    subject: str | None
    body: str
    html: str | None


def render(channel: Channel, template: str, slots: Slots, folder: Path) -> Text:
    """The text of a contact, with the templates of the portfolio in `folder`.

    For a call, a letter or a visit it is what a person needs to carry it out. Raises ConfigError if
    a template is missing or at fault; what a customer's data holds never makes it raise.
    """
    return _text(channel, template, slots.language, values(slots), folder)


def _text(
    channel: Channel, template: str, language: Language, given: dict[str, object], folder: Path
) -> Text:
    parts = {part: fill(load(language, template, part, folder), given) for part in PARTS[channel]}
    if channel == "email":
        return Text(
            subject=one_line(parts["subject.txt"]),
            body=_paragraphs(parts["email.txt"]),
            html=parts["email.html"].strip() + "\n",
        )
    (whole,) = parts.values()
    if channel == "voice":
        frame = load(language, *FRAME, folder)
        opening = one_line(block(frame, "limited", given))
        return Text(subject=opening, body=one_line(whole), html=None)
    body = spell_plainly(one_line(whole)) if channel == "sms" else _paragraphs(whole)
    return Text(subject=None, body=body, html=None)


def render_note(
    channel: Channel,
    template: str,
    language: Language,
    lender: Lender,
    reference: str,
    folder: Path,
) -> Text:
    """A text that speaks of no debt, and so names nobody and no amount."""
    given: dict[str, object] = {
        "language": language,
        "lender": lender_for(lender, language),
        "reference": reference,
    }
    return _text(channel, template, language, given, folder)


def _paragraphs(text: str) -> str:
    """Blank lines that a template's branches leave behind are drawn together."""
    return _GAPS.sub("\n\n", text).strip() + "\n"
