"""On whose clock hours are counted, and what becomes of them where clocks differ or change."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from dunflow.clock import DAY
from dunflow.config.base import build
from dunflow.config.pack import Floor, Pack
from dunflow.decide.windows import LOOK_AHEAD_DAYS, next_opening
from dunflow.decide.zones import Places, place_key, places_of, wall_zones
from dunflow.ledger.engine import portfolio_id_of
from dunflow.ledger.tables import customer
from tests.decide.test_windows import pack

HOME = ZoneInfo("Asia/Shanghai")
NOON = dt.datetime(2026, 3, 3, 12, tzinfo=dt.UTC)
EVERYTHING = ["customer", "address", "phone"]
QUARTER = dt.timedelta(minutes=15)


def floor_of(*clocks: dict[str, object]) -> Floor:
    """A pack for each of these clocks."""
    return Floor(packs=[pack(("08:00", "20:00"), clock=clock) for clock in clocks])


def zones(
    clock: dict[str, object], places: Places, channel: str = "sms", at: dt.datetime = NOON
) -> set[str]:
    found = wall_zones(floor_of(clock), HOME, places, channel, at)  # type: ignore[arg-type]
    return {zone.key for zone in found}


def test_the_zone_that_the_lender_gives_settles_it() -> None:
    known = Places("Asia/Tokyo", "America/Denver", "Europe/Berlin")
    assert zones({"tz_from": EVERYTHING}, known) == {"Asia/Tokyo"}


def test_an_address_and_a_number_count_together() -> None:
    known = Places(None, "America/Chicago America/Denver", "America/New_York")
    everywhere = {"America/Chicago", "America/Denver", "America/New_York"}
    assert zones({"tz_from": EVERYTHING}, known) == everywhere
    assert zones({"tz_from": ["phone"]}, known) == {"America/New_York"}


def test_a_pack_may_take_the_portfolios_own_clock_along() -> None:
    clock: dict[str, object] = {"tz_from": ["customer", "phone", "portfolio"]}
    both = {"Asia/Shanghai", "America/New_York"}
    assert zones(clock, Places(None, None, "America/New_York")) == both
    assert zones(clock, Places("America/New_York")) == {"America/New_York"}


@pytest.mark.parametrize(
    "unknown", [Places(None), Places("Mars/Olympus_Mons", None, "Etc/Nowhere")]
)
def test_where_nothing_is_known_the_pack_says_what_holds(unknown: Places) -> None:
    assert zones({"tz_from": EVERYTHING, "on_unknown": "deny"}, unknown) == set()
    assert zones({"tz_from": EVERYTHING, "on_unknown": "portfolio"}, unknown) == {"Asia/Shanghai"}
    assert zones({"on_unknown": "deny"}, unknown, "letter") == {"Asia/Shanghai"}


def test_a_conflict_may_close_every_hour() -> None:
    deny: dict[str, object] = {"tz_from": ["phone"], "on_conflict": "deny"}
    assert zones(deny, Places(None, None, "America/Chicago America/New_York")) == set()
    # Two names of one clock are no conflict.
    islands = Places(None, None, "Europe/Jersey Europe/London")
    assert zones(deny, islands) == {"Europe/Jersey", "Europe/London"}


def test_what_several_packs_go_by_counts_together() -> None:
    one, other = {"tz_from": ["phone"]}, {"tz_from": ["address"]}
    known = Places(None, "America/Denver", "America/New_York")
    found = wall_zones(floor_of(one, other), HOME, known, "sms", NOON)
    assert {zone.key for zone in found} == {"America/Denver", "America/New_York"}


def test_only_hours_that_suit_every_zone_are_open() -> None:
    floor = Floor(packs=[pack(("08:00", "21:00"))])
    coasts = [ZoneInfo("America/New_York"), ZoneInfo("America/Los_Angeles")]
    span = next_opening(floor, "sms", coasts, "US", NOON)  # 07:00 in New York
    assert span is not None
    # 08:00 in Los Angeles to 21:00 in New York, the next day in UTC.
    assert (span.opens_at.hour, span.closes_at.hour) == (16, 2)


@given(
    st.lists(
        st.sampled_from(
            [
                ZoneInfo(name)
                for name in (
                    "America/New_York", "America/Los_Angeles", "Europe/Berlin",
                    "Australia/Lord_Howe", "Asia/Shanghai", "Pacific/Chatham",
                )
            ]
        ),
        min_size=1,
        max_size=3,
        unique=True,
    ),
    st.integers(0, 30 * 96).map(lambda n: dt.datetime(2026, 3, 1, tzinfo=dt.UTC) + n * QUARTER),
    st.integers(0, 15).map(lambda hour: (f"{hour:02}:00", f"{hour + 8:02}:30")),
)  # fmt: skip
@example(
    # Open together only for half an hour, on the day on which the clocks of America change.
    [ZoneInfo(name) for name in ("America/New_York", "America/Los_Angeles", "Europe/Berlin")],
    dt.datetime(2026, 3, 5, 8, tzinfo=dt.UTC),
    ("03:00", "11:30"),
)
def test_an_opening_is_the_first_quarter_that_suits_every_clock(
    clocks: list[ZoneInfo], at: dt.datetime, hours: tuple[str, str]
) -> None:
    def suits(instant: dt.datetime) -> bool:
        return all(hours[0] <= f"{instant.astimezone(zone):%H:%M}" < hours[1] for zone in clocks)

    span = next_opening(Floor(packs=[pack(hours)]), "sms", clocks, "CN", at)
    quarters = (at + n * QUARTER for n in range((LOOK_AHEAD_DAYS + 1) * 96))
    first = next(filter(suits, quarters), None)
    if span:
        assert span.opens_at == first
    else:
        # There may be one on the day of a clock change that is too far ahead.
        assert first is None or first - at > (LOOK_AHEAD_DAYS - 2) * DAY


# Where clocks change in 2026: a quarter of an hour that does not exist on the one day, and one that
# exists twice on the other.
CHANGES = [
    ("America/New_York", "2026-03-08", "02:15", "2026-11-01", "01:15"),
    ("America/Los_Angeles", "2026-03-08", "02:15", "2026-11-01", "01:15"),
    ("Europe/London", "2026-03-29", "01:15", "2026-10-25", "01:15"),
    ("Europe/Berlin", "2026-03-29", "02:15", "2026-10-25", "02:15"),
    ("Atlantic/Azores", "2026-03-29", "00:15", "2026-10-25", "00:15"),
    ("Australia/Sydney", "2026-10-04", "02:15", "2026-04-05", "02:15"),
    ("Australia/Lord_Howe", "2026-10-04", "02:15", "2026-04-05", "01:35"),  # by half an hour
    ("Pacific/Chatham", "2026-09-27", "03:15", "2026-04-05", "03:15"),
    ("America/Santiago", "2026-09-06", "00:15", "2026-04-04", "23:15"),
]


def openings(zone: str, day: str, begins: str) -> list[str]:
    """The openings of ten minutes from `begins` on a local day, with their offsets from UTC."""
    clock, ends = ZoneInfo(zone), f"{begins[:3]}{int(begins[3:]) + 10}"
    floor = Floor(packs=[pack((begins, ends))])
    at = dt.datetime.fromisoformat(day).replace(tzinfo=clock).astimezone(dt.UTC)
    end = at + dt.timedelta(hours=25)
    found = []
    while (span := next_opening(floor, "sms", [clock], "CN", at)) and span.opens_at < end:
        local = span.opens_at.astimezone(clock)
        if f"{local:%Y-%m-%d}" == day:
            found.append(f"{local:%H:%M%z}")
        at = span.closes_at
    return found


@pytest.mark.parametrize(("zone", "spring", "gap", "autumn", "twice"), CHANGES)
def test_hours_on_the_days_on_which_clocks_change(
    zone: str, spring: str, gap: str, autumn: str, twice: str
) -> None:
    assert openings(zone, spring, gap) == []
    first, second = openings(zone, autumn, twice)
    assert first[:5] == second[:5] == twice
    assert first[5:] != second[5:]
    [usual] = openings(zone, "2026-06-17", gap)
    assert usual[:5] == gap


def test_what_the_packs_go_by_is_read_from_the_customers_row(ledger: Engine) -> None:
    known = {"time_zone": None, "address_zones": "America/Denver", "phone_zones": "Asia/Tokyo"}
    floor = floor_of({"tz_from": ["customer", "phone"]}, {"tz_from": ["portfolio"]})
    with ledger.begin() as conn:
        conn.execute(
            customer.insert().values(
                portfolio_id=portfolio_id_of(conn, "p"),
                customer_ref="C",
                seen_on="2026-03-01",
                **known,
            )
        )
        key = conn.execute(select(place_key(floor))).scalar_one()
    assert places_of(floor, key) == Places("", None, "Asia/Tokyo")


def test_a_pack_that_says_nothing_goes_by_the_lenders_word_alone() -> None:
    head = {"id": "p", "version": 1, "jurisdiction": "X", "as_of": "2026-01-01"}
    silent = build(Pack, {"pack": head | {"legal_review": "none"}}, "pack")
    assert (silent.clock.tz_from, silent.clock.on_unknown) == (["customer"], "deny")
