"""Whoever takes an advisory lock takes it by a name that stands in one place."""

import re
from pathlib import Path

from dunflow.ledger import locks


def test_no_lock_is_taken_by_a_bare_number() -> None:
    files = Path(locks.__file__).parents[1].rglob("*.py")
    bare = re.compile(r"pg_(?:try_)?advisory\w*\(\s*\d")
    assert [file.name for file in files if bare.search(file.read_text(encoding="utf-8"))] == []


def test_no_two_uses_share_a_lock() -> None:
    spaces = [locks.PORTFOLIO, locks.PLACEMENTS, locks.SCHEMA]
    assert len(set(spaces)) == len(spaces)
    assert locks.MIGRATION != locks.TEMPLATE
    assert locks.LINES != locks.POINTS
