"""Finds what is wrong with templates before a customer does."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from itertools import cycle, islice
from pathlib import Path
from typing import Final

from jinja2 import meta

from dunflow.config.policy import Channel
from dunflow.config.portfolio import Language, Lender
from dunflow.errors import ConfigError
from dunflow.remind.render.message import FRAME, PARTS, render
from dunflow.remind.render.slots import LISTED, Line, Slots, values
from dunflow.remind.render.templates import environment, fill, load

_AS_OF: Final = date(2026, 3, 9)
_LENDER: Final = Lender(
    name={"zh": "星桥消金", "en": "Starbridge"},
    phone="+12015550123",
    pay_url="https://pay.example/",
    complaints="https://example/complaints",
)


def check_templates(
    languages: Collection[Language],
    templates: Mapping[str, Collection[Channel]],
    folder: Path,
) -> list[str]:
    """What is wrong with the templates that the portfolio in `folder` uses, each fault once.

    `templates` says by which channels each one goes out. Finds missing parts and blocks, syntax
    errors and unknown variables, also in branches that few contacts reach.
    """
    faults: dict[str, None] = {}
    for language in languages:
        given = [values(slots) for slots in samples(language)]
        for template, channels in templates.items():
            parts = [(template, part) for each in channels for part in PARTS[each]]
            parts += [FRAME] if "voice" in channels else []
            found = [fault for part in parts for fault in _faults(language, *part, folder, given)]
            found = found or list(_lacking(language, template, channels, folder))
            faults.update(dict.fromkeys(found))
    return list(faults)


def _lacking(
    language: Language, template: str, channels: Collection[Channel], folder: Path
) -> Iterator[str]:
    """What only shows when parts that are in order are put together, such as a missing block."""
    for channel in channels:
        for slots in samples(language):
            try:
                render(channel, template, slots, folder)
            except ConfigError as err:
                yield str(err)


def _faults(
    language: Language,
    template: str,
    part: str,
    folder: Path,
    given: list[dict[str, object]],
) -> Iterator[str]:
    try:
        compiled = load(language, template, part, folder)
    except ConfigError as err:
        yield str(err)
        return
    unknown = _variables(compiled.filename or "", folder) - given[0].keys()
    if unknown:
        yield (
            f"template {compiled.name}: unknown variable {', '.join(sorted(unknown))}; "
            f"there are {', '.join(sorted(given[0]))}"
        )
        return
    for each in given:
        try:
            fill(compiled, each)
        except ConfigError as err:
            yield str(err)


def _variables(filename: str, folder: Path) -> set[str]:
    """The variables that a file names, on whatever branch."""
    source = Path(filename).read_text(encoding="utf-8")
    return meta.find_undeclared_variables(environment(folder).parse(source))


def sample(language: Language, dpd: int) -> Slots:
    """One account so many days past due, with a name and values that nothing else looks like."""
    return _slots(language, "Wu Qizhen", [dpd])


def samples(language: Language, name: str | None = None) -> Iterator[Slots]:
    """One account and more than are listed, before and after the due date, and some of each."""
    for count in (1, 2, LISTED + 1):
        for days in ((-3, -3), (8, 8), (8, -3)):
            yield _slots(language, name, islice(cycle(days), count))


def _slots(language: Language, name: str | None, days: Iterable[int]) -> Slots:
    """No two of the accounts end alike."""
    lines = [
        Line(f"000123{423 + number:04}", Decimal("1300.00"), _AS_OF - timedelta(days=dpd), dpd)
        for number, dpd in enumerate(days)
    ]
    return Slots(
        reference="K7Q2XH",
        language=language,
        customer_name=name,
        lender=_LENDER,
        currency="CNY",
        accounts=tuple(lines),
        as_of=_AS_OF,
    )
