"""`dunflow plan`: what it tells of a date that is in, that comes, and that is decided otherwise."""

import csv
import datetime as dt
import json
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import URL, make_url, text

from dunflow.ledger.engine import make_engine
from dunflow.ledger.tables import metadata
from dunflow.remind.render.segments import measure
from tests.test_date_commands import FIRST, SECOND, WHY, Shop, open_shop
from tests.test_kill import _POLICY, _PORTFOLIO

THIRD = dt.date(2026, 3, 4)


@pytest.fixture
def shop(
    server: URL, template: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Shop]:
    with open_shop(server, template, monkeypatch, tmp_path, _POLICY) as opened:
        yield opened


def plan(shop: Shop, *words: object) -> Any:
    return json.loads(shop.says("plan", "shop", *words, "--json"))


@contextmanager
def edited(shop: Shop) -> Iterator[dict[str, Any]]:
    """The policy's one tier, for changes that are written down then."""
    policy = json.loads(json.dumps(_POLICY))
    yield policy["tiers"][0]
    (shop.folder / "policy.yaml").write_text(yaml.safe_dump(policy))


def content() -> dict[str, int]:
    engine = make_engine(make_url(os.environ["DUNFLOW_LEDGER_URL"]))
    with engine.connect() as conn:
        found = {
            each.name: conn.execute(text(f"SELECT count(*) FROM {each.name}")).scalar_one()
            for each in metadata.sorted_tables
        }
    engine.dispose()
    return found


def test_what_is_told_is_what_the_day_then_does_down_to_the_segments(shop: Shop) -> None:
    shop.deliver(FIRST, range(7))
    said = plan(shop, FIRST)
    assert set(content().values()) == {0}
    did = json.loads(shop.says("day", "shop", FIRST, "--json"))
    assert said["decide"] == did["decide"] == {"send": 7}
    [texts] = said["contacts"]
    assert (texts["step"], texts["goes_out"], texts["held_back"]) == ("text", 7, {})
    assert said["rows"] == "pulled from the source"
    engine = make_engine(make_url(os.environ["DUNFLOW_LEDGER_URL"]))
    with engine.connect() as conn:
        bodies = conn.execute(text("SELECT body FROM contact_text")).scalars().all()
    engine.dispose()
    assert len(bodies) == 7
    assert texts["segments"] == sum(measure(body).segments for body in bodies)


def test_the_date_that_closes_next_goes_by_the_newest_rows(shop: Shop) -> None:
    shop.deliver(FIRST, range(3))
    shop.day(FIRST)
    shop.deliver(SECOND, range(3))
    shop.day(SECOND)
    before = content()
    # The clock stands still within the day of the third date.
    said = plan(shop, THIRD, "--now", "2026-03-04 12:00")
    assert said["rows"] == "those of 2026-03-03, as if nobody paid, left or came"
    assert [(each["step"], each["goes_out"]) for each in said["contacts"]] == [("mail", 3)]
    assert content() == before
    assert "the last date that can be looked at is 2026-03-04" in shop.says(
        "plan", "shop", "2026-03-05", "--now", "2026-03-04 12:00", code=1
    ).replace("The last", "the last")


def test_a_change_of_the_policy_is_held_against_the_one_in_use(shop: Shop) -> None:
    shop.deliver(FIRST, range(3))
    shop.day(FIRST)
    same = plan(shop, SECOND, "--now", "2026-03-03 12:00")
    assert same["compared"] is None
    assert same["decide"] == {"wait": 3}
    with edited(shop) as tier:
        tier["steps"][1]["at_dpd"] = 2
    who = shop.folder / "who.csv"
    other = plan(shop, SECOND, "--now", "2026-03-03 12:00", "--who", who)
    assert other["compared"] == {
        "with": "the policy of 2026-03-02",
        "policy": "shop",
        "why_not": None,
        "changed": 3,
        "changes": [
            {
                "from": {
                    "action": "wait",
                    "reason": "not_due",
                    "tier": "courtesy",
                    "step": None,
                    "channel": None,
                },
                "to": {
                    "action": "send",
                    "reason": "step_due",
                    "tier": "courtesy",
                    "step": "mail",
                    "channel": "email",
                },
                "accounts": 3,
            }
        ],
    }
    rows = list(csv.DictReader(who.open(encoding="utf-8-sig")))
    assert [(row["account"], row["step"], row["in_use_action"]) for row in rows] == [
        (f"A{n}", "mail", "wait") for n in range(3)
    ]
    assert stat.S_IMODE(who.stat().st_mode) == 0o600
    told = shop.says("plan", "shop", SECOND, "--now", "2026-03-03 12:00")
    assert "Otherwise than the policy of 2026-03-02 (policy shop): 3 accounts." in told
    # A run of the first date again does nothing: what was sent stands.
    assert plan(shop, FIRST)["compared"]["changed"] == 0


def test_other_names_change_nothing_and_another_channel_is_told(shop: Shop) -> None:
    for date in (FIRST, SECOND):
        shop.deliver(date, range(2))
        shop.day(date)
    with edited(shop) as tier:
        tier |= {"tier": "kindly", "was": ["courtesy"]}
        tier["steps"][1] |= {"step": "letter", "was": ["mail"]}
    said = plan(shop, THIRD, "--now", "2026-03-04 12:00")
    assert said["contacts"][0]["step"] == "letter"
    assert (said["compared"]["changed"], said["compared"]["changes"]) == (0, [])
    with edited(shop) as tier:
        tier["steps"][1]["channel"] = "sms"
    told = shop.says("plan", "shop", THIRD, "--now", "2026-03-04 12:00")
    assert "send mail by email in courtesy (step_due)" in told
    assert "send mail by sms in courtesy (step_due)" in told


def test_what_the_policy_in_use_would_do_leads_to_nothing(shop: Shop) -> None:
    """It raises everybody to a tier that is gone in the files; they go on from the one before."""
    policy = json.loads(json.dumps(_POLICY))
    firm = {"tier": "firm", "from_dpd": 2, "steps": []}
    severe = {"tier": "severe", "from_dpd": 3, "steps": []}
    policy["tiers"] += [firm, severe]
    (shop.folder / "policy.yaml").write_text(yaml.safe_dump(policy))
    for date in (FIRST, SECOND):
        shop.deliver(date, range(2))
        shop.day(date)
    firm["from_dpd"] = 20
    policy["tiers"] = [policy["tiers"][0], firm]
    (shop.folder / "policy.yaml").write_text(yaml.safe_dump(policy))
    shop.deliver(THIRD, range(2))
    said = plan(shop, THIRD)
    did = json.loads(shop.says("day", "shop", THIRD, "--json"))
    assert said["decide"] == did["decide"] == {"wait": 2}


def test_who_could_not_be_read_is_not_cured_on_the_date_that_closes_next(shop: Shop) -> None:
    shop.deliver(FIRST, range(60))
    shop.day(FIRST)
    shop.deliver(SECOND, range(60))
    file = shop.folder / f"{SECOND}.csv"
    file.write_text(file.read_text().replace("A7,C7,2026-03-01,120.50", "A7,C7,2026-03-01,abc"))
    shop.day(SECOND)
    said = plan(shop, THIRD, "--now", "2026-03-04 12:00")
    assert "cured" not in said["decide"]
    assert said["reasons"]["wait"]["quarantined"] == 1


def test_what_the_gate_and_the_breaker_would_stop_is_told_beside_what_would_come_of_it(
    shop: Shop,
) -> None:
    shop.deliver(FIRST, range(200))
    assert "THE VOLUME BREAKER STOPS IT" in shop.says("plan", "shop", FIRST)
    stopped = shop.day(FIRST, code=1)
    said = plan(shop, FIRST)
    assert said["breaker"] in stopped
    assert said["decide"] == {"send": 200}
    shop.says("accept", "shop", FIRST, *WHY)
    shop.day(FIRST)
    shop.deliver(SECOND, range(60))
    refused = shop.day(SECOND, code=1)
    said = plan(shop, SECOND)
    assert said["gate"]
    assert said["gate"] in refused
    assert "THE GATE STOPS IT" in shop.says("plan", "shop", SECOND)
    assert shop.states()[SECOND] == "refused"


def test_a_channel_that_is_stopped_and_a_text_that_can_not_be_written_are_told(shop: Shop) -> None:
    shop.deliver(FIRST, range(2))
    shop.says("stop", "shop", "--channel", "sms", *WHY)
    said = plan(shop, FIRST)
    assert said["stopped"] == ["sms"]
    assert said["contacts"][0]["held_back"] == {"stopped": 2}
    shop.says("resume", "shop", "--channel", "sms", *WHY)
    templates = shop.folder / "templates" / "zh" / "courtesy"
    templates.mkdir(parents=True)
    (templates / "sms.txt").write_text("{{ nothing.such }}\n", encoding="utf-8")
    said = plan(shop, FIRST)
    assert said["contacts"][0]["held_back"] == {"template": 2}
    assert "courtesy" in said["unworded"][0]


def test_a_file_that_can_not_be_written_is_a_sentence(shop: Shop) -> None:
    shop.deliver(FIRST, range(1))
    told = shop.says("plan", "shop", FIRST, "--who", shop.folder / "no" / "who.csv", code=1)
    assert "can't be written" in told
    pipe = shop.folder / "pipe"
    os.mkfifo(pipe)
    assert "is no file" in shop.says("plan", "shop", FIRST, "--who", pipe, code=1)
    assert pipe.is_fifo()


def test_what_waits_for_its_hour_is_told_of_a_date_that_was_decided(shop: Shop) -> None:
    live = {key: value for key, value in _PORTFOLIO.items() if key != "clock"}
    (shop.folder / "portfolio.yaml").write_text(yaml.safe_dump(live))
    shop.deliver(FIRST, range(3))
    early = ("--now", "2026-03-03 06:30")  # no message goes out before eight
    shop.says("day", "shop", FIRST, *early)
    [waiting] = plan(shop, FIRST, *early)["contacts"]
    assert (waiting["step"], waiting["goes_out"]) == ("text", 3)
    shop.says("dispatch", "shop", "--now", "2026-03-03 08:00")
    assert plan(shop, FIRST, "--now", "2026-03-03 08:01")["contacts"] == []
