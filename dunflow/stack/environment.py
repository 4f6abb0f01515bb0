"""The environment of the stack's processes: where Airflow keeps things, and what it must not do."""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from dunflow.config.book import root
from dunflow.home import home, local_secrets
from dunflow.stack.ports import HOST, Ports

USER = "admin"
METADATA_VARIABLE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"


def stack_environment(ports: Ports, metadata_url: str, ledger_url: str) -> dict[str, str]:
    """This process's own environment, with what the stack decides on top."""
    secrets = local_secrets()
    package = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(part for part in (package, os.environ.get("PYTHONPATH")) if part)
    return {
        **os.environ,
        **secrets,
        **_airflow(ports, secrets),
        METADATA_VARIABLE: metadata_url,
        # Left to itself Airflow would look for asyncpg; psycopg serves both its engines.
        f"{METADATA_VARIABLE}_ASYNC": metadata_url,
        "DUNFLOW_HOME": str(home()),
        "DUNFLOW_LEDGER_URL": ledger_url,
        "DUNFLOW_ROOT": str(root()),
        "DUNFLOW_RECEIVER_URL": ports.receiver_url,
        "DUNFLOW_SANDBOX_URL": ports.sandbox_url,
        "PYTHONPATH": path,
        "PYTHONUNBUFFERED": "1",
        # The parts talk to each other; a proxy that the environment names is for the world outside.
        "NO_PROXY": ",".join(part for part in (os.environ.get("NO_PROXY"), HOST) if part),
    }


def _airflow(ports: Ports, secrets: Mapping[str, str]) -> dict[str, str]:
    folder = home() / "airflow"
    settings: dict[str, dict[str, object]] = {
        "CORE": {
            "DAGS_FOLDER": root() / "dags",
            "PLUGINS_FOLDER": root() / "plugins",
            "LOAD_EXAMPLES": False,
            "EXECUTOR": "LocalExecutor",
            # Each is a process that waits; the default of 32 is meant for a server.
            "PARALLELISM": 4,
            "EXECUTION_API_SERVER_URL": f"{ports.airflow_url}/execution/",
            "FERNET_KEY": secrets["DUNFLOW_AIRFLOW_SECRET"] + "=",
            "SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
            "SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": password_file(),
        },
        "API": {
            "HOST": HOST,  # the default is every address of the machine
            "PORT": ports.airflow,
            "BASE_URL": ports.airflow_url,
            "WORKERS": 1,
            "SECRET_KEY": secrets["DUNFLOW_AIRFLOW_SECRET"],
        },
        "API_AUTH": {"JWT_SECRET": secrets["DUNFLOW_AIRFLOW_SECRET"]},
        "DAG_PROCESSOR": {"MIN_FILE_PROCESS_INTERVAL": 15},
        "LOGGING": {
            "BASE_LOG_FOLDER": home() / "logs" / "tasks",
            "DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": home() / "logs" / "dag-processor",
        },
    }
    named = {
        f"AIRFLOW__{section}__{key}": str(value)
        for section, keys in settings.items()
        for key, value in keys.items()
    }
    return {"AIRFLOW_HOME": str(folder), **named}


def password_file() -> Path:
    """Where Airflow's simple login looks the password up."""
    return home() / "airflow" / "passwords.json"


def write_password() -> str:
    """Put the password of the local user where Airflow looks for it."""
    password = local_secrets()["DUNFLOW_AIRFLOW_PASSWORD"]
    file = password_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.write_text(json.dumps({USER: password}))
    return password
