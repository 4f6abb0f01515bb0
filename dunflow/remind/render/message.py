"""The text of a contact, by channel."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dunflow.config.book import root
from dunflow.config.policy import Channel
from dunflow.config.portfolio import Language, Lender
from dunflow.remind.render.segments import spell_plainly
from dunflow.remind.render.slots import (
    Slots,
    every_account,
    lender_for,
    most_listed,
    one_line,
    values,
)
from dunflow.remind.render.templates import block, fill, is_there, load

PARTS: Final[dict[Channel, tuple[str, ...]]] = {
    "sms": ("sms.txt",),
    "email": ("subject.txt", "email.txt", "email.html"),
    "voice": ("voice.txt",),
    "call": ("call.txt",),
    "letter": ("email.txt",),
    "visit": ("visit.txt",),
}
"""The files that a template needs for a channel."""

FRAME: Final = ("_base", "voice.txt")
"""What every automated call says around its message, in blocks; `limited` is for anybody's ears."""

PAPER: Final = ("_base", "letter.txt")
"""What the page of a letter shows between its opening and its closing.

Always the shipped one, as the page's layout is: with one of a portfolio's own the record would say
what the page does not.
"""

_GAPS: Final = re.compile(r"\n{3,}")


@dataclass(frozen=True, repr=False)
class Text:
    """What goes out. `repr` is left out: it holds personal data.

    Of an automated call `subject` is what anybody may hear, who answers or listens to a machine.
    Of a letter `subject` is its opening and the last line of `body` its closing, and from there the
    printer's page takes them: a template that changes after the claim changes no letter.
    """

    subject: str | None
    body: str
    html: str | None


def is_written(language: Language, template: str, channel: Channel, folder: Path) -> bool:
    """Whether the template says anything in this language by this channel. With one file of several
    it does: the others are missing then."""
    return any(is_there(language, template, part, folder) for part in PARTS[channel])


def render(channel: Channel, template: str, slots: Slots, folder: Path) -> Text:
    """The text of a contact, with the templates of the portfolio in `folder`.

    For a call or a visit it is what a person needs to carry it out. Raises ConfigError if a
    template is missing or at fault; what a customer's data holds never makes it raise.
    """
    if channel == "letter":
        return _letter(template, slots, folder)
    given = values(slots, most_listed(channel))
    return _text(channel, template, slots.language, given, folder)


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


def _letter(template: str, slots: Slots, folder: Path) -> Text:
    """Worded as the template's email is, with every account, however many there are."""
    given = values(slots)
    wording = load(slots.language, template, "email.txt", folder)
    opening, closing = (one_line(block(wording, name, given)) for name in ("opening", "closing"))
    frame = load(slots.language, *PAPER, root() / "include")
    shown = _paragraphs(fill(frame, given | {"accounts": every_account(slots)}))
    return Text(subject=opening, body=f"{shown}\n{closing}\n", html=None)


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
