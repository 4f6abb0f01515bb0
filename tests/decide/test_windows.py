"""Contact hours on the customer's own clock."""

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dunflow.config.base import build
from dunflow.config.days_off import is_day_off
from dunflow.config.pack import WEEKDAYS, Floor, Pack
from dunflow.decide.windows import Span, next_opening

SHANGHAI = ZoneInfo("Asia/Shanghai")
NEW_YORK = ZoneInfo("America/New_York")
AZORES = ZoneInfo("Atlantic/Azores")


def pack(*hours: tuple[str, str], **keys: Any) -> Pack:
    """A pack that allows texts in these hours of every day, unless `keys` say otherwise."""
    days = keys.pop("days", list(WEEKDAYS))
    channels = keys.pop("channels", ["sms"])
    windows = [
        {"id": f"w{n}", "channels": channels, "days": days, "open": opens, "close": closes}
        for n, (opens, closes) in enumerate(hours)
    ]
    head = {"id": "test", "version": 1, "jurisdiction": "TEST", "legal_review": "none"}
    whole = {"pack": head | {"as_of": "2026-01-01"}, "windows": windows} | keys
    return build(Pack, whole, "pack")


def opening(
    floor: list[Pack],
    at: str,
    zone: ZoneInfo = SHANGHAI,
    channel: Any = "sms",
    region: str = "CN",
) -> tuple[str, str] | None:
    """The next opening from `at`, a UTC instant or one with an offset; told in UTC."""
    given = dt.datetime.fromisoformat(at)
    instant = given.astimezone(dt.UTC) if given.tzinfo else given.replace(tzinfo=dt.UTC)
    span = next_opening(Floor(packs=floor), channel, [zone], region, instant)
    return told(span) if span else None


def told(span: Span) -> tuple[str, str]:
    return f"{span.opens_at:%m-%d %H:%M}", f"{span.closes_at:%m-%d %H:%M}"


DAY = pack(("08:00", "20:00"))


@pytest.mark.parametrize(
    ("at", "wanted"),
    [
        ("2026-03-03T07:59+08:00", ("03-03 00:00", "03-03 12:00")),
        ("2026-03-03T08:00+08:00", ("03-03 00:00", "03-03 12:00")),
        ("2026-03-03T19:59+08:00", ("03-03 11:59", "03-03 12:00")),
        ("2026-03-03T20:00+08:00", ("03-04 00:00", "03-04 12:00")),
    ],
)
def test_a_window_is_open_from_its_opening_to_before_its_close(
    at: str, wanted: tuple[str, str]
) -> None:
    assert opening([DAY], at) == wanted


def test_hours_are_those_of_the_customers_zone() -> None:
    six_in_new_york = "2026-01-12T06:00-05:00"
    assert opening([DAY], six_in_new_york, ZoneInfo("Pacific/Honolulu")) == (
        "01-12 18:00",
        "01-13 06:00",
    )


def test_a_window_may_last_to_midnight() -> None:
    late = pack(("21:00", "24:00"))
    assert opening([late], "2026-03-03T23:59+08:00") == ("03-03 15:59", "03-03 16:00")
    assert opening([late], "2026-03-04T00:00+08:00") == ("03-04 13:00", "03-04 16:00")


def test_two_windows_of_a_pack_allow_their_hours_together() -> None:
    broken = pack(("08:00", "12:00"), ("13:00", "17:00"))
    assert opening([broken], "2026-03-03T12:30+08:00") == ("03-03 05:00", "03-03 09:00")


def test_touching_windows_are_one_opening() -> None:
    assert opening([pack(("12:00", "17:00"), ("08:00", "12:00"))], "2026-03-03T09:00+08:00") == (
        "03-03 01:00",
        "03-03 09:00",
    )


def test_several_packs_allow_only_what_each_of_them_allows() -> None:
    morning, noon = pack(("08:00", "14:00")), pack(("11:00", "20:00"))
    both = ("03-03 03:00", "03-03 06:00")
    assert opening([morning, noon], "2026-03-03T00:00+08:00") == both
    assert opening([noon, morning], "2026-03-03T00:00+08:00") == both


def test_packs_whose_hours_never_meet_close_the_channel() -> None:
    assert opening([pack(("08:00", "12:00")), pack(("12:00", "20:00"))], "2026-03-03") is None


def test_a_pack_without_hours_takes_none_away() -> None:
    assert opening([DAY, pack()], "2026-03-03T00:00+08:00") == ("03-03 00:00", "03-03 12:00")


def test_without_any_hours_a_channel_is_closed() -> None:
    assert opening([], "2026-03-03") is None
    assert opening([pack()], "2026-03-03") is None


def test_a_channel_that_a_pack_with_hours_does_not_name_is_closed() -> None:
    assert opening([DAY], "2026-03-03", channel="voice") is None
    both = [DAY, pack(("08:00", "20:00"), channels=["sms", "voice"])]
    assert opening(both, "2026-03-03", channel="voice") is None


def test_letters_have_no_hours() -> None:
    at = dt.datetime(2026, 3, 1, 3, tzinfo=dt.UTC)
    span = next_opening(
        Floor(packs=[pack(("08:00", "20:00"), quiet_days=["sun"])]), "letter", [SHANGHAI], "CN", at
    )
    assert span is not None
    assert span.opens_at == at


def test_a_window_holds_on_its_days_only() -> None:
    workdays = pack(("08:00", "20:00"), days=["mon", "tue", "wed", "thu", "fri"])
    friday_evening = "2026-03-06T20:00+08:00"
    assert opening([workdays], friday_evening) == ("03-09 00:00", "03-09 12:00")


def test_a_quiet_day_of_any_pack_is_quiet() -> None:
    saturday_evening = "2026-03-07T21:00+08:00"
    monday = ("03-09 00:00", "03-09 12:00")
    assert opening([DAY, pack(quiet_days=["sun"])], saturday_evening) == monday


def test_public_holidays_are_those_of_the_region() -> None:
    quiet = [pack(("08:00", "20:00"), quiet_days=["holidays"])]
    before = "2026-07-03T21:00-04:00"
    assert opening(quiet, "2026-05-04T07:00+01:00", ZoneInfo("Europe/London"), region="GB") == (
        "05-05 07:00",
        "05-05 19:00",
    )
    assert opening(quiet, before, NEW_YORK, region="GB") == ("07-04 12:00", "07-05 00:00")
    assert opening(quiet, before, NEW_YORK, region="US") == ("07-06 12:00", "07-07 00:00")


@pytest.mark.parametrize(
    ("region", "day", "off"),
    [
        ("CN", "2026-02-14", True),  # Spring Festival is from Sunday to Monday of the next week
        ("CN", "2026-02-21", True),
        ("CN", "2026-02-22", True),
        ("CN", "2026-02-28", False),
        ("GB", "2026-04-06", True),  # Easter Monday is none in Scotland
        ("GB", "2026-08-31", True),
        ("GB", "2026-08-28", False),  # Friday
        ("DE", "2026-06-04", True),  # Corpus Christi
        ("SA", "2026-02-20", True),  # a Friday: the weekend before Founding Day, a Sunday
        ("SA", "2026-02-13", False),
    ],
)
def test_a_day_off_is_one_in_any_part_and_the_weekend_beside_it(
    region: str, day: str, off: bool
) -> None:
    assert is_day_off(region, dt.date.fromisoformat(day)) == off


def test_a_channel_closed_for_long_has_no_opening() -> None:
    sundays = pack(("08:00", "20:00"), days=["sun"])
    assert opening([sundays], "2026-03-02T00:00+08:00") is None


# Where the clocks change. In New York 2024: 10 March 02:00 becomes 03:00, 3 November 02:00
# becomes 01:00.


def test_a_window_that_the_clocks_leave_out_is_closed_that_day() -> None:
    skipped = pack(("02:15", "02:45"))
    assert opening([skipped], "2024-03-10T00:00-05:00", NEW_YORK) == ("03-11 06:15", "03-11 06:45")


def test_a_window_loses_the_hour_that_the_clocks_leave_out() -> None:
    early = pack(("01:30", "03:30"))
    assert opening([early], "2024-03-10T00:00-05:00", NEW_YORK) == ("03-10 06:30", "03-10 07:30")


def test_an_hour_that_exists_twice_is_open_twice() -> None:
    twice = pack(("01:15", "01:45"))
    first, second = ("11-03 05:15", "11-03 05:45"), ("11-03 06:15", "11-03 06:45")
    assert opening([twice], "2024-11-03T00:00-04:00", NEW_YORK) == first
    assert opening([twice], "2024-11-03T01:45-04:00", NEW_YORK) == second
    assert opening([twice], "2024-11-03T01:20-05:00", NEW_YORK) == ("11-03 06:20", "11-03 06:45")


def test_a_window_round_the_repeated_hour_stays_open_through_it() -> None:
    night = pack(("00:30", "03:00"))
    assert opening([night], "2024-11-03T00:30-04:00", NEW_YORK) == ("11-03 04:30", "11-03 08:00")


def test_a_day_that_begins_with_a_change_keeps_its_hours() -> None:
    # Azores, 31 March 2024: midnight becomes 01:00.
    assert opening([DAY], "2024-03-30T21:00-01:00", AZORES) == ("03-31 08:00", "03-31 20:00")


zones = st.sampled_from((SHANGHAI, NEW_YORK, AZORES, ZoneInfo("Australia/Lord_Howe")))
instants = st.integers(0, 243 * 24 * 60).map(
    lambda minutes: dt.datetime(2024, 3, 8, tzinfo=dt.UTC) + dt.timedelta(minutes=minutes)
)
times = st.integers(0, 47).map(lambda half: f"{half // 2:02}:{half % 2 * 30:02}")


@given(zones, instants, st.lists(times, min_size=2, max_size=2, unique=True).map(sorted))
def test_an_opening_is_the_first_moment_whose_wall_time_is_in_the_window(
    zone: ZoneInfo, at: dt.datetime, hours: list[str]
) -> None:
    """Against the wall clock itself, tried every ten minutes for a day and a half."""
    opens, closes = (dt.time.fromisoformat(each) for each in hours)
    span = next_opening(Floor(packs=[pack((hours[0], hours[1]))]), "sms", [zone], "CN", at)
    assert span is not None
    moments = [at + n * dt.timedelta(minutes=10) for n in range(9 * 24)]
    allowed = [m for m in moments if opens <= m.astimezone(zone).time() < closes]
    assert [m for m in allowed if m < span.opens_at] == []
    inside = [m for m in moments if span.opens_at <= m < span.closes_at]
    assert inside == [m for m in allowed if m in inside]
