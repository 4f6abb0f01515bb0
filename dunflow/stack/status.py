"""What of the local stack runs."""

from dataclasses import dataclass

from dunflow.ledger import embedded
from dunflow.stack import process
from dunflow.stack.databases import are_elsewhere, folder
from dunflow.stack.parts import parts
from dunflow.stack.ports import Ports, remembered


@dataclass(frozen=True)
class Status:
    """Part → its process id, or None where it does not run. `database`: whether there is one."""

    ports: Ports
    parts: dict[str, int | None]
    database: bool

    @property
    def is_up(self) -> bool:
        return all(self.parts.values()) and self.database


def status() -> Status:
    ports = remembered() or Ports()
    found = {part.name: process.find(part.name) for part in parts(ports)}
    return Status(
        ports,
        {name: started.pid if started else None for name, started in found.items()},
        embedded.is_running(folder()) or are_elsewhere(),
    )
