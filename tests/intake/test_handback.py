"""Files of receivers: what is no such file is refused whole, and bad rows wait to be mended."""

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest
from openpyxl import Workbook
from sqlalchemy import func, insert, literal, select

from dunflow import placements
from dunflow.clock import VirtualClock
from dunflow.config.destination import Destination
from dunflow.errors import ConfigError, SourceError
from dunflow.intake.payments import Payment, record_payment
from dunflow.ledger.tables import account, contact, conversation, handback, placement
from dunflow.place.life import Chosen
from dunflow.placements import Desk
from tests.place.conftest import MakeDesk, make_desk, row

__all__ = ["make_desk"]


@pytest.fixture
def desk(make_desk: MakeDesk) -> Desk:
    """Two accounts that the agency has; it may keep a fifth."""
    made = make_desk([row("A1"), row("0010")], Destination(commission="0.20"))
    placements.approve(made, Chosen(), "me")
    placements.deliver(made).raise_if_failed()
    return made


def taken(desk: Desk, tmp_path: Path, text: str, encoding: str = "utf-8") -> dict[str, object]:
    file = tmp_path / "told.csv"
    file.write_text(text, encoding=encoding)
    return placements.receive(desk, "agency", file, "them").figures()


def test_a_row_that_was_mended_is_no_longer_listed(desk: Desk, tmp_path: Path) -> None:
    bad = "ref,kind,account,at\n1,accepted,A1,2026-03-02\n2,acepted,0010,2026-03-02\n"
    assert taken(desk, tmp_path, bad)["rejected"] == 1
    assert [(each["row"], each["column_name"]) for each in placements.rejects(desk)] == [
        (2, "kind")
    ]
    desk.clock.move_to(desk.clock.now().replace(minute=5))  # type: ignore[attr-defined]
    good = bad.replace("acepted", "accepted")
    assert taken(desk, tmp_path, good) == {
        "new": {"accepted": 1},
        "known": 1,
        "late": 0,
        "rejected": 0,
    }
    assert placements.rejects(desk) == []


def test_a_file_that_is_called_as_yesterdays_leaves_its_open_rows_open(
    desk: Desk, tmp_path: Path
) -> None:
    head = "ref,kind,account,at\n"
    taken(desk, tmp_path, head + "1,acepted,A1,2026-03-02\n")
    taken(desk, tmp_path, head + "2,acepted,0010,2026-03-02\n")
    desk.clock.move_to(desk.clock.now().replace(minute=5))  # type: ignore[attr-defined]
    both = head + "1,akcepted,A1,2026-03-02\n2,accepted,0010,2026-03-02\n"
    for _ in range(2):
        taken(desk, tmp_path, both)
        # The second was mended, and of the first only what is wrong with it by now is told.
        open_now = placements.rejects(desk)
        assert [each["received_at"] for each in open_now] == [desk.clock.now()]
    taken(desk, tmp_path, head + "3,acepted,A1,2026-03-02\n")
    assert len(placements.rejects(desk)) == 2


@pytest.mark.parametrize(
    ("text", "encoding", "why"),
    [
        ("ref,kind\n1,accepted\n", "utf-8", "column 'at' is missing"),
        ("ref,kind,at,phone\n", "utf-8", "has .'phone'."),
        ("", "utf-8", "no columns at all"),
    ],
)
def test_what_is_no_such_file_changes_nothing(
    desk: Desk, tmp_path: Path, text: str, encoding: str, why: str
) -> None:
    with pytest.raises(SourceError, match=why):
        taken(desk, tmp_path, text, encoding)
    with desk.engine.connect() as conn:
        assert conn.execute(select(func.count()).select_from(handback)).scalar_one() == 0


def test_a_receiver_that_was_given_nothing_has_nothing_to_tell(desk: Desk, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there are agency"):
        placements.receive(desk, "agencey", tmp_path / "none.csv", "them")


def test_a_file_as_excel_writes_it_is_read(desk: Desk, tmp_path: Path) -> None:
    text = "ref,kind,account,at\r\n'=1,accepted,0010,2026-03-02 10:00\r\n"
    assert taken(desk, tmp_path, text, "utf-8-sig")["new"] == {"accepted": 1}
    with desk.engine.connect() as conn:
        assert conn.execute(select(handback.c.handback_ref)).scalar_one() == "=1"


def excel(tmp_path: Path, *rows: tuple[object, ...]) -> Path:
    book = Workbook()
    for each in rows:
        book.worksheets[0].append(each)
    book.save(tmp_path / "told.xlsx")
    return tmp_path / "told.xlsx"


def test_a_receiver_writes_its_files_in_its_own_way(make_desk: MakeDesk, tmp_path: Path) -> None:
    columns = {"ref": "编号", "kind": "类型", "account": "合同号", "at": "时间", "reason": "原因"}
    given = {"format": "excel", "columns": columns | {"amount": "金额", "currency": "币种"}}
    made = make_desk([row("A1"), row("0010")], Destination.model_validate({"handback": given}))
    placements.approve(made, Chosen(), "me")
    placements.deliver(made).raise_if_failed()
    file = excel(
        tmp_path,
        ("编号", "类型", "合同号", "时间", "金额", "币种", "原因"),
        (1, "payment", "A1", dt.datetime(2026, 3, 2, 10), 99.5, "CNY", None),  # noqa: DTZ001
        (2, "returned", "0010", "2026-03-02 10:00", None, None, "unknown_address"),
        (3, "payment", "A1", "2026-03-02 10:00", 99.501, "CNY", None),
        (4, "payment", "A1", "2026-03-02 10:00", 1, None, None),
    )
    told = placements.receive(made, "agency", file, "them")
    assert told.new == {"payment": 1, "returned": 1}
    assert [str(each) for each in told.rejected] == [
        "row 3: 金额: has more decimals than CNY",
        "row 4: 币种: is empty",
    ]
    with made.engine.connect() as conn:
        kept = conn.execute(select(handback.c.amount).where(handback.c.kind == "payment"))
        assert str(kept.scalar_one()) == "99.50"


def test_a_file_in_another_encoding_is_read_as_declared(
    make_desk: MakeDesk, tmp_path: Path
) -> None:
    given = {"encoding": "gbk", "delimiter": ";", "decimal": ",", "columns": {"amount": "金额"}}
    made = make_desk([row("A1")], Destination.model_validate({"handback": given}))
    placements.approve(made, Chosen(), "me")
    placements.deliver(made).raise_if_failed()
    text = "ref;kind;account;at;金额;currency\n1;payment;A1;2026-03-02;20,50;CNY\n"
    assert taken(made, tmp_path, text, "gbk")["new"] == {"payment": 1}


def test_bytes_that_are_no_text_turn_down_their_row_only(desk: Desk, tmp_path: Path) -> None:
    text = "ref,kind,at,account\n1,accepted,2026-03-02,A1\n2,accepted,2026-03-02,名字\n"
    told = taken(desk, tmp_path, text, "gbk")
    assert (told["new"], told["rejected"]) == ({"accepted": 1}, 1)


def test_a_talk_is_kept_as_one_and_the_contact_is_not_ours(desk: Desk, tmp_path: Path) -> None:
    text = "ref,kind,account,at,channel,result\n1,contact,A1,2026-03-02 10:00,call,talked\n"
    for _ in range(2):
        taken(desk, tmp_path, text)
    with desk.engine.connect() as conn:
        assert conn.execute(select(func.count()).select_from(conversation)).scalar_one() == 1
        (made,) = conn.execute(select(contact.c.state, contact.c.run_id, contact.c.channel))
    assert tuple(made) == ("delivered", None, "call")


def test_what_was_kept_beyond_the_agreed_share_is_told(desk: Desk, tmp_path: Path) -> None:
    with desk.engine.connect() as conn:
        number = conn.execute(select(placement.c.placement_id).limit(1)).scalar_one()
    text = (
        "ref,kind,placement,at,amount,currency,commission\n"
        f"1,payment,{number},2026-03-02,100.03,CNY,20.01\n"  # 20.006: 20.01
        f"2,payment,{number},2026-03-02,100.00,CNY,25.00\n"
    )
    taken(desk, tmp_path, text)
    (found,) = placements.reconcile(desk).standings
    assert str(found.commission_over) == "5.00"
    assert not placements.reconcile(desk).agrees


def test_what_is_told_of_an_account_is_of_the_time_at_which_the_receiver_had_it(
    desk: Desk, tmp_path: Path
) -> None:
    """Placed there again since: neither does an old row end that, nor is it turned down."""
    clock = desk.clock
    assert isinstance(clock, VirtualClock)
    first = "ref,kind,account,at,reason\n1,accepted,A1,2026-03-02,\n"
    taken(desk, tmp_path, first)
    chosen = Chosen("agency", accounts=("A1",))
    placements.end(desk, chosen, "recalled", "sold by mistake", "me")
    placements.deliver(desk).raise_if_failed()
    clock.move_to(clock.now() + dt.timedelta(days=1))
    placements.propose(desk, chosen, "it was right", "me")
    placements.approve(desk, chosen, "me")
    placements.deliver(desk).raise_if_failed()
    again = first + "2,returned,A1,2026-03-02,moved\n3,accepted,A1,2026-03-03,\n"
    assert taken(desk, tmp_path, again) == {
        "new": {"accepted": 1, "returned": 1},
        "known": 1,
        "late": 1,
        "rejected": 0,
    }
    with desk.engine.connect() as conn:
        states = conn.execute(
            select(placement.c.state)
            .join(account, account.c.account_id == placement.c.account_id)
            .where(account.c.account_ref == "A1")
            .order_by(placement.c.placement_id)
        )
        assert states.scalars().all() == ["recalled", "acknowledged"]


def paid(desk: Desk, account_ref: str, amount: str, booked_at: dt.datetime) -> None:
    with desk.engine.begin() as conn:
        given = Payment(f"P {booked_at}", account_ref, Decimal(amount), "CNY", booked_at)
        record_payment(conn, desk.portfolio_id, given)


def test_one_payment_is_booked_for_one_receiver_only(desk: Desk, tmp_path: Path) -> None:
    told = "ref,kind,account,at,amount,currency,reason\n1,payment,A1,2026-03-02,100.00,CNY,\n"
    taken(desk, tmp_path, told + "2,returned,A1,2026-03-02,,,over\n")
    same = ["portfolio_id", "account_id", "episode_id", "business_date", "amount", "currency"]
    same += ["proposed_at", "exported_at"]
    other = {"destination": literal("legal"), "state": literal("exported")}
    with desk.engine.begin() as conn:
        given = select(*[placement.c[name] for name in same], *other.values())
        again = given.where(placement.c.state == "returned")
        conn.execute(insert(placement).from_select([*same, *other], again))
    file = tmp_path / "legal.csv"
    file.write_text(told.replace("1,payment", "9,payment"))
    placements.receive(desk, "legal", file, "them")
    paid(desk, "A1", "100.00", desk.clock.now())
    for to in (None, "agency", "legal"):
        (open_,) = placements.reconcile(desk, to).unbooked
        assert (open_.destination, open_.collected, open_.booked) == ("agency, legal", 200, 100)


def test_what_is_booked_on_the_day_of_a_payment_counts_for_it(desk: Desk, tmp_path: Path) -> None:
    taken(
        desk,
        tmp_path,
        "ref,kind,account,at,amount,currency\n1,payment,A1,2026-03-02 11:00,100.00,CNY\n",
    )
    paid(desk, "A1", "100.00", dt.datetime(2026, 3, 1, 15, 59, tzinfo=dt.UTC))
    assert [each.booked for each in placements.reconcile(desk).unbooked] == [0]
    # A core that books by days names the first moment of the day.
    paid(desk, "A1", "100.00", dt.datetime(2026, 3, 1, 16, tzinfo=dt.UTC))
    assert placements.reconcile(desk).unbooked == []
