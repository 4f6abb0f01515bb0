"""Whose objection led to a hold is told once that collecting has paused, if a pack lets them be."""

import datetime as dt
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from dunflow.commands import replies
from dunflow.commands.desk import Desk
from dunflow.intake.holders import customer_of
from dunflow.intake.holds import Hold, Holder, record_hold
from dunflow.ledger.tables import hold, opt_out, reply
from tests.intake.test_heard import ANN, BO, TEN, Town, town

__all__ = ["town"]

DISPUTE = "这笔钱不是我借的，金额有错"
PAUSED = "暂停"


def decide(town: Town, **said: Any) -> None:
    """A person confirms the newest reply."""
    with town.engine.begin() as conn:
        newest = conn.execute(select(reply.c.reply_id).order_by(reply.c.reply_id.desc())).scalar()
        chosen = dict.fromkeys(("dismiss", "kind", "sum_", "date", "account", "customer"))
        chosen |= {"confirm": newest, "reason": "looked at it", **said}
        desk = Desk(town.book, conn, town.portfolio_id, town.clock.now())
        replies.decide(desk, "clerk", **chosen)


def test_it_is_told_once_and_by_the_way_they_wrote(town: Town) -> None:
    town.answer(ANN, DISPUTE)
    town.drain()
    assert town.told(ANN) == []  # nobody has looked at it yet
    decide(town)
    town.drain()
    [told] = town.told(ANN)
    assert PAUSED in told
    town.drain()
    assert town.told(ANN) == [told]
    with town.engine.connect() as conn:
        row = conn.execute(select(reply.c.confirmed_at, reply.c.provider_id)).one()
    assert (row.confirmed_at, bool(row.provider_id)) == (TEN, True)


def test_it_is_told_in_the_persons_language(town: Town) -> None:
    town.answer(BO, "I dispute this debt, the amount is wrong")
    decide(town)
    town.drain()
    assert ["We have paused collection" in told for told in town.told(BO)] == [True]


@pytest.mark.parametrize("kind", ["hardship", "deceased"])
def test_holds_during_which_no_reply_may_go_out_are_not_told(town: Town, kind: str) -> None:
    """The pack lets replies out during a dispute only."""
    town.answer(ANN, DISPUTE)
    decide(town, kind=kind)
    town.drain()
    assert town.told(ANN) == []


def test_what_stands_in_the_way_is_heeded(town: Town) -> None:
    town.answer(ANN, DISPUTE)
    decide(town)
    with town.engine.begin() as conn:
        ann = customer_of(conn, town.portfolio_id, "Ann")
        dead = Hold(Holder(customer_id=ann), "deceased", TEN, None, TEN, "clerk", "the family")
        record_hold(conn, town.portfolio_id, dead)
    town.answer(BO, "I dispute this debt, the amount is wrong")
    decide(town)
    with town.engine.begin() as conn:
        no = {"portfolio_id": town.portfolio_id, "channel": "sms", "address": BO}
        conn.execute(insert(opt_out).values(**no, since_at=TEN, source="reply"))
    town.drain()
    assert (town.told(ANN), town.told(BO)) == ([], [])


def test_a_hold_that_is_over_or_old_is_not_told(town: Town) -> None:
    town.answer(ANN, DISPUTE)
    decide(town)
    with town.engine.begin() as conn:
        conn.execute(update(hold).values(released_at=TEN, released_by="clerk"))
    town.drain()
    town.answer(BO, "I dispute this debt, the amount is wrong")
    decide(town)
    town.clock.move_to(TEN + dt.timedelta(days=1))
    town.drain()
    assert town.told(ANN) == []
    assert not any("paused" in told for told in town.told(BO))


def test_its_text_at_fault_holds_no_contact_up_and_is_sent_once_mended(
    town: Town, tmp_path: Path
) -> None:
    town.answer(ANN, DISPUTE)
    decide(town)
    text = tmp_path / "templates/zh/hold_confirmation/sms.txt"
    text.parent.mkdir(parents=True)
    text.write_text("{{", encoding="utf-8")
    mended, town.book = town.book, replace(town.book, folder=tmp_path)
    town.drain()
    assert (town.states()["B1"], town.told(ANN)) == (("accepted", None), [])
    town.book = mended
    town.drain()
    assert [PAUSED in told for told in town.told(ANN)] == [True]
