"""No shipped text calls late what is not, nor passes over what is."""

import re
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from dunflow.config.policy import Channel
from dunflow.config.portfolio import LANGUAGES, Language
from dunflow.remind.render.message import PARTS, render
from dunflow.remind.render.segments import measure
from dunflow.remind.render.slots import Line, Slots
from tests.remind.render.test_message import words_of
from tests.remind.render.test_wording import NOTES

SHIPPED = Path(__file__).parents[3] / "include/templates"
TEMPLATES = sorted({each.name for each in SHIPPED.glob("??/*")} - {"_base", *NOTES})
EVERY = list(product(LANGUAGES, TEMPLATES, PARTS))
NONE = [(-3,), (0,), (-3, 0), (-3,) * 25]
SOME = [(-3, 1), (8, 0, 8), (8, *(-3,) * 24)]
ALL = [(1,), (8, 8), (8,) * 25]

LATE = {
    "en": r"overdue|unpaid|not reached us|still open|due since|slipped your mind|forgotten",
    "zh": r"逾期|未还|暂未|最早|待还款|忘记|起仍",
}
ALL_LATE = {
    "en": r"accounts (are (still )?(overdue|unpaid)|have not)\b(?! or)"
    r"|(?<!art of )[Tt]he amount below is",
    "zh": r"笔借款(已逾期|(到期|仍|暂)\w*未还清|仍逾期未还)(?!或)|以下款项(?!中)\w*(未|逾期)",
}
SOON = {"en": r"due (soon|on)\b", "zh": r"即将到期|还款日为|(?<!最早)到期日"}
NOTHING_LATE = {"en": r"(nothing|none|no payment) (is|are) (late|overdue)", "zh": r"(没有|未)逾期"}
BELOW_ZERO = r"(?<![\w-])-\d"

Make = Callable[..., Slots]
MakeLine = Callable[..., Line]


@pytest.fixture
def say(folder: Path, slots: Make, line: MakeLine) -> Callable[..., list[str]]:
    """Each form in which a reader may meet a text on accounts so many days past due."""

    def forms(
        language: Language, template: str, channel: Channel, days: tuple[int, ...]
    ) -> list[str]:
        accounts = tuple(line(number, dpd=dpd) for number, dpd in enumerate(days))
        given = slots(language=language, accounts=accounts)
        text = render(channel, template, given, folder)
        said = [text.body, *([words_of(text.html)] if text.html else [])]
        return [f"{text.subject or ''}\n{each}" for each in said]

    return forms


@pytest.mark.parametrize(("language", "template", "channel"), EVERY)
def test_nothing_is_called_late_where_nothing_is(
    language: Language, template: str, channel: Channel, say: Callable[..., list[str]]
) -> None:
    for days in NONE:
        for form in say(language, template, channel, days):
            assert not re.search(LATE[language], form, re.IGNORECASE)
            assert re.search(SOON[language], form)
            assert not re.search(BELOW_ZERO, form)


@pytest.mark.parametrize(("language", "template", "channel"), EVERY)
def test_some_are_called_late_and_the_others_due_soon_where_it_is_so(
    language: Language, template: str, channel: Channel, say: Callable[..., list[str]]
) -> None:
    for days in SOME:
        for form in say(language, template, channel, days):
            assert re.search(LATE[language], form, re.IGNORECASE)
            assert not re.search(ALL_LATE[language], form)
            assert not re.search(NOTHING_LATE[language], form, re.IGNORECASE)
            assert re.search(SOON[language], form)
            assert not re.search(BELOW_ZERO, form)


@pytest.mark.parametrize(("language", "template", "channel"), EVERY)
def test_all_are_called_late_where_they_are(
    language: Language, template: str, channel: Channel, say: Callable[..., list[str]]
) -> None:
    for days in ALL:
        for form in say(language, template, channel, days):
            assert re.search(LATE[language], form, re.IGNORECASE)
            assert not re.search(NOTHING_LATE[language], form, re.IGNORECASE)
            assert not re.search(SOON[language], form)


@pytest.mark.parametrize(("accounts", "most"), [(1, 3), (3, 4), (25, 5)])
@pytest.mark.parametrize(("language", "template"), list(product(LANGUAGES, TEMPLATES)))
def test_an_sms_takes_three_segments_and_one_or_two_more_for_several_accounts(
    language: Language,
    template: str,
    accounts: int,
    most: int,
    folder: Path,
    slots: Make,
    line: MakeLine,
) -> None:
    name = {"zh": "欧阳建国", "en": "Alexandra O’Connor"}[language]
    for first, others in [(-3, -3), (0, -3), (8, -3), (8, 8)]:
        days = [first] + [others] * (accounts - 1)
        owed = tuple(line(number, "12345.67", dpd=dpd) for number, dpd in enumerate(days))
        given = slots(language=language, accounts=owed, customer_name=name)
        size = measure(render("sms", template, given, folder).body)
        assert size.segments <= most
        assert size.encoding == {"zh": "UCS-2", "en": "GSM-7"}[language]
