"""The file on a customer, as a person reads it in a terminal."""

import datetime as dt
from typing import Any

from dunflow import tell


def show(file: dict[str, Any], zone: dt.tzinfo) -> None:
    """One table per kind of record; texts stand below the contact or reply that they are of."""
    tell.screen.print(f"[bold]{file['portfolio']}, customer {file['customer']}[/bold]", markup=True)
    for name, records in file.items():
        if name in ("portfolio", "customer"):
            continue
        listed = [records] if isinstance(records, dict) else records
        if listed:
            tell.screen.print(f"\n[bold]{name.replace('_', ' ')}[/bold]")
        for record in listed:
            _record(record, zone)


def _record(record: dict[str, Any], zone: dt.tzinfo) -> None:
    text = record.get("text")
    told = {key: value for key, value in record.items() if key != "text" and value is not None}
    parts = [f"{key} {_value(value, zone)}" for key, value in told.items()]
    tell.screen.print(f"  {', '.join(parts)}", markup=False)
    if text:
        for line in str(text).strip().splitlines():
            tell.screen.print(f"      | {line}", markup=False)


def _value(value: object, zone: dt.tzinfo) -> str:
    if isinstance(value, dt.datetime):
        return f"{value.astimezone(zone):%Y-%m-%d %H:%M}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "; ".join(_value(each, zone) for each in value)
    if isinstance(value, dict):
        return " ".join(_value(each, zone) for each in value.values())
    return str(value)
