"""What somebody wrote themselves in a mail, without the mail of ours that their client quotes.

That matters: every mail of ours says how to stop them, and quoted it would read as a refusal.
Libraries for this know hardly any client that is common in China, and nobody but us knows by whom
the quoted mail is: its heading, in whatever language and order, names one of our own addresses.
"""

import re
from collections.abc import Collection

from markupsafe import Markup

from dunflow.ledger.references import ALPHABET

_SEPARATOR = re.compile(
    r"\s*[-_*=]{4,}\s*(\S.*?)?\s*[-_*=]{4,}\s*$"  # ----- Original Message -----, 原始邮件
    r"|\s*_{16,}\s*$"  # Outlook's line
    r"|\s*\**(from|von|de|发件人|寄件者|寄件人|送信者)\**\s*[:：]",
    re.IGNORECASE,
)
_WROTE = re.compile(r"(wrote|写道|寫道|schrieb|a écrit|escribió)\s*[:：]?\s*$", re.IGNORECASE)
_BEGINS = re.compile(r"\s*(on|am|le|el|在|于)\b.*\d", re.IGNORECASE)
_QUOTE = re.compile(r"\s*[>＞]")
_SIGNATURE = re.compile(
    r"\s*(--|(sent from|get) (my|outlook|yahoo|mail)\b.*|(发自|来自)我的.*|从我的.{1,12}发送)\s*",
    re.IGNORECASE,
)
_REPLY = re.compile(r"\s*(re|aw|sv|rv|fwd?|回复|答复|回覆|转发)\s*[:：]", re.IGNORECASE)
_UNSEEN = re.compile(r"<(style|script|title)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_QUOTATION = re.compile(r"<blockquote\b|<[^>]*\b(gmail_quote|divRplyFwdMsg)\b", re.IGNORECASE)
_LINE_END = re.compile(r"<(br|hr|/p|/div|/tr|/li|/h[1-6])\b[^>]*>", re.IGNORECASE)
_REFERENCE = re.compile(rf"(?<![A-Z0-9])[{ALPHABET}]{{7}}(?![A-Z0-9])", re.ASCII)


def own_words(text: str, ours: Collection[str]) -> str:
    """The part of `text` that its writer typed; `ours` are the addresses that we write from.

    Whoever writes below the quotation or between its lines has typed the lines that bear no mark.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    end = _heading(lines, ours)
    above = [line for line in lines[:end] if not _QUOTE.match(line)]
    if any(line.strip() for line in above) or not any(map(_QUOTE.match, lines)):
        return _without_signature(above)
    return _without_signature(
        [line for line in lines[end:] if not (_QUOTE.match(line) or _is_heading(line, ours))]
    )


def is_reply(subject: str) -> bool:
    """Whether the subject is that of the mail which is answered."""
    return bool(_REPLY.match(subject))


def plain(html: str) -> str:
    """The text of a mail that has none but its HTML, up to what it quotes."""
    seen = _UNSEEN.sub("", _QUOTATION.split(html, maxsplit=1)[0])
    # Not to be shown as HTML: its tags are taken out.
    lines = [Markup(line).striptags() for line in _LINE_END.sub("\n", seen).split("\n")]  # noqa: S704
    return "\n".join(lines)


def references(text: str) -> list[str]:
    """Whatever in it looks like a reference of ours, each once."""
    return list(dict.fromkeys(_REFERENCE.findall(text)))


def _heading(lines: list[str], ours: Collection[str]) -> int:
    """Where the quoted mail begins; the number of lines where none does."""
    end = next((at for at, line in enumerate(lines) if _is_heading(line, ours)), len(lines))
    # "On Friday, 27 November 2026, Sunrise Instalment" may stand on a line before the address.
    return end - 1 if 0 < end < len(lines) and _BEGINS.match(lines[end - 1]) else end


def _is_heading(line: str, ours: Collection[str]) -> bool:
    """Whether a quoted mail begins here."""
    if _SEPARATOR.match(line) or _WROTE.search(line):
        return True
    return any(address.lower() in line.lower() for address in ours)


def _without_signature(lines: list[str]) -> str:
    end = next((at for at, line in enumerate(lines) if _SIGNATURE.fullmatch(line)), len(lines))
    return "\n".join(lines[:end]).strip()
