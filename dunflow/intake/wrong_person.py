"""Whether a text says that its writer is not the one who was meant."""

import re
from collections.abc import Collection
from typing import Final

from dunflow.intake.plain import normalise

_MARKS = ",.!?;:，。！？；：、"
_END = rf"(?= *(?:$|[{_MARKS}]| here\b| any ?more\b))"
_OTHERS_DEED = r"(?!操作|借|办|贷|申请|签|消费|开|用|做|弄|刷)"
_WRONG_NUMBER: Final = re.compile(
    r"\bwrong (?:(?:phone|telephone|cell|mobile) )?"
    r"(?:#|(?:number|num|nr)\b(?! of\b| (?:is|was) on\b)|no(?=\.|$))"
    rf"|\bwrong (?:phone|cell|mobile){_END}"
    r"|\bwrong (?:person|guy|man|woman)\b(?!(?: was| got| has| is)?(?: been)? (?:paid|charged))"
    r"|\bno ?(one|body)( here)?( is)?( called)?( by| with| of)? that name\b"
    r"|(?<!我)打错(?!了?(?:字|卡|款|钱|账|金额|数))|(?<!账单)(?<!账)(?<!金额)发错(?!字|款)(人|了|号)|^(你们?)?找错了?$"
    r"|(?:打|发|找|认|搞|弄|问|拨|加|催|联系|通知)错了?人"
    r"|\bfalsche (?:(?:telefon|handy|ruf|mobil)?nummer|person)\b|\bfalsch verbunden\b"
    r"|(?<!\bmich )\bverwählt\b"
    r"|查无此人|号码(已经)?换(了)?(人|主)|机主(已经?)?换|换了?机主"
)
"""Says so by itself, whatever else is said."""
_WRONG_MAILBOX: Final = re.compile(r"\bwrong (?:e-?mail|address|mailbox)\b")
"""By email alone: who texts it speaks of another address than the one that they were texted at."""
_ASTRAY: Final = re.compile(
    r"\b(?:(?:re)?paid|(?:re)?pay(?:ing)?|transfer(?:red|ring)?|wired|deposited|credited|gave|given"
    r"|put|entered|typed|filled|wrote|provided|used|went"
    r"|(?:i|we|i've|we've)(?: (?:have|had|just|also|accidentally|already|must)){0,2}"
    r" (?:sent|send|made|called|dial\w+|texted))\b"
    r"(?: (?!(?:you|u|and|but)\b)\w+){0,6} wrong\b"
    r"|\bhabe\b(?: (?!sie\b)\w+){0,5} falsche?[nrs]? \w+"
    rf"|(?:钱|(?<!催)款|红包|转|付|汇|充|存)[^{_MARKS}短信电通催你您]{{0,8}}错|还错"
)
"""What went wrong was a payment, or what somebody told us: "I paid the wrong person"."""

_THEM = r"(?:him|her|he|she|them)"
_THEIRS = r"(?:his|her|hers|him's|their|my)"
_NUMBER: Final = r"(?:(?:cell|mobile|tele)? ?phone number|number|phone|mobile|cell)"
_MAILBOX: Final = r"(?:e-?mail|mailbox|inbox)"
_ANOTHER_PERSON: Final = re.compile(
    r"\b(?:this|that|it|i|name)(?: is|'s|'m| am|m|s)?(?: not|n't)"
    rf" (?:{_THEM}{_END}|(?:this|that|the) person{_END}"
    r"|the right (?:person|number|one|contact|man|woman|guy)\b)"
    rf"|^not {_THEM}{_END}|\bno him{_END}|\bwho(?:'s|s| is)(?: this| that)? him{_END}"
    r"|\b(?:do not|don'?t) know (?:(?:any|anyone|anybody|a|somebody|someone)(?: called| named)? )?"
    rf"(?:{_THEM}{_END}|(?:this|that) (?:person|man|woman|guy|name)\b"
    rf"|who (?:he|she|him|this|that|it) is{_END})"
    r"|\b(?:just|only|recently) got this (?:number|phone)(?! bill)\b"
    rf"|\b{_THEM} (?:no longer|does ?n'?o?t) (?:lives?|works?|stays?) here\b"
    rf"|\b{_THEM} (?:no longer|does ?n'?o?t) (?:uses?|has|have|owns?) this (?:number|phone)\b"
    rf"|\b{_THEM} (?:has |have )?(?:moved (?:out|away)\b|changed {_THEIRS} (?:phone )?number)"
    r"|\bthis (?:number|phone) (?:now )?"
    r"(?:no longer belongs|belongs to (?:me|us|some(?:one|body) else))"
    rf"|不是本人{_OTHERS_DEED}"
    rf"|不是(他|她)(?:啊|呀|哦|吧)?{_END}|不是(这个人|此人|你们?要?找的人)"
    r"|不认识(?:一个|什么|任何)?(?:叫)?(他|她|这个人|此人|你们?[说找]的(这个)?人)"
    rf"|不认识{_END}|没有?(?:叫)?(?:这个人|此人|他)(?:这个?人|的人)?{_END}"
    r"|(?:他|她)(?:已经?|早就?|都)*(?:换号|换了?(?:手机|电话)?号|换电话|不用这个?(?:手机|电话)?号|搬走|不住这)"
    r"|\bkenne (?:ich )?(?:ihn|sie|den|die|him|(?:die|diese) (?:person|frau|dame)"
    r"|(?:den|diesen) (?:mann|herrn|namen)|(?:herrn|frau) \w+) nicht\b"
    r"|\bkenne (?:ich )?keine?n? (?:him|herrn|frau)\b"
    r"|\bbin nicht (?:him|herr|frau|(?:der|die) (?:richtige|gesuchte|him))\b"
    r"|\bist nicht (?:seine|ihre|him's) (?:\w+)?nummer\b"
    r"|\b(?:er|sie|der|die|him) wohnt (?:hier )?nicht (?:mehr )?(?:hier\b)?"
    r"|\bnever heard of him\b|\b(?:number|phone) (?:was|has been|got) reassigned\b"
    rf"|\bis no longer {_THEIRS} (?:phone )?number\b"
    rf"|^(?:他是谁|谁是他){_END}|号码?不是(?:他|她)的"
    r"|我不叫|我不是[\u4e00-\u9fff]{1,2}(先生|女士|小姐)"
)
"""Says so where nothing else is said: beside a dispute, a hardship or money it may mean these."""
_NOT_THEIRS: Final = {
    channel: re.compile(
        rf"\b(?:not|isn'?t|ain'?t) {_THEIRS} {point}\b(?! (?:one|bill|account|company|plan)\b)"
        rf"|不是(?:他|她|我|本人)们?的?{point_zh}(?!费|账|卡|银行)"
    )
    for channel, point, point_zh in (
        ("email", _MAILBOX, "(?:邮箱|邮件地址)"),
        ("sms", _NUMBER, "(?:手机|电话|号)"),
    )
}
"""Of the point by which it came: another one than that may well be somebody else's."""

_COMMON: Final = frozenset(
    (
        *("an", "do", "he", "her", "him", "his", "in", "is", "it", "me", "my", "no", "on", "she"),
        *("so", "them", "this", "to", "us", "we", "who", "you"),
        *("able", "fair", "free", "good", "long", "rich", "right", "sure", "well", "young"),
    )
)
"""Parts of names that are words as well: "I'm not rich"."""
_CJK: Final = re.compile(r"[\u3400-\u9fff]")


def is_wrong_person(plain: str, channel: str, names: Collection[str], says_else: bool) -> bool:
    """`channel`: by which it came. `names`: of the only customer who is reached there, if there is
    one. `says_else`: whether it speaks of a dispute, a hardship or money as well."""
    told = _unnamed(_ASTRAY.sub(" ", plain), names)
    if _WRONG_NUMBER.search(told) or (channel == "email" and _WRONG_MAILBOX.search(told)):
        return True
    if says_else:
        return False
    not_theirs = _NOT_THEIRS["email" if channel == "email" else "sms"]
    return bool(_ANOTHER_PERSON.search(told) or not_theirs.search(told))


def _unnamed(plain: str, names: Collection[str]) -> str:
    """The text with "him" for the customer: "I am not Bo Smith" says what "I am not him" does."""
    words = {word for name in names for word in re.findall(r"\w+", normalise(name))}
    parts = sorted((word for word in words - _COMMON if len(word) > 1), key=len, reverse=True)
    latin = "|".join(re.escape(each) for each in parts if not _CJK.search(each))
    if latin:
        title = r"(?:(?:mr|mrs|ms|miss|dr)\.? )?"
        plain = re.sub(rf"\b{title}(?:{latin})(?:[ ,.-]+(?:{latin}))*\b", "him", plain)
    for each in parts:
        if _CJK.search(each):
            plain = plain.replace(each, "他")
    return plain
