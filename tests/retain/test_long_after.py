"""Years after a real story its dates are let go, and what is left still holds together."""

import datetime as dt
from pathlib import Path

from sqlalchemy import URL, func, make_url, select, update

from dunflow.ledger import partitions
from dunflow.ledger.engine import make_engine, portfolio_id_of
from dunflow.ledger.tables import account, contact_text, decision, episode, load, snapshot
from dunflow.report.audit import audit
from dunflow.retain.age import age
from dunflow.scenario.run import book_of, find_stories, run_story
from tests.retain.whole_person import accept

STORY = Path(__file__).parents[1] / "report/story.yaml"
NEWEST = dt.date(2032, 3, 1)
NOW = dt.datetime(2032, 3, 2, tzinfo=dt.UTC)


def test_the_audit_is_clean_after_old_dates_were_let_go(server: URL, template: str) -> None:
    [story] = find_stories([STORY])
    ending = run_story(story, server, template, keep=True)
    assert ending.ledger
    engine = make_engine(make_url(ending.ledger))
    book = book_of(story)
    with engine.begin() as conn:
        number = portfolio_id_of(conn, book.name)
        # One of them is on the ladder still; the others are gone for years.
        climbs = select(account.c.account_id).where(account.c.account_ref == "A-climbs")
        conn.execute(
            update(episode)
            .where(episode.c.ended_on.is_(None), episode.c.account_id.not_in(climbs))
            .values(ended_on=dt.date(2026, 3, 9))
        )
    accept(engine, number, NEWEST)

    def left() -> tuple[int, int]:
        with engine.connect() as conn:
            texts = select(func.count()).where(contact_text.c.body != "")
            return (
                conn.execute(select(func.count()).select_from(decision)).scalar_one(),
                conn.execute(texts).scalar_one(),
            )

    decisions, texts = left()
    aged = age(engine, book, number, NOW)
    assert aged.rows > 0
    assert aged.people > 0
    fewer, fewer_texts = left()
    assert 0 < fewer < decisions
    assert 0 < fewer_texts < texts
    with engine.connect() as conn:
        assert [each for each in audit(conn, book, number) if each.broken] == []
        loads = select(load.c.business_date).where(load.c.portfolio_id == number)
        assert conn.execute(loads).scalars().all() == [NEWEST]
        assert partitions.dates(conn, snapshot, number)
    engine.dispose()
