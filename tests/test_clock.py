"""A portfolio's business dates, where its clocks change and where they don't."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from dunflow.clock import BusinessCalendar, VirtualClock

NEW_YORK = ZoneInfo("America/New_York")
FORWARD = dt.date(2024, 3, 10)
"""In New York 02:00 becomes 03:00 on this day; the day has 23 hours."""
BACK = dt.date(2024, 11, 3)
"""In New York 02:00 becomes 01:00 on this day; the day has 25 hours."""
ONE_DAY = dt.timedelta(days=1)


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def calendar(zone: ZoneInfo = NEW_YORK, run_at: str = "06:30") -> BusinessCalendar:
    return BusinessCalendar(zone, dt.time.fromisoformat(run_at))


@pytest.mark.parametrize(
    ("zone", "at", "newest"),
    [
        ("America/Los_Angeles", "2026-03-02 02:00", "2026-02-28"),  # 18:00 on 1 March there
        ("Asia/Tokyo", "2026-03-01 15:30", "2026-03-01"),  # 00:30 on 2 March there
        ("Asia/Tokyo", "2026-03-01 14:59", "2026-02-28"),
        ("Pacific/Kiritimati", "2026-03-01 10:00", "2026-03-01"),  # midnight of 2 March there
    ],
)
def test_a_date_has_closed_when_its_own_midnight_is_past(zone: str, at: str, newest: str) -> None:
    found = calendar(ZoneInfo(zone)).newest_closed(utc(at))
    assert found == dt.date.fromisoformat(newest)


def test_a_leap_day_is_a_business_date() -> None:
    assert calendar().newest_closed(utc("2024-03-01 12:00")) == dt.date(2024, 2, 29)


@pytest.mark.parametrize(("day", "hours"), [(FORWARD, 23), (BACK, 25)])
def test_a_day_lasts_from_midnight_to_midnight_of_the_zone(day: dt.date, hours: int) -> None:
    lasted = calendar().close_of(day) - calendar().start_of(day)
    assert lasted == dt.timedelta(hours=hours)


@pytest.mark.parametrize(
    ("run_at", "usual"),
    [
        ("01:59", "2024-03-10 06:59"),
        ("02:30", "2024-03-10 07:30"),  # does not exist: as if the clocks had not yet jumped
        ("03:30", "2024-03-10 07:30"),
        ("06:30", "2024-03-10 10:30"),
    ],
)
def test_the_usual_time_on_the_day_that_skips_an_hour(run_at: str, usual: str) -> None:
    assert calendar(run_at=run_at).usual_time_of(FORWARD - ONE_DAY) == utc(usual)


def test_a_usual_time_that_exists_twice_is_the_first() -> None:
    assert calendar(run_at="01:30").usual_time_of(BACK - ONE_DAY) == utc("2024-11-03 05:30")


@pytest.mark.parametrize("around", [FORWARD, BACK])
@pytest.mark.parametrize("run_at", ["00:00", "01:30", "02:30", "23:59"])
def test_each_calendar_day_around_a_clock_change_has_one_run(around: dt.date, run_at: str) -> None:
    usual = calendar(run_at=run_at)
    dates = [around + n * ONE_DAY for n in range(-3, 4)]
    runs = [usual.usual_time_of(date) for date in dates]
    assert [usual.local_date(at) for at in runs] == [date + ONE_DAY for date in dates]
    assert [usual.lives_until(date) for date in dates[:-1]] == runs[1:]


def test_a_virtual_clock_never_runs_backwards() -> None:
    clock = VirtualClock(utc("2026-03-01 10:00"))
    clock.move_to(utc("2026-03-01 09:00"))
    assert clock.now() == utc("2026-03-01 10:00")
    clock.move_to(dt.datetime(2026, 3, 1, 19, tzinfo=ZoneInfo("Asia/Shanghai")))
    assert (clock.now(), clock.now().tzinfo) == (utc("2026-03-01 11:00"), dt.UTC)
