"""Whole histories against the plain reference: outages, late runs, any order, dates run again.

DUNFLOW_HISTORIES sets how many accounts' histories are played, DUNFLOW_HISTORY_SEED with which
policies and dice; both are printed.
"""

import itertools
import os
from typing import Any

from histories import differences
from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st
from ladder_stories import packs, policies
from sqlalchemy import Engine

HISTORIES = int(os.environ.get("DUNFLOW_HISTORIES", "200"))
SEED = int(os.environ.get("DUNFLOW_HISTORY_SEED", "1"))
ACCOUNTS = min(25, HISTORIES)
"""Of one book: each example is a policy, a pack, an order of runs and so many accounts."""

_number = itertools.count()


def test_every_run_of_a_history_decides_what_the_design_says(shared_ledger: Engine) -> None:
    played = 0

    @seed(SEED)
    @settings(
        max_examples=-(-HISTORIES // ACCOUNTS),
        deadline=None,
        database=None,
        phases=(Phase.generate,),  # each example holds many accounts, and tells which differ
    )
    @given(policies(), packs(), st.integers(0, 2**32))
    def play(policy: dict[str, Any], pack: dict[str, Any], dice: int) -> None:
        nonlocal played
        name = f"h{next(_number)}"
        assert differences(shared_ledger, name, policy, pack, dice, ACCOUNTS) == []
        played += ACCOUNTS

    play()
    print(f"seed {SEED}: {played} histories")
