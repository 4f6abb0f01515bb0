"""What ships in `include/`: portfolios and packs read, and the packs keep the hours they name."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from dunflow.config.book import folders, read_book, read_pack, root
from dunflow.config.pack import Floor, Pack
from dunflow.config.policy import CHANNELS, Channel
from dunflow.decide.windows import next_opening

PLACE = root() / "include/jurisdictions"
PACKS = ["cn-consumer", "de", "in", "strict", "uk", "us-federal", "us-ma"]
SHIPPED = sorted(file.parent.name for file in root().glob("include/portfolios/*/portfolio.yaml"))


def pack(name: str) -> Pack:
    return read_pack(name, [PLACE])


def test_the_demo_ships() -> None:
    assert "sunrise_instalment" in SHIPPED


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_portfolio_reads_and_can_reach_nobody(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DUNFLOW_PORTFOLIOS", raising=False)
    assert name in folders()
    assert read_book(name).portfolio.senders.all_sandbox


def test_these_packs_ship_and_none_claims_a_lawyers_review() -> None:
    assert sorted(file.stem for file in PLACE.glob("*.yaml")) == PACKS
    assert {pack(name).pack.legal_review for name in PACKS} == {"none"}


@pytest.mark.parametrize(
    ("name", "channel", "zone", "region", "local", "is_open"),
    [
        ("cn-consumer", "sms", "Asia/Shanghai", "CN", "2026-11-25 07:59", False),
        ("cn-consumer", "sms", "Asia/Shanghai", "CN", "2026-11-25 08:00", True),
        ("cn-consumer", "visit", "Asia/Shanghai", "CN", "2026-11-29 21:59", True),  # a Sunday
        ("cn-consumer", "call", "Asia/Shanghai", "CN", "2026-11-25 22:00", False),
        ("us-federal", "sms", "America/Chicago", "US", "2026-11-25 07:59", False),
        ("us-federal", "email", "America/Chicago", "US", "2026-11-26 20:59", True),  # Thanksgiving
        ("us-federal", "call", "America/Chicago", "US", "2026-11-25 21:00", False),
        ("uk", "call", "Europe/London", "GB", "2026-11-25 20:59", True),
        ("uk", "call", "Europe/London", "GB", "2026-11-25 21:00", False),
        ("in", "call", "Asia/Kolkata", "IN", "2026-11-25 18:59", True),
        ("in", "call", "Asia/Kolkata", "IN", "2026-11-25 19:00", False),
        ("de", "sms", "Europe/Berlin", "DE", "2026-11-25 17:59", True),
        ("de", "sms", "Europe/Berlin", "DE", "2026-11-25 18:00", False),
        ("de", "sms", "Europe/Berlin", "DE", "2026-12-25 12:00", False),  # Christmas, a Friday
        ("strict", "sms", "Europe/Berlin", "DE", "2026-11-25 08:59", False),
        ("strict", "sms", "Europe/Berlin", "DE", "2026-11-28 12:00", True),  # a Saturday
        ("strict", "call", "Europe/Berlin", "DE", "2026-11-28 12:00", False),
        ("strict", "sms", "Europe/Berlin", "DE", "2026-11-29 12:00", False),  # a Sunday
    ],
)
def test_a_pack_keeps_its_hours(
    name: str, channel: Channel, zone: str, region: str, local: str, is_open: bool
) -> None:
    at = dt.datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone)).astimezone(dt.UTC)
    span = next_opening(Floor(packs=[pack(name)]), channel, [ZoneInfo(zone)], region, at)
    assert (span is not None and span.opens_at == at) is is_open


@pytest.mark.parametrize("name", ["strict", "uk", "de"])
def test_nobody_is_visited_under_these_packs(name: str) -> None:
    noon = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)
    floor = Floor(packs=[pack(name)])
    assert next_opening(floor, "visit", [ZoneInfo("UTC")], "DE", noon) is None


@pytest.mark.parametrize("name", PACKS)
def test_every_rule_says_where_it_comes_from(name: str) -> None:
    rules = [*pack(name).windows, *pack(name).caps]
    assert all(rule.force for rule in rules)
    assert all(rule.src or rule.force == "policy" for rule in rules)
    assert len({rule.id for rule in rules}) == len(rules)


def rest(floor: Floor, channel: Channel) -> int:
    return max((each.days for each in floor.cooldowns if channel in each.channels), default=0)


@pytest.mark.parametrize("name", PACKS)
def test_strict_asks_for_no_less_than_any_other_pack(name: str) -> None:
    strict, other = (Floor(packs=[pack(each)]) for each in ("strict", name))
    for kind in ("agency", "legal", "bureau", "sale"):
        wanted, given = other.notice_days(kind), strict.notice_days(kind)
        assert wanted is None or (given is not None and given >= wanted), kind
        assert strict.notice_must_arrive(kind) or not other.notice_must_arrive(kind), kind
        years, fewer = other.barred_after_years(kind), strict.barred_after_years(kind)
        assert years is None or (fewer is not None and fewer <= years), kind
    for rule in other.consent:
        for channel in rule.channels:
            mine = [each.basis for each in strict.consent if channel in each.channels]
            assert any(set(basis) <= set(rule.basis) for basis in mine), channel
    for channel in CHANNELS:
        assert strict.required_slots(channel) >= other.required_slots(channel)
        assert rest(strict, channel) >= rest(other, channel)
    assert strict.customer_wide_holds >= other.customer_wide_holds
    assert strict.released_only.keys() >= other.released_only.keys()


def test_strict_allows_no_more_than_any_other_pack() -> None:
    for name in PACKS:
        for cap in pack(name).caps:
            for channel in set(cap.channels) - {"visit"}:  # which has no hours under `strict`
                at_least_as_long = [
                    strict.max
                    for strict in pack("strict").caps
                    if channel in strict.channels and strict.days >= cap.days
                ]
                assert min(at_least_as_long) <= cap.max, (name, cap.id, channel)
