"""The file on a customer, as a person reads it in a terminal."""

import datetime as dt
from decimal import Decimal
from typing import Any

from rich.text import Text

from dunflow import money, tell


def show(file: dict[str, Any], zone: dt.tzinfo) -> None:
    """One table per kind of record; texts stand below the contact or reply that they are of."""
    tell.screen.print(f"{file['portfolio']}, customer {file['customer']}", style="bold")
    for name, records in file.items():
        if name in ("portfolio", "customer"):
            continue
        listed = [records] if isinstance(records, dict) else records
        if listed:
            tell.screen.print(f"\n{name.replace('_', ' ')}", style="bold")
        for record in listed:
            _record(record, zone)


def _record(record: dict[str, Any], zone: dt.tzinfo) -> None:
    text = record.get("text")
    told = {
        key: value for key, value in record.items() if key != "text" and value not in (None, [])
    }
    currency = told.get("currency")
    parts = [
        f"{key.replace('_', ' ')} {_value(value, zone, currency)}" for key, value in told.items()
    ]
    _line(", ".join(parts), "  ")
    for line in str(text or "").strip().splitlines():
        _line(line, "      | ")


def _line(text: str, before: str) -> None:
    """One that is too long goes on below its own beginning."""
    lines = Text(text).wrap(tell.screen, tell.screen.width - len(before))
    for line in lines:
        tell.screen.print(Text(before) + line)


def _value(value: object, zone: dt.tzinfo, currency: object) -> str:
    if isinstance(value, Decimal) and currency:
        return money.plain(value, str(currency))
    if isinstance(value, dt.datetime):
        return f"{value.astimezone(zone):%Y-%m-%d %H:%M}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "; ".join(_value(each, zone, currency) for each in value)
    if isinstance(value, dict):
        return " ".join(_value(each, zone, currency) for each in value.values())
    return str(value)
