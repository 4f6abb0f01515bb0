"""Fifteen business dates of real loans through the real scheduler, into the sandbox."""

import datetime as dt
import os
import shutil
import socket
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from real_books import CONNECTION, DATABASE, data_folder, fill_superlender
from sqlalchemy import Engine, create_engine, func, inspect, select, text
from sqlalchemy.pool import NullPool

from dunflow.config.book import read_book, root
from dunflow.demo.core import ensure_core
from dunflow.ledger.engine import portfolio_id_of
from dunflow.ledger.migrate import open_ledger
from dunflow.ledger.tables import contact, contact_text, customer, decision, load
from dunflow.report.audit import audit
from dunflow.sandbox.store import open_reader
from dunflow.stack.backfill import backfill
from dunflow.stack.databases import folder, open_databases
from dunflow.stack.down import down
from dunflow.stack.ports import Ports
from dunflow.stack.up import up

FIRST, LAST = dt.date(2016, 9, 1), dt.date(2016, 9, 15)
DATES = [FIRST + dt.timedelta(days=n) for n in range(15)]

DATA = data_folder()
if DATA is None:
    pytest.skip(
        "the real data sets are not there; DUNFLOW_REAL_DATA may name their folder",
        allow_module_level=True,
    )


@pytest.fixture(scope="module")
def ledger_of_the_run() -> Iterator[Engine]:
    """A stack of its own, after the backfill; it ends with these tests."""
    assert DATA is not None
    home = Path(tempfile.mkdtemp(prefix="dunflow-real-"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DUNFLOW_HOME", str(home))
        patch.setenv("DUNFLOW_PORTFOLIOS", str(root() / "tests/real/portfolios"))
        for name in [name for name in os.environ if name.startswith("AIRFLOW")]:
            patch.delenv(name)
        patch.delenv("DUNFLOW_LEDGER_URL", raising=False)
        try:
            up(Ports(_free_port(), _free_port(), _free_port()))
            fill_superlender(DATA, ensure_core(DATABASE, CONNECTION))
            states = backfill("superlender", FIRST, LAST)
            assert states == dict.fromkeys(DATES, "success")
            engine = open_ledger()
            yield engine
            engine.dispose()
        finally:
            down()
            shutil.rmtree(home)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_every_date_is_there_once(ledger_of_the_run: Engine) -> None:
    with ledger_of_the_run.connect() as conn:
        loaded = conn.execute(select(load.c.business_date, load.c.state)).all()
        last = conn.execute(
            select(load.c.accounts, load.c.customers, load.c.overdue).where(
                load.c.business_date == LAST
            )
        ).one()
    assert sorted(loaded) == [(date, "accepted") for date in DATES]
    assert tuple(last) == (52, 52, {"NGN": "731162.50"})


def test_what_the_ledger_says_was_sent_is_in_the_sandbox(ledger_of_the_run: Engine) -> None:
    with ledger_of_the_run.connect() as conn:
        said = conn.execute(
            select(contact.c.provider_id).where(contact.c.channel.in_(("sms", "email")))
        ).scalars()
        with open_reader(folder().parent / "sandbox") as reader:
            assert Counter(message.provider_id for message in reader.scan()) == Counter(said)
        states = set(conn.execute(select(contact.c.state)).scalars())
        sent = conn.execute(
            select(func.count()).select_from(decision).where(decision.c.action == "send")
        ).scalar_one()
    assert sent > 100
    assert states <= {"accepted", "delivered"}


def test_the_audit_is_clean(ledger_of_the_run: Engine) -> None:
    with ledger_of_the_run.begin() as conn:
        number = portfolio_id_of(conn, "superlender")
        checked = audit(conn, read_book("superlender"), number)
    assert [each for each in checked if each.broken] == []


def test_no_personal_data_outside_of_ledger_and_sandbox(ledger_of_the_run: Engine) -> None:
    """Every name, phone, email and text of those who were contacted, wherever Airflow writes."""
    people = select(contact.c.customer_id)
    with ledger_of_the_run.connect() as conn:
        personal = {
            str(value)
            for row in conn.execute(
                select(customer.c.name, customer.c.phone, customer.c.email).where(
                    customer.c.customer_id.in_(people)
                )
            )
            for value in row
            if value
        }
        texts = conn.execute(select(contact_text.c.body)).scalars()
        personal |= {line for body in texts for line in body.splitlines() if len(line) > 30}
    assert len(personal) > 100
    home = folder().parent
    for file in filter(Path.is_file, [*(home / "logs").rglob("*"), *(home / "airflow").rglob("*")]):
        assert _found(personal, file.read_bytes().decode(errors="replace")) == [], file
    metadata = create_engine(open_databases().metadata, poolclass=NullPool)
    with metadata.connect() as conn:
        for table in inspect(conn).get_table_names():
            rows = conn.execute(text(f'SELECT t::text FROM "{table}" t')).scalars()
            assert _found(personal, "\n".join(rows)) == [], table


def _found(personal: set[str], content: str) -> list[str]:
    return [value for value in personal if value in content]
