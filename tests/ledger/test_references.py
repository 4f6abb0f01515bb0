"""References: the number of a contact in letters and digits, there and back."""

import itertools

from sqlalchemy import BigInteger, Engine, func, select

from dunflow.ledger.references import ALPHABET, number_of, reference_of, scattered

NUMBERS = (1, 2, 3, 999, 32**4, 175_000_001, 5_000_000_000, 32**7 - 1)


def references(ledger: Engine, numbers: tuple[int, ...]) -> list[str]:
    number = func.unnest(list(numbers), type_=BigInteger).column_valued("number")
    with ledger.connect() as conn:
        return list(conn.execute(select(reference_of(scattered(number)))).scalars())


def test_a_reference_tells_its_number(ledger: Engine) -> None:
    made = references(ledger, NUMBERS)
    assert [number_of(each) for each in made] == list(NUMBERS)
    assert all(len(each) == 7 and set(each) <= set(ALPHABET) for each in made)


def test_neighbours_share_little(ledger: Engine) -> None:
    made = references(ledger, tuple(range(1_000, 1_100)))
    for one, other in itertools.pairwise(made):
        assert sum(a != b for a, b in zip(one, other, strict=True)) >= 5


def test_what_is_none_of_ours_has_no_number() -> None:
    for mark in (
        "",
        "AAAAAA",
        "AAAAAAAA",
        "aaaaaaa",
        "AAAAAA0",
        "AAAAAAI",
        "3:agency:7",
        "１２３４５６７",
    ):
        assert number_of(mark) is None
