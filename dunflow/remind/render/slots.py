"""What a text is made of: typed facts in, values fit for a reader out."""

import unicodedata
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Final

from babel.dates import format_date

from dunflow.config.policy import Channel
from dunflow.config.portfolio import LANGUAGES, Language, Lender
from dunflow.errors import ConfigError
from dunflow.money import for_people

LISTED: Final = 20
"""More accounts than this are summed up: a person does not read on, and providers limit length."""
LISTED_BY_SMS: Final = 5
"""The same for a text message, whose reader does not scroll and whose parts are paid one by one."""

NEUTRAL: Final[dict[Language, str]] = {"zh": "客户", "en": "customer"}
_DATE_LOCALES: Final[dict[Language, str]] = {"zh": "zh", "en": "en_GB"}
_NO_NAMES: Final = frozenset(
    {"none", "nan", "nat", "null", "n/a", "#n/a", "undefined", "unknown", "无", "空", "未知"}
    | set(NEUTRAL.values())
)
_LONGEST_NAME: Final = 80
_JOINERS: Final = frozenset("\u200c\u200d")


@dataclass(frozen=True)
class Line:
    """One account that a text speaks of. `due_on` is its oldest unpaid due date."""

    account_ref: str
    amount: Decimal
    due_on: date
    dpd: int


@dataclass(frozen=True, repr=False)
class Slots:
    """The facts for one contact, in one currency. `repr` is left out: it holds personal data."""

    reference: str
    language: Language
    customer_name: str | float | None
    """As the source has it; pandas says NaN for an empty cell."""
    lender: Lender
    currency: str
    accounts: tuple[Line, ...]
    as_of: date
    _read: dict[int, dict[str, object]] = field(default_factory=dict, init=False, compare=False)
    """What `values` made of them: a text is filled in with these, and then asked for them."""

    def __post_init__(self) -> None:
        if not self.accounts:
            raise ValueError(
                f"contact {self.reference}: accounts is empty; a text needs at least one"
            )


@dataclass(frozen=True)
class Account:
    """A `Line` as a reader sees it."""

    tail: str
    amount: str
    due_on: str
    dpd: int
    is_overdue: bool


@dataclass(frozen=True)
class LenderView:
    """The lender in the language of the text."""

    name: str
    phone: str
    pay_url: str
    complaints: str


READ: Final = frozenset({Account, LenderView})
"""The objects whose attributes a template reads."""


def values(slots: Slots, most: int = LISTED) -> dict[str, object]:
    """Every variable that a template may use, with its value.

    `accounts` holds the longest overdue ones, so many at most; `more_count` and `more_total` (empty
    if there are none) are the rest, `total` is all of them. `is_overdue` is true only if each
    account is overdue, `any_overdue` if at least one is: a customer may have one that is late and
    one that falls due soon.
    """
    if most not in slots._read:
        slots._read[most] = _values(slots, most)
    return slots._read[most]


def _values(slots: Slots, most: int) -> dict[str, object]:
    language, currency = slots.language, slots.currency
    ordered = _ordered(slots)
    rest = ordered[most:]
    accounts = [_as_read(line, slots) for line in ordered[:most]]
    return {
        "reference": one_line(slots.reference),
        "language": language,
        "customer": called(slots.customer_name, language),
        "lender": lender_for(slots.lender, language),
        "currency": currency,
        "accounts": accounts,
        "account_count": len(ordered),
        "more_count": len(rest),
        "more_total": _total(rest, currency, language) if rest else "",
        "total": _total(ordered, currency, language) if len(ordered) > 1 else accounts[0].amount,
        "is_overdue": all(line.dpd > 0 for line in ordered),
        "any_overdue": any(line.dpd > 0 for line in ordered),
        "as_of": date_for_people(slots.as_of, language),
    }


def most_listed(channel: Channel) -> int:
    """How many accounts a text by this channel lists; a letter has room for all."""
    return LISTED_BY_SMS if channel == "sms" else LISTED


def every_account(slots: Slots) -> list[Account]:
    """All accounts, the longest overdue first: what paper has room for."""
    return [_as_read(line, slots) for line in _ordered(slots)]


def _ordered(slots: Slots) -> list[Line]:
    return sorted(slots.accounts, key=lambda line: (-line.dpd, -line.amount, line.account_ref))


def _as_read(line: Line, slots: Slots) -> Account:
    return Account(
        tail=one_line(line.account_ref)[-4:],
        amount=for_people(line.amount, slots.currency, slots.language),
        due_on=date_for_people(line.due_on, slots.language),
        dpd=line.dpd,
        is_overdue=line.dpd > 0,
    )


def called(name: str | float | None, language: Language) -> str:
    """The name to greet by, or the neutral word of the language where the source has none.

    What has no letter, stands for "empty" in some system or is absurdly long is not a name.
    """
    whole = full_name(name)
    return whole if whole and len(whole) <= _LONGEST_NAME else NEUTRAL[language]


def full_name(name: str | float | None) -> str | None:
    """The name as the source has it, however long; None where it has none."""
    given = one_line(name) if isinstance(name, str) else ""
    is_name = given.casefold() not in _NO_NAMES and any(char.isalpha() for char in given)
    return given if is_name else None


def one_line(text: str) -> str:
    """`text` without what could break a line, a mail header or the direction of writing."""
    if not text.isprintable():
        text = "".join(_harmless(char) for char in text)
    return " ".join(text.split())


def _harmless(char: str) -> str:
    if char.isprintable() or char in _JOINERS:
        return char
    return "" if unicodedata.category(char) in ("Cf", "Cs") else " "


def lender_for(lender: Lender, language: Language) -> LenderView:
    """The name in `language`, or else in the first language that has one."""
    name = next(lender.name[each] for each in (language, *LANGUAGES) if each in lender.name)
    return _view(name, lender.phone, lender.pay_url, lender.complaints)


@lru_cache(maxsize=1024)
def _view(name: str, phone: str, pay_url: str, complaints: str) -> LenderView:
    view = LenderView(one_line(name), one_line(phone), one_line(pay_url), one_line(complaints))
    for key in ("name", "phone", "pay_url", "complaints"):
        if not getattr(view, key):
            raise ConfigError(
                f"portfolio.yaml: lender.{key}: is empty; every text needs it, so write it out"
            )
    return view


def _total(lines: list[Line], currency: str, language: Language) -> str:
    return for_people(sum((line.amount for line in lines), Decimal(0)), currency, language)


@lru_cache(maxsize=4096)
def date_for_people(day: date, language: Language) -> str:
    """The date as a reader of `language` expects it, with the month's name."""
    return format_date(day, "long", locale=_DATE_LOCALES[language])
