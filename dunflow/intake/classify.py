"""Reads a reply by plain rules: what must follow at once, and what a person should look at.

Whoever wants to be left alone is left alone, however they say it: a text that may be meant so is
taken so. Everything else is only proposed. The rules know Chinese, in both scripts, English and
some German; a word of a pack counts in any language.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from dunflow.intake.opting_out import stops
from dunflow.intake.plain import bare, normalise
from dunflow.intake.wrong_person import is_wrong_person

START_WORDS: Final = frozenset({"start", "unstop", "resubscribe", "恢复", "恢复订阅", "重新订阅"})
"""Undo an opt-out, as the whole text. Twilio knows YES as well; here that is an answer."""

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
        r"|\bi owe (you )?nothing\b|\bstole my identity\b|\bvalidat\w+ (this|the|my) debt\b"
        r"|\b(did not|didn'?t) (take|sign|open|get) (out )?(this|that|the|a|any) (loan|account)\b"
        r"|没有?借(钱|款|你们)|不是我的?(贷款|借款|债|账)"
        r"|\bbestreite\b|\bwiderspreche\b[^.!?]{0,30}\b(forderung|rechnung|betrag|schuld)"
        r"|\bkenne (ich )?(die|diese|diesen|den) (forderung|rechnung|betrag|schuld) nicht\b"
        r"|\b(forderung|rechnung|betrag) (ist (falsch|unberechtigt|nicht (richtig|korrekt))"
        r"|stimmt nicht)\b|\bich schulde \w* ?nichts\b"
    ),
    "complaint": re.compile(
        r"\b(complain\w*|ombudsman|regulator|cfpb|report you)\b|投诉|举报|银保监|金融监管|消协"
    ),
    "hardship": re.compile(
        r"\b(can ?not|can'?t|unable to|not able to) (afford|pay|repay|make|manage)\b"
        r"|\b(lost my job|laid off|unemployed|redundan\w+)\b"
        r"|\bno (money|income|job)\b|\b(hospital\w*|illness)\b"
        r"|\bkann\b[^.!?]{0,30}\bnicht (be)?zahlen\b|\b(arbeitslos|ratenzahlung|kein geld)\b"
        r"|\b(hardship|struggl\w+|payment plan|instal?ments?|more time|extension)\b"
        r"|失业|下岗|没有?(工作|收入|钱)|生病|住院|重病|困难|还不(起|上|了)|没能力|无力"
        r"|停发|拖欠工资|欠薪|减薪|裁员|宽限|延期|分期|缓缓|缓一缓|协商|周转"
    ),
}
"""Kinds of holds that a reply may ask for, the gravest first: the first one found is proposed."""

_CEASE: Final = re.compile(
    r"\b(stop contacting|(do not|don'?t|never)( ever)?( \w+ (or|and|nor))* (contact|communicate)"
    r"|no (more|further) (contact|communications?)|cease|desist|leave me alone)\b"
    r"|(别|不要|请勿|停止)(再|继续)*联系"
)
_REFUSES: Final = re.compile(
    r"(?<!\bnot )(?<!n't )\brefus(e|ing) to (re)?pay\b"
    r"|\b(will not|won'?t|('m|am|are) not going to|will never) (re)?pay"
    r" (you|this|it|that|anything|a (single )?(cent|penny|dime))\b"
    r"(?! (today|tomorrow|until|till|before|unless|this|late|twice|week|month))"
    r"|(?<!没)(?<!没有)(?<!不是)(?<!不会)(?<!银行)(?<!被)拒绝(还|付|支付|偿|缴)"
    r"|(坚决|绝对|肯定|打?死也?|就是|一分钱?[也都]?)不(会)?(还|付)(?!起)|^我?不(会)?(还|付)(钱|款|了)*$"
)
"""In writing, a refusal to pay ends the contacts as a refusal of them does: 15 U.S.C. 1692c(c)."""
_PAID: Final = re.compile(
    r"\b(already|have|just|i'?ve|has been|was) (been )?(paid|payed|settled|transferred|cleared)\b"
    r"|\bpaid (it|this|yesterday|today|in full|already|last|on|off)\b"
    r"|\bpayment (was )?(made|sent)\b"
    r"|(已经?|刚刚?|刚才|早就?|昨[天日晚]|上周|都)(经|就)?(还|付|结|转|缴)(清|完|过|款|掉|了|账)"
    r"|(?<!没)(?<!没有)(?<!未)(还|付|结|缴)(清|完|过)了|已还(?!不)|已付(?!不)|已结清"
    r"|已(?:经)?(?:打款|转账|汇款|缴|交)|转过去了"
    r"|(?<![没未不要就该])(?<!没有)(?:还|付|交|缴)了(?![吗么没?])"
    r"|\bi paid\b|\bi made (?:a|the|my) payment\b|\bi sent (?:a|the|my) payment\b"
    r"|\bhabe(?: (?!nicht\b|nie\b|kein|falsch)\w+){0,5} (?:be|ge)zahlt\b"
    r"|\bhabe(?: (?!nicht\b|nie\b|kein|falsch)\w+){0,5} (?:überwiesen|beglichen)\b"
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


def classify(
    text: str, channel: str, stop_words: Collection[str], names: Collection[str] = ()
) -> Reading:
    """Read `text`, which came by `channel`; `stop_words` are those of all packs, in any case.

    `names`: of the customer, where it is known who must have written it.
    """
    plain = normalise(text)
    if bare(text) in START_WORDS:
        return Reading("opt_in", starts=True)
    refused = stops(text, channel, stop_words)
    proposed = next((kind for kind, rule in _HOLDS.items() if rule.search(plain)), None)
    refuses = bool(_REFUSES.search(plain))
    if proposed is None and (refuses or (refused and _CEASE.search(plain))):
        proposed = "cease"
    paid = bool(_PAID.search(plain))
    will_pay = not paid and not refuses and bool(_WILL_PAY.search(plain))
    says_else = proposed in ("dispute", "hardship") or paid or will_pay
    wrong = is_wrong_person(plain, channel, names, says_else)
    if wrong:
        kind = "wrong_person"
    elif refused:
        kind = "opt_out"
    elif paid and proposed in (None, "hardship"):
        kind, proposed = "paid", None
    elif proposed:
        kind = proposed
    elif will_pay and not _QUESTION.search(plain):
        kind = "promise"
    else:
        kind = "question" if _QUESTION.search(plain) else "other"
    return Reading(kind, refused, False, wrong, proposed, will_pay, paid)
