"""What a cell looks like that can't be read: told in words that give nothing of it away."""

import pyarrow as pa
import pytest

from dunflow.snapshot.kinds import kinds_of


@pytest.mark.parametrize(
    ("cell", "looks"),
    [
        ("31.02.2026", "date-like"),
        ("2026-02-31", "date-like"),
        ("2026年2月31日", "date-like"),
        ("1.234,56", "decimal number"),
        ("1'234.50", "decimal number"),
        ("1.234.567", "decimal number"),
        ("120", "number"),
        ("1.2e+05", "exponent"),
        ("a@b", "email-like"),
        (" ", "empty"),
        ("soon", "text"),
    ],
)
def test_a_cell_is_told_by_its_looks(cell: str, looks: str) -> None:
    assert kinds_of(pa.array([cell])) == [looks]
