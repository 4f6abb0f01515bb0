"""Facts that conditions (`when`) may name, and the conditions themselves."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field, model_validator

from dunflow.config.base import Amount, Currency, Model

AMOUNT_FACTS = frozenset({"overdue", "balance"})
NUMBER_FACTS = frozenset(
    {
        "dpd",
        "instalments_overdue",
        "broken_promises",
        "broken_plans",
        "episodes_12m",
        "days_since_payment",
    }
)
TEXT_FACTS = frozenset({"currency", "product", "segment"})
BUILT_IN_FACTS = AMOUNT_FACTS | NUMBER_FACTS | TEXT_FACTS

Scalar = str | int | bool


class Test(Model):
    """One test of a fact: `from` and `to` are inclusive, and everything given must hold."""

    __test__ = False  # not a test case for pytest

    from_: int | dict[Currency, Amount] | None = Field(None, alias="from")
    to: int | dict[Currency, Amount] | None = None
    in_: list[Scalar] | None = Field(None, alias="in")
    not_in: list[Scalar] | None = None
    is_: Scalar | None = Field(None, alias="is")

    @model_validator(mode="after")
    def _says_something(self) -> "Test":
        if not self.model_fields_set:
            raise ValueError("tests nothing; give from, to, in, not_in or is")
        for key, value in self.given.items():
            if value is None or value in ([], {}):
                raise ValueError(f"{key} is empty; give a value, or leave {key} out")
        return self

    @property
    def given(self) -> dict[str, Any]:
        """What stands in the file, by the keys that stand there."""
        return {
            type(self).model_fields[name].alias or name: getattr(self, name)
            for name in type(self).model_fields
            if name in self.model_fields_set
        }


When = dict[str, Test]


# What a fact may be compared with, and by which keys.
_COMPARED: dict[str, tuple[frozenset[str], str]] = {
    "amount": (
        frozenset({"from", "to"}),
        'is an amount; use from and to per currency, like {from: {CNY: "200.00"}}',
    ),
    "number": (
        frozenset({"from", "to", "in", "not_in", "is"}),
        "is a number; give whole numbers without quotes",
    ),
    "text": (frozenset({"in", "not_in", "is"}), "is text; use in, not_in or is, with text"),
    "flag": (frozenset({"is"}), "is a flag; use {is: true} or {is: false}"),
}
_BUILT_IN_KINDS = {
    **dict.fromkeys(AMOUNT_FACTS, "amount"),
    **dict.fromkeys(NUMBER_FACTS, "number"),
    **dict.fromkeys(TEXT_FACTS, "text"),
}


def check_when(when: When, attributes: Mapping[str, str], where: str) -> list[str]:
    """Faults of a condition, each as one line. `attributes`: the lender's own facts, by kind."""
    kinds = {**attributes, **_BUILT_IN_KINDS}
    faults = []
    for fact, test in when.items():
        if fact not in kinds:
            known = ", ".join(sorted(kinds))
            faults.append(f"{where}: when.{fact}: no such fact; known are {known}")
            continue
        keys, repair = _COMPARED[kinds[fact]]
        for key, value in test.given.items():
            if key not in keys or not _fits(kinds[fact], value):
                faults.append(f"{where}: when.{fact}.{key}: is {_told(value)}; {fact} {repair}")
        faults += [f"{where}: when.{fact}: {fault}" for fault in _upside_down(test)]
    return faults


def _fits(kind: str, value: Any) -> bool:
    """Whether every single value given is one that a fact of this kind can be compared with."""
    if kind == "amount":
        return isinstance(value, dict)
    wanted = {"number": int, "text": str, "flag": bool}[kind]
    return all(type(each) is wanted for each in (value if isinstance(value, list) else [value]))


def _upside_down(test: Test) -> list[str]:
    """Bounds that no value lies between."""
    low, high = test.from_, test.to
    if isinstance(low, int) and isinstance(high, int):
        pairs: list[tuple[Any, Any]] = [(low, high)]
    elif isinstance(low, dict) and isinstance(high, dict):
        pairs = [(low[currency], high[currency]) for currency in low.keys() & high.keys()]
    else:
        return []
    return [
        f"from {below} lies above to {above}, so it never holds; swap them"
        for below, above in pairs
        if below > above
    ]


def _told(value: Any) -> str:
    if isinstance(value, dict):
        return str({key: str(amount) for key, amount in value.items()})
    return repr(value)
