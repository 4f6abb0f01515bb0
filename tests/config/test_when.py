"""A condition that does not fit its fact is refused, whether a tier's or a hand-off's."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from dunflow.config.base import build
from dunflow.config.facts import Test, check_when
from dunflow.config.policy import Policy
from dunflow.errors import ConfigError
from tests.config.harbour import refusal


@pytest.mark.parametrize(
    ("when", "told"),
    [
        ("{score: {from: 3}}", ["when.score", "no such fact", "overdue"]),
        ("{overdue: {from: 200}}", ["when.overdue", "per currency", 'CNY: "200.00"']),
        ('{overdue: {is: "200"}}', ["when.overdue.is", "'200'", "from and to per currency"]),
        ('{dpd: {from: {CNY: "3"}}}', ["when.dpd.from", "a number", "whole numbers"]),
        ("{dpd: {is: x}}", ["when.dpd.is", "'x'", "without quotes"]),
        ("{dpd: {in: [3, '4']}}", ["when.dpd.in", "[3, '4']", "without quotes"]),
        ("{dpd: {from: 9, to: 3}}", ["when.dpd", "from 9 lies above to 3", "swap"]),
        (
            '{overdue: {from: {CNY: "9.00"}, to: {CNY: "3.00"}}}',
            ["when.overdue", "from 9.00 lies above to 3.00"],
        ),
        ("{product: {from: 3}}", ["when.product.from", "3", "text", "in, not_in or is"]),
        ("{currency: {is: 5}}", ["when.currency.is", "5", "text"]),
    ],
)
def test_a_condition_that_does_not_fit_its_fact_is_refused(
    harbour: Path, when: str, told: list[str]
) -> None:
    file = harbour / "policy.yaml"
    file.write_text(f"policy: p\ntiers: [{{tier: one, from_dpd: 1, when: {when}}}]")
    found = refusal()
    for part in [str(file), "tier 'one'", *told]:
        assert part in found


@pytest.mark.parametrize(
    ("when", "told"),
    [
        ("dpd: {in: []}", ["when.dpd", "in is empty", "leave in out"]),
        ("dpd: {from: }", ["when.dpd", "from is empty", "leave from out"]),
        ("overdue: {from: {}}", ["when.overdue", "from is empty"]),
    ],
)
def test_a_condition_that_says_nothing_is_refused(when: str, told: list[str]) -> None:
    data = yaml.safe_load(f"policy: p\ntiers: [{{tier: one, from_dpd: 1, when: {{{when}}}}}]")
    with pytest.raises(ConfigError) as refused:
        build(Policy, data, "policy.yaml")
    for part in told:
        assert part in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "test", "told"),
    [
        ("number", {"is": "abc"}, "'abc'"),
        ("number", {"is": True}, "True"),
        ("text", {"from": 3}, "is text"),
        ("text", {"is": 3}, "is text"),
        ("flag", {"from": 1}, "is a flag"),
        ("flag", {"is": "yes"}, "'yes'"),
        ("flag", {"in": [True, False]}, "is a flag"),
    ],
)
def test_the_lenders_own_facts_are_compared_by_their_kind(
    kind: str, test: dict[str, Any], told: str
) -> None:
    (fault,) = check_when({"score": Test.model_validate(test)}, {"score": kind}, "here")
    assert fault.startswith("here: when.score.")
    assert told in fault


@pytest.mark.parametrize(
    ("kind", "test"),
    [
        ("number", {"from": 3, "to": 3}),
        ("number", {"not_in": [1, 2]}),
        ("text", {"in": ["a", "b"]}),
        ("flag", {"is": False}),
    ],
)
def test_a_condition_that_fits_is_taken(kind: str, test: dict[str, Any]) -> None:
    assert check_when({"score": Test.model_validate(test)}, {"score": kind}, "here") == []
