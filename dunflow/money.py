"""Money: `Decimal` with its ISO 4217 currency beside it. Currencies are never added together."""

from decimal import Decimal, InvalidOperation
from functools import lru_cache

from babel.core import get_global
from babel.numbers import format_currency, get_currency_precision

from dunflow.errors import DunflowError

CURRENCIES: frozenset[str] = frozenset(get_global("all_currencies"))


def decimals_of(currency: str) -> int:
    """How many decimals a currency has (CLDR): JPY 0, CNY 2, KWD 3."""
    return get_currency_precision(currency)


def parse_amount(text: str) -> Decimal:
    """Read a plain decimal such as `"1300.00"`. Raises ValueError naming what was given."""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is not an amount; write it like '1300.00'") from None
    if not amount.is_finite():
        raise ValueError(f"{text!r} is not an amount; write it like '1300.00'")
    return amount


def require_payable(name: str, amount: Decimal, currency: str) -> None:
    """Raises DunflowError, which begins with `name`, for what nobody can pay: nothing, an unknown
    currency, or less than its smallest coin."""
    if currency not in CURRENCIES:
        raise DunflowError(f"{name}: currency is {currency!r}; write a code such as CNY or EUR")
    if amount <= 0:
        raise DunflowError(f"{name}: amount is {amount}; it must be more than nothing")
    if amount != round(amount, decimals_of(currency)):
        raise DunflowError(
            f"{name}: amount is {amount}; {currency} has {decimals_of(currency)} decimals"
        )


def plain(amount: Decimal, currency: str) -> str:
    """The amount with the currency's decimals and nothing else: `1935` (JPY), `1.234` (KWD)."""
    return f"{amount:.{decimals_of(currency)}f}"


def exact(amount: Decimal, currency: str) -> str:
    """With the currency's decimals, or with more where the amount has more: never rounded."""
    exponent = amount.normalize().as_tuple().exponent
    own = -exponent if isinstance(exponent, int) else 0
    return f"{amount:.{max(decimals_of(currency), own)}f}"


def grouped(amount: Decimal | str) -> str:
    """Plain digits with commas between thousands, as tables of figures have them."""
    return f"{Decimal(amount):,}"


def for_people(amount: Decimal, currency: str, locale: str) -> str:
    """The amount as a reader of `locale` (a Babel identifier such as `zh` or `en`) expects it."""
    whole, _, decimals = f"{abs(amount):.{decimals_of(currency)}f}".partition(".")
    before, *behind = _layout(currency, locale, len(whole), amount < 0)
    digits = zip(whole + decimals, behind, strict=True)
    return before + "".join([digit + then for digit, then in digits])


@lru_cache(maxsize=4096)
def _layout(currency: str, locale: str, length: int, negative: bool) -> tuple[str, ...]:
    """What stands before, between and behind the digits of amounts that are so long.

    Babel lays out one of each length: for every text of a day it would be too slow.
    """
    ones = Decimal("1" * length + "." + "1" * decimals_of(currency))
    return tuple(format_currency(-ones if negative else ones, currency, locale=locale).split("1"))
