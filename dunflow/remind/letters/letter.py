"""One letter, as the printer's page shows it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from dunflow.remind.letters.fonts import composed, widths
from dunflow.remind.letters.window import LINES, lines_in_window
from dunflow.remind.render.slots import (
    LenderView,
    Slots,
    every_account,
    full_name,
    one_line,
    values,
)

NO_NAME: Final = "no name"
NO_ADDRESS: Final = "no address"
NAME_LACKS_SIGNS: Final = "the name has signs that the letter's fonts lack"
ADDRESS_LACKS_SIGNS: Final = "the address has signs that the letter's fonts lack"
TOO_LONG: Final = f"the name and the address take more than {LINES} lines of the window"
ADDRESS_AT_FAULT: Final = frozenset({NO_ADDRESS, ADDRESS_LACKS_SIGNS, TOO_LONG})
"""The reasons that will hold for whatever goes there. A name can be mended in the source, and
others may live at the same address."""


@dataclass(frozen=True, repr=False)
class Letter:
    """Texts, ready to be set. `repr` is left out: it holds personal data."""

    reference: str
    language: str
    customer: str
    window: tuple[str, ...]
    """The name and the address, line by line as they stand in the envelope's window."""
    lender: str
    phone: str
    pay_url: str
    complaints: str
    date: str
    as_of: str
    opening: str
    closing: str
    accounts: tuple[dict[str, str], ...]
    total: str
    is_overdue: bool
    """Each account is, so that the page may call the whole so."""
    any_overdue: bool
    """Some account is, so that the page has days to tell."""


class Unprintable(ValueError):
    """A letter can't be printed; its text says why, without the name and the address."""


def letter_of(slots: Slots, address: str | None, date: str, opening: str, closing: str) -> Letter:
    """The letter for these facts, with the wording that was fixed when it was claimed.

    Lists every account, however many there are. Raises Unprintable where it would not arrive, or
    could not be read.
    """
    window = _window(full_name(slots.customer_name), address or "")
    given = values(slots)
    lender = given["lender"]
    assert isinstance(lender, LenderView)
    return Letter(
        reference=str(given["reference"]),
        language=slots.language,
        customer=composed(str(given["customer"])),
        window=window,
        lender=lender.name,
        phone=lender.phone,
        pay_url=lender.pay_url,
        complaints=lender.complaints,
        date=date,
        as_of=str(given["as_of"]),
        opening=composed(opening),
        closing=composed(closing),
        accounts=tuple(
            {
                "tail": f"…{account.tail}",
                "due_on": account.due_on,
                "dpd": str(account.dpd) if account.is_overdue else "",
                "amount": account.amount,
            }
            for account in every_account(slots)
        ),
        total=str(given["total"]),
        is_overdue=bool(given["is_overdue"]),
        any_overdue=bool(given["any_overdue"]),
    )


def _window(name: str | None, address: str) -> tuple[str, ...]:
    lines = [composed(one_line(line)) for line in address.splitlines()]
    lines = [line for line in lines if line]
    if not name:
        raise Unprintable(NO_NAME)
    if not lines:
        raise Unprintable(NO_ADDRESS)
    name = composed(name)
    if not _can_be_shown(name):
        raise Unprintable(NAME_LACKS_SIGNS)
    if not _can_be_shown("".join(lines)):
        raise Unprintable(ADDRESS_LACKS_SIGNS)
    window = lines_in_window([name, *lines])
    if len(window) > LINES:
        raise Unprintable(TOO_LONG)
    return window


def _can_be_shown(signs: Iterable[str]) -> bool:
    return all(sign in widths() for sign in signs)
