"""What a notice before a hand-off is, where a pack asks for one."""

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import Engine, select, text

from dunflow import day as stages
from dunflow.assess.progress import refresh
from dunflow.clock import VirtualClock
from dunflow.config.book import Book
from dunflow.day import Day
from dunflow.errors import ConfigError
from dunflow.ledger.tables import episode
from dunflow.scenario.model import Scenario
from dunflow.scenario.run import Story, book_of
from dunflow.snapshot.pull import Pull

SENT_ON = dt.date(2026, 3, 1)
NEVER = None
OPTIONAL = ["phone", "email", "address", "language", "time_zone", "balance", "product", "segment"]
OPTIONAL += ["instalments_overdue", "last_payment_on"]


def book(
    pack: str, *, days: int, purpose: str = "notice", channel: str | list[str] = "sms"
) -> Book:
    notice = {"step": "notice", "at_dpd": 1, "channel": channel, "template": "final"}
    policy = {
        "policy": "leaving",
        "packs": [pack],
        "tiers": [{"tier": "only", "from_dpd": 1, "steps": [notice | {"purpose": purpose}]}],
        "hand_off": [
            {
                "to": "agency",
                "when": {"dpd": {"from": 1}},
                "after": {"step": "notice", "days": days},
            }
        ],
    }
    story = {"scenario": "s", "policy": policy, "accounts": {}, "timeline": [], "expect": {}}
    return book_of(Story(Path(__file__), Scenario.model_validate(story)))


def run(ledger: Engine, whole: Book, date: dt.date) -> None:
    row = {"account": "A1", "customer": "C1", "due_on": "2026-02-20", "overdue": "1300.00"}
    row |= {"currency": "CNY", "name": "Somebody", "phone": "+8613800138001"}
    frame = pd.DataFrame([{**dict.fromkeys(OPTIONAL), **row}])
    calendar = whole.portfolio.calendar
    day = Day(ledger, whole, date, VirtualClock(calendar.usual_time_of(date)), {})
    rows = iter([frame.astype("string[pyarrow]")])
    stages.snapshot(day, Pull(rows, calendar.close_of(date)))
    stages.gate(day)
    stages.decide(day)


@pytest.mark.parametrize(
    ("pack", "channel", "state", "heard_at", "proposed"),
    [
        ("cn-consumer", "sms", "accepted", NEVER, False),
        ("cn-consumer", "sms", "delivered", "2026-03-02 09:00+08", True),
        ("cn-consumer", "sms", "delivered", "2026-03-03 00:10+08", False),  # a day later
        ("cn-consumer", "email", "delivered", NEVER, True),  # by the system before: no receipt
        ("cn-consumer", "voice", "delivered", "2026-03-02 09:00+08", False),
        ("cn-consumer", "call", "accepted", NEVER, False),
        ("in", "sms", "accepted", NEVER, True),  # asks for no receipt
        ("in", "voice", "delivered", "2026-03-02 09:00+08", False),
    ],
)
def test_a_notice_is_in_writing_and_arrives_where_a_pack_says_so(
    ledger: Engine, pack: str, channel: str, state: str, heard_at: str | None, proposed: bool
) -> None:
    whole = book(pack, days=1)
    run(ledger, whole, SENT_ON)
    with ledger.begin() as conn:
        conn.execute(
            text(
                "UPDATE contact SET channel = :channel, state = :state, ended_at = :heard_at,"
                " accepted_at = '2026-03-02 08:00+08', contact_on = '2026-03-02'"
            ),
            {"channel": channel, "state": state, "heard_at": heard_at},
        )
        refresh(conn, whole, select(episode.c.episode_id))
    run(ledger, whole, SENT_ON + dt.timedelta(days=1))
    with ledger.begin() as conn:
        assert bool(conn.execute(text("SELECT count(*) FROM placement")).scalar_one()) == proposed


@pytest.mark.parametrize(
    ("purpose", "channel", "said"),
    [
        ("reminder", "letter", ["'notice', a reminder", "`purpose: notice`"]),
        ("notice", "voice", ["goes by voice", "letter"]),
        ("notice", ["email", "call"], ["goes by call", "letter"]),
    ],
)
def test_another_step_than_a_written_notice_is_refused_where_a_pack_asks_for_one(
    purpose: str, channel: str | list[str], said: list[str]
) -> None:
    with pytest.raises(ConfigError) as refused:
        book("uk", days=14, purpose=purpose, channel=channel)
    for words in ["hand_off to 'agency'", "uk asks for a notice in writing", *said]:
        assert words in str(refused.value)


def test_where_no_pack_asks_for_a_notice_any_step_may_come_before_a_hand_off() -> None:
    assert book("us-federal", days=14, purpose="reminder", channel="call").policy.hand_off
