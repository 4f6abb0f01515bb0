"""Who stands under a name that the policy has lost: `check` tells before they hear it again."""

import datetime as dt
from pathlib import Path

import pytest
import yaml
from sqlalchemy import Engine, insert

from dunflow.check import check
from dunflow.ledger.engine import portfolio_id_of
from dunflow.ledger.tables import episode, waiver
from tests.intake.conftest import live

__all__ = ["live"]

DAY = dt.date(2026, 3, 2)


@pytest.fixture
def renamed(live: Path, ledger: Engine) -> Path:
    """The policy's file; accounts had a tier and a step that it does not know, one is cured."""
    with ledger.begin() as conn:
        number = portfolio_id_of(conn, "live_book")
        for account, ended_on in enumerate([None, None, None, DAY]):
            begun = (
                insert(episode)
                .values(
                    portfolio_id=number,
                    account_id=account,
                    started_on=DAY - dt.timedelta(days=9),
                    ended_on=ended_on,
                    highest_tier="polite" if account != 1 else "courtesy",
                )
                .returning(episode.c.episode_id)
            )
            passed = {
                "portfolio_id": number,
                "account_id": account,
                "episode_id": conn.execute(begun).scalar_one(),
                "business_date": DAY,
                "reason": "known",
                "waived_by": "ann",
                "waived_at": dt.datetime(2026, 2, 28, 8, tzinfo=dt.UTC),
            }
            conn.execute(insert(waiver), [passed | {"step": s} for s in ("hello", "courtesy_sms")])
    return live / "policy.yaml"


def _told() -> list[str]:
    return [each for each in check("live_book").warnings if "on the ladder" in each]


def test_check_counts_who_is_on_the_ladder_by_each_of_them(renamed: Path) -> None:
    tier, step = _told()
    assert tier.startswith("2 accounts on the ladder stand in tier 'polite'")
    assert step.startswith("3 accounts on the ladder have had step 'hello'")


def test_a_policy_that_says_what_it_was_has_lost_nothing(renamed: Path) -> None:
    policy = yaml.safe_load(renamed.read_text("utf-8"))
    first = policy["tiers"][0]
    first["was"], first["steps"][0]["was"] = "polite", ["hi", "hello"]
    renamed.write_text(yaml.safe_dump(policy, allow_unicode=True), encoding="utf-8")
    assert _told() == []
