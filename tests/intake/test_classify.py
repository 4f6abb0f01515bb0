"""Replies are read by plain rules. Each text is one that a customer might write."""

import datetime as dt
import time
from decimal import Decimal

import pytest

from dunflow.intake.classify import classify
from dunflow.intake.opting_out import EVERY_CHANNEL
from dunflow.intake.promised import promised_amount, promised_day

WORDS = ["R", "TD", "T", "退订", "拒收", "stop", "opt out", "stopp"]
SAID_ON = dt.date(2026, 3, 11)  # a Wednesday


@pytest.mark.parametrize(
    "text",
    [
        "STOP",
        "stop.",
        " s t o p !",
        "ＳＴＯＰ",
        "Stop please",
        "STOP!!! I told you twice",
        "please stop texting me",
        "pls stop sending these messages",
        "do not text me anymore",
        "I want to opt-out",
        "unsubscribe me now",
        "remove my number from your list",
        "I revoke my consent to receive these",
        "td",
        "ＴＤ",
        " r ",
        "T。",
        "退订",
        "退 订",
        "请退订",
        "别再发了",
        "不要再给我发短信了",
        "请勿打扰",
        "请勿再打扰",
        "麻烦退订一下，谢谢",
        "stopp",
        "s\u200btop",
        "我不想再收到短信",
        "我不想收到你们的短信",
        "取消订阅",
        "拒绝接收",
        "不再接收",
        "不接受短信",
        "勿扰",
        "I do not wish to be contacted",
        "I don't wish to receive these messages",
        "i dont want to receive texts",
        "STOP\n\nJohn Smith",
        "Hello\r\n\r\nStop\r\n\r\nMit freundlichen Grüßen\r\nMax",
        "TD\n张三",
        "张三 TD",
        "stop stop stop",
        "I said stop",
        "stop sir",
        "stop Liu",
        "STOP Lisa Payne",
        "Next time stop",
        "ok stop",
        "Stop - John",
        "STOP Ref ABCDEFG",
        "please stop\nemailing and texting me",
        "Do not text.",
        "DON'T TEXT!!",
        "Don't text, please",
        "Do not text please",
        "Do not text… Li",
        "Do not text - John",
        "Do not text\nJohn Smith",
        "Do not text, ever",
        "Do not send texts",
        "do not send any more messages.",
        "dont txt me",
        "Do not call. Do not text.",
        "Do not contact us again!",
        "停止",
        "停。",
        "cancel these texts",
        "Cancel messages",
        "revoke permission",
        "I am revoking permission to text me",
        "I withdraw my consent",
        "I do not consent to being contacted",
        "please cease all communications",
        "cease communication with me",
        "No further contact please",
        "kindly desist from texting me",
        "I don't want your messages",
        "I do not want any more texts",
        "unsub",
        "Remove",
        "delete my number",
        "END texts",
        "回复TD",
        "回TD",
        "我TD",
        "TD了",
        "TD啊",
        "TD退",
        "我要TD",
        "张三TD",
        "已经回复TD了为什么还发",
        "回复T",
        "回T",
        "不用再发了",
        "不需要再发短信",
        "取消短信",
        "拒绝",
        "不想再收到",
        "我不想再收到了。",
        "别来烦我",
        "请停止一切联系",
        "取消短信提醒",
        "请取消所有还款提醒",
        "取消发送",
        "拒绝短信",
        "拒绝一切骚扰电话",
        "不需要短信",
        "不必再发",
        "无需再发",
        "没必要再发了",
        "不想被骚扰",
        "不要给任何人发短信",
        "别总来催我",
        "I'm cancelling these messages",
        "please end all communication",
        "Please remove this number",
        "erase my contact details",
        "Remove my name from your list",
        "I never agreed to these texts",
        "I am withdrawing consent to be contacted",
        "I want no more texts from you",
        "I don't need your reminders",
        "I don't want these anymore",
        "I don't want you texting me",
        "I do not give permission to text me",
        "please lose my number",
        "go away",
        "not interested",
        "Fuck off!",
        "Do not communicate with me",
        "Stop the calls and texts",
        "no more of your messages",
    ],
)
def test_a_no_is_heard_however_it_is_said(text: str) -> None:
    reading = classify(text, "sms", WORDS)
    assert "sms" in reading.stops
    assert reading.kind == "opt_out"


@pytest.mark.parametrize(
    "text",
    [
        "I will stop by the branch tomorrow",
        "r u sure?",
        "T-shirt",
        "how much do I owe",
        "公司停止发工资了",
        "我没收到短信",
        "I don't want to get a lawyer",
        "我已经打款了",
        "取消退订",
        "can you extend",
        "我明天还500元",
        "end of month",
        "The bus stop",
        "Please don't stop it",
        "stop the interest",
        "stop lying",
        "I can not stop working",
        "Cancel my other loan",
        "Thanks\nI will be there at the end\nJohn",
        "do not text the wrong amount again",
        "please do not text\nthe wrong amount again",
        "I will call you tomorrow",
        "don't call before 9",
        "do not call or text before 9",
        "Why don't you call?",
        "If you do not call, I can not pay",
        "I was never contacted.",
        "I do not remember.",
        "Don't worry, I will call or text you",
        "do not send the invoice again.",
        "Please cancel my payment",
        "I want to cancel my order",
        "cancel my order and text me a receipt",
        "Cancel the direct debit",
        "Please send no more than one text a week",
        "不需要通知书",
        "我用TD银行",
        "cancel my call with the advisor",
        "I cancelled the payment, sorry",
        "end of this month I will pay",
        "I revoke my direct debit authorization",
        "I revoke my consent to debit my account",
        "I withdraw money tomorrow and pay",
        "You do not have permission to charge my card",
        "remove the late fee",
        "Remove late fee please",
        "Please delete the late charge",
        "My wife will pay this",
        "my mother pays it on Friday",
        "I do not want any more debt",
        "I don't want a payment plan",
        "I don't need a text, I'll pay Friday",
        "no need to call, I'll pay Friday",
        "Thanks for the message",
        "Thank you for texting me",
        "I have had no further contact from you",
        "I got no more texts from you, did it work?",
        "no more money, please call me",
        "I have no more money and please call me",
        "stop the interest and call me",
        "No problem, text me",
        "I don't want to lose my number",
        "I am not interested in a new loan",
        "I consent to the payment plan",
        "I do not consent to this fee",
        "I refuse to pay this debt",
        "I won't pay twice",
        "the debt won't go away by itself",
        "do you need my contact details?",
        "Here are my contact details",
        "Can you remove the fee and email me?",
        "I'll be there at the end",
        "I do not have permission to use the card",
        "we will communicate tomorrow",
        "取消订单",
        "取消付款",
        "请取消我的分期",
        "取消自动扣款",
        "不要取消短信提醒",
        "没收到取消通知",
        "取消还款计划",
        "不用谢",
        "不用了谢谢",
        "不用担心，明天还",
        "不用发短信，我明天还",
        "不用打电话，我老婆会还",
        "不需要分期",
        "不需要发票",
        "我妈会还的",
        "我老公明天还",
        "谢谢提醒，已还",
        "3月20日还",
        "我没回复TD",
        "TD卡丢了",
        "TD是什么",
        "这张TD卡是我的",
        "银行拒绝了我的转账",
        "我的还款被拒绝了",
        "不用发律师函，我会还",
        "别发火，我会还",
        "别着急，月底还",
        "别发愁",
        "不要打断我",
        "别烦恼",
        "请不要寄律师函",
        "不要联系律师",
        "我拒绝还款",
        "不想再收到律师函",
        "能给我妈打电话吗",
        "请给我发短信",
        "麻烦发一下还款信息",
        "不用再还了吗",
        "不需要再付利息了吧",
        "别忘了给我发短信",
        "不想被起诉",
        "不想被罚息",
        "取消电话预约",
        "我要取消订单，请发短信通知我",
        "怎么取消",
        "可以取消吗",
        "想取消这笔贷款",
    ],
)
def test_what_is_no_refusal_is_not_taken_for_one(text: str) -> None:
    assert not classify(text, "sms", WORDS).stops


@pytest.mark.parametrize(
    ("text", "channel", "stops"),
    [
        ("stop calling me", "sms", {"voice", "call"}),
        ("别打电话了", "sms", {"voice", "call"}),
        ("stop emailing and texting me", "email", {"email", "sms"}),
        ("不要再发了", "email", {"email"}),
        ("stop contacting me", "sms", set(EVERY_CHANNEL)),
        ("不要再联系我", "email", set(EVERY_CHANNEL)),
        ("Don't call or text me", "email", {"voice", "call", "sms"}),
        ("Do not call me or text me", "email", {"voice", "call", "sms"}),
        ("do not call/text", "email", {"voice", "call", "sms"}),
        ("neither call nor text", "email", {"voice", "call", "sms"}),
        ("do not call. Do not text.", "email", {"voice", "call", "sms"}),
        ("Don't call, text or email", "email", {"voice", "call", "sms", "email"}),
        ("Please don't call, text me", "sms", {"voice", "call"}),
        ("don't call me and text me instead", "sms", {"voice", "call"}),
        ("don't message or call me", "sms", {"voice", "call", "sms"}),
        ("Do not call or contact us", "sms", set(EVERY_CHANNEL)),
        ("stop calling, texting and emailing me", "sms", {"voice", "call", "sms", "email"}),
        ("别打电话或发短信", "email", {"voice", "call", "sms"}),
        ("别打电话，发短信", "sms", {"voice", "call"}),
        ("不要再给我发短信了", "email", {"sms"}),
        ("I revoke my permission to text or call me", "email", {"voice", "call", "sms"}),
        ("cancel these texts and calls", "email", {"voice", "call", "sms"}),
        ("I do not want any more texts", "email", {"sms"}),
        ("I withdraw my consent", "email", {"email"}),
        ("please cease all communications", "sms", set(EVERY_CHANNEL)),
        ("kindly desist from contacting me", "sms", set(EVERY_CHANNEL)),
        ("No further contact please", "email", set(EVERY_CHANNEL)),
        ("请停止一切联系", "email", set(EVERY_CHANNEL)),
        ("You no longer have my permission to call me", "sms", {"voice", "call"}),
        ("I revoke my authorization to call my cell", "sms", {"voice", "call"}),
        ("取消短信", "email", {"sms"}),
        ("不要再给我妈打电话", "sms", {"voice", "call"}),
        ("别给我家人打电话", "sms", {"voice", "call"}),
        ("别天天给我打电话", "sms", {"voice", "call"}),
        ("不用再发了", "email", {"email"}),
    ],
)
def test_a_refusal_covers_what_it_names_and_else_its_own_channel(
    text: str, channel: str, stops: set[str]
) -> None:
    assert classify(text, channel, WORDS).stops == stops


@pytest.mark.parametrize("text", ["START", "start ", "Unstop", "恢复", "ｓｔａｒｔ"])
def test_start_lifts(text: str) -> None:
    reading = classify(text, "sms", WORDS)
    assert reading.starts
    assert not reading.stops


@pytest.mark.parametrize("text", ["YES", "start a payment plan for me", "when do you start?"])
def test_what_only_begins_like_start_does_not_lift(text: str) -> None:
    assert not classify(text, "sms", WORDS).starts


@pytest.mark.parametrize(
    "text",
    [
        "Wrong number",
        "you have the wrong person",
        "This is not him",
        "there is no one by that name here",
        "I just got this number",
        "打错了",
        "你们发错人了",
        "我不认识这个人",
        "我不是王先生",
        "不是本人",
        "This is not his number",
        "this isn't his number",
        "not my number",
        "That's not her phone number",
        "he no longer lives here",
        "she moved out",
        "He changed his number",
        "Wrong #",
        "wrong no.",
        "wrong nr",
        "Wrong phone",
        "you sent this to the wrong number",
        "you keep texting the wrong person",
        "This number belongs to me now",
        "I don't know who he is",
        "这不是他的号码",
        "这不是我的手机号",
        "机主换了",
        "他换号了",
        "你们搞错人了",
        "联系错人了吧",
        "还款短信发错人了",
        "你们催款打错人了",
        "不认识",
        "没有这个人",
        "打错电话了",
        "I paid already, you have the wrong person",
        "I have never paid you and you have the wrong number",
    ],
)
def test_a_wrong_person_is_recognised(text: str) -> None:
    assert classify(text, "sms", WORDS).wrong_person


@pytest.mark.parametrize(
    "text",
    [
        "我不是故意的",
        "打错字了",
        "I can not pay",
        "wrong amount",
        "I don't know who is handling my case",
        "It's not her fault, she lost her job",
        "我不认识这个人，但钱我会还",
        "这个账单找错了",
        "打错金额了",
        "我打错了卡号",
        "我打错了，是500",
        "我把钱转错人了，怎么办",
        "我付错人了",
        "我还款还错了人",
        "转错人了",
        "钱打错了人",
        "打错款了",
        "红包发错人了",
        "我不是不还",
        "这不是我的电话费",
        "不是他不想还",
        "我认识张伟",
        "我是张伟",
        "张伟明天还",
        "I paid the wrong person",
        "I transferred to the wrong number",
        "I gave you the wrong address",
        "I put the wrong number in the form",
        "I sent it to the wrong person",
        "the money went to the wrong person",
        "wrong address on the letter, my address is 5 High St",
        "you have the wrong email",
        "wrong number of instalments",
        "the wrong person was charged",
        "I'm not rich",
        "I am John",
        "John will pay",
        "It's not John's fault",
        "It's not my phone bill",
        "This is not my number one problem",
        "Who is handling this?",
        "I'm John's wife, he pays tomorrow",
        "My number is 5551234",
        "I have a new email",
        "John is at work",
    ],
)
def test_a_wrong_person_is_not_guessed(text: str) -> None:
    assert not classify(text, "sms", WORDS, ["John Rich", "张伟"]).wrong_person


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("I am not Bo Smith", "Bo Smith"),
        ("This is not John", "John Smith"),
        ("I'm not John", "Smith, John"),
        ("i am not mr smith", "John Smith"),
        ("My name is not John", "John Smith"),
        ("There is no John here", "John Smith"),
        ("no John here", "John Smith"),
        ("Who is John?", "John Smith"),
        ("I don't know any John", "John Smith"),
        ("I don't know anyone called John Smith.", "John Smith"),
        ("Not John", "John Smith"),
        ("This isn't John's number", "John Smith"),
        ("John no longer lives here", "John Smith"),
        ("John has moved out", "John Smith"),
        ("我不是张伟", "张伟"),
        ("不是张伟", "张伟"),
        ("我不认识张三", "张三"),
        ("不认识张三", "张三"),
        ("这不是张伟的号码", "张伟"),
        ("这里没有张伟这个人", "张伟"),
        ("张伟已经换号了", "张伟"),
    ],
)
def test_who_is_not_the_one_whom_the_texts_name_is_heard(text: str, name: str) -> None:
    assert classify(text, "sms", WORDS, [name]).wrong_person
    assert not classify(text, "sms", WORDS, ["Eve Miller", "王芳"]).wrong_person


@pytest.mark.parametrize("text", ["this is not my email", "wrong address", "不是他的邮箱"])
def test_another_point_than_the_one_by_which_it_came_is_not_given_up(text: str) -> None:
    assert classify(text, "email", WORDS).wrong_person
    assert not classify(text, "sms", WORDS).wrong_person


@pytest.mark.parametrize(
    ("text", "hold"),
    [
        ("This is not the right amount", "dispute"),
        ("I don't know that this charge is mine", "dispute"),
        ("不是本人借的", "dispute"),
        ("不是本人操作，我被盗刷了", "dispute"),
        ("不是她不想还，是住院了", "hardship"),
    ],
)
def test_what_is_said_of_a_debt_gives_no_number_up(text: str, hold: str) -> None:
    reading = classify(text, "sms", WORDS)
    assert (reading.wrong_person, reading.proposed_hold) == (False, hold)


def test_who_says_that_it_is_a_wrong_number_is_believed_whatever_else_is_said() -> None:
    reading = classify("wrong number, I don't owe you anything", "sms", WORDS)
    assert (reading.wrong_person, reading.proposed_hold) == (True, "dispute")


@pytest.mark.parametrize("text", ["I already paid, stop texting me", "别再发短信了，我明天还500"])
def test_what_stands_beside_a_refusal_waits_for_a_person_too(text: str) -> None:
    reading = classify(text, "sms", WORDS)
    assert (reading.kind, reading.waits_for_a_person) == ("opt_out", True)
    assert not classify("stop texting me", "sms", WORDS).waits_for_a_person


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("I already paid this yesterday", "paid"),
        ("已经还清了", "paid"),
        ("昨天就还了", "paid"),
        ("payment was made last week", "paid"),
        ("I never borrowed this money", "dispute"),
        ("这不是我借的", "dispute"),
        ("金额不对，请核实", "dispute"),
        ("I lost my job and cannot pay", "hardship"),
        ("我失业了，能不能分期", "hardship"),
        ("my father passed away", "deceased"),
        ("他上个月去世了", "deceased"),
        ("I filed for bankruptcy", "insolvency"),
        ("talk to my lawyer", "represented"),
        ("我要投诉你们", "complaint"),
        ("I am depressed and want to end my life", "vulnerable"),
        ("I will pay 500 on Friday", "promise"),
        ("明天还500元", "promise"),
        ("how can I pay?", "question"),
        ("还多少钱？", "question"),
        ("ok", "other"),
        ("I have not paid yet", "other"),
        ("还没还清", "other"),
    ],
)
def test_the_rest_is_put_before_a_person_by_kind(text: str, kind: str) -> None:
    reading = classify(text, "sms", WORDS)
    assert reading.kind == kind
    assert reading.waits_for_a_person


def test_a_refusal_keeps_what_else_was_said() -> None:
    reading = classify("STOP. I never borrowed this.", "sms", WORDS)
    assert (reading.kind, reading.proposed_hold) == ("opt_out", "dispute")
    assert reading.waits_for_a_person


@pytest.mark.parametrize(
    "text",
    [
        "I refuse to pay this debt",
        "I am refusing to repay",
        "I will not pay you a cent",
        "I'm not going to pay it",
        "拒绝还款",
        "我不还了",
        "打死也不还",
    ],
)
def test_a_refusal_to_pay_is_put_before_a_person_as_one_of_contacts(text: str) -> None:
    reading = classify(text, "sms", WORDS)
    assert (reading.kind, reading.proposed_hold, reading.will_pay) == ("cease", "cease", False)


@pytest.mark.parametrize(
    "text",
    [
        "I am not refusing to pay",
        "I won't pay late again",
        "I won't pay this week, on Friday I can",
        "I won't be able to pay",
        "不是不还，是没钱",
        "我不会不还的",
        "还不起",
        "银行拒绝付款了吗",
    ],
)
def test_who_only_pays_later_refuses_nothing(text: str) -> None:
    assert classify(text, "sms", WORDS).proposed_hold != "cease"


@pytest.mark.parametrize(
    "part",
    [
        *("stop the ", "do not call or ", "do not want any ", "cancel all the ", "no more of "),
        *("revoke my ", "i do not agree to any ", "desist ", "remove my mobile", "call, "),
        *("别再", "不要给", "别发短信或", "不用再", "取消所有", "拒绝任何", "回复", "不想再", "错"),
        *("wrong ", "i paid the ", "this is not ", "不是", "不认识", "钱转错", "won't pay "),
    ],
)
def test_a_text_is_read_in_the_time_that_its_length_deserves(part: str) -> None:
    began = time.process_time()
    classify((part * 10_000)[:10_000], "email", WORDS)
    assert time.process_time() - began < 1.5


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("I'll pay $1,250.50 on Friday", "1250.50"),
        ("3月20日还500元", "500"),
        ("３月２０日还５００块", "500"),
        ("pay 300 by the 20th", "300"),
        ("I'll pay on the 20th", None),
        ("还500元或者800元", None),
        ("I will pay 500.", "500"),
        ("I will pay 500, I promise", "500"),
        ("pay €1.500,00 tomorrow", None),
        ("1.500,00 euro tomorrow", None),
        ("pay 1,500 tomorrow", "1500"),
        ("I will pay 2 days later", None),
        ("我会还2次", None),
        ("付3天后", None),
        ("我明天还1万", None),
        ("还2千元", None),
        ("pay $2k on Friday", None),
        ("I'll pay 20 May", None),
    ],
)
def test_an_amount_is_read_where_there_is_just_one(text: str, amount: str | None) -> None:
    assert promised_amount(text) == (None if amount is None else Decimal(amount))


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-03-20", "2026-03-20"),
        ("3月20日还", "2026-03-20"),
        ("20号还", "2026-03-20"),
        ("5号还", "2026-04-05"),
        ("明天", "2026-03-12"),
        ("大后天", "2026-03-14"),
        ("周五还", "2026-03-13"),
        ("下周一", "2026-03-16"),
        ("周三", "2026-03-18"),
        ("月底前还", "2026-03-31"),
        ("tomorrow", "2026-03-12"),
        ("on Friday", "2026-03-13"),
        ("March 20th", "2026-03-20"),
        ("20 Mar", "2026-03-20"),
        ("by the 20th", "2026-03-20"),
        ("2月30日", None),
        ("3月1日还", None),
        ("soon", None),
        ("下个月底还500", "2026-04-30"),
        ("下月5日还200", "2026-04-05"),
        ("next month on the 5th", "2026-04-05"),
        ("15号发工资，20号还", None),
        ("下下周一还", None),
    ],
)
def test_a_day_is_read_as_of_when_it_was_said(text: str, day: str | None) -> None:
    assert promised_day(text, SAID_ON) == (None if day is None else dt.date.fromisoformat(day))


def test_a_day_far_behind_is_meant_of_the_year_to_come() -> None:
    assert promised_day("5 January", dt.date(2026, 12, 20)) == dt.date(2027, 1, 5)
    assert promised_day("5 January", dt.date(2026, 1, 20)) is None


def test_the_29th_of_february_is_meant_of_the_year_that_has_one() -> None:
    assert promised_day("on 29 February", dt.date(2023, 12, 1)) == dt.date(2024, 2, 29)
    assert promised_day("on 29 February", dt.date(2024, 12, 1)) is None


def test_a_weekday_is_a_word_of_its_own() -> None:
    assert promised_day("by common agreement", dt.date(2026, 3, 2)) is None
    assert promised_day("on mon", dt.date(2026, 3, 3)) == dt.date(2026, 3, 9)


@pytest.mark.parametrize(
    ("text", "channels"),
    [
        ("STOPP bitte keine Nachrichten mehr", {"sms"}),
        ("Bitte keine SMS mehr", {"sms"}),
        ("Ich will keine Anrufe oder SMS mehr von Ihnen", {"sms", "voice", "call"}),
        ("Bitte schreiben Sie mir nicht mehr.", {"sms"}),
        ("Rufen Sie mich nie wieder an!", {"voice", "call"}),
        ("Ich möchte nicht mehr kontaktiert werden", EVERY_CHANNEL),
        ("Ich widerspreche.", {"sms"}),
        ("Hiermit widerspreche ich der Verarbeitung meiner Daten", {"sms"}),
        ("Lassen Sie mich endlich in Ruhe", EVERY_CHANNEL),
        ("Ich möchte mich abmelden", {"sms"}),
        ("Löschen Sie meine Handynummer", {"sms"}),
    ],
)
def test_a_german_no_is_heard(text: str, channels: set[str]) -> None:
    assert classify(text, "sms", WORDS).stops == channels


@pytest.mark.parametrize(
    "text",
    [
        "Ich widerspreche der Forderung, ich habe bezahlt",
        "Ich habe keine Nachricht mehr bekommen",
        "Ich werde nicht mehr anrufen, ich zahle morgen",
        "Ich habe kein Geld mehr",
        "Bitte rufen Sie mich morgen an",
        "Schreiben Sie mir bitte die IBAN",
        "Danke, ich überweise am Freitag",
        "Ich kann nicht mehr zahlen",
    ],
)
def test_a_german_answer_is_no_refusal(text: str) -> None:
    assert classify(text, "sms", WORDS).stops == frozenset()


@pytest.mark.parametrize(
    "text", ["Falsche Nummer!", "Da sind Sie falsch verbunden", "Ich kenne den Mann nicht"]
)
def test_a_german_stranger_is_heard(text: str) -> None:
    assert classify(text, "sms", WORDS).kind == "wrong_person"
