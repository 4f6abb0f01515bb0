"""docs/law.md says where each fact of the law sits: which pack, which key, which story."""

import re
from collections import defaultdict
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from dunflow.config.book import PACKS, read_pack, root
from dunflow.config.destination import Kind
from dunflow.config.pack import AGREEMENT
from dunflow.intake.classify import classify

PAGE = root() / "docs/law.md"
STORIES = Path(__file__).parent / "scenarios/own/law.yaml"
FACT = re.compile(r"\b(?:CN|US|UK|DE|IN)-\d\d\b")


def told() -> dict[str, tuple[str, str]]:
    """Fact → the cells of its row that tell of packs and of stories."""
    rows = (line.split("|") for line in PAGE.read_text(encoding="utf-8").splitlines())
    return {
        cells[1].strip(): (cells[3].strip(), cells[4].strip())
        for cells in rows
        if len(cells) > 4 and FACT.fullmatch(cells[1].strip())
    }


def in_packs() -> dict[str, list[str]]:
    """Fact → pack and key of the rules that stand on it."""
    found: dict[str, set[str]] = defaultdict(set)
    for file in sorted((root() / PACKS).glob("*.yaml")):
        pack = yaml.safe_load(file.read_text(encoding="utf-8"))
        for key, rules in pack.items():
            for fact in _sources(rules):
                found[fact].add(f"{file.stem}: {key}")
    return {fact: sorted(where) for fact, where in found.items()}


def _sources(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = node.get("src", []) if isinstance(node.get("src"), list) else []
        return own + [fact for value in node.values() for fact in _sources(value)]
    return [fact for each in node for fact in _sources(each)] if isinstance(node, list) else []


def in_stories() -> dict[str, list[str]]:
    """Fact → the stories that are named after it."""
    found: dict[str, list[str]] = defaultdict(list)
    for story in yaml.safe_load_all(STORIES.read_text(encoding="utf-8")):
        for fact in FACT.findall(story["scenario"]):
            found[fact].append(story["scenario"])
    return found


def test_the_page_tells_under_which_keys_a_fact_sits() -> None:
    rows = told()
    for fact, where in in_packs().items():
        assert rows[fact][0] == ", ".join(f"`{each}`" for each in where), fact


def test_the_page_names_no_key_that_no_pack_has() -> None:
    packs = in_packs()
    assert {fact for fact, (keys, _) in told().items() if keys} == set(packs)


def test_the_page_counts_the_stories_of_a_fact() -> None:
    stories = in_stories()
    for fact, (_, tests) in told().items():
        number = re.match(r"(\d+) stor", tests)
        assert int(number[1] if number else 0) == len(stories.get(fact, [])), fact


def test_each_story_is_about_a_fact_of_the_page() -> None:
    assert set(in_stories()) <= set(told())


def test_the_page_tells_what_each_check_of_an_approver_means() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \| \w", PAGE.read_text(encoding="utf-8"), re.M)
    asked: dict[str, list[str]] = defaultdict(list)
    for file in sorted((root() / PACKS).glob("*.yaml")):
        for kind in get_args(Kind):
            for check in read_pack(file.stem, [file.parent]).handoff.for_(kind).checks:
                asked[check].append(f"`{file.stem}: {kind}`")
    del asked[AGREEMENT]
    assert {check: where.strip() for check, where in rows} == {
        check: ", ".join(where) for check, where in asked.items()
    }


@pytest.mark.parametrize(
    "text",
    [
        "Please never call on a Sunday, and not before noon",
        "Call me only after 6pm",
        "My employer does not allow calls",
        "请下午再联系我",
    ],
)
def test_a_wish_about_when_or_where_comes_before_a_person(text: str) -> None:
    """The page says that no machine heeds it."""
    reading = classify(text, "sms", ["stop", "td"])
    assert reading.waits_for_a_person or reading.stops
