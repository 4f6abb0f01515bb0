"""What somebody wrote themselves in a mail, without the mail of ours that their client quotes.

That matters: every mail of ours says how to stop them, and quoted it would read as a refusal.
Libraries for this know hardly any client that is common in China, and nobody but us knows by whom
the quoted mail is: its heading, in whatever language and order, names one of our own addresses.
"""

import re
from collections.abc import Collection, Iterator

from dunflow.ledger.references import ALPHABET

_RULE = "-_*="
_TITLE = re.compile(
    r"origin|forward|replied|ursprüng|weitergeleitet|oorspronkelijk|doorgestuurd|oryginal|przekazan"
    r"|исходн|пересл|原始|原件|原邮件|转发|轉寄|回复的",
    re.IGNORECASE,
)
"""What stands between the dashes above a quoted mail, in whatever language."""
_FROM = re.compile(r"[\s|*]*(from|von|de|发件人|寄件者|寄件人|送信者)[\s*|]*[:：|]", re.IGNORECASE)
_HEAD = re.compile(
    r"[\s|*]*(sent|date|to|cc|subject|gesendet|datum|an|betreff|envoyé|objet|à|enviado|para|asunto"
    r"|发送时间|发送日期|时间|日期|收件人|抄送|主题|主旨|寄件日期|傳送時間)[\s*|]*[:：|]",
    re.IGNORECASE,
)
_WROTE = ("wrote", "写道", "寫道", "schrieb", "a écrit", "escribió")
_BEGINS = re.compile(r"\s*(on|am|le|el|在|于)\b.*\d", re.IGNORECASE)
_QUOTE = re.compile(r"\s*[>＞]")
_SENT_FROM = re.compile(
    r"\s*(sent from (my|outlook|yahoo|mail)\b.*|get (outlook|yahoo mail) .*|(发自|来自)我的.*"
    r"|从我的.{1,12}发送)\s*",
    re.IGNORECASE,
)
_REPLY = re.compile(r"\s*(re|aw|sv|rv|fwd?|回复|答复|回覆|转发)\s*[:：]", re.IGNORECASE)
_REFERENCE = re.compile(rf"(?<![A-Z0-9])[{ALPHABET}]{{7}}(?![A-Z0-9])", re.ASCII)


def own_words(text: str, ours: Collection[str]) -> str:
    """The part of `text` that its writer typed, "" where none can be told from what is quoted;
    `ours` are the addresses that we write from.

    Whoever writes below the quotation or between its lines has typed the lines that bear no mark.
    Of these, one right below a marked line may be the rest of it, wrapped by a client: it counts
    only where nothing else was typed.
    """
    lines = text.split("\n")
    end = _heading(lines, ours)
    above = [line for line in lines[:end] if not _QUOTE.match(line)]
    below = lines[end:]
    if not any(map(_QUOTE.match, below)):
        return _without_signature(above)
    if any(line.strip() for line in above):
        return _without_signature([*above, *_apart(below, ours)])
    return _without_signature(
        [line for line in below if not (_QUOTE.match(line) or _begins(line, [], ours))]
    )


def is_reply(subject: str) -> bool:
    """Whether the subject is that of the mail which is answered."""
    return bool(_REPLY.match(subject))


def references(text: str) -> list[str]:
    """Whatever in it looks like a reference of ours, each once."""
    return list(dict.fromkeys(_REFERENCE.findall(text)))


def _heading(lines: list[str], ours: Collection[str]) -> int:
    """Where the quoted mail begins; the number of lines where none does."""
    end = next(
        (at for at, line in enumerate(lines) if _begins(line, lines[at + 1 : at + 5], ours)),
        len(lines),
    )
    # "On Friday, 27 November 2026, Sunrise Instalment" may stand on a line before the address.
    return end - 1 if 0 < end < len(lines) and _BEGINS.match(lines[end - 1]) else end


def _begins(line: str, following: list[str], ours: Collection[str]) -> bool:
    """Whether a quoted mail begins with this line, which is none that somebody typed to us."""
    plain = line.strip()
    core = plain.strip(_RULE)
    if plain.startswith(tuple(each * 4 for each in _RULE)):
        return _TITLE.search(core) is not None if core else len(plain) >= 16
    ends = plain.rstrip(":： ")
    if ends != plain and ends.lower().endswith(_WROTE):
        return True
    names_us = any(address.lower() in plain.lower() for address in ours)
    if _FROM.match(line):
        return names_us or any(_HEAD.match(each) for each in following)
    # "Stop writing from service@sunrise.example" is somebody's word.
    return names_us and (ends != plain or "<" in plain or ">" in plain)


def _apart(below: list[str], ours: Collection[str]) -> Iterator[str]:
    """Lines without a mark that an empty line parts from the marked ones."""
    apart = False
    for line in below:
        if _QUOTE.match(line) or _begins(line, [], ours):
            apart = False
        elif not line.strip():
            apart = True
        elif apart:
            yield line


def _without_signature(lines: list[str]) -> str:
    end = next((at for at, line in enumerate(lines) if line.strip() == "--"), len(lines))
    return "\n".join(line for line in lines[:end] if not _SENT_FROM.fullmatch(line)).strip()
