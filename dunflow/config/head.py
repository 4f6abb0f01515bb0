"""The head of a portfolio: the few keys that its DAGs are built from."""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from dunflow.config.book import first_date, folders
from dunflow.config.destination import MOST_APPROVALS
from dunflow.config.portfolio import is_name, shown


@dataclass(frozen=True)
class Head:
    """What a schedule needs to know of a portfolio.

    Every DAG file is parsed every few seconds, for all portfolios, so the models are left alone
    here: they check the portfolio when a run reads it.
    """

    name: str
    owner: str = "collections"
    description: str = ""
    zone: str = "UTC"
    starts_on: dt.date | None = None
    replay: bool = False
    feeds: bool = False
    """Whether anything is to be taken in between two snapshots."""
    approvals: int = 1
    """So many people are asked about a hand-off, where its receiver wants the most."""
    warnings: tuple[str, ...] = ()
    """What a person should see beside the DAG's name."""


def heads() -> list[Head]:
    """The heads of all portfolios, by name.

    A folder whose name can't be a portfolio's is passed over, as no DAG can bear it; `dunflow
    check` tells of it.
    """
    return [_head_of(name, found) for name, found in sorted(folders().items()) if is_name(name)]


def _head_of(name: str, found: list[Path]) -> Head:
    if len(found) > 1:
        return Head(name, warnings=("lies in several folders",))
    return read_head(name, found[0])


def read_head(name: str, folder: Path) -> Head:
    """The head of one portfolio. One that can't be read gets the defaults and a warning.

    Its run then fails and names the fault. Raising here would take every other portfolio's DAGs
    away together with this one's.
    """
    try:
        return _head(name, yaml.load(_text(folder), yaml.CSafeLoader))
    except (OSError, yaml.YAMLError, ValueError, TypeError, AttributeError, LookupError):
        return Head(name, warnings=("unreadable portfolio.yaml",))


def _text(folder: Path) -> str:
    return (folder / "portfolio.yaml").read_text(encoding="utf-8")


def _head(name: str, document: Any) -> Head:
    starts_on = document.get("starts_on")
    receivers = (document.get("destinations") or {}).values()
    approvals = max([1, *(int(each.get("approvals", 1)) for each in receivers)])
    if approvals > MOST_APPROVALS:
        raise ValueError(approvals)
    senders = document.get("senders") or {}
    email = senders.get("email")
    return Head(
        name=name,
        owner=shown(str(document.get("owner", Head.owner))),
        description=shown(str(document.get("description", Head.description))),
        zone=ZoneInfo(document["time_zone"]).key,
        starts_on=first_date(starts_on) if starts_on is not None else None,
        replay=document.get("clock") == "replay",
        approvals=approvals,
        feeds=bool(document.get("intake"))
        or any(each.get("returns") for each in receivers)
        or (email is not None and email.get("suppressions", True))
        or any(_is_number((senders.get(each) or {}).get("from")) for each in ("sms", "voice")),
    )


def _is_number(sender: object) -> bool:
    """To which people can text: neither a Messaging Service nor a name."""
    return str(sender).removeprefix("+").isdecimal()
