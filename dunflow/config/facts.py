"""Facts that conditions (`when`) may name, and the conditions themselves."""

from typing import Any

from pydantic import Field, model_validator

from dunflow.config.base import Amount, Currency, Model

AMOUNT_FACTS = frozenset({"overdue", "balance"})
NUMBER_FACTS = frozenset(
    {"dpd", "instalments_overdue", "broken_promises", "episodes_12m", "days_since_payment"}
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
        return self

    @property
    def per_currency(self) -> bool:
        return isinstance(self.from_, dict) or isinstance(self.to, dict)


When = dict[str, Test]


def check_when(when: When, attributes: set[str], where: str) -> list[str]:
    """Faults of a condition, each as one line: unknown facts, amounts without currencies."""
    faults = []
    for fact, test in when.items():
        if fact not in BUILT_IN_FACTS | attributes:
            known = ", ".join(sorted(BUILT_IN_FACTS | attributes))
            faults.append(f"{where}: when.{fact}: no such fact; known are {known}")
        bounds = test.from_ is not None or test.to is not None
        if fact in AMOUNT_FACTS and bounds and not _all_per_currency(test):
            faults.append(
                f"{where}: when.{fact}: amounts are given per currency, "
                'like {from: {CNY: "200.00"}}'
            )
        if fact not in AMOUNT_FACTS and test.per_currency:
            faults.append(f"{where}: when.{fact}: is no amount; give a plain number")
        if fact in TEXT_FACTS and bounds:
            faults.append(f"{where}: when.{fact}: is text; use in, not_in or is")
    return faults


def _all_per_currency(test: Test) -> bool:
    given: list[Any] = [bound for bound in (test.from_, test.to) if bound is not None]
    return all(isinstance(bound, dict) for bound in given)
