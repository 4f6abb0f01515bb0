"""The parts of the stack that are processes of ours, in the order in which they start."""

import sys
from dataclasses import dataclass

from dunflow.home import home
from dunflow.stack.ports import Ports


@dataclass(frozen=True)
class Part:
    """A process: its name, what it is called with, how long it may take to end by itself."""

    name: str
    arguments: tuple[str, ...]
    patience_s: float = 15.0

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-m", *self.arguments]


def parts(ports: Ports) -> list[Part]:
    # The scheduler and the triggerer would serve their logs on every address of the machine. On one
    # machine the API server reads the files instead.
    state = str(home() / "sandbox")
    return [
        Part("sandbox", ("dunflow.sandbox", "--port", str(ports.sandbox), "--state", state)),
        Part("receiver", ("dunflow.intake.receiver", "--port", str(ports.receiver))),
        Part("api-server", ("airflow", "api-server")),
        Part("scheduler", ("airflow", "scheduler", "--skip-serve-logs"), patience_s=30.0),
        Part("dag-processor", ("airflow", "dag-processor")),
        Part("triggerer", ("airflow", "triggerer", "--skip-serve-logs")),
    ]
