"""Placements in a scenario: what a person decides, and what the placements DAG does in between."""

import csv
import tempfile
from pathlib import Path

from sqlalchemy import exists, select

from dunflow import placements
from dunflow.config.destination import HANDBACK
from dunflow.ledger.tables import placement
from dunflow.place.life import Chosen
from dunflow.placements import Desk
from dunflow.scenario.model import Approval, HandedBack, Placement

PERSON = "scenario"


class Placements:
    """Works on the placements of one scenario, as Airflow and a person would."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def work(self) -> None:
        """Recall what was paid or is held, and deliver."""
        with self._desk.engine.connect() as conn:
            left = placement.c.state.not_in(("proposed", "rejected", "withdrawn"))
            anything = conn.execute(select(exists().where(left))).scalar_one()
        if anything:
            placements.deliver(self._desk).raise_if_failed()

    def approve(self, said: Approval) -> None:
        checked = self._desk.book.checks(said.to) if said.checked is None else said.checked
        placements.approve(self._desk, _meant(said), PERSON, checked)

    def reject(self, said: Placement) -> None:
        placements.reject(self._desk, _meant(said), "a person said so", PERSON)

    def recall(self, said: Placement) -> None:
        placements.end(self._desk, _meant(said), "recalled", "a person said so", PERSON)

    def reopen(self, said: Placement) -> None:
        placements.reopen(self._desk, _meant(said), "a person said so", PERSON)

    def receive(self, number: int, said: HandedBack) -> list[str]:
        """Take in a file of theirs; what is wrong with it. `number`: its place in the timeline."""
        usual = {"at": self._desk.clock.now().isoformat()}
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"handback-{number}.csv"
            with file.open("w", encoding="utf-8", newline="") as stream:
                writer = csv.DictWriter(stream, list(HANDBACK))
                writer.writeheader()
                for line, row in enumerate(said.rows):
                    writer.writerow({"ref": f"{number}-{line}", **usual, **row})
            taken = placements.receive(self._desk, said.to, file, PERSON)
        return [str(fault) for fault in taken.rejected]


def _meant(said: Placement) -> Chosen:
    return Chosen(said.to, (said.account,))
