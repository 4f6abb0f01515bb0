"""Two agencies share the customers, by chance and always in the same way."""

from collections import defaultdict

from sqlalchemy import select

from dunflow.ledger.tables import account, placement
from tests.place.conftest import MakeDesk, row

RULES = [
    {"to": "river", "when": {"dpd": {"from": 1}}},
    {"to": "harbour", "when": {"dpd": {"from": 1}}, "share": 60},
]


def test_each_agency_gets_its_share_and_a_customer_goes_to_one_of_them(
    make_desk: MakeDesk,
) -> None:
    rows = [row(f"{which}{n}", customer=f"C{n}") for n in range(400) for which in "AB"]
    desk = make_desk(rows, hand_off=RULES)
    with desk.engine.connect() as conn:
        placed = conn.execute(
            select(account.c.account_ref, placement.c.destination).join(
                account, account.c.account_id == placement.c.account_id
            )
        ).all()
    of_customer = defaultdict(set)
    for ref, to in placed:
        of_customer[ref[1:]].add(to)
    assert len(placed) == 800
    assert all(len(to) == 1 for to in of_customer.values())
    shares = sum(to == {"harbour"} for to in of_customer.values())
    assert 200 < shares < 280  # 240 and four standard deviations
