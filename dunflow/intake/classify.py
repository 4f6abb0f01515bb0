"""Reads a reply by plain rules: what must follow at once, and what a person should look at.

Whoever wants to be left alone is left alone, however they say it: a text that may be meant so is
taken so. Everything else is only proposed. The rules know Chinese and English; a word of a pack
counts in any language.
"""

import re
import unicodedata
from collections.abc import Collection, Set
from dataclasses import dataclass
from typing import Final

from dunflow.remind.senders.codes import STOP_WORDS

EVERY_CHANNEL: Final = frozenset({"sms", "email", "voice", "call"})
"""What "do not contact me" is about: whatever comes by itself. The law may still demand letters."""

START_WORDS: Final = frozenset({"start", "unstop", "resubscribe", "恢复", "恢复订阅", "重新订阅"})
"""Undo an opt-out, as the whole text. Twilio knows YES as well; here that is an answer."""

_STOP_WORDS: Final = STOP_WORDS | {"停", "停止"}
_POLITE: Final = re.compile(
    r"\b(please|pls|plz|just|now|it|this|that|thanks?|thank you|again|already|immediately|hello)\b"
    r"|请你们?|请您|请|麻烦|谢谢|您好|你好|马上|立即|立刻|我要|我想|给我"
)
_SENTENCE: Final = re.compile(r"[.!?,;:\n。！？，；：、~…]+|\s[-–—]+\s")
# Another line end may be a mail program's, in the middle of a sentence.
_PARAGRAPH: Final = re.compile(r"\n\s*(?:\n|(?=[A-ZÀ-Þ]))")
_BETWEEN_CJK: Final = re.compile(r"(?<=[\u3400-\u9fff])\s+(?=[\u3400-\u9fff])")

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
_END = r"(?= *(?:$|[.,!?;:，。！？；：、]| here\b| any ?more\b))"
_OTHERS_DEED = r"(?!操作|借|办|贷|申请|签|消费|开|用|做|弄|刷)"
_WRONG_NUMBER: Final = re.compile(
    r"\bwrong (number|person|guy|man|woman|e-?mail|address)\b"
    r"|\bno ?(one|body)( here)?( is)?( called)?( by| with| of)? that name\b"
    r"|打错(?!字|卡|款|钱|账)|发错(?!字|款)(人|了|号)|^(你们?)?找错了?$|错了?人|查无此人|号码(已经)?换(了)?(人|主)"
)
"""Says so by itself, whatever else is said."""
_ANOTHER_PERSON: Final = re.compile(
    rf"\b(this|that|it|i)( is|'s|'m| am|m|s)? not ((him|her|he|she){_END}|(this|the) person{_END}"
    r"|the right (person|number|one|contact|man|woman|guy)\b)"
    rf"|\b(do not|don'?t) know ((him|her){_END}|(this|that) (person|man|woman|guy|name)\b"
    rf"|who (he|she|this|that|it) is{_END})"
    r"|\b(just|only|recently) got this (number|phone)(?! bill)\b"
    rf"|不是本人{_OTHERS_DEED}"
    rf"|不是(他|她){_END}|不是(这个人|此人|你们?要?找的人)"
    r"|不认识(他|她|这个人|此人|你们?[说找]的(这个)?人)"
    r"|我不叫|我不是[\u4e00-\u9fff]{1,2}(先生|女士|小姐)"
)
"""Says so where nothing else is said: beside a dispute, a hardship or money it may mean these."""

_HOLDS: Final = {
    "vulnerable": re.compile(
        r"\b(suicid\w*|kill myself|end my life|self[- ]harm|mental health|depress\w*)\b"
        r"|自杀|轻生|想死|活不下去|抑郁"
    ),
    "deceased": re.compile(
        r"\b(passed away|deceased|has died|died|is dead|late (husband|wife|father|mother))\b"
        r"|去世|过世|身故|死亡|逝世|不在人世|已故|病逝"
    ),
    "insolvency": re.compile(
        r"\b(bankrupt\w*|insolven\w*|chapter (7|13)|iva|debt relief order|breathing space)\b|破产"
    ),
    "represented": re.compile(
        r"\b(my|our) (lawyer|attorney|solicitor|counsel)\b|\brepresented by\b"
        r"|我的?(代理)?律师|委托了?律师|代理律师"
    ),
    "dispute": re.compile(
        r"\b(disput\w+|incorrect|identity theft|fraud\w*|scam\w*|overcharg\w*|mistake|error)\b"
        r"|\bnot (mine|my (debt|account|loan|bill))\b|\bwrong amount\b|\bamount is wrong\b"
        r"|\bnever (borrowed|took|signed|had|received|opened|got)\b|\b(do not|don'?t) owe\b"
        r"|异议|不是我(借|欠|办|贷)|没有?(借|欠|贷|办)过|没欠|不欠|金额.{0,3}(不对|有误|错)"
        r"|算错|搞错|弄错|找错账|冒用|盗用|盗刷|冒名|账单?(不对|有误)|被骗"
        r"|(不是|非)(我)?本人(操作|借|办|贷|申请|签|消费|开|用|做|弄|刷)"
        r"|\bnot (the )?right (amount|balance|sum|figure)\b"
        r"|\b(charge|debt|loan|bill) is(n'?t| not) mine\b"
        r"|\b(do not|don'?t) know (that )?(this|that|the|these) (charge|debt|loan|bill|account)\b"
    ),
    "complaint": re.compile(
        r"\b(complain\w*|ombudsman|regulator|cfpb|report you)\b|投诉|举报|银保监|金融监管|消协"
    ),
    "hardship": re.compile(
        r"\b(can ?not|can'?t|unable to|not able to) (afford|pay|repay|make|manage)\b"
        r"|\b(lost my job|laid off|unemployed|redundan\w+)\b"
        r"|\bno (money|income|job)\b|\b(hospital\w*|illness)\b"
        r"|\b(hardship|struggl\w+|payment plan|instal?ments?|more time|extension)\b"
        r"|失业|下岗|没有?(工作|收入|钱)|生病|住院|重病|困难|还不(起|上|了)|没能力|无力"
        r"|停发|拖欠工资|欠薪|减薪|裁员|宽限|延期|分期|缓缓|缓一缓|协商|周转"
    ),
}
"""Kinds of holds that a reply may ask for, the gravest first: the first one found is proposed."""

_CEASE: Final = re.compile(
    r"\b(stop contacting|(do not|don'?t|never)( ever)?( \w+ (or|and|nor))* contact|cease"
    r"|leave me alone)\b"
    r"|(别|不要|请勿|停止)(再|继续)*联系"
)
_PAID: Final = re.compile(
    r"\b(already|have|just|i'?ve|has been|was) (been )?(paid|payed|settled|transferred|cleared)\b"
    r"|\bpaid (it|this|yesterday|today|in full|already|last|on|off)\b"
    r"|\bpayment (was )?(made|sent)\b"
    r"|(已经?|刚刚?|刚才|早就?|昨[天日晚]|上周|都)(经|就)?(还|付|结|转|缴)(清|完|过|款|掉|了|账)"
    r"|(?<!没)(?<!没有)(?<!未)(还|付|结|缴)(清|完|过)了|已还|已付|已结清"
)
_WILL_PAY: Final = re.compile(
    r"\b(will|i'?ll|gonna|going to|can|shall|promise)\b.{0,30}\b(pay|transfer|settle|send|clear)\b"
    r"|\bpay(ing)? (on|by|next|tomorrow|you|it|the|\W?\d)"
    r"|(?<![没未不])还(?![没不是有在未])|付|转账|转给|结清|缴"
)
_QUESTION: Final = re.compile(
    r"[?？]|^(what|how|why|when|who|which|where|can|could|is|are|do|does)\b"
    r"|怎么|多少|什么|为何|哪|吗|呢|几号|如何"
)


@dataclass(frozen=True)
class Reading:
    """What a reply says. `kind` names the strongest of it.

    `stops`: channels that are opted out of at once. `starts`: the opt-out of its own channel ends.
    `wrong_person`: the contact point reaches somebody else. `proposed_hold`, and whether it sounds
    as if it was `paid` or like a promise (`will_pay`), are for a person to decide.
    """

    kind: str
    stops: frozenset[str] = frozenset()
    starts: bool = False
    wrong_person: bool = False
    proposed_hold: str | None = None
    will_pay: bool = False
    paid: bool = False

    @property
    def waits_for_a_person(self) -> bool:
        """Whether somebody must look at it; what was done at once needs nobody."""
        says_more = self.proposed_hold is not None or self.paid or self.will_pay
        return says_more or self.kind not in ("opt_out", "opt_in", "note")


def classify(text: str, channel: str, stop_words: Collection[str]) -> Reading:
    """Read `text`, which came by `channel`; `stop_words` are those of all packs, in any case."""
    plain = normalise(text)
    if bare(text) in START_WORDS:
        return Reading("opt_in", starts=True)
    stops = _stops(text, channel, _STOP_WORDS | {bare(word) for word in stop_words})
    proposed = next((kind for kind, rule in _HOLDS.items() if rule.search(plain)), None)
    if proposed is None and stops and _CEASE.search(plain):
        proposed = "cease"
    paid = bool(_PAID.search(plain))
    will_pay = not paid and bool(_WILL_PAY.search(plain))
    says_else = proposed in ("dispute", "hardship") or paid or will_pay
    wrong = bool(_WRONG_NUMBER.search(plain))
    wrong = wrong or bool(not says_else and _ANOTHER_PERSON.search(plain))
    if wrong:
        kind = "wrong_person"
    elif stops:
        kind = "opt_out"
    elif paid and proposed in (None, "hardship"):
        kind, proposed = "paid", None
    elif proposed:
        kind = proposed
    elif will_pay and not _QUESTION.search(plain):
        kind = "promise"
    else:
        kind = "question" if _QUESTION.search(plain) else "other"
    return Reading(kind, stops, False, wrong, proposed, will_pay, paid)


def normalise(text: str) -> str:
    """Lower case, ordinary width, no invisible characters, no blanks between Chinese ones."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    plain = "".join(char for char in plain if unicodedata.category(char) != "Cf")
    return _BETWEEN_CJK.sub("", " ".join(plain.split()))


def bare(text: str) -> str:
    """Only the letters and digits: `" s.T.o.P!! "` is `stop`."""
    return "".join(char for char in normalise(text) if char.isalnum())


def _stops(text: str, channel: str, words: Collection[str]) -> frozenset[str]:
    """The channels that the text refuses; none where it refuses nothing."""
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
