"""What people write, by families of sentences, in Chinese of both scripts, English and German."""

from functools import cache

import pytest

from dunflow.config.book import read_book
from dunflow.intake.classify import Reading, classify


@cache
def _words() -> frozenset[str]:
    return read_book("sunrise_instalment").stop_words


def read(text: str) -> Reading:
    names = ["张伟"] if any(sign > "\u4e00" for sign in text) else ["John Smith"]
    return classify(text, "sms", _words(), names)


@pytest.mark.parametrize(
    "text",
    [
        "我撤回同意",
        "撤销授权",
        "我撤销对你们联系我的授权",
        "不同意接收短信",
        "我不同意你们联系我",
        "Ich widerrufe meine Einwilligung",
        "Ich ziehe meine Einwilligung zurück",
        "Ich habe keine Einwilligung erteilt",
        "Ich lege Widerspruch ein",
        "hiermit widerspreche ich",
        "Ich widerspreche ausdrücklich",
        "I do not authorize you to contact me",
        "You are not authorized to contact me",
        "You may not contact me",
        "I have not consented to text messages",
        "I never consented to this",
        "I object to these messages",
        "Ich möchte keine SMS mehr erhalten",
        "Ich will keine SMS mehr bekommen",
        "Ich möchte keine E-Mails mehr erhalten",
        "Rufen Sie mich nicht an",
        "Kontaktieren Sie mich nicht",
        "Bitte nicht anrufen",
        "Bitte schreiben Sie mir nicht",
        "Keine weiteren Nachrichten",
        "Hören Sie auf, mir zu schreiben",
        "Unterlassen Sie weitere Anrufe",
        "Ich möchte nicht mehr angerufen werden",
        "Melden Sie sich nicht mehr",
        "Ich bestelle ab",
        "No texts please",
        "No calls",
        "I want no contact",
        "Please no calls at work",
        "leave us alone",
        "leave me the hell alone",
        "I asked you to stop",
        "I told you to stop",
        "how many times do I have to tell you to stop",
        "I don't want this",
        "Put me on your do not call list",
        "delete my data",
        "取消",
        "我要取消",
        "删除我的号码",
        "把我号码删了",
        "不要拨打我的电话",
        "不要找我家人",
        "不得骚扰",
        "谢绝来电",
        "拒绝上门",
        "关闭短信提醒",
        "屏蔽短信",
        "再打电话我就报警",
        "請不要再發短信",
        "退訂",
        "取消訂閱",
        "停止騷擾",
        "不要聯絡我",
        "請勿再傳簡訊",
    ],
)
def test_a_no_is_heard(text: str) -> None:
    assert read(text).stops


@pytest.mark.parametrize(
    "text",
    [
        "Ich habe keine SMS mehr bekommen",
        "Warum schreiben Sie mir nicht?",
        "Rufen Sie mich nicht vor 9 Uhr an",
        "Ich widerrufe meine Einwilligung zum Lastschrifteinzug",
        "Ich lege Widerspruch gegen die Forderung ein",
        "I asked you to stop charging interest",
        "you can't call me now, I'm at work",
        "不同意你们的金额",
        "撤销银行扣款授权",
        "再不发货我就投诉",
        "我的电话停机了，怎么还款",
        "我没取消",
        "I don't want this to go to court, I will pay",
        "no calls have come, call me",
        "Mein Telefon kann nicht mehr angerufen werden",
        "I told you to stop by my office",
        "不要删除我的号码",
        "I want no trouble, call me",
        "取消还款计划",
        "明天找我拿钱",
        "Ich höre auf zu rauchen",
        "I object to the amount",
    ],
)
def test_what_is_no_refusal_stops_nothing(text: str) -> None:
    assert not read(text).stops


@pytest.mark.parametrize(
    "text",
    [
        "Ich bin nicht John Smith",
        "Ich kenne keinen John Smith",
        "Das ist nicht seine Nummer",
        "Der wohnt hier nicht mehr",
        "Sie haben sich verwählt",
        "张伟是谁",
        "没这个人",
        "这个号码不是他的",
        "this is no longer John's number",
        "never heard of John",
        "I am not that person",
        "this number was reassigned",
        "Sie haben die falsche Nummer",
        "falsche Nummer",
        "Ich kenne ihn nicht",
        "Ich kenne diese Person nicht",
        "發錯人了",
    ],
)
def test_whoever_is_somebody_else_is_heard(text: str) -> None:
    assert read(text).wrong_person


@pytest.mark.parametrize(
    "text",
    [
        "Ich kenne diese Forderung nicht",
        "Ich kenne die Rechnung nicht",
        "Ich kenne den Betrag nicht",
        "Ich bin nicht der Schuldner",
        "Die falsche Kundennummer steht im Brief",
        "Sie haben die falsche Rechnungsnummer",
        "falsche Kontonummer verwendet",
        "Ich habe die falsche Nummer gewählt",
        "Ich habe an die falsche Person überwiesen",
        "Ich bin nicht die Einzige",
        "账单发错了",
        "金额发错了",
        "the wrong number is on your website",
        "Ich habe mich verwählt",
    ],
)
def test_who_disputes_or_made_a_slip_is_nobody_else(text: str) -> None:
    assert not read(text).wrong_person


@pytest.mark.parametrize(
    "text",
    [
        "今天还了",
        "我今天还了500元",
        "我还了",
        "付了",
        "我付了",
        "已缴",
        "I paid",
        "I made a payment of 200 yesterday",
        "I sent the payment",
        "已打款",
        "已经交了",
        "转过去了",
        "Ich habe schon bezahlt",
        "Ich habe gestern überwiesen",
    ],
)
def test_who_has_paid_promises_nothing(text: str) -> None:
    said = read(text)
    assert (said.kind, said.paid, said.will_pay) == ("paid", True, False)


@pytest.mark.parametrize(
    "text",
    [
        "我已还不上了，能不能分期",
        "已还不起了，失业",
        "已付不起房租了",
        "还了吗",
        "我没还",
        "等下还",
        "明天还",
        "Ich habe noch nicht bezahlt",
        "我会还的",
        "不要交了",
    ],
)
def test_who_has_not_paid_is_not_taken_for_one_who_has(text: str) -> None:
    assert not read(text).paid


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("已还不起了，失业", "hardship"),
        ("Ich kann die Rechnung nicht bezahlen", "hardship"),
        ("I owe nothing", "dispute"),
        ("I didn't take this loan", "dispute"),
        ("someone stole my identity", "dispute"),
        ("validate this debt", "dispute"),
        ("我没有借钱", "dispute"),
        ("这不是我的贷款", "dispute"),
        ("Ich bestreite die Forderung", "dispute"),
        ("Ich kenne diese Forderung nicht", "dispute"),
    ],
)
def test_a_hold_is_proposed_for_what_is_said(text: str, kind: str) -> None:
    assert read(text).proposed_hold == kind
