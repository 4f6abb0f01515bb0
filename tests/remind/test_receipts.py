"""What providers tell of many messages at once comes to the same as one after the other."""

import random

from sqlalchemy import Engine

from dunflow.remind import receipts
from dunflow.remind.senders.outcome import Seen
from tests.remind.contacts import NOW, Outbox, outbox_of

STATES = (
    *("planned", "claimed", "in_doubt", "parked", "accepted", "delivered", "undelivered"),
    *("cancelled", "expired", "failed"),
)
SAYINGS = (
    Seen("P1", None),
    Seen("P1", NOW),
    Seen("P2", None),
    Seen("P1", None, "delivered"),
    Seen("P1", None, "undelivered", "30005", "address"),
    Seen("P1", None, "undelivered", "30008", "later"),
    Seen(None, None, "undelivered", "bounced", "address"),
    Seen("P1", None, "undelivered", "21610", "opted_out"),
    Seen("P1", None, "undelivered", "30034", "sender"),
    Seen("P1", NOW, twice=True),
)
SEED, ROUNDS = 11, 60


def _tell(outbox: Outbox, told: list[receipts.Told]) -> None:
    with outbox.engine.begin() as conn:
        receipts.take(conn, outbox.book, told, NOW)


def _as_it_is(outbox: Outbox, contact_id: int) -> tuple[object, ...]:
    row = outbox.row(contact_id)
    return (
        *(row.state, row.reason, row.error_code, row.provider_id, row.accepted_at, row.ended_at),
        *(row.ask_at, row.asked, row.lease_until_at, row.occupies, row.last_contact_at),
        row.progress,
    )


def test_told_at_once_or_one_by_one_a_contact_ends_the_same(ledger: Engine) -> None:
    outbox, chance = outbox_of(ledger), random.Random(SEED)
    twins, at_once, in_turn = [], [], []
    for _ in range(ROUNDS):
        state, channel = chance.choice(STATES), chance.choice(("sms", "email"))
        known = "P1" if state in ("accepted", "delivered", "undelivered") else None
        pair = [outbox.put(state, channel=channel, provider_id=known) for _ in range(2)]
        sayings = chance.choices(SAYINGS, k=chance.randint(1, 4))
        twins.append((pair, state, channel, sayings))
        at_once += [(pair[0], saying) for saying in sayings]
        in_turn += [(pair[1], saying) for saying in sayings]
    _tell(outbox, at_once)
    for told in in_turn:
        _tell(outbox, [told])
    for pair, *case in twins:
        assert _as_it_is(outbox, pair[0]) == _as_it_is(outbox, pair[1]), case


def test_what_was_in_doubt_and_did_not_arrive_leaves_its_step_free(ledger: Engine) -> None:
    outbox = outbox_of(ledger)
    lost = outbox.put("in_doubt")
    _tell(outbox, [(lost, Seen("P1", None, "undelivered", "30008", "later"))])
    row = outbox.row(lost)
    assert (row.state, row.occupies) == ("undelivered", False)
