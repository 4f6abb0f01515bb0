"""Whom SendGrid sends nothing to any more gets nothing from us, also if its event was lost."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from sqlalchemy import Engine, insert, select, update

from dunflow.clock import VirtualClock
from dunflow.config.head import read_head
from dunflow.errors import SourceError
from dunflow.intake import suppressed
from dunflow.ledger.tables import customer, dead_address, delivery, opt_out
from dunflow.remind.senders import sendgrid_lists
from dunflow.sandbox.app import create_app
from dunflow.sandbox.credentials import VARIABLES, Credentials
from dunflow.sandbox.serve import serve
from tests.remind.contacts import DATE, NOW, Outbox, outbox_of

CREDENTIALS = Credentials("AC" + "5" * 32, "the-auth-token", "SG.the.key", "the-inbox-token")


class Provider(NamedTuple):
    url: str
    clock: VirtualClock
    environ: dict[str, str]

    def lists(self, name: str, *emails: str, **more: str) -> None:
        for email in emails:
            requests.post(
                f"{self.url}/_sandbox/suppressions",
                json={"list": name, "email": email} | more,
                headers={"Authorization": "Bearer the-inbox-token"},
                timeout=5,
            ).raise_for_status()


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    clock = VirtualClock(NOW)
    environ = {variable: getattr(CREDENTIALS, key) for key, variable in VARIABLES.items()}
    with serve(create_app(tmp_path, credentials=CREDENTIALS, clock=clock)) as url:
        yield Provider(url, clock, environ | {"DUNFLOW_SANDBOX_URL": url})


@pytest.fixture
def outbox(ledger: Engine) -> Outbox:
    return outbox_of(ledger)


def has(outbox: Outbox, *emails: str) -> list[int]:
    """Customers with these addresses."""
    with outbox.engine.begin() as conn:
        return [
            conn.execute(
                insert(customer).values(
                    portfolio_id=outbox.portfolio_id,
                    customer_ref=email,
                    email=email,
                    seen_on=DATE,
                )
            ).inserted_primary_key[0]
            for email in emails
        ]


def sync(outbox: Outbox, provider: Provider) -> dict[str, int]:
    return suppressed.take_suppressed(
        outbox.engine, outbox.book, provider.environ, "test", provider.clock.now()
    )


def told(outbox: Outbox, table: Any, *columns: Any) -> set[tuple[Any, ...]]:
    with outbox.engine.connect() as conn:
        return {tuple(row) for row in conn.execute(select(*columns).select_from(table))}


def bound(outbox: Outbox) -> set[tuple[Any, ...]]:
    columns = opt_out.c.channel, opt_out.c.customer_id, opt_out.c.address
    with outbox.engine.connect() as conn:
        standing = select(*columns).where(opt_out.c.lifted_at.is_(None))
        return {tuple(row) for row in conn.execute(standing)}


def test_who_is_listed_is_bound_or_buried_and_strangers_are_not_kept(
    outbox: Outbox, provider: Provider
) -> None:
    ann, bo, *_ = has(
        outbox, "ann@example.com", "bo@example.com", "cy@example.com", "d@example.com"
    )
    provider.lists("unsubscribes", "Ann@example.com", "stranger@example.com")
    provider.lists("spam_reports", "bo@example.com")
    provider.lists("bounces", "cy@example.com")
    provider.lists("bounces", "d@example.com", status="4.2.2")
    assert sync(outbox, provider) == {"new": 3, "known": 1, "rejected": 0}
    assert bound(outbox) == {
        ("email", ann, None),
        ("email", None, "ann@example.com"),
        ("email", bo, None),
        ("email", None, "bo@example.com"),
    }
    assert told(outbox, dead_address, dead_address.c.address, dead_address.c.reason) == {
        ("cy@example.com", "bounces")
    }


def test_asked_again_nothing_is_new_and_what_was_lifted_stays_lifted(
    outbox: Outbox, provider: Provider
) -> None:
    has(outbox, "ann@example.com", "bo@example.com")
    provider.lists("unsubscribes", "ann@example.com")
    assert sync(outbox, provider)["new"] == 1
    provider.clock.move_to(NOW + dt.timedelta(hours=1))
    with outbox.engine.begin() as conn:
        conn.execute(update(opt_out).values(lifted_at=provider.clock.now()))
    provider.lists("unsubscribes", "bo@example.com")
    provider.clock.move_to(NOW + dt.timedelta(hours=2))
    assert sync(outbox, provider)["new"] == 1
    assert {address for _, _, address in bound(outbox)} == {None, "bo@example.com"}


def test_a_later_time_reads_only_what_came_since_and_a_day_before(
    outbox: Outbox, provider: Provider
) -> None:
    provider.lists("unsubscribes", "old@example.com")
    provider.clock.move_to(NOW + dt.timedelta(days=3))
    assert sync(outbox, provider)["known"] == 1
    provider.lists("unsubscribes", "young@example.com")
    assert sync(outbox, provider)["known"] == 1
    assert told(outbox, delivery, delivery.c.kind, delivery.c.rows_read) == {("suppressed", 1)}


def test_lists_of_many_pages_are_read_whole(
    outbox: Outbox, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sendgrid_lists, "PAGE", 3)
    monkeypatch.setattr(suppressed, "BATCH", 4)
    emails = [f"c{number}@example.com" for number in range(9)]
    has(outbox, *emails)
    provider.lists("unsubscribes", *emails)
    assert sync(outbox, provider) == {"new": 9, "known": 0, "rejected": 0}


def test_a_key_that_may_not_read_them_is_told_with_the_repair(
    outbox: Outbox, provider: Provider
) -> None:
    provider.environ["DUNFLOW_SANDBOX_API_KEY"] = "SG.may.only.send"
    with pytest.raises(SourceError, match="let the API key read suppressions, or set"):
        sync(outbox, provider)


@pytest.mark.parametrize(
    ("senders", "asked"),
    [
        ("{email: {provider: sendgrid, from: a@example.com}}", True),
        ("{email: {provider: sendgrid, from: a@example.com, suppressions: false}}", False),
        ("{sms: {provider: twilio, from: '+15005550006'}}", True),
        ("{sms: {provider: twilio, from: Lender}, voice: null}", False),
    ],
)
def test_a_portfolio_whose_providers_are_asked_has_an_intake(
    tmp_path: Path, senders: str, asked: bool
) -> None:
    (tmp_path / "portfolio.yaml").write_text(f"time_zone: Asia/Shanghai\nsenders: {senders}\n")
    assert read_head("book", tmp_path).feeds is asked
