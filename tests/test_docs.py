"""What the docs say holds.

docs/policy.md says what the config models say, no less and no more, and its worked example is
played through the engine. Commands, links and files that the docs name exist.
"""

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, get_args

import click
import pytest
import yaml
from pydantic import TypeAdapter
from sqlalchemy import URL

from dunflow.cli import main
from dunflow.config import (
    destination,
    duties,
    facts,
    feeds,
    pack,
    policy,
    portfolio,
    reading,
    rights,
)
from dunflow.config.base import Model, build
from dunflow.config.book import root
from dunflow.scenario.model import Scenario
from dunflow.scenario.run import Story, run_story

PAGES = [root() / "CONTRIBUTING.md", *sorted(root().glob("docs/**/*.md"))]
TEXT = (root() / "docs/policy.md").read_text(encoding="utf-8")
MADE_BY_US = {
    pack.Floor,
    reading.Reading,
    reading.Written,
    rights.Rule,
}  # never written by a person as such
MODELS = {
    model.__name__: model
    for module in (destination, duties, facts, feeds, pack, policy, portfolio, rights)
    for model in vars(module).values()
    if isinstance(model, type) and issubclass(model, Model) and model is not Model
    if model not in MADE_BY_US
}


def rows_of(text: str, header: str) -> Iterator[list[str]]:
    """The cells of the rows of the tables whose first column is called `header`."""
    inside = False
    for line in text.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not line.startswith("|"):
            inside = False
        elif cells[0] == header:
            inside = True
        elif inside and not set(cells[0]) <= {"-"}:
            yield [cells[0].strip("`"), *cells[1:]]


def sections() -> dict[str, dict[str, str]]:
    """Model → key → the cell that tells its default."""
    found = {}
    for section in re.split(r"^#+ ", TEXT, flags=re.MULTILINE):
        if heading := re.match(r".* — `(\w+)`\n", section):
            found[heading[1]] = {row[0]: row[1] for row in rows_of(section, "key")}
    return found


def fields_of(model: type[Model]) -> dict[str, Any]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def test_every_model_has_a_section_and_every_section_a_model() -> None:
    assert sections().keys() == MODELS.keys()


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_section_names_the_keys_of_its_model(name: str) -> None:
    assert sorted(sections()[name]) == sorted(fields_of(MODELS[name]))


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_section_tells_the_defaults_of_its_model(name: str) -> None:
    for key, field in fields_of(MODELS[name]).items():
        told, default = sections()[name][key], field.get_default(call_default_factory=True)
        match told:
            case "required":
                assert field.is_required(), key
            case "none":
                assert not field.is_required(), key
                assert default is None, key
            case "see below":
                assert isinstance(default, Model), key
                assert default == type(default)(), key
            case _:
                kind: Any = Annotated[field.annotation, field]
                read = TypeAdapter(kind).validate_python(yaml.safe_load(told.strip("`")))
                assert read == default, key


def test_the_facts_are_those_that_conditions_may_name() -> None:
    assert {row[0] for row in rows_of(TEXT, "fact")} == facts.BUILT_IN_FACTS


def test_the_columns_are_those_of_a_source_and_the_needed_ones_are_marked() -> None:
    told = {row[0]: row[1] for row in rows_of(TEXT, "column")}
    assert list(told) == list(get_args(portfolio.Column))
    needed = tuple(name for name, mark in told.items() if mark == "yes")
    assert needed == portfolio.REQUIRED_COLUMNS


def test_the_kinds_of_rows_have_the_columns_that_are_told() -> None:
    def names(cell: str) -> set[str]:
        return set(re.findall(r"`(\w+)`", cell))

    told = {row[0]: (names(row[1]), names(row[2])) for row in rows_of(TEXT, "kind of row")}
    kinds = {
        kind: (
            {name for name, needed in columns.items() if needed},
            {name for name, needed in columns.items() if not needed},
        )
        for kind, columns in feeds.KINDS.items()
    }
    assert told == kinds


def example(name: str) -> dict[str, Any]:
    [text] = re.findall(rf"^```yaml {name}\n(.*?)^```", TEXT, flags=re.MULTILINE | re.DOTALL)
    read: dict[str, Any] = yaml.safe_load(text)
    return read


@pytest.mark.parametrize(
    ("name", "model"),
    [("policy", policy.Policy), ("portfolio", portfolio.Portfolio), ("pack", pack.Pack)],
)
def test_an_example_can_be_read(name: str, model: type[Model]) -> None:
    build(model, example(name), f"docs/policy.md ({name})")


def play(
    server: URL, template: str, timeline: list[dict[str, Any]], expect: dict[str, Any]
) -> list[str]:
    """What differs when the worked example's account is played through the engine."""
    told = {
        "scenario": "the worked example",
        "policy": example("policy"),
        "customers": {"C1": {"email": None}},
        "accounts": {"A1": {"due": "2026-03-01", "overdue": "600.00", "customer": "C1"}},
        "timeline": timeline,
        "expect": expect,
    }
    story = Story(Path("docs/policy.md"), build(Scenario, told, "docs/policy.md"))
    return run_story(story, server, template).differences


def test_the_worked_example_is_what_the_engine_does(server: URL, template: str) -> None:
    decisions: list[dict[str, Any]] = []
    for row in rows_of(TEXT, "business date"):
        date, dpd, action, reason, step = (cell.strip("`") for cell in row[:5])
        told: dict[str, Any] = {
            "account": "A1",
            "date": dt.date.fromisoformat(date),
            "dpd": int(dpd),
        }
        told |= {"action": action, "reason": reason}
        decisions.append(told | ({"step": step} if step else {}))
    contacts = [
        {key: row[key] for key in ("account", "date", "step")}
        for row in decisions
        if row["action"] == "send"
    ]
    assert contacts
    expect = {"decisions": decisions, "contacts": contacts}
    assert play(server, template, [{"run": "2026-03-01..2026-04-01"}], expect) == []


def test_the_outage_of_the_worked_example_ends_with_the_letter(server: URL, template: str) -> None:
    timeline: list[dict[str, Any]] = [
        {"run": "2026-03-01..2026-03-01"},
        {"down": {"from": "2026-03-03 00:00", "to": "2026-03-17 06:00"}},
        {"run": "2026-03-02..2026-03-16", "at": "2026-03-17 06:30"},
        {"run": "2026-03-17..2026-03-17"},
    ]
    contacts: list[dict[str, Any]] = [
        {"account": "A1", "date": dt.date(2026, 3, 16), "step": "firm_letter"},
        {"account": "A1", "date": dt.date(2026, 3, 17), "step": "firm_call"},
    ]
    missed = {"account": "A1", "date": dt.date(2026, 3, 2), "action": "missed"}
    assert play(server, template, timeline, {"contacts": contacts, "decisions": [missed]}) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_command_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    in_code = re.findall(r"^```.*?^```|`[^`]+`", text, flags=re.MULTILINE | re.DOTALL)
    named = {name for code in in_code for name in re.findall(r"\bdunflow ([a-z][a-z-]+)", code)}
    known = set(main.list_commands(click.Context(main)))
    assert named - known == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_link_or_a_file_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = {target for target in re.findall(r"\]\(([^)#]+)", text) if "://" not in target}
    tops = "bench|dags|docs|dunflow|include|plugins|tests"
    files = set(re.findall(rf"`((?:{tops})/[\w./-]+)`", text))
    missing = [link for link in links if not (page.parent / link).exists()]
    missing += [file for file in files if not (root() / file).exists()]
    assert missing == []
