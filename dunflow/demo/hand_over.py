"""The demo's hand-off: a person approves what was proposed first, and a made-up agency answers.

Whatever of it was done before, by an earlier demo that was cut off, is left as it is.
"""

import csv
import datetime as dt
import json
import os
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import URL, func, select

from dunflow.clock import DAY
from dunflow.demo.lender import book_repayments
from dunflow.demo.loans import Repayment
from dunflow.errors import DunflowError
from dunflow.ledger.tables import placement
from dunflow.place.deliver import place_of
from dunflow.placements import Desk, open_desk
from dunflow.stack.airflow import AirflowApi

AGENCY = "harbour_agency"
LIMIT_S = 180.0
_REFUSED, _PAID, _PAID_HALF = (0,), (1, 2), (3,)
"""Which accounts of a package, by their place in it, come to what; the others are accepted."""
_OVER = ("success", "failed")


def hand_over(api: AirflowApi, portfolio: str, core: URL, on: dt.date) -> None:
    """Approve the first date's proposals in Airflow, and answer for the agency on the day `on`.

    `core`: the lender's database, where what was paid in full is booked.
    """
    desk = open_desk(portfolio)
    first = _first_date(desk)
    if first is None:
        return
    _approve(api, portfolio, first)
    told = Path(place_of(desk.book, AGENCY, desk.environ).url) / "told" / f"{first}.csv"
    if told.exists():
        return
    noon = dt.datetime.combine(on, dt.time(12), desk.book.portfolio.zone)
    share = desk.book.portfolio.destination(AGENCY).commission or Decimal(0)
    answers = list(_answers(_package(desk), first, noon, share))
    booked = [each for each in answers if each.get("booked")]
    book_repayments(
        core, [Repayment(each["account"], noon, Decimal(each["amount"])) for each in booked]
    )
    _leave(told, answers)


def wait_for_recalls(api: AirflowApi, portfolio: str, date: dt.date) -> None:
    """Until the date's run has taken back what was paid; it starts by itself."""
    runs = f"/api/v2/dags/placements__{portfolio}/dagRuns"
    run = _until(lambda: _run_of(api, runs, date))
    _until(lambda: api.get(f"{runs}/{run}/taskInstances/take_back")["state"] in _OVER)


def _first_date(desk: Desk) -> dt.date | None:
    with desk.engine.connect() as conn:
        return conn.execute(
            select(func.min(placement.c.business_date)).where(
                placement.c.portfolio_id == desk.portfolio_id,
                placement.c.destination == AGENCY,
            )
        ).scalar()


def _approve(api: AirflowApi, portfolio: str, date: dt.date) -> None:
    """As a person does under *Required actions*."""
    runs = f"/api/v2/dags/placements__{portfolio}/dagRuns"
    run = _until(lambda: _run_of(api, runs, date))

    def state(task: str | None = None) -> str:
        of_task = f"/taskInstances/{task}" if task else ""
        return str(api.get(f"{runs}/{run}{of_task}")["state"])

    # The run itself may go on to ask a second person about legal's.
    done, asks = (*_OVER, "skipped", "upstream_failed"), ("deferred", "awaiting_input")
    _until(lambda: state("deliver") in done or state("approval") in asks)
    if state("deliver") in done:
        return
    # Airflow 3.3.2 fails a task that is answered in the seconds in which it begins to ask.
    time.sleep(5)
    answer = {"chosen_options": ["Approve"], "params_input": {}}
    api.send("PATCH", f"{runs}/{run}/taskInstances/approval/-1/hitlDetails", answer)
    _until(lambda: state("deliver") in done)


def _run_of(api: AirflowApi, runs: str, date: dt.date) -> str | None:
    found = api.get(f"{runs}?limit=100&order_by=-id")["dag_runs"]
    of_date = [run["dag_run_id"] for run in found if run["partition_key"] == date.isoformat()]
    return str(of_date[0]) if of_date else None


def _until(what: Callable[[], Any]) -> Any:
    give_up_at = time.monotonic() + LIMIT_S
    while not (found := what()):
        if time.monotonic() > give_up_at:
            raise DunflowError(
                "Airflow did not come to the hand-off in time; run the demo again, it goes on"
            )
        time.sleep(1.0)
    return found


def _package(desk: Desk) -> list[dict[str, Any]]:
    """The rows of the first package that the agency was given."""
    folder = Path(place_of(desk.book, AGENCY, desk.environ).url)
    packages = sorted(folder.glob("*-placement-*/placements.json"))
    rows: list[dict[str, Any]] = json.loads(packages[0].read_text("utf-8")) if packages else []
    return rows


def _answers(
    rows: list[dict[str, Any]], date: dt.date, at: dt.datetime, commission: Decimal
) -> Iterator[dict[str, Any]]:
    """Its acknowledgements, what it collected, and what it remits."""
    remittance, net = f"R{date:%y%m%d}", Decimal(0)
    for number, row in enumerate(rows):
        about = {"account": row["account"], "placement": row["placement"], "at": at}
        ref = f"{date:%y%m%d}-{row['placement']}"
        if number in _REFUSED:
            yield about | {"ref": ref, "kind": "refused", "reason": "outside_our_area"}
            continue
        yield about | {"ref": ref, "kind": "accepted"}
        if number in (*_PAID, *_PAID_HALF):
            owed = Decimal(row["amount"])
            paid = owed if number in _PAID else (owed / 2).quantize(Decimal("0.01"))
            kept = (paid * commission).quantize(Decimal("0.01"))
            net += paid - kept
            yield about | {
                "ref": f"{ref}-P",
                "kind": "payment",
                "amount": paid,
                "currency": row["currency"],
                "commission": kept,
                "remittance": remittance,
                "booked": number in _PAID,
            }
    if net:
        yield {
            "ref": remittance,
            "kind": "remittance",
            "at": at,
            "amount": net,
            "currency": rows[0]["currency"],
        }


def _leave(file: Path, answers: list[dict[str, Any]]) -> None:
    """Whole at once, and old enough to be taken for whole."""
    names = ["ref", "kind", "placement", "account", "at", "amount", "currency", "commission"]
    names += ["remittance", "reason"]
    draft = file.with_suffix(".part")
    draft.parent.mkdir(parents=True, exist_ok=True)
    with draft.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(answers)
    long_ago = time.time() - DAY.total_seconds()
    os.utime(draft, (long_ago, long_ago))
    draft.rename(file)
