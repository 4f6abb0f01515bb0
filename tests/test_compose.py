"""docker-compose.yml and Dockerfile, spelled right. No container engine runs here.

What they name is held against the installed Airflow, our own command line and the files of the
repository: commands, settings, variables, images, ports, paths.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from dunflow.cli import main
from dunflow.sandbox.credentials import VARIABLES

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
OPERATIONS = (ROOT / "docs/operations.md").read_text(encoding="utf-8")

RUNS_ONCE = {"init"}
# Programs of the images, which are not installed here.
OF_THE_IMAGES = {"curl", "pg_isready", "redis-cli"}
# What the images themselves read: PostgreSQL's, and the Airflow image's init and entry point.
READ_BY_IMAGES = {
    "POSTGRES_DB",
    "POSTGRES_PASSWORD",
    "DUMB_INIT_SETSID",
    "CONNECTION_CHECK_MAX_COUNT",
}
# Asks the installed Airflow, in a process with a home of its own, what it does not know.
ASK_AIRFLOW = """
import contextlib, json, sys
from importlib import import_module
from airflow.cli.cli_parser import get_parser
from airflow.configuration import retrieve_configuration_description

asked, parser = json.load(sys.stdin), get_parser()

def parses(words):
    try:
        with contextlib.redirect_stdout(sys.stderr):
            parser.parse_args(words)
    except SystemExit:
        return False
    return True

def fault_of(dotted):
    module, _, name = dotted.rpartition(".")
    try:
        return None if hasattr(import_module(module), name) else f"{module} has no {name}"
    except ImportError as error:
        return str(error)

settings = retrieve_configuration_description(include_airflow=True, include_providers=True)
print(json.dumps({
    "commands": [words for words in asked["commands"] if not parses(words)],
    "celery_apps": [fault for dotted in asked["celery_apps"] if (fault := fault_of(dotted))],
    "settings": [
        [section, key] for section, key in asked["settings"]
        if key not in settings.get(section, {}).get("options", {})
    ],
}))
"""


def words_of(command: list[str]) -> Iterator[list[str]]:
    """The programs that a command or a health check calls, each with its arguments."""
    match command:
        case ["CMD", *words]:
            yield words
        case ["CMD-SHELL", line]:
            yield line.split()
        case ["bash", "-c", line]:
            yield from (part.split() for part in line.split("&&"))
        case words:
            yield words


CALLS = [
    (name, words)
    for name, service in SERVICES.items()
    for command in (service.get("command"), service.get("healthcheck", {}).get("test"))
    if command
    for words in words_of(command)
]
VALUES = [
    (name, variable, str(value))
    for name, service in SERVICES.items()
    for variable, value in service.get("environment", {}).items()
]


def calls_of(program: str) -> list[list[str]]:
    return [words[1:] for _, words in CALLS if words[0] == program]


@pytest.fixture(scope="module")
def unknown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """What the installed Airflow does not know of that which the file names."""
    asked = {
        "commands": calls_of("airflow"),
        "celery_apps": [words[words.index("--app") + 1] for words in calls_of("celery")],
        "settings": [
            variable.lower().split("__")[1:]
            for _, variable, _ in VALUES
            if variable.startswith("AIRFLOW__")
        ],
    }
    assert all(asked.values()), "the file names nothing of a kind, so nothing would be checked"
    environment = {
        "AIRFLOW_HOME": str(tmp_path_factory.mktemp("airflow")),
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "PATH": str(Path(sys.executable).parent),
    }
    done = subprocess.run(
        [sys.executable, "-c", ASK_AIRFLOW],
        input=json.dumps(asked),
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    answer: dict[str, list[Any]] = json.loads(done.stdout.splitlines()[-1])
    return answer


def test_airflow_knows_every_command_of_its_own(unknown: dict[str, list[Any]]) -> None:
    assert unknown["commands"] == []


def test_airflow_knows_every_setting(unknown: dict[str, list[Any]]) -> None:
    assert unknown["settings"] == []


def test_the_celery_executor_loads_and_the_worker_is_asked_through_it(
    unknown: dict[str, list[Any]],
) -> None:
    assert unknown["celery_apps"] == []


def test_dunflow_knows_every_command_of_its_own() -> None:
    called = calls_of("dunflow")
    assert called
    for name, *arguments in called:
        command = main.get_command(click.Context(main), name)
        assert command is not None, name
        command.make_context(name, arguments)


def test_the_sandbox_takes_its_arguments_and_names_the_variables_that_it_lacks() -> None:
    [(program, *arguments)] = [words for name, words in CALLS if "dunflow.sandbox" in words]
    done = subprocess.run(
        [sys.executable, *arguments], env={}, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert program == "python"
    assert done.returncode == 2
    assert all(variable in done.stderr for variable in VARIABLES.values()), done.stderr
    assert set(VARIABLES.values()) <= SERVICES["sandbox"]["environment"].keys()


def test_the_receiver_takes_its_arguments_and_refuses_to_be_without_an_address() -> None:
    [(program, *arguments)] = [words for name, words in CALLS if "dunflow.intake.receiver" in words]
    with tempfile.TemporaryDirectory() as home:
        done = subprocess.run(
            [sys.executable, *arguments],
            env={"DUNFLOW_HOME": home},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert program == "python"
    assert done.returncode == 2
    assert "DUNFLOW_RECEIVER_URL" in done.stderr
    assert SERVICES["receiver"]["environment"]["DUNFLOW_RECEIVER_URL"]


def test_nothing_else_is_called_but_programs_of_the_images() -> None:
    ours = {"airflow", "celery", "dunflow", "python"}
    assert {words[0] for _, words in CALLS} == ours | OF_THE_IMAGES


def test_every_service_that_stays_has_a_health_check() -> None:
    without = {name for name, service in SERVICES.items() if "healthcheck" not in service}
    assert without == RUNS_ONCE


def test_every_variable_of_ours_is_read_by_our_code() -> None:
    code = "\n".join(file.read_text(encoding="utf-8") for file in ROOT.glob("dunflow/**/*.py"))
    ours = {name for _, name, _ in VALUES if not name.startswith("AIRFLOW__")} - READ_BY_IMAGES
    set_in_image = set(re.findall(r"\b(DUNFLOW_\w+)=", DOCKERFILE))
    assert ours
    assert set_in_image
    assert {name for name in ours | set_in_image if f'"{name}"' not in code} == set()


def test_every_secret_comes_from_outside() -> None:
    secret = re.compile(r"PASSWORD$|SECRET|_KEY$|TOKEN|_SID$|SQL_ALCHEMY_CONN|LEDGER_URL")
    given = [(name, value) for _, name, value in VALUES if secret.search(name)]
    assert given
    assert [name for name, value in given if "${" not in value] == []


def test_every_value_that_is_asked_for_is_described() -> None:
    asked = set(re.findall(r"\$\{(\w+)", TEXT))
    table = set(re.findall(r"^\| `(\w+)` \|", OPERATIONS, flags=re.MULTILINE))
    assert asked
    assert asked - table == set()


def test_every_described_value_is_asked_for_or_read_by_our_code() -> None:
    section = OPERATIONS.split("### server.env", 1)[1].split("\n#", 1)[0]
    described = set(re.findall(r"^\| `(\w+)` \|", section, flags=re.MULTILINE))
    code = "\n".join(file.read_text(encoding="utf-8") for file in ROOT.glob("dunflow/**/*.py"))
    asked = set(re.findall(r"\$\{(\w+)", TEXT))
    assert described
    assert {name for name in described - asked if f'"{name}"' not in code} == set()


def test_every_image_is_pinned() -> None:
    ours = {service["image"] for service in SERVICES.values() if "build" in service}
    images = {service["image"] for service in SERVICES.values()} - ours
    images |= set(re.findall(r"^FROM (\S+)", DOCKERFILE, flags=re.MULTILINE))
    assert images
    for image in images:
        assert re.search(r":\d+\.\d+", image), image


def test_the_image_is_that_of_the_airflow_that_is_tested() -> None:
    [image] = re.findall(r"^FROM (\S+)", DOCKERFILE, flags=re.MULTILINE)
    assert image == f"apache/airflow:{version('apache-airflow')}-python3.11"


def test_our_image_has_our_version() -> None:
    ours = {service["image"] for service in SERVICES.values() if "build" in service}
    assert ours == {f"dunflow:{version('dunflow')}"}


def test_ports_are_published_on_loopback_alone() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    for port in ports:
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port), port


def test_what_the_image_copies_exists_and_is_let_in() -> None:
    copies = re.findall(r"^COPY (?:--\S+ )*(.+) \S+$", DOCKERFILE, flags=re.MULTILINE)
    sources = {source for line in copies for source in line.split()}
    ignored, *rules = [
        line
        for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    assert ignored == "*"
    assert sources == {rule[1:] for rule in rules if rule.startswith("!")}
    assert [source for source in sources if not (ROOT / source).exists()] == []


def test_what_is_mounted_exists() -> None:
    for name, service in SERVICES.items():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            there = (ROOT / source).is_dir() if source.startswith(".") else source
            assert there is True or there in COMPOSE["volumes"], f"{name}: {mount}"
        for each in service.get("configs", []):
            assert each["source"] in COMPOSE["configs"], f"{name}: {each}"


def test_a_volume_of_ours_lies_over_a_folder_that_the_image_makes() -> None:
    made = set(re.search(r"mkdir -p (.+)$", DOCKERFILE, flags=re.MULTILINE).group(1).split())  # type: ignore[union-attr]
    of_the_base_image = {"logs"}
    for service in SERVICES.values():
        for mount in service.get("volumes", []):
            source, target = mount.split(":")[:2]
            if source in COMPOSE["volumes"] and target.startswith("/opt/airflow/"):
                assert target.removeprefix("/opt/airflow/") in made | of_the_base_image, mount


def test_a_service_waits_for_services_that_exist() -> None:
    for name, service in SERVICES.items():
        waits_for = set(service.get("depends_on", {}))
        assert waits_for <= SERVICES.keys(), name
        for other, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[other], f"{name} waits for {other}"


def test_sender_and_sandbox_meet_on_one_loopback() -> None:
    worker, sandbox = SERVICES["worker"], SERVICES["sandbox"]
    port = sandbox["command"][sandbox["command"].index("--port") + 1]
    assert sandbox["network_mode"] == "service:worker"
    assert worker["environment"]["DUNFLOW_SANDBOX_URL"] == f"http://127.0.0.1:{port}"
    assert f"//127.0.0.1:{port}/" in sandbox["healthcheck"]["test"][-1]


def test_the_sandbox_starts_only_when_it_is_asked_for() -> None:
    assert {name for name, service in SERVICES.items() if "profiles" in service} == {"sandbox"}
    assert SERVICES["sandbox"]["profiles"] == ["sandbox"]


def test_what_people_fetch_outlives_its_container() -> None:
    """Letters, lists and packages are written once; the ledger says that they were delivered."""
    (home,) = re.findall(r"DUNFLOW_HOME=(\S+)", DOCKERFILE)
    for name, service in SERVICES.items():
        if service.get("command", [])[:2] == ["airflow", "celery"]:
            kept = [volume.split(":")[:2] for volume in service["volumes"]]
            assert [volume for volume, place in kept if place == home] == ["home"], name
    assert "home" in COMPOSE["volumes"]
