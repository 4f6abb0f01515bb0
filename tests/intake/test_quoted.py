"""What people write above, below and between what their mail clients quote."""

import pytest

from dunflow.intake.receiver.quoted import own_words, plain, references

OURS = ["service@sunrise.example"]
FOOTER = "To stop emails to this address, reply with the word STOP."
FOOTER_ZH = "如不希望此邮箱再收到此类邮件，请回复“退订”。"

ANSWERS = {
    "Gmail": (
        (
            "I have paid.\r\n\r\nOn Fri, Nov 27, 2026 at 9:12 AM Sun <service@sunrise.example>\r\n"
            f"wrote:\r\n\r\n> Dear Li,\r\n> {FOOTER}\r\n"
        ),
        "I have paid.",
    ),
    "Gmail, its heading in two lines": (
        (
            "I have paid.\n\nOn Fri, Nov 27, 2026 at 9:12 AM Sunrise Instalment Loans Limited\n"
            f"<Service@Sunrise.example> wrote:\n\n> {FOOTER}\n"
        ),
        "I have paid.",
    ),
    "Outlook on the web": (
        (
            "I dispute this amount.\n\n________________________________\nFrom: Sunrise\n"
            f"Sent: Friday, November 27, 2026 9:12 AM\nTo: Li\nSubject: Your account\n\n{FOOTER}\n"
        ),
        "I dispute this amount.",
    ),
    "Outlook in Chinese": (
        (
            "请宽限几天\n\n发件人: 晨曦\n发送时间: 2026年11月27日 9:12\n收件人: li\n主题: 提醒\n\n"
            f"{FOOTER_ZH}"
        ),
        "请宽限几天",
    ),
    "an old Outlook": (
        f"Not mine.\n\n-----Original Message-----\nFrom: Sunrise\nSent: x\n\n{FOOTER}",
        "Not mine.",
    ),
    "Apple Mail on a phone": (
        (
            "I will pay on Friday\n\nSent from my iPhone\n\n"
            f"> On 27 Nov 2026, at 09:12, Sunrise <service@sunrise.example> wrote:\n> \n> {FOOTER}"
        ),
        "I will pay on Friday",
    ),
    "QQ": (
        (
            "我已经还了\n\n\n------------------ 原始邮件 ------------------\n"
            f'发件人: "晨曦" <service@sunrise.example>;\n主题: 提醒\n\n{FOOTER_ZH}'
        ),
        "我已经还了",
    ),
    "163": (
        f'金额不对\n\n在 2026-11-27 09:12，"晨曦" <service@sunrise.example> 写道：\n\n{FOOTER_ZH}',
        "金额不对",
    ),
    "Gmail in Chinese": (
        f"退订\n\n晨曦 <service@sunrise.example> 于11月27日周五 09:12写道：\n\n> {FOOTER_ZH}\n",
        "退订",
    ),
    "below the quotation": (
        f"> Dear Li,\n> {FOOTER}\n\nWrong person, sorry.",
        "Wrong person, sorry.",
    ),
    "below it and its heading": (
        f"On Friday Sunrise <service@sunrise.example> wrote:\n> {FOOTER}\n\nWrong person.",
        "Wrong person.",
    ),
    "with a signature": (
        "Please stop emailing me.\n\n-- \nLi Ming\nFoo Ltd",
        "Please stop emailing me.",
    ),
    "nothing": (f"\n\nOn Friday <service@sunrise.example> wrote:\n\n{FOOTER}", ""),
    "nothing but words": ("STOP", "STOP"),
    "words about an origin": ("I am from: nowhere", "I am from: nowhere"),
}


@pytest.mark.parametrize(("text", "own"), ANSWERS.values(), ids=ANSWERS)
def test_only_what_the_writer_typed_is_read(text: str, own: str) -> None:
    assert own_words(text, OURS) == own


def test_html_is_read_up_to_what_it_quotes() -> None:
    html = (
        "<html><head><style>p {color: red}</style></head><body><p>I&#39;m&nbsp;Li.</p>"
        "<div>Not mine<br>at all</div><div class='gmail_quote'>On Friday <b>Sunrise</b> wrote:"
        f"<blockquote>{FOOTER}</blockquote></div></body></html>"
    )
    lines = [line.replace("\xa0", " ") for line in plain(html).split("\n") if line]
    assert lines == ["I'm Li.", "Not mine", "at all"]


def test_references_are_found_wherever_they_stand() -> None:
    assert references("Your reference: ABCDEFG.\n编号：H234567 XABCDEFGH ABCDEFG abcdefg") == [
        "ABCDEFG",
        "H234567",
    ]
