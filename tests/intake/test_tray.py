"""Tellings that come together are written together, and what is wrong with one is its own."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from dunflow.intake.receiver.desk import Telling
from dunflow.intake.receiver.tray import Tray


def telling(name: str) -> Telling:
    return Telling("twilio", name, None, None, "sent", None, None)


def test_what_comes_while_one_lot_is_written_is_the_next_lot() -> None:
    lots: list[list[str]] = []
    began, go_on = threading.Event(), threading.Event()

    def write(told: list[Telling]) -> None:
        lots.append([each.event_id for each in told])
        began.set()
        assert go_on.wait(10)

    tray = Tray(write)
    with ThreadPoolExecutor(9) as pool:
        puts = [pool.submit(tray.put, [telling("first")])]
        assert began.wait(10)
        puts += [pool.submit(tray.put, [telling(f"{n}a"), telling(f"{n}b")]) for n in range(8)]
        while len(tray._waiting) < 8:
            time.sleep(0.01)
        go_on.set()
        for each in puts:
            each.result(10)
    assert lots[0] == ["first"]
    assert len(lots) == 2
    assert sorted(lots[1]) == sorted(f"{n}{of}" for n in range(8) for of in "ab")


def test_one_that_cannot_be_written_fails_alone() -> None:
    written: list[str] = []
    began, go_on = threading.Event(), threading.Event()

    def write(told: list[Telling]) -> None:
        began.set()
        assert go_on.wait(10)
        names = [each.event_id for each in told]
        if "bad" in names:
            raise ValueError("as bad as it gets")
        written.extend(names)

    tray = Tray(write)
    with ThreadPoolExecutor(4) as pool:
        puts = {"first": pool.submit(tray.put, [telling("first")])}
        assert began.wait(10)
        puts |= {name: pool.submit(tray.put, [telling(name)]) for name in ("good", "bad", "fine")}
        while len(tray._waiting) < 3:
            time.sleep(0.01)
        go_on.set()
        with pytest.raises(ValueError, match="as bad"):
            puts.pop("bad").result(10)
        for each in puts.values():
            each.result(10)
    assert sorted(written) == ["fine", "first", "good"]
