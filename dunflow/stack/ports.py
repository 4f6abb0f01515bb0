"""The ports of the local stack, all on loopback."""

import json
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

from dunflow.errors import ConfigError
from dunflow.home import home

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Ports:
    """Raises ConfigError for a number that is no port, and for one port for two parts."""

    airflow: int = 8080
    sandbox: int = 9801
    receiver: int = 9802

    def __post_init__(self) -> None:
        part_of: dict[int, str] = {}
        for part, port in asdict(self).items():
            if not 1 <= port <= 65535:
                raise ConfigError(f"--{part}-port: is {port}; give one from 1 to 65535")
            if port in part_of:
                raise ConfigError(
                    f"--{part}-port: is {port}, and so is --{part_of[port]}-port; give each its own"
                )
            part_of[port] = part

    @property
    def airflow_url(self) -> str:
        return f"http://{HOST}:{self.airflow}"

    @property
    def sandbox_url(self) -> str:
        return f"http://{HOST}:{self.sandbox}"

    @property
    def receiver_url(self) -> str:
        return f"http://{HOST}:{self.receiver}"


def remember(ports: Ports) -> None:
    """Keep the ports for the commands that come later, in processes of their own."""
    draft = _file().with_suffix(".draft")
    draft.write_text(json.dumps(asdict(ports)))
    draft.replace(_file())


def remembered() -> Ports | None:
    """The ports of the latest `up`; None where there was none."""
    file = _file()
    if not file.exists():
        return None
    try:
        return Ports(**json.loads(file.read_text()))
    except (ValueError, TypeError):
        raise ConfigError(
            f"{file}: does not hold the ports of the stack; run 'dunflow down', remove the file, "
            "and run 'dunflow up' with the ports that you want"
        ) from None


def require_free(port: int, what: str, option: str) -> None:
    """Refuse a port that something else holds, before anything is started."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: the connections of a server that has just ended don't count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as err:
            raise ConfigError(
                f"{what}: port {port} of {HOST} cannot be taken ({err.strerror}); "
                f"end what uses it, or give another {option}"
            ) from err


def _file() -> Path:
    return home() / "stack.json"
