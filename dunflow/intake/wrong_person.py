"""Whether a text says that its writer is not the one who was meant."""

import re
from typing import Final

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


def is_wrong_person(plain: str, says_else: bool) -> bool:
    """`says_else`: whether it speaks of a dispute, a hardship or money as well."""
    if _WRONG_NUMBER.search(plain):
        return True
    return not says_else and bool(_ANOTHER_PERSON.search(plain))
