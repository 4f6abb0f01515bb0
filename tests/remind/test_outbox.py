"""The life of a contact: what is asked and when, who may claim, what a person may do."""

import datetime as dt
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise

import pytest
from sqlalchemy import Engine, func, select, text, update

from dunflow import day as stages
from dunflow.clock import VirtualClock
from dunflow.ledger.engine import portfolio_id_of
from dunflow.ledger.tables import contact, contact_account, resolution, sender_fault
from dunflow.remind import ask, brake, faults, outbox, rates, receipts, settle
from dunflow.remind.lease import Claimed
from dunflow.remind.rates import QUERIES, QUERY_RESTS
from dunflow.remind.resolve import ResolveError, resolve, waiting
from dunflow.remind.senders.outcome import (
    Absent,
    Accepted,
    Answer,
    Busy,
    Down,
    Message,
    Outcome,
    Refused,
    Seen,
    Silent,
    Unclear,
    Unknown,
)
from tests.remind.contacts import DATE, NOW, Outbox, outbox_of

MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def box(ledger: Engine) -> Outbox:
    return outbox_of(ledger)


def ask_once(box: Outbox, channel: str, at: dt.datetime, answer: Answer) -> dict[str, int]:
    with box.engine.begin() as conn:
        taken = ask.take(conn, box.book, box.portfolio_id, channel, at)
    with box.engine.begin() as conn:
        return ask.record(conn, box.book, [(each, answer) for each in taken], at)


def ask_until_settled(box: Outbox, contact_id: int, answer: Answer) -> list[dt.timedelta]:
    """Ask whenever it is due, until it is in doubt no more; how long after the call each was."""
    asked = []
    while (row := box.row(contact_id)).state == "in_doubt":
        asked.append(row.ask_at - NOW)
        ask_once(box, row.channel, row.ask_at, answer)
    return asked


def put_in_doubt(box: Outbox, channel: str) -> int:
    contact_id = box.put("claimed", channel=channel, lease_until_at=NOW + MINUTE)
    tell(box, contact_id, Unknown("no reply"))
    return contact_id


def tell(box: Outbox, contact_id: int, outcome: Outcome, attempt: int = 1) -> None:
    row = box.row(contact_id)
    message = Message(row.reference, row.channel, row.address, "text", None, None, NOW)
    with box.engine.begin() as conn:
        settled = [(Claimed(contact_id, attempt, message), outcome)]
        settle.settle(conn, box.book, box.portfolio_id, settled, NOW)


def test_an_sms_that_is_absent_in_three_looks_over_two_minutes_goes_out_again(box: Outbox) -> None:
    doubtful = put_in_doubt(box, "sms")
    asked = ask_until_settled(box, doubtful, Absent())
    assert len(asked) == 3
    assert asked[-1] == 2 * MINUTE
    assert (box.state(doubtful), box.row(doubtful).occupies) == ("planned", True)


def test_an_email_is_looked_for_over_a_quarter_of_an_hour(box: Outbox) -> None:
    doubtful = put_in_doubt(box, "email")
    asked = ask_until_settled(box, doubtful, Absent())
    assert (len(asked), asked[-1]) == (3, 15 * MINUTE)
    assert box.state(doubtful) == "planned"


def test_an_answer_that_says_nothing_is_no_look_and_ends_with_a_person(box: Outbox) -> None:
    doubtful = put_in_doubt(box, "sms")
    asked = ask_until_settled(box, doubtful, Unclear("503"))
    assert box.state(doubtful) == "parked"
    assert box.row(doubtful).occupies
    assert dt.timedelta(days=3) <= asked[-1] <= dt.timedelta(days=3, minutes=16)
    assert len(asked) < 400


def test_a_call_that_outlasts_every_look_is_believed_in_the_end(box: Outbox) -> None:
    slow = put_in_doubt(box, "sms")
    ask_until_settled(box, slow, Absent())
    assert box.state(slow) == "planned"
    tell(box, slow, Accepted("SM1"))
    row = box.row(slow)
    assert (row.state, row.provider_id, row.reason) == ("accepted", "SM1", None)
    assert row.last_contact_at is not None


def test_a_call_that_comes_back_after_the_next_one_went_out_is_told_of(box: Outbox) -> None:
    slow = box.put("accepted", provider_id="SM2", accepted_at=NOW, attempts=2)
    tell(box, slow, Accepted("SM1"))
    assert (box.row(slow).provider_id, box.row(slow).reason) == ("SM2", "twice")


def test_where_nobody_can_be_asked_a_person_decides(box: Outbox) -> None:
    doubtful = put_in_doubt(box, "email")
    ask_until_settled(box, doubtful, Silent())
    assert box.state(doubtful) == "parked"


def test_what_never_arrived_ends_with_its_day(box: Outbox) -> None:
    late = box.put("in_doubt", ask_at=NOW, expires_at=NOW + MINUTE)
    ask_until_settled(box, late, Absent())
    assert (box.state(late), box.row(late).occupies) == ("expired", False)


@pytest.mark.parametrize("outcome", [Busy("429", 5.0), Down("401", "wrong credentials")], ids=str)
def test_what_was_not_sent_does_not_wait_behind_a_newer_date(box: Outbox, outcome: Outcome) -> None:
    claimed = box.put("claimed", lease_until_at=NOW + MINUTE)
    box.run(DATE + dt.timedelta(days=1))
    tell(box, claimed, outcome)
    assert (box.state(claimed), box.row(claimed).occupies) == ("expired", False)


def test_what_the_provider_has_is_accepted_as_of_then(box: Outbox) -> None:
    doubtful = put_in_doubt(box, "sms")
    since = NOW + dt.timedelta(seconds=3)
    counts = ask_once(box, "sms", NOW + MINUTE, Seen("SM1", since))
    row = box.row(doubtful)
    assert counts == {"accepted": 1}
    assert (row.state, row.provider_id, row.accepted_at) == ("accepted", "SM1", since)
    assert (row.last_contact_at, row.progress) == (since, {"t1": [1, 0, "2026-03-03"]})


def test_two_who_ask_at_once_take_each_question_once(box: Outbox) -> None:
    for _ in range(10):
        box.put("in_doubt", ask_at=NOW)
    with box.engine.begin() as one, box.engine.begin() as other:
        first = ask.take(one, box.book, box.portfolio_id, "sms", NOW)
        second = ask.take(other, box.book, box.portfolio_id, "sms", NOW)
    assert (len(first), len(second)) == (10, 0)


def test_email_is_asked_many_in_a_query_and_six_queries_a_minute(box: Outbox) -> None:
    for _ in range(ask.MOST["email"] + 5):
        box.put("in_doubt", channel="email", ask_at=NOW)
    with box.engine.begin() as conn:
        assert len(ask.take(conn, box.book, box.portfolio_id, "email", NOW)) == ask.MOST["email"]
        turns = [rates.take_query(conn, box.book, NOW + n * MINUTE / 10) for n in range(1, 7)]
        assert turns == [True] * 5 + [False]
        assert ask.take(conn, box.book, box.portfolio_id, "email", NOW + MINUTE) == []
        later = NOW + QUERY_RESTS
        assert len(ask.take(conn, box.book, box.portfolio_id, "email", later)) == 5
        assert not rates.take_query(conn, box.book, later)


def test_two_who_want_a_turn_at_once_get_one_each(box: Outbox) -> None:
    with box.engine.begin() as conn:
        rates.take_query(conn, box.book, NOW)
    with box.engine.begin() as one, box.engine.begin() as other:
        assert rates.take_query(one, box.book, NOW)
        assert [rates.take_query(other, box.book, NOW) for _ in range(QUERIES)].count(True) == 4


def test_the_queries_of_an_account_are_shared_by_all_portfolios(box: Outbox) -> None:
    given = box.book.portfolio.model_copy(update={"portfolio": "another"})
    with box.engine.begin() as conn:
        number = portfolio_id_of(conn, "another")
    other = Outbox(box.engine, replace(box.book, portfolio=given), number)
    other.put("in_doubt", channel="email", ask_at=NOW)
    with box.engine.begin() as conn:
        assert [rates.take_query(conn, box.book, NOW) for _ in range(QUERIES)] == [True] * QUERIES
        assert ask.take(conn, other.book, other.portfolio_id, "email", NOW) == []
        turn_at = ask.next_turn_at(conn, other.book, other.portfolio_id, "email", NOW)
    assert turn_at == NOW + QUERY_RESTS


def test_the_next_turn_to_ask_is_known_while_anything_is_due(box: Outbox) -> None:
    def next_turn_at(channel: str, now: dt.datetime) -> dt.datetime | None:
        with box.engine.begin() as conn:
            return ask.next_turn_at(conn, box.book, box.portfolio_id, channel, now)

    assert next_turn_at("email", NOW) is None
    for number in range(ask.MOST["email"] + 1):
        box.put("in_doubt" if number % 2 else "accepted", channel="email", ask_at=NOW)
    box.put("accepted", ask_at=NOW)
    assert (next_turn_at("email", NOW), next_turn_at("sms", NOW)) == (NOW, NOW)
    with box.engine.begin() as conn:
        for _ in range(QUERIES - 1):
            rates.take_query(conn, box.book, NOW)
        ask.take(conn, box.book, box.portfolio_id, "email", NOW)
        ask.take(conn, box.book, box.portfolio_id, "sms", NOW)
    assert (next_turn_at("email", NOW), next_turn_at("sms", NOW)) == (NOW + QUERY_RESTS, None)
    with box.engine.begin() as conn:
        ask.take(conn, box.book, box.portfolio_id, "email", NOW + QUERY_RESTS)
    assert next_turn_at("email", NOW + QUERY_RESTS) is None


def test_an_older_date_replayed_after_a_newer_one_is_asked_about_all_the_same(box: Outbox) -> None:
    long_ago = NOW - dt.timedelta(days=30)
    box.put("in_doubt", channel="email", ask_at=NOW)
    with box.engine.begin() as conn:
        assert len(ask.take(conn, box.book, box.portfolio_id, "email", NOW)) == 1
    box.put("in_doubt", channel="email", ask_at=long_ago)
    with box.engine.begin() as conn:
        due = outbox.next_due(conn, box.book, box.portfolio_id, None, ["email"], long_ago)
        assert due == long_ago
        assert len(ask.take(conn, box.book, box.portfolio_id, "email", long_ago)) == 1


def test_the_result_of_what_was_accepted_is_asked_for_ever_more_rarely(box: Outbox) -> None:
    sent = box.put("claimed", lease_until_at=NOW + MINUTE)
    tell(box, sent, Accepted("SM1"))
    asked = []
    while (at := box.row(sent).ask_at) is not None:
        asked.append(at - NOW)
        ask_once(box, "sms", at, Seen("SM1", NOW))
    assert [each.total_seconds() // 3600 for each in asked] == [0, 1, 6, 24, 48]
    assert box.state(sent) == "accepted"


def test_an_answer_about_an_older_try_is_not_taken(box: Outbox) -> None:
    doubtful = put_in_doubt(box, "sms")
    with box.engine.begin() as conn:
        taken = ask.take(conn, box.book, box.portfolio_id, "sms", NOW + MINUTE)
    tell(box, doubtful, Busy("held_too_long", 0))
    with box.engine.begin() as conn:
        counts = ask.record(conn, box.book, [(each, Silent()) for each in taken], NOW + 60 * MINUTE)
    assert (counts, box.state(doubtful)) == ({}, "planned")


def test_a_refusal_that_comes_late_frees_no_step_of_what_was_accepted(box: Outbox) -> None:
    sent = box.put("accepted", provider_id="SM1", accepted_at=NOW)
    tell(box, sent, Refused("21211", "address"))
    assert (box.state(sent), box.row(sent).occupies) == ("accepted", True)


def test_a_busy_provider_is_tried_again_after_ever_longer_waits(box: Outbox) -> None:
    waits = []
    for attempt in range(1, 12):
        tried = box.put("claimed", attempts=attempt)
        tell(box, tried, Busy("429", 1.0), attempt)
        waits.append(box.row(tried).not_before_at - NOW)
    assert waits == sorted(waits)
    assert (waits[0].total_seconds(), waits[-1].total_seconds()) == (5, 900)


def test_a_sender_at_fault_is_known_to_all_and_tried_by_one(box: Outbox) -> None:
    tried = box.put("claimed")
    tell(box, tried, Down("20003", "Twilio does not accept the credentials"))
    assert (box.state(tried), box.row(tried).occupies) == ("planned", True)
    with box.engine.begin() as conn:
        held = outbox.held_up(conn, box.portfolio_id, ["sms", "email"], NOW)
        fault = faults.known(conn, box.portfolio_id)["sms"]
    assert held == {"sms": "Twilio does not accept the credentials"}
    with box.engine.begin() as one:
        tries = [faults.take_trial(one, box.portfolio_id, "sms", fault.try_at) for _ in range(2)]
        assert not faults.take_trial(one, box.portfolio_id, "sms", NOW)
    assert tries == [True, False]
    again = box.put("claimed")
    tell(box, again, Accepted("SM1"))
    with box.engine.begin() as conn:
        assert conn.execute(select(func.count()).select_from(sender_fault)).scalar_one() == 0


def test_a_channel_that_the_policy_lost_is_asked_about_to_the_end(box: Outbox) -> None:
    day = stages.Day(box.engine, box.book, DATE, VirtualClock(NOW), {})
    assert "voice" not in stages.channels(day)
    doubtful = box.put("in_doubt", channel="voice", ask_at=NOW)
    assert "voice" in stages.channels(day)
    ask_until_settled(box, doubtful, Absent())
    assert "voice" in stages.channels(day)  # planned again
    with box.engine.begin() as conn:
        outbox.sweep(conn, box.portfolio_id, NOW + dt.timedelta(days=2))
    assert "voice" not in stages.channels(day)


def test_two_of_one_step_that_were_both_sent_leave_it_to_the_first(box: Outbox) -> None:
    first, second = box.put("expired"), box.put("expired")
    with box.engine.begin() as conn:
        of = select(contact_account.c.episode_id).where(contact_account.c.contact_id == first)
        conn.execute(
            update(contact_account)
            .where(contact_account.c.contact_id == second)
            .values(episode_id=of.scalar_subquery())
        )
        told = [(second, Seen("SM2", NOW)), (first, Seen("SM1", NOW))]
        receipts.take(conn, box.book, told, NOW)
    assert [box.state(each) for each in (first, second)] == ["accepted", "accepted"]
    assert [box.row(each).occupies for each in (first, second)] == [True, False]


def test_who_writes_down_several_waits_for_the_first_and_holds_no_other(box: Outbox) -> None:
    first, second = box.put("claimed"), box.put("claimed")
    messages = {
        each: Message(box.row(each).reference, "sms", "+1", "text", None, None, NOW)
        for each in (first, second)
    }

    def settled() -> None:
        with box.engine.begin() as conn:
            results: list[settle.Settled] = [
                (Claimed(each, 1, messages[each]), Accepted(f"SM{each}"))
                for each in (second, first)
            ]
            settle.settle(conn, box.book, box.portfolio_id, results, NOW)

    with ThreadPoolExecutor(1) as pool, box.engine.begin() as conn:
        outbox.lock_in_order(conn, [first])
        waiting = pool.submit(settled)
        give_up_at = time.monotonic() + 10
        while not conn.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar():
            assert time.monotonic() < give_up_at
            time.sleep(0.02)
        # A ring would close here.
        free = select(contact.c.contact_id).where(contact.c.contact_id == second)
        conn.execute(free.with_for_update(nowait=True))
        conn.commit()
        waiting.result(timeout=10)
    assert [box.state(each) for each in (first, second)] == ["accepted", "accepted"]


def test_what_was_not_tried_after_a_fault_does_not_hide_it(box: Outbox) -> None:
    outcomes = [Down("20003", "no credentials"), Down(faults.STOPPED, "no credentials")]
    settled: list[settle.Settled] = []
    for outcome in outcomes:
        contact_id = box.put("claimed")
        row = box.row(contact_id)
        message = Message(row.reference, row.channel, row.address, "text", None, None, NOW)
        settled.append((Claimed(contact_id, 1, message), outcome))
    with box.engine.begin() as conn:
        settle.settle(conn, box.book, box.portfolio_id, settled, NOW)
        assert faults.known(conn, box.portfolio_id)["sms"].why == "no credentials"


def test_a_stop_is_of_one_channel_or_of_all_and_each_ends_by_its_own_name(box: Outbox) -> None:
    both = ["sms", "email"]
    with box.engine.begin() as conn:
        place = (conn, box.portfolio_id)
        assert brake.pull(*place, "sms", "text under review", "li", NOW)
        assert not brake.pull(*place, "sms", "again", "li", NOW)
        assert brake.halted(*place, both) == ["sms"]
        assert brake.pull(*place, None, "wrong amounts", "li", NOW)
        assert brake.halted(*place, both) == both
        brake.release(*place, None, "mended", "li", NOW)
        assert brake.halted(*place, both) == ["sms"]
        with pytest.raises(brake.BrakeError, match="email: not stopped; stopped is: sms"):
            brake.release(*place, "email", "mended", "li", NOW)


@pytest.mark.parametrize(("sent", "state"), [(True, "accepted"), (False, "planned")])
def test_a_person_decides_about_what_is_parked(box: Outbox, sent: bool, state: str) -> None:
    parked = box.put("parked", channel="email")
    reference = box.row(parked).reference
    with box.engine.begin() as conn:
        assert [each["reference"] for each in waiting(conn, box.portfolio_id)] == [reference]
        decided = {"sent": sent, "reason": "seen in the console", "by": "li", "now": NOW}
        assert resolve(conn, box.book, box.portfolio_id, reference, **decided) == state
        kept = conn.execute(select(resolution.c.contact_id, resolution.c.sent)).all()
    assert [tuple(each) for each in kept] == [(parked, sent)]
    assert box.row(parked).progress == ({"t1": [1, 0, "2026-03-03"]} if sent else None)
    with box.engine.begin() as conn, pytest.raises(ResolveError, match=f"is {state}"):
        resolve(conn, box.book, box.portfolio_id, reference, **decided)


def test_workers_together_keep_to_the_rate_of_their_sender(ledger: Engine) -> None:
    """Four workers take what they may, again and again; over a minute no more than a minute's."""
    taken: list[dt.datetime] = []
    lock = threading.Lock()

    def work(number: int) -> None:
        for step in range(20):
            now = NOW + dt.timedelta(seconds=3 * step + number * 0.1)
            with ledger.begin() as conn:
                allowed = rates.allowance(conn, "twilio sms +1", 2.0, now, 100)
                rates.take(conn, allowed, allowed.count)
            with lock:
                taken.extend(allowed.start_at + n * allowed.every for n in range(allowed.count))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))
    taken.sort()
    gaps = [later - earlier for earlier, later in pairwise(taken)]
    assert min(gaps) >= dt.timedelta(seconds=0.5)
    assert len(taken) > 100


def test_a_slow_sender_sends_all_the_same(ledger: Engine) -> None:
    with ledger.begin() as conn:
        first = rates.allowance(conn, "twilio sms +1", 0.01, NOW, 100)
        rates.take(conn, first, first.count)
        second = rates.allowance(conn, "twilio sms +1", 0.01, NOW, 100)
    assert (first.count, second.count) == (1, 0)
    assert second.start_at == NOW + dt.timedelta(seconds=100)
