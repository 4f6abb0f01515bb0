"""What a jurisdiction asks for before an account is given away. Merging only ever tightens."""

import re
from typing import Annotated

from pydantic import AfterValidator

from dunflow.config.base import Model
from dunflow.config.destination import FieldName, Kind


def _days(value: str) -> str:
    if not re.fullmatch(r"P\d+D", value):
        raise ValueError(f"is {value!r}; write whole days like P30D, or P0D for no wait")
    return value


class Needs(Model):
    """What must precede. `notice`: a notice was done so many days ago, P0D or more."""

    notice: Annotated[str, AfterValidator(_days)] | None = None
    agreement: bool = False
    """An agreement with the receiver must be in force."""
    src: list[str] = []

    @property
    def notice_days(self) -> int | None:
        return None if self.notice is None else int(self.notice[1:-1])


class Fields(Model):
    """What of the allow-list may leave: `allow` (all, if it is not given) less `deny`."""

    allow: list[FieldName] | None = None
    deny: list[FieldName] = []
    src: list[str] = []


class HandOffFloor(Model):
    """A pack's hand-off rules, by the kind of receiver."""

    agency: Needs = Needs()
    legal: Needs = Needs()
    fields: Fields = Fields()

    def needs(self, kind: Kind) -> Needs:
        return self.agency if kind == "agency" else self.legal


def notice_days(floors: list[HandOffFloor], kind: Kind) -> int | None:
    """The longest wait after a notice that any pack asks for; None: no notice is asked for."""
    asked = [days for floor in floors if (days := floor.needs(kind).notice_days) is not None]
    return max(asked, default=None)


def needs_agreement(floors: list[HandOffFloor], kind: Kind) -> bool:
    """Whether any pack asks for an agreement in force."""
    return any(floor.needs(kind).agreement for floor in floors)


def may_leave(floors: list[HandOffFloor], field: FieldName) -> bool:
    """Whether every pack lets `field` leave."""
    return all(
        field not in floor.fields.deny
        and (floor.fields.allow is None or field in floor.fields.allow)
        for floor in floors
    )
