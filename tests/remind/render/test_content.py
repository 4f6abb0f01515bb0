"""What a text must say is found in whatever form a reader meets it, and missed where it is not."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dunflow.config.book import PACKS, read_floor, root
from dunflow.config.duties import Slot
from dunflow.config.policy import Channel
from dunflow.remind.render.content import unsaid
from dunflow.remind.render.forms import forms
from dunflow.remind.render.lint import lint_templates
from dunflow.remind.render.message import Text, render
from dunflow.remind.render.slots import Line, Slots

Make = Callable[..., Slots]
MakeLine = Callable[..., Line]
STRICT = read_floor(["strict"], [root() / PACKS])
TAILS = "{% for account in accounts %}{{ account.tail }} {% endfor %}"
SAYS = (
    "{{ lender.name }}: {{ customer }}, {{ total }} by {{ as_of }} since {{ accounts[0].due_on }}, "
    "pay {{ lender.pay_url }}, object {{ lender.phone }}, reply STOP. Accounts: "
)


@pytest.mark.parametrize("channel", ["sms", "email", "letter"])
@pytest.mark.parametrize(
    "name", ["Wang Fang", "O’Connor-Straße", "Brown & Sons", "T", "李", "x" * 81, "ŁUKASZ", None]
)
@pytest.mark.parametrize("count", [1, 3, 25])
def test_a_shipped_text_says_it_whatever_a_customer_is_called(
    channel: Channel, name: str | None, count: int, folder: Path, slots: Make, line: MakeLine
) -> None:
    given = slots(customer_name=name, accounts=tuple(map(line, range(count))))
    said = forms(render(channel, "firm", given, folder), given)
    assert unsaid(said, channel, given, STRICT.required_slots(channel)) == []


def test_each_of_several_accounts_must_be_told_of(
    own_folder: Path, write: Callable[[str, str], None]
) -> None:
    write("en/all/sms.txt", SAYS + TAILS)
    write("en/first/sms.txt", SAYS + "{{ accounts[0].tail }}")
    used: dict[str, list[Channel]] = {"all": ["sms"], "first": ["sms"]}
    assert lint_templates(["en"], used, own_folder, STRICT) == [
        "template en/first by sms: does not say account_tail, which a pack asks for"
    ]


def test_both_forms_of_an_email_must_say_it(slots: Make) -> None:
    given = slots()
    for text, lacking in [
        (Text("Hello", "Reply STOP.", "<p>Reply STOP.</p>"), []),
        (Text("Hello", "Reply STOP.", "<p>Goodbye.</p>"), ["opt_out_instruction"]),
        (Text("Hello", "Goodbye.", "<p>Reply STOP.</p>"), ["opt_out_instruction"]),
    ]:
        assert unsaid(forms(text, given), "email", given, ["opt_out_instruction"]) == lacking


@pytest.mark.parametrize(("name", "lacking"), [("Wang Fang", ["debtor_name"]), (None, [])])
def test_a_name_must_be_said_where_one_is_known(
    name: str | None, lacking: list[Slot], slots: Make
) -> None:
    given = slots(customer_name=name)
    text = forms(Text(None, "Please pay.", None), given)
    assert unsaid(text, "sms", given, ["debtor_name"]) == lacking
