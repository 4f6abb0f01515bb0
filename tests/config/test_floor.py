"""Packs together, and a policy on top of them, allow nothing that one of the packs forbids."""

import datetime as dt
from typing import get_args
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from dunflow.config.base import build
from dunflow.config.book import read_portfolio, root, tightened
from dunflow.config.pack import WEEKDAYS, Floor, Pack, ZoneSource
from dunflow.config.policy import CHANNELS, Policy
from dunflow.decide.windows import next_opening
from dunflow.decide.zones import Places, wall_zones

PORTFOLIO = read_portfolio(root() / "include/portfolios/sunrise_instalment")
KINDS = {"agency": "agency", "legal": "legal", "bureau": "agency", "sale": "agency"}
HUNDREDS = settings(max_examples=120, deadline=None)
ZONES = [ZoneInfo(name) for name in ("Asia/Shanghai", "America/New_York", "Pacific/Apia")]
HOURS = [f"{hour:02}:00" for hour in range(24)]

channels = st.lists(st.sampled_from(CHANNELS), min_size=1, max_size=6, unique=True)
days = st.integers(0, 60).map(lambda n: f"P{n}D")
destinations = st.sampled_from(["agency", "legal", "bureau", "sale"])
kinds = st.sampled_from(["dispute", "cease", "deceased", "hardship"])


@st.composite
def windows(draw: st.DrawFn) -> dict[str, object]:
    first = draw(st.integers(0, 22))
    last = draw(st.integers(first + 1, 23))
    return {
        "id": "w",
        "channels": draw(channels),
        "days": draw(st.lists(st.sampled_from(WEEKDAYS), min_size=1, unique=True)),
        "open": HOURS[first],
        "close": HOURS[last],
    }


duties = st.fixed_dictionaries(
    {},
    optional={
        "needs": st.lists(
            st.fixed_dictionaries(
                {"event": st.just("notice"), "min_age": days},
                optional={"proof": st.sampled_from(["sent", "delivered"])},
            ),
            max_size=2,
        ),
        "deny_if": st.lists(st.sampled_from(["limitation_passed", "hold_open"]), max_size=2),
    },
)


@st.composite
def packs(draw: st.DrawFn) -> Pack:
    document = {
        "clock": {
            "tz_from": draw(st.lists(st.sampled_from(get_args(ZoneSource)), min_size=1)),
            "on_conflict": draw(st.sampled_from(["intersect", "deny"])),
            "on_unknown": draw(st.sampled_from(["portfolio", "deny"])),
        },
        "pack": {
            "id": draw(st.sampled_from("abcdef")),
            "version": 1,
            "jurisdiction": "X",
            "as_of": "2026-11-25",
            "legal_review": "none",
        },
        "windows": draw(st.lists(windows(), max_size=3)),
        "quiet_days": draw(st.lists(st.sampled_from([*WEEKDAYS, "holidays"]), max_size=2)),
        "caps": [
            {
                "id": f"c{n}",
                "channels": draw(channels),
                "max": draw(st.integers(0, 9)),
                "per": "P7D",
            }
            for n in range(draw(st.integers(0, 2)))
        ],
        "cooldowns": [
            {"id": "rest", "channels": draw(channels), "for": draw(days)}
            for _ in range(draw(st.integers(0, 1)))
        ],
        "consent": {
            name: {"channels": draw(channels), "basis": ["prior_express"]}
            for name in draw(st.sets(st.sampled_from("xy")))
        },
        "holds": [
            {
                "kind": draw(kinds),
                "scope": draw(st.sampled_from(["account", "customer"])),
                "ends": draw(st.sampled_from(["never", ["review"]])),
            }
            for _ in range(draw(st.integers(0, 2)))
        ],
        "content": [
            {"channels": draw(channels), "require": ["amount_due"]}
            for _ in range(draw(st.integers(0, 1)))
        ],
        "handoff": draw(st.dictionaries(destinations, duties, max_size=4)),
        "limitation": {
            "years": draw(st.none() | st.integers(1, 10)),
            "demand_restarts": draw(st.booleans()),
        },
    }
    return build(Pack, document, "pack")


floors = st.lists(packs(), min_size=1, max_size=3).map(lambda each: Floor(packs=each))
instants = st.datetimes(
    min_value=dt.datetime(2026, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=dt.datetime(2026, 12, 31),  # noqa: DTZ001
    timezones=st.just(dt.UTC),
)


@HUNDREDS
@given(floors, packs(), st.sampled_from(CHANNELS), st.sampled_from(ZONES), instants)
def test_one_more_pack_opens_no_hour(
    floor: Floor, extra: Pack, channel: str, zone: ZoneInfo, at: dt.datetime
) -> None:
    def is_open(each: Floor) -> bool:
        span = next_opening(each, channel, [zone], "CN", at)  # type: ignore[arg-type]
        return span is not None and span.opens_at == at

    # A pack without windows gives no hours; without any, everything is closed.
    if floor.packs and any(pack.windows for pack in floor.packs):
        assert is_open(floor) or not is_open(Floor(packs=[*floor.packs, extra]))


known = st.none() | st.sampled_from(
    ["Asia/Shanghai", "America/New_York", "America/Chicago America/New_York", "nowhere"]
)


@HUNDREDS
@given(floors, packs(), st.builds(Places, known, known, known), instants)
def test_one_more_pack_takes_no_clock_away(
    floor: Floor, extra: Pack, places: Places, at: dt.datetime
) -> None:
    def zones(each: Floor) -> set[str]:
        return {zone.key for zone in wall_zones(each, ZONES[0], places, "sms", at)}

    both = zones(Floor(packs=[*floor.packs, extra]))
    assert not both or zones(floor) <= both  # none is no hour at all
    assert zones(floor) or not both


@HUNDREDS
@given(floors, packs(), destinations)
def test_one_more_pack_loosens_no_rule(floor: Floor, extra: Pack, destination: str) -> None:
    both = Floor(packs=[*floor.packs, extra])
    assert all(cap in both.caps for cap in floor.caps)
    assert all(rest in both.cooldowns for rest in floor.cooldowns)
    assert all(rule in both.consent for rule in floor.consent)
    assert both.customer_wide_holds >= floor.customer_wide_holds
    for channel in CHANNELS:
        assert both.required_slots(channel) >= floor.required_slots(channel)
    for kind in ("dispute", "cease", "deceased", "hardship"):
        assert floor.never_released(kind) is None or both.never_released(kind) is not None
    before, after = floor.notice_days(destination), both.notice_days(destination)
    assert before is None or (after is not None and after >= before)
    assert both.notice_must_arrive(destination) or not floor.notice_must_arrive(destination)
    old, older = floor.barred_after_years(destination), both.barred_after_years(destination)
    assert old is None or (older is not None and older <= old)


@HUNDREDS
@given(floors, destinations, st.integers(0, 90))
def test_a_policy_shortens_no_notice(floor: Floor, destination: str, wanted: int) -> None:
    policy = build(
        Policy,
        {
            "policy": "p",
            "tiers": [
                {
                    "tier": "t",
                    "from_dpd": 1,
                    "steps": [
                        {
                            "step": "n",
                            "at_dpd": 1,
                            "channel": "letter",
                            "template": "final",
                            "purpose": "notice",
                        }
                    ],
                }
            ],
            "hand_off": [{"to": destination, "when": {}, "after": {"step": "n", "days": wanted}}],
        },
        "policy",
    )
    [rule] = tightened(policy, PORTFOLIO, floor, "policy").hand_off
    assert rule.after is not None
    assert rule.after.days == max(wanted, floor.notice_days(KINDS[destination]) or 0)
