from importlib import import_module

import pytest
from alembic.autogenerate import compare_metadata
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, insert, select

from dunflow.errors import LedgerDown
from dunflow.ledger.engine import URL_VARIABLE
from dunflow.ledger.migrate import open_ledger
from dunflow.ledger.tables import consent, customer, dead_address, metadata, opt_out
from tests.remind.contacts import DATE, NOW, outbox_of


def test_the_migrated_database_equals_the_metadata(ledger: Engine) -> None:
    with ledger.connect() as conn:
        context = MigrationContext.configure(
            conn, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []


def test_a_server_that_is_not_there_is_told_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(URL_VARIABLE, "postgresql://dun:secret@127.0.0.1:1/ledger")
    with pytest.raises(LedgerDown, match="ledger can't be reached") as told:
        open_ledger()
    assert "secret" not in str(told.value)


def test_what_was_bound_by_another_case_of_letters_binds_by_one(ledger: Engine) -> None:
    box = outbox_of(ledger)
    ours = {"portfolio_id": box.portfolio_id, "channel": "email"}
    seen = {"portfolio_id": box.portfolio_id, "customer_ref": "C", "seen_on": DATE}
    spelled = ["Li@example.com", "li@example.com", "LI@example.com"]
    with ledger.begin() as conn:
        conn.execute(insert(customer).values(**seen, email=spelled[0]))
        for email in spelled:
            no = {"address": email, "since_at": NOW, "source": "reply"}
            conn.execute(insert(opt_out).values(**ours, **no))
            conn.execute(
                insert(dead_address).values(**ours, address=email, reason="told", since_at=NOW)
            )
        with Operations.context(MigrationContext.configure(conn)):
            import_module("dunflow.ledger.migrations.versions.0023_one_case_of_emails").upgrade()
        for column in (customer.c.email, opt_out.c.address, dead_address.c.address):
            assert conn.execute(select(column)).scalars().all() == ["li@example.com"]


def test_consents_on_file_are_for_what_their_customers_have_now(ledger: Engine) -> None:
    box = outbox_of(ledger)
    mine = {"portfolio_id": box.portfolio_id}
    has = {"phone": "+8613800138001", "email": "li@example.com", "address": "1 Road"}
    with ledger.begin() as conn:
        seen = insert(customer).values(**mine, **has, customer_ref="C", seen_on=DATE)
        number = conn.execute(seen).inserted_primary_key[0]
        for channel in ("sms", "voice", "call", "email", "letter", "visit"):
            given = {"channel": channel, "basis": "b", "given_at": NOW, "recorded_by": "ann"}
            conn.execute(insert(consent).values(**mine, **given, customer_id=number))
        with Operations.context(MigrationContext.configure(conn)):
            to_an_address = import_module(
                "dunflow.ledger.migrations.versions.0025_consents_to_an_address"
            )
            to_an_address.downgrade()
            to_an_address.upgrade()
        found = conn.execute(select(consent.c.address).order_by(consent.c.consent_id)).scalars()
        assert found.all() == [*[has["phone"]] * 3, has["email"], *[has["address"]] * 2]
