"""Which channels a text refuses. Who wants no more of them may say so in any words."""

import re
from collections.abc import Collection, Set
from typing import Final

from dunflow.intake.plain import bare, normalise
from dunflow.remind.senders.codes import STOP_WORDS

EVERY_CHANNEL: Final = frozenset({"sms", "email", "voice", "call"})
"""What "do not contact me" is about: whatever comes by itself. The law may still demand letters."""

_STOP_WORDS: Final = STOP_WORDS | {"停", "停止"}
_POLITE: Final = re.compile(
    r"\b(please|pls|plz|just|now|it|this|that|thanks?|thank you|again|already|immediately|hello)\b"
    r"|请你们?|请您|请|麻烦|谢谢|您好|你好|马上|立即|立刻|我要|我想|给我"
)
_SENTENCE: Final = re.compile(r"[.!?,;:\n。！？，；：、~…]+|\s[-–—]+\s")
# Another line end may be a mail program's, in the middle of a sentence.
_PARAGRAPH: Final = re.compile(r"\n\s*(?:\n|(?=[A-ZÀ-Þ]))")

_FEW: Final = 4
"""So few words around a word for no are its trimmings: a name, a reference, "I said"."""
_MEANS_ELSE: Final = frozenset({"cancel", "end", "quit", "revoke"})
"""Mean something else among other words: "end of month"."""
_NO_STOP: Final = re.compile(
    r"\b(do not|don'?t|not|never|can ?not|can'?t|won'?t) (\w+ )?stop"
    r"|\b(bus|non|full|first|last|next) stop"
    r"|\bstop (by|at|over|the|my|our|interest|pay(ing|ments?)?|charg(es?|ing)|adding|lying"
    r"|work(ing)?)\b"
)

_REACH = (
    r"(te?xt|sms|messag|msg|e-?mail|mail|call|phon|ring|contact|writ|remind|send|harass|bother"
    r"|chas)"
)
_DO_NOT = r"(?<!\bwhy )(?<!\bif you )\b(do not|don'?t|never|dnt|neither)"
_SENT = r"(te?xt|sms|messag|msg|e-?mail|mail|remind)\w*( messag\w*)?"
# Not "never called": that tells what was, and forbids nothing.
_DO = (
    rf"(send(ing)?( me| us| any| more| further| these| such| your)* {_SENT}"
    rf"|{_REACH}(?!\w*ed\b)\w*( messag\w*)?)"
)
_OR = r"(,? (or|and|nor)( (ever|even|otherwise))? | ?[/&] ?)"
# A comma alone joins none: who writes "don't call, text me" wants a text.
_OR_DO = rf"(((, ?{_DO})+|( me| us)?){_OR}(?!\w+( me| us)? instead\b){_DO})*"
_ME = (
    r"( (to )?(me|us|my|this)\b| here| again| any ?more| ever| at all| please| pls| plz| thank"
    r"| ?$| ?[^\w\s'\"(#$£€¥+&/@*])"
)
_STOP_ZH = (
    r"(别|不要|不许|不准|请勿|勿|停止|禁止|少)(再|继续|老是?|总是?|一直|天天)*"
    r"((给|向|跟|对|往|打扰)?我(们)?)?(再)?"
    r"(打扰|发(?!票|工资|薪|现|生)|打(?!官司|折|工|钱|款|错|听|算)|联系|骚扰|烦|催|来电|寄|上门)"
    r"((电话|短信|信息|邮件|消息)?(或者?|和|及|以及|与|、|/|,?(也|更)?(别|不要))(再|给我)*(发|打|寄)?"
    r"(电话|短信|信息|邮件|消息|联系))*(电话|短信|信息|邮件)?"
)
_NOT_TO = r"\b(do not|don'?t|no longer)( ever)? (wish|want|like|care|need) to"
_NOT_ZH = r"(不想|不愿意?|不希望|不要|不再|拒绝?|不(?=接受))"
_MESSAGE_ZH = r"(短信|信息|消息|邮件|电话|来电|通知|提醒|联系|打扰)"
_STOP: Final = [
    re.compile(pattern)
    for pattern in (
        rf"\b(stop|quit|cease|end|no more|enough)\b(?! by\b)(?: \w+){{0,3}} {_REACH}\w*{_OR_DO}",
        rf"{_DO_NOT}(?: want(?: you)? to| you| ever| dare)? {_DO}{_OR_DO}{_ME}",
        r"\b(leave me alone|unsubscribe|remove (me|my (number|e-?mail))|take (me|my \w+) off)\b",
        r"\bopt(ed|ing)?[ -]?(me )?out\b|\brevok\w+\b.{0,20}\bconsent\b|\bcease and desist\b",
        r"(?<!取消)(?<!不要)(?<!不)(?<!别)(?<!没有)(退订|拒收)",
        _STOP_ZH,
        r"(别|不要|停止)(再|给我|再给我)?(短信|信息|邮件|电话)",
        rf"{_NOT_TO} (receive|hear|(be|get) {_REACH}\w*|get (any |these |your |more )*{_REACH}\w*)",
        rf"{_NOT_ZH}(要|再|继续)*(收|接收|接受|接到)(到|取)?[^,.!?，。！？]{{0,6}}{_MESSAGE_ZH}",
        r"拒绝接收|不再接收|不接收|(?<!不)(?<!没有)取消订阅|勿扰",
    )
]
_MENTIONS: Final = {
    frozenset({"sms"}): re.compile(r"\b(te?xt|sms)\w*|短信|信息"),
    frozenset({"email"}): re.compile(r"\be-?mail\w*|邮件|邮箱"),
    frozenset({"voice", "call"}): re.compile(r"\b(call|phon|ring)\w*|电话|来电|打(?!扰)"),
    frozenset({"letter"}): re.compile(r"\bletters?\b|寄|信件"),
    frozenset({"visit"}): re.compile(r"\bvisit\w*|上门"),
    EVERY_CHANNEL: re.compile(
        r"\b(contact|harass|bother|leave me alone|cease and desist)\w*|联系|骚扰|打扰|烦"
    ),
}
# Names no channel beside others that are named: then it is the one by which it was said.
_MESSAGE: Final = re.compile(
    r"(?<!\btext )(?<!\btxt )(?<!\bsms )(?<!mail )\b(messag|msg)"
    r"|\bwrit\w*(?! (e-?mail|letter|te?xt|sms))"
)


def stops(text: str, channel: str, stop_words: Collection[str]) -> frozenset[str]:
    """The channels that the text refuses; none where it refuses nothing.

    `channel`: by which it came. `stop_words`: those of all packs, in any case.
    """
    words = _STOP_WORDS | {bare(word) for word in stop_words}
    if bare(text) in words:
        return frozenset({channel})
    plain = normalise(text)
    # A word of one letter means it only by itself: "R" does, "r u sure" does not.
    telling = {word for word in words if len(word) > 1}
    # A name below or a greeting above stands on a line of its own.
    lines = [normalise(line) for line in text.splitlines()]
    alone = any(_says_no(part, telling) for line in lines for part in _SENTENCE.split(line))
    texts = [plain, *(normalise(each) for each in _PARAGRAPH.split(text))]
    found = (match.group() for rule in _STOP for each in texts for match in rule.finditer(each))
    said = "\n".join(found)
    if not alone and not said:
        return frozenset()
    named = [channels for channels, rule in _MENTIONS.items() if rule.search(said)]
    if named and _MESSAGE.search(said):
        named.append(frozenset({channel}))
    return frozenset().union(*named) if named else frozenset({channel})


def _says_no(part: str, telling: Set[str]) -> bool:
    """Whether a part of a sentence is a word for no: politely, repeatedly or with trimmings."""
    if bare(_POLITE.sub(" ", part)) in telling:
        return True
    said = [bare(word) for word in part.split()]
    if said and all(word in telling for word in said):
        return True
    clear = telling - _MEANS_ELSE
    return len(said) <= _FEW and any(word in clear for word in said) and not _NO_STOP.search(part)
