"""One letter, as the printer's page shows it."""

from dataclasses import dataclass

from dunflow.remind.render.slots import LenderView, Slots, every_account, one_line, values


@dataclass(frozen=True, repr=False)
class Letter:
    """Texts, ready to be set. `repr` is left out: it holds personal data."""

    reference: str
    language: str
    customer: str
    address: tuple[str, ...]
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


class Unprintable(ValueError):
    """A letter can't be printed; its text says why, without the address."""


def letter_of(slots: Slots, address: str | None, date: str, opening: str, closing: str) -> Letter:
    """The letter for these facts, with the wording that was fixed when it was claimed.

    Lists every account, however many there are. Raises Unprintable without an address.
    """
    lines = tuple(one_line(line) for line in (address or "").splitlines())
    lines = tuple(line for line in lines if line)
    if not lines:
        raise Unprintable("no address")
    if len(lines) > _ADDRESS_LINES:
        raise Unprintable(f"the address has more than {_ADDRESS_LINES} lines")
    given = values(slots)
    lender = given["lender"]
    assert isinstance(lender, LenderView)
    return Letter(
        reference=str(given["reference"]),
        language=slots.language,
        customer=str(given["customer"]),
        address=lines,
        lender=lender.name,
        phone=lender.phone,
        pay_url=lender.pay_url,
        complaints=lender.complaints,
        date=date,
        as_of=str(given["as_of"]),
        opening=opening,
        closing=closing,
        accounts=tuple(
            {
                "tail": f"…{account.tail}",
                "due_on": account.due_on,
                "dpd": str(account.dpd),
                "amount": account.amount,
            }
            for account in every_account(slots)
        ),
        total=str(given["total"]),
    )


_ADDRESS_LINES = 6
"""So many fit into the envelope's window below the name."""
