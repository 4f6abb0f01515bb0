"""What raw cells look like, in words that give nothing of them away."""

import re
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from dunflow.snapshot.cells import CONTROL_SIGNS, DAMAGE, DAMAGED, LONGEST_TEXT

_KINDS: Mapping[str, re.Pattern[str]] = {
    "number": re.compile(r"[-+]?\d+"),
    "date-like": re.compile(r"\d{1,4}([-/.年])\d{1,2}[-/.月]\d{1,4}日?([ T].*)?"),
    "decimal number": re.compile(r"[-+]?[\d.,' ]*\d[.,]\d+"),
    "exponent": re.compile(r"[-+]?\d+([.,]\d+)?[eE][-+]?\d+"),
    "email-like": re.compile(r"[^@]*@[^@]*", re.DOTALL),
    "control characters": re.compile(f".*{CONTROL_SIGNS}.*", re.DOTALL),
}


def kinds_of(column: pa.Array) -> list[str]:
    """What raw cells look like, in words that give nothing of them away."""
    if pa.types.is_temporal(column.type):  # not every one of them is a date that Python has
        return ["date-like" if there else "empty" for there in column.is_valid().to_pylist()]
    return [_kind_of(value) for value in column.to_pylist()]


def _kind_of(value: Any) -> str:
    if value is None:
        return "empty"
    if not isinstance(value, str):
        return "number"
    text = value.strip()
    if not text:
        return "empty"
    if DAMAGED in text:
        key = text.removeprefix(DAMAGED)
        return key if key in DAMAGE else "bytes"
    for kind, pattern in _KINDS.items():
        if pattern.fullmatch(text):
            return kind
    return "text" if len(text) <= LONGEST_TEXT else "long text"
