"""What the system before did is known, and is neither printed nor judged as ours."""

from pathlib import Path

import yaml
from sqlalchemy import Engine

from dunflow.check import check
from dunflow.clock import VirtualClock
from dunflow.config.book import Book
from dunflow.intake.feeds import take_file
from dunflow.intake.going_live import KNOWN_BEFORE
from dunflow.ledger.engine import portfolio_id_of
from dunflow.ledger.tables import contact, merger, opt_out
from dunflow.letters import print_letters
from dunflow.placements import Desk
from dunflow.report.audit import audit
from tests.intake.conftest import NOW, Take

LETTER = (
    "ref,account,customer,channel,sent_at,step\n"
    "e1,A,C,letter,2026-03-01 10:00,firm_letter\ne2,A,C,letter,2026-03-01 11:00,\n"
)


def test_a_letter_of_the_system_before_is_not_printed(
    take: Take, ledger: Engine, book: Book
) -> None:
    take("earlier_contacts", LETTER)
    with ledger.begin() as conn:
        number = portfolio_id_of(conn, book.name)
    assert print_letters(Desk(ledger, book, number, VirtualClock(NOW), {})) == []


def test_the_audit_asks_nothing_of_the_system_before(
    take: Take, ledger: Engine, book: Book
) -> None:
    take("earlier_contacts", LETTER)
    with ledger.begin() as conn:
        number = portfolio_id_of(conn, book.name)
        checked = audit(conn, book, number, NOW.date().replace(year=2020), NOW.date())
    assert [each.promise for each in checked if each.broken] == []


def test_check_says_what_of_the_system_before_was_not_taken_in(
    live: Path, ledger: Engine, book: Book, tmp_path: Path
) -> None:
    def told() -> list[str]:
        return [each for each in check("live_book").warnings if "system before" in each]

    assert len(told()) == len(KNOWN_BEFORE)
    file = tmp_path / "none.csv"
    file.write_text("customer,channel\n")
    ours = Book(
        book.portfolio.model_copy(update={"portfolio": "live_book"}), book.policy, book.floor, live
    )
    take_file(ledger, ours, "opt_outs", file, "ann", NOW)
    assert len(told()) == len(KNOWN_BEFORE) - 1
    assert not any("no opt_outs" in each for each in told())


def test_check_finds_a_feed_without_its_query(live: Path) -> None:
    document = yaml.safe_load((live / "portfolio.yaml").read_text())
    feed = {"kind": "sql", "connection": "CORE", "query": "payments.sql"}
    (live / "portfolio.yaml").write_text(yaml.safe_dump(document | {"intake": {"payments": feed}}))
    assert any("intake.payments.query" in each for each in check("live_book").errors)


def test_the_audit_heeds_what_another_id_said_only_from_the_merger_on(
    take: Take, ledger: Engine, book: Book
) -> None:
    take("opt_outs", "customer,channel\nD,letter\n")
    take("earlier_contacts", LETTER)
    with ledger.begin() as conn:  # as if a run of ours had planned it after the opt-out
        conn.execute(opt_out.update().values(since_at=NOW.replace(month=2)))
        conn.execute(contact.update().values(run_id=1))
        number = portfolio_id_of(conn, book.name)

    def broken() -> list[str]:
        with ledger.begin() as conn:
            checked = audit(conn, book, number, NOW.date().replace(year=2020), NOW.date())
        return [each.promise for each in checked if each.broken and "opt" in each.promise]

    take("merged_customers", "customer,into\nD,C\n")
    assert broken() == []
    with ledger.begin() as conn:
        conn.execute(merger.update().values(merged_at=NOW.replace(month=2)))
    assert len(broken()) == 1
