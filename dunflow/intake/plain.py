"""A text as the rules read it, however it was typed."""

import re
import unicodedata
from typing import Final

_BETWEEN_CJK: Final = re.compile(r"(?<=[\u3400-\u9fff])\s+(?=[\u3400-\u9fff])")


# The characters that the rules are written with, as Hong Kong and Taiwan have them.
_SIMPLIFIED: Final = str.maketrans(
    "發電話請別聯絡繫訂閱騷擾給們簡訊郵來對煩總傳說過還錢賬帳單結轉繳貸辦錯誤盜沒無這個號碼換機認識誰時會"
    "從業崗難協寬減資員債務訴舉報銀監產師託書門訪讓願聽絕繼續隨亂堅決現後復覆馬謝關閉刪銷權為開點問種醫錄"
    "應該嗎幾麼樣嚴屬內當經額詐騙條項嘗償擬終斷將",
    "发电话请别联络系订阅骚扰给们简讯邮来对烦总传说过还钱账账单结转缴贷办错误盗没无这个号码换机认识谁时会"
    "从业岗难协宽减资员债务诉举报银监产师托书门访让愿听绝继续随乱坚决现后复复马谢关闭删销权为开点问种医录"
    "应该吗几么样严属内当经额诈骗条项尝偿拟终断将",
)
_SAID_THERE: Final = {
    "联络": "联系",
    "简讯": "短信",
    "传短信": "发短信",
    "电邮": "邮件",
}
"""Their words for the same."""


def normalise(text: str) -> str:
    """Lower case, ordinary width, no invisible characters, no blanks between Chinese ones, which
    are simplified."""
    plain = unicodedata.normalize("NFKC", text).casefold().replace("’", "'")
    plain = "".join(char for char in plain if unicodedata.category(char) != "Cf")
    plain = plain.translate(_SIMPLIFIED)
    for theirs, ours in _SAID_THERE.items():
        plain = plain.replace(theirs, ours)
    return _BETWEEN_CJK.sub("", " ".join(plain.split()))


def bare(text: str) -> str:
    """Only the letters and digits: `" s.T.o.P!! "` is `stop`."""
    return "".join(char for char in normalise(text) if char.isalnum())
