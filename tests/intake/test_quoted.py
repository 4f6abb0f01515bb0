"""What people write above, below and between what their mail clients quote."""

import pytest

from dunflow.intake.receiver.html import as_plain
from dunflow.intake.receiver.quoted import own_words, references

OURS = ["service@sunrise.example"]
FOOTER = "To stop emails to this address, reply with the word STOP."
FOOTER_ZH = "如不希望此邮箱再收到此类邮件，请回复“退订”。"

ANSWERS = {
    "Gmail": (
        (
            "I have paid.\n\nOn Fri, Nov 27, 2026 at 9:12 AM Sun <service@sunrise.example>\n"
            f"wrote:\n\n> Dear Li,\n> {FOOTER}\n"
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
    "163's newer one": (
        f"不对\n\n---- Replied Message ----\n| From | Sun<service@sunrise.example> |\n{FOOTER}",
        "不对",
    ),
    "Outlook in German": (
        f"Falsch\n\nVon: Sunrise\nGesendet: Freitag\nAn: Li\nBetreff: x\n\n{FOOTER}",
        "Falsch",
    ),
    "above the quotation and below": (
        f"Hello\n\nOn Friday <service@sunrise.example> wrote:\n> {FOOTER}\n\nSTOP",
        "Hello\n\nSTOP",
    ),
    "above a quotation whose lines were wrapped": (
        (
            "I will pay\n\nOn Friday <service@sunrise.example> wrote:\n"
            "> To stop emails to this address, reply with the word\nSTOP.\n"
        ),
        "I will pay",
    ),
    "below what a phone adds": ("Sent from my iPhone\n\nSTOP", "STOP"),
}

WORDS = [
    "Please stop emailing me from service@sunrise.example.",
    "Do not contact me again, as I already wrote",
    "Get my address off your list. Stop emailing me.",
    "**** STOP ****",
    "---- stop mailing me ----",
    "From: John\nSTOP",
    "-" * 100_000 + "x",
    "wrote" + " " * 100_000 + "x",
]


@pytest.mark.parametrize("text", WORDS, ids=lambda text: text[:20])
def test_what_somebody_typed_is_taken_for_no_quotation(text: str) -> None:
    assert own_words(text, OURS) == text


@pytest.mark.parametrize(("text", "own"), ANSWERS.values(), ids=ANSWERS)
def test_only_what_the_writer_typed_is_read(text: str, own: str) -> None:
    assert own_words(text, OURS) == own


def test_html_is_read_up_to_what_it_quotes() -> None:
    html = (
        "<html><head><style>p {color: red}</style></head><body><p>I&#39;m&nbsp;Li.</p>"
        "<div>Not mine<br>at all</div><div class='gmail_quote'>On Friday <b>Sunrise</b> wrote:"
        f"<blockquote>{FOOTER}</blockquote></div></body></html>"
    )
    assert own_words(as_plain(html), OURS).split("\n\n") == ["I'm Li.", "Not mine", "at all"]


HTML = {
    "a tag over two lines": "<p class=MsoNormal><span\nlang=EN-US>STOP\nnow</span></p>",
    "below the quotation": f"<blockquote>{FOOTER}</blockquote><div>STOP now</div>",
    "above what Outlook quotes": (
        f"<p>STOP now</p><div id='divRplyFwdMsg'><b>From:</b> Sunrise</div><p>{FOOTER}</p>"
    ),
    "beside what nobody sees": (
        "<!-- a --><style>b</style>STOP <script>c</script>now<title>d</title>"
    ),
    "in capitals that are none": "STO<b></b>P&nbsp;now",
    "after a great many tags": f"{'<style '}{'<b>' * 100_000}></style>STOP now",
}


@pytest.mark.parametrize("html", HTML.values(), ids=HTML)
def test_html_is_read_as_it_is_seen(html: str) -> None:
    assert own_words(as_plain(html), OURS) == "STOP now"


def test_references_are_found_wherever_they_stand() -> None:
    assert references("Your reference: ABCDEFG.\n编号：H234567 XABCDEFGH ABCDEFG abcdefg") == [
        "ABCDEFG",
        "H234567",
    ]
