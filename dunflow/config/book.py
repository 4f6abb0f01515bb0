"""Finds portfolio folders, and reads one whole: portfolio, policy, packs, query."""

import datetime as dt
import hashlib
import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from dunflow.config.base import build, read_document
from dunflow.config.facts import check_when
from dunflow.config.pack import Floor, Pack
from dunflow.config.period import is_shorter
from dunflow.config.policy import WRITTEN, HandOffRule, Policy
from dunflow.config.portfolio import Portfolio, is_name
from dunflow.errors import ConfigError

PACKS = "include/jurisdictions"


def root() -> Path:
    """The folder that holds `include/`: DUNFLOW_ROOT, or the checkout that this package lies in."""
    given = os.environ.get("DUNFLOW_ROOT")
    return Path(given) if given else Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Book:
    """Everything that a run needs to know beforehand; nothing in it is read again later."""

    portfolio: Portfolio
    policy: Policy
    floor: Floor
    folder: Path

    @property
    def name(self) -> str:
        return self.portfolio.portfolio

    @property
    def keep_records(self) -> str:
        """How long the records of collecting are kept after the last activity.

        Where neither portfolio nor pack says, as long as `strict` asks for.
        """
        return self.portfolio.keep_records or self.floor.keep_at_least or "P5Y"

    @cached_property
    def stop_words(self) -> frozenset[str]:
        """The opt-out words of its packs and of all that are shipped: who says no is heard."""
        shipped = sorted((root() / PACKS).glob("*.yaml"))
        packs = [*self.floor.packs, *(read_pack(each.stem, [each.parent]) for each in shipped)]
        return frozenset(word for pack in packs for word in pack.opt_out.words)

    def demands(self, step: str) -> list[str]:
        """Why packs want this step done: it gives the notice before a hand-off. No person can waive
        it, and a waiver of before the pack was named counts no more."""
        asked = []
        for rule in self.policy.hand_off:
            packs = self.floor.notice_asked_by(self.portfolio.destination(rule.to).kind)
            if packs and rule.after and rule.after.step == step:
                asked.append(f"{', '.join(packs)} asks for it before a hand-off to {rule.to}")
        return asked

    def checks(self, destination: str) -> list[str]:
        """What packs ask whoever approves accounts for this receiver to have checked."""
        return self.floor.checks(self.portfolio.destination(destination).kind)

    @cached_property
    def document(self) -> dict[str, object]:
        """Policy and packs as JSON: what a decision refers to as its policy version."""
        return {
            "policy": self.policy.model_dump(mode="json", by_alias=True, exclude_defaults=True),
            "packs": [
                pack.model_dump(mode="json", by_alias=True, exclude_defaults=True)
                for pack in self.floor.packs
            ],
        }

    @cached_property
    def fingerprint(self) -> str:
        """Equal exactly where policy and packs are equal."""
        whole = self.policy.model_dump_json(by_alias=True) + self.floor.model_dump_json()
        return hashlib.sha256(whole.encode()).hexdigest()


def portfolio_roots() -> list[Path]:
    """Where portfolio folders lie: `include/portfolios/`, then each of DUNFLOW_PORTFOLIOS."""
    extra = os.environ.get("DUNFLOW_PORTFOLIOS", "")
    return [root() / "include/portfolios", *(Path(part) for part in extra.split(":") if part)]


def folders() -> dict[str, list[Path]]:
    """Name → its folders: one, unless the name lies in several places, which `read_book` refuses.

    Cheap: looks for files, reads none.
    """
    found: dict[str, list[Path]] = {}
    for place in dict.fromkeys(portfolio_roots()):
        for file in sorted(place.glob("*/portfolio.yaml")):
            found.setdefault(file.parent.name, []).append(file.parent)
    return found


def _looked_in(place: Path) -> str:
    """A folder of portfolios, with what may be wrong with it."""
    if not place.is_dir():
        return f"{place}, which is no folder"
    if (place / "portfolio.yaml").exists():
        return f"{place}, which is a portfolio itself: name the folder that it lies in"
    return str(place)


def read_portfolio(folder: Path) -> Portfolio:
    """`portfolio.yaml` of a folder; its name must be the folder's."""
    file = folder / "portfolio.yaml"
    if not is_name(folder.name):
        raise ConfigError(
            f"{file}: its folder is called {folder.name!r}, which can't name a portfolio; rename "
            "it to at most 40 small letters, digits and _, with a letter first"
        )
    portfolio = build(Portfolio, read_document(file), str(file))
    if portfolio.portfolio != folder.name:
        raise ConfigError(
            f"{file}: portfolio: is {portfolio.portfolio!r}; it must be the name of its folder, "
            f"{folder.name!r}"
        )
    if portfolio.starts_on is not None:
        try:
            first_date(portfolio.starts_on)
        except ValueError as error:
            raise ConfigError(f"{file}: starts_on: {error}") from None
    return portfolio


def first_date(starts_on: str) -> dt.date:
    """The date that `starts_on` means. Raises ValueError with its repair.

    A schedule counts on from it, and the calendar itself ends with the year 9999.
    """
    try:
        date = dt.date.fromisoformat(starts_on)
    except ValueError:
        raise ValueError(f'is {starts_on!r}; write it like "2026-03-01"') from None
    if not 1900 <= date.year < 3000:
        raise ValueError(f"is {starts_on!r}; write a date of the years 1900 to 2999")
    return date


def read_pack(name: str, places: list[Path]) -> Pack:
    """The pack `name`, from the first of `places` that has it."""
    for place in places:
        file = place / f"{name}.yaml"
        if file.exists():
            pack = build(Pack, read_document(file), str(file))
            if pack.pack.id != name:
                raise ConfigError(f"{file}: pack.id: is {pack.pack.id!r}; it must be {name!r}")
            return pack
    looked = ", ".join(str(place) for place in places)
    raise ConfigError(f"packs: there is no pack {name!r}; looked in {looked}")


def make_book(
    portfolio: Portfolio, policy: Policy, folder: Path, pack_places: list[Path], origin: str
) -> Book:
    """Puts a book together, after the checks that need both policy and portfolio."""
    _check_whens(portfolio, policy, origin)
    floor = read_floor(policy.packs, pack_places)
    _require_lawful_keeping(portfolio, floor)
    _require_calendar(portfolio, floor)
    return Book(portfolio, tightened(policy, portfolio, floor, origin), floor, folder)


def by_document(book: Book, document: dict[str, Any]) -> Book:
    """The same portfolio by a policy and packs of before, as `Book.document` kept them.

    Raises ConfigError where this version, or this portfolio, can't go by them any more.
    """
    origin = "the policy of before"
    policy = build(Policy, document["policy"], origin)
    packs = [build(Pack, each, origin) for each in document["packs"]]
    _check_whens(book.portfolio, policy, origin)
    return Book(book.portfolio, policy, Floor(packs=packs), book.folder)


def _check_whens(portfolio: Portfolio, policy: Policy, origin: str) -> None:
    attributes = {name: each.kind for name, each in portfolio.source.attributes.items()}
    faults = []
    for tier in policy.tiers:
        faults += check_when(tier.when, attributes, f"{origin}: tier {tier.tier!r}")
        for step in tier.steps:
            faults += check_when(step.when, attributes, f"{origin}: step {step.step!r}")
    for rule in policy.hand_off:
        faults += check_when(rule.when, attributes, f"{origin}: hand_off to {rule.to!r}")
    if faults:
        raise ConfigError("\n".join(faults))


def _require_lawful_keeping(portfolio: Portfolio, floor: Floor) -> None:
    least, most = floor.keep_at_least, floor.keep_at_most
    if least and most and is_shorter(most, least):
        raise ConfigError(
            f"packs: one has records kept for {least} at least, another for {most} at most; "
            "a policy can't name both"
        )
    kept = portfolio.keep_records
    if kept and least and is_shorter(kept, least):
        raise ConfigError(
            f"portfolio.yaml: keep_records: is {kept!r}, and a pack asks for {least} at least; "
            "write a longer time, or leave it out"
        )
    if kept and most and is_shorter(most, kept):
        raise ConfigError(
            f"portfolio.yaml: keep_records: is {kept!r}, and a pack allows {most} at most; "
            "write a shorter time, or leave it out"
        )


def _require_calendar(portfolio: Portfolio, floor: Floor) -> None:
    if not floor.needs_calendar:
        return
    from dunflow.config.days_off import has_calendar

    if not has_calendar(portfolio.region):
        raise ConfigError(
            f"portfolio.yaml: region: is {portfolio.region!r}, whose public holidays nobody here "
            "knows, and a pack keeps them quiet; name the country whose holidays its customers "
            "keep, or other packs"
        )


def read_floor(names: list[str], places: list[Path]) -> Floor:
    """The packs of these names, each with those that it builds on."""
    packs: dict[str, Pack] = {}
    wanted = list(names)
    while wanted:
        name = wanted.pop(0)
        if name not in packs:
            packs[name] = read_pack(name, places)
            parent = packs[name].pack.extends
            wanted += [parent] if parent else []
    return Floor(packs=list(packs.values()))


def tightened(policy: Policy, portfolio: Portfolio, floor: Floor, origin: str) -> Policy:
    """The policy with at least the notice before each hand-off that the packs ask for.

    Raises ConfigError for a hand-off that no step announces in writing, where a pack asks for it.
    """
    rules, faults = [], []
    for rule in policy.hand_off:
        kind = portfolio.destination(rule.to).kind
        days = floor.notice_days(kind)
        if days is None:
            rules.append(rule)
            continue
        lacking = _lacks_notice(policy, rule)
        if lacking is not None:
            asking = ", ".join(floor.notice_asked_by(kind))
            faults.append(
                f"{origin}: hand_off to {rule.to!r}: {lacking[0]}, and {asking} asks for a notice "
                f"in writing at least {days} days before; {lacking[1]}"
            )
        elif rule.after is not None:
            after = rule.after.model_copy(update={"days": max(rule.after.days, days)})
            rules.append(rule.model_copy(update={"after": after}))
    if faults:
        raise ConfigError("\n".join(faults))
    return policy.model_copy(update={"hand_off": rules})


def _lacks_notice(policy: Policy, rule: HandOffRule) -> tuple[str, str] | None:
    """Why the step that a hand-off waits for is no notice, and the repair; None if it is one."""
    if rule.after is None:
        return "has no `after`", "name the step that gives it"
    [step] = [each for each in policy.ladder if each.step == rule.after.step]
    if step.purpose != "notice":
        repair = f"give step {step.step!r} `purpose: notice`, or name another step"
        return f"after.step is {step.step!r}, a {step.purpose}", repair
    unwritten = [channel for channel in step.channel if channel not in WRITTEN]
    if unwritten:
        repair = f"leave that to {', '.join(WRITTEN)}, or name another step"
        return f"after.step is {step.step!r}, which goes by {', '.join(unwritten)}", repair
    return None


def read_book(name: str) -> Book:
    """The book of the portfolio `name`. Raises ConfigError that lists what is wrong."""
    known = folders()
    if name not in known:
        there = ", ".join(sorted(known)) or "none"
        looked = ", ".join(map(_looked_in, portfolio_roots()))
        raise ConfigError(
            f"there is no portfolio {name!r} (there are: {there}; looked in {looked})"
        )
    folder, *others = known[name]
    if others:
        places = " and in ".join(str(each) for each in known[name])
        raise ConfigError(f"portfolio {name!r} lies in {places}; rename or remove all but one")
    portfolio = read_portfolio(folder)
    file = folder / portfolio.policy
    policy = build(Policy, read_document(file), str(file))
    return make_book(portfolio, policy, folder, [root() / PACKS], str(file))
