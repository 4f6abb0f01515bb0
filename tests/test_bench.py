"""The bench runs whole: a small one, by the command that `make bench` gives."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
SMALL = ["--json", "--accounts", "400", "--history", "1", "--contacts", "40"]


def test_days_and_sending_are_measured_in_one_run() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "bench", *SMALL],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    measured = json.loads(ran.stdout)
    for day in ("first day", "second day", "1 days later"):
        # Whatever is cured on this date was overdue on the one before.
        decided = dict(measured[day]["decide"])
        decided.pop("cured", None)
        assert sum(decided.values()) == 400
        assert measured[day]["contacts"] > 0
    for channel in ("sms", "email"):
        assert {way: cost["contacts"] for way, cost in measured["sending"][channel].items()} == {
            "outbox": 40,
            "bare loop": 40,
            "stock client": 40,
            "outbox, afar": 40,
            "bare, afar": 40,
        }
