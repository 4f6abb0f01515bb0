"""The lender's core of a scenario: what its source delivers for a business date."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal

import pandas as pd
import phonenumbers

from dunflow.clock import BusinessCalendar
from dunflow.errors import ConfigError
from dunflow.scenario.model import Account, Change, Customer, Missing, Pay, Scenario

Cell = str | None
UNREADABLE = "12.3.4"
CONTACT_POINTS = ("phone", "email", "address")
ACCOUNT_COLUMNS = ("balance", "product", "segment", "instalments_overdue", "last_payment_on")


class World:
    """Accounts, customers and what happens to them in the core, whoever asks when."""

    def __init__(self, scenario: Scenario, calendar: BusinessCalendar) -> None:
        self._scenario, self._calendar = scenario, calendar
        entries = scenario.timeline
        self.pays: list[Pay] = [entry.pay for entry in entries if entry.pay]
        self._changes: list[Change] = [entry.change for entry in entries if entry.change]
        self._absent: list[Missing] = [entry.absent for entry in entries if entry.absent]
        self._spoilt: list[Missing] = [entry.spoilt for entry in entries if entry.spoilt]
        things: list[Pay | Change | Missing] = [*self.pays, *self._changes]
        things += [*self._absent, *self._spoilt]
        for thing in things:
            if thing.account not in scenario.accounts:
                kind, name = type(thing).__name__.lower(), thing.account
                raise ConfigError(
                    f"{scenario.scenario}: {kind} names account {name!r}; it is none of "
                    f"{', '.join(scenario.accounts)}"
                )
        self._points = _contact_points(scenario)

    def contact_point(self, customer: str, channel: str) -> str | None:
        """The phone or email by which a channel reaches the customer, as the story begins."""
        if customer not in self._points:
            raise ConfigError(
                f"{self._scenario.scenario}: there is no customer {customer!r}; it is none of "
                f"{', '.join(self._points)}"
            )
        return self._points[customer]["email" if channel == "email" else "phone"]

    def currency_of(self, account: str) -> str:
        return self._scenario.accounts[account].currency or self._scenario.portfolio.currency

    def customer_of(self, account: str) -> str:
        return self._scenario.accounts[account].customer or account

    def rows(self, business_date: dt.date, asked_at: dt.datetime) -> Iterator[pd.DataFrame]:
        """The source's one frame for that date; every cell is text, as in a file."""
        rows = [
            row
            for name, account in self._scenario.accounts.items()
            if (row := self._row(name, account, business_date, asked_at))
        ]
        columns = [
            "account",
            "customer",
            "due_on",
            "overdue",
            "currency",
            *ACCOUNT_COLUMNS,
            "name",
            *CONTACT_POINTS,
            "language",
            "time_zone",
        ]
        yield pd.DataFrame(rows, columns=columns, dtype="string[pyarrow]")

    def _row(
        self, name: str, account: Account, business_date: dt.date, asked_at: dt.datetime
    ) -> dict[str, Cell] | None:
        if self._covers(self._absent, name, business_date, asked_at):
            return None
        changes = [
            change
            for change in self._changes
            if change.account == name
            and change.from_ <= business_date
            and self._is_said(change.since, asked_at)
        ]
        now: dict[str, object] = account.model_dump()
        points: dict[str, Cell] = {}
        for change in changes:
            given = change.model_dump(exclude={"account", "from_", "since"}, exclude_unset=True)
            points |= {key: given.pop(key) for key in CONTACT_POINTS if key in given}
            now |= given
        owed = Decimal(str(now["overdue"])) - self._paid(name, business_date)
        spoilt = self._covers(self._spoilt, name, business_date, asked_at)
        if owed <= 0 and not spoilt:
            return None
        customer = str(now["customer"] or name)
        return {
            "account": name,
            "customer": customer,
            "due_on": _text(now["due"]),
            "overdue": UNREADABLE if spoilt else str(owed),
            "currency": _text(now["currency"] or self._scenario.portfolio.currency),
            **{column: _text(now[column]) for column in ACCOUNT_COLUMNS},
            **self._points[customer],
            **points,
        }

    def _covers(
        self, spans: list[Missing], account: str, date: dt.date, asked_at: dt.datetime
    ) -> bool:
        return any(
            span.account == account
            and span.dates[0] <= date <= span.dates[1]
            and self._is_said(span.since, asked_at)
            for span in spans
        )

    def _is_said(self, since: dt.datetime | None, asked_at: dt.datetime) -> bool:
        return since is None or _at(since, self._calendar.zone) <= asked_at

    def _paid(self, name: str, business_date: dt.date) -> Decimal:
        close = self._calendar.close_of(business_date)
        zone = self._calendar.zone
        return sum(
            (pay.amount for pay in self.pays if pay.account == name and _at(pay.at, zone) < close),
            Decimal(0),
        )


def _at(instant: dt.datetime, zone: dt.tzinfo) -> dt.datetime:
    """An instant of the file; without an offset it is meant in `zone`."""
    return instant if instant.tzinfo else instant.replace(tzinfo=zone)


def _text(value: object) -> Cell:
    return None if value is None else str(value)


def _contact_points(scenario: Scenario) -> dict[str, dict[str, Cell]]:
    """Customer → its cells; what the file leaves open is filled with values of its own."""
    names = {account.customer or name for name, account in scenario.accounts.items()}
    changes = [entry.change for entry in scenario.timeline if entry.change]
    names |= {change.customer for change in changes if change.customer}
    phones = _phones(scenario.portfolio.region)
    found: dict[str, dict[str, Cell]] = {}
    for number, name in enumerate(sorted(names)):
        own: dict[str, Cell] = {
            "name": f"Test Person {number + 1}",
            "phone": next(phones),
            "email": f"customer{number}@example.com",
            "address": f"{number + 1} Test Street",
        }
        given = scenario.customers.get(name, Customer())
        blank = dict.fromkeys(Customer.model_fields)
        found[name] = blank | own | given.model_dump(exclude_unset=True)
    return found


def _phones(region: str) -> Iterator[str]:
    """Valid mobile numbers of a region, each once."""
    kind = phonenumbers.PhoneNumberType.MOBILE
    example = phonenumbers.example_number_for_type(region, kind)
    if example is None:
        raise ConfigError(f"region {region!r}: no example of a mobile number is known")
    national = int(example.national_number or 0)
    for step in range(1_000_000):
        number = phonenumbers.PhoneNumber(
            country_code=example.country_code, national_number=national + step
        )
        if phonenumbers.is_valid_number(number):
            yield phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
