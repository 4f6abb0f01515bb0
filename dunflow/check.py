"""Lints a portfolio whole: its files, what they say together, and its templates."""

import os
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from dunflow.assess.lost_names import lost_steps, lost_tiers
from dunflow.config.book import Book, read_book
from dunflow.config.policy import Channel
from dunflow.config.portfolio import LANGUAGES, Language
from dunflow.config.reading import Reading
from dunflow.errors import ConfigError, DunflowError, SourceError
from dunflow.intake.going_live import not_taken_in
from dunflow.ledger.engine import portfolio_id_of
from dunflow.ledger.migrate import open_ledger
from dunflow.remind import confirm, notes, pauses
from dunflow.remind.render.check import check_templates
from dunflow.remind.render.lint import lint_notes, lint_templates
from dunflow.remind.render.message import is_written
from dunflow.remind.senders.choose import make_sender
from dunflow.snapshot.connection import core_url

WITHOUT_SENDER: frozenset[Channel] = frozenset({"letter", "call", "visit"})


@dataclass(frozen=True)
class Lint:
    """What is wrong with a portfolio, and what looks unwise. No errors: it can run."""

    portfolio: str
    errors: list[str]
    warnings: list[str]


def check(name: str) -> Lint:
    """Read everything that the portfolio's runs would read, and look at it together."""
    try:
        book = read_book(name)
    except ConfigError as error:
        return Lint(name, str(error).splitlines(), [])
    unwise = (
        _credentials(book) + _connections(book) + _letters(book) + _visits(book) + _hand_offs(book)
    )
    unwise += _answers(book) + _unnamed(book) + _languages(book) + _agreements(book)
    unwise += _in_the_ledger(book)
    return Lint(name, _senders(book) + _queries(book) + _templates(book), unwise)


def _senders(book: Book) -> list[str]:
    file = book.folder / "portfolio.yaml"
    faults = []
    for channel in sorted(book.policy.channels - WITHOUT_SENDER):
        if getattr(book.portfolio.senders, channel) is None:
            faults.append(
                f"{file}: senders.{channel}: is missing, and the policy sends by {channel}; add it"
            )
    return faults


def _credentials(book: Book) -> list[str]:
    """What real senders need of the environment and this one has not; Airflow's may have it."""
    lacking = []
    for channel in sorted(book.policy.channels - WITHOUT_SENDER):
        config = getattr(book.portfolio.senders, channel)
        if config is None or config.provider == "sandbox":
            continue
        try:
            make_sender(channel, config, os.environ)
        except ConfigError as error:
            lacking.append(f"senders.{channel}: {error}. Here it is missing")
    return lacking


def _connections(book: Book) -> list[str]:
    """The same for the databases that are asked; one that is replayed is asked where that is."""
    if book.portfolio.clock == "replay":
        return []
    lacking = []
    for key, reading in _asked(book).items():
        try:
            if reading.kind == "sql":
                core_url(book, reading, os.environ)
        except SourceError as error:
            lacking.append(
                f"{key}: {str(error).removeprefix(f'{book.name}: ')}. Here it is missing"
            )
    return lacking


def _unnamed(book: Book) -> list[str]:
    """A slip of the pen: the receiver that is meant goes by defaults."""
    named = {rule.to for rule in book.policy.hand_off}
    return [
        f"destinations.{name}: no hand-off of the policy goes there; those are to "
        f"{', '.join(sorted(named)) or 'nobody'}"
        for name in sorted(book.portfolio.destinations.keys() - named)
    ]


def _answers(book: Book) -> list[str]:
    """Every email says how to stop them by answering."""
    email = book.portfolio.senders.email
    if email is None or email.provider == "sandbox" or email.reply_to:
        return []
    unheard = (
        f"senders.email: answers go to {email.from_}; unless SendGrid's inbound parse serves that "
        "address, somebody has to read them and type in who says STOP (docs/operations.md)"
    )
    return [unheard]


def _agreements(book: Book) -> list[str]:
    """Whether a promise or a plan was kept is told by the payments of the feed alone."""
    intake, used = book.portfolio.intake, book.policy.facts
    if intake.payments is not None:
        return []
    agreed = [f"intake.{kind}" for kind, _ in intake.feeds() if kind in ("promises", "plans")]
    agreed += [fact for fact in ("broken_promises", "broken_plans") if fact in used]
    return [
        f"{each}: there is no intake.payments, so nothing that was agreed is ever seen to be kept: "
        "whoever pays in time counts as one who did not, unless the account is cured; add the feed"
        for each in agreed
    ]


def _used(book: Book) -> dict[str, set[Channel]]:
    """Template → the channels by which the policy has it go out."""
    used: dict[str, set[Channel]] = {}
    for step in book.policy.ladder:
        used.setdefault(step.template, set()).update(step.channel)
    return used


def _unwritten(book: Book, language: Language) -> dict[str, set[Channel]]:
    """The part of those that has no words in this language; of the portfolio's own that is a fault,
    and nothing to fall back on."""
    if language == book.portfolio.language:
        return {}
    lacking = {
        template: {each for each in by if not is_written(language, template, each, book.folder)}
        for template, by in _used(book).items()
    }
    return {template: by for template, by in lacking.items() if by}


def _templates(book: Book) -> list[str]:
    faults = []
    for language in LANGUAGES:
        lacking = _unwritten(book, language)
        used = {name: by - lacking.get(name, set()) for name, by in _used(book).items()}
        faults += check_templates([language], used, book.folder)
        faults += lint_templates([language], used, book.folder, book.floor)
    both = [each for each in notes.CHANNELS if each in book.policy.channels]
    if book.floor.confirms_within is not None:
        faults += lint_notes(LANGUAGES, {confirm.TEMPLATE: both}, book.folder)
    if book.floor.answered_holds:
        faults += lint_notes(LANGUAGES, {pauses.TEMPLATE: both}, book.folder)
    return faults


def _languages(book: Book) -> list[str]:
    """Which texts go out in the portfolio's language to customers of another one."""
    own = book.portfolio.language
    return [
        f"template {language}/{template} is not written for {', '.join(sorted(by))}: customers "
        f"whose language is {language} get {own}/{template}"
        for language in LANGUAGES
        for template, by in _unwritten(book, language).items()
    ]


def _queries(book: Book) -> list[str]:
    """Queries of the source and of feeds that are not there."""
    return [
        f"{book.folder / 'portfolio.yaml'}: {key}.query: there is no file {each.query!r} "
        "beside it; write the query there"
        for key, each in _asked(book).items()
        if each.kind == "sql" and not (book.folder / str(each.query)).exists()
    ]


def _asked(book: Book) -> dict[str, Reading]:
    """Whatever delivers rows, by its key in portfolio.yaml."""
    fed = {f"intake.{kind}": feed for kind, feed in book.portfolio.intake.feeds()}
    return {"source": book.portfolio.source, **fed}


def _in_the_ledger(book: Book) -> list[str]:
    """What the ledger knows and its next run will go by, where that is for real or about to be."""
    if book.portfolio.clock == "replay":
        return []
    try:
        with open_ledger().begin() as conn:
            number = portfolio_id_of(conn, book.name)
            return _system_before(conn, book, number) + _renamed(conn, book, number)
    except (DunflowError, SQLAlchemyError) as error:
        why = str(error) if isinstance(error, DunflowError) else "the database does not answer"
        unknown = "what was taken in of the system before, and who stands where on the ladder"
        return [f"the ledger could not be asked {unknown}: {why}"]


def _renamed(conn: Connection, book: Book, portfolio_id: int) -> list[str]:
    """Under a new name a step is another one, which people would hear again."""
    lost = {
        "stand in tier": lost_tiers(conn, book.policy, portfolio_id),
        "have had step": lost_steps(conn, book, portfolio_id),
    }
    return [
        f"{count} accounts on the ladder {how} {name!r}, which the policy does not know; if it was "
        f"renamed, say `was: {name}` at its new name, or it begins anew for them"
        for how, names in lost.items()
        for name, count in names.items()
    ]


def _system_before(conn: Connection, book: Book, portfolio_id: int) -> list[str]:
    """What only the system before knows must be there before the first real contact."""
    return [
        f"nothing has gone out yet, and no {kind} of the system before were taken in: "
        f"dunflow take {book.name} {kind} FILE (a file with its header alone says there are none)"
        for kind in not_taken_in(conn, portfolio_id)
    ]


def _letters(book: Book) -> list[str]:
    """A mandatory step that can't reach anyone blocks what comes after it."""
    return [
        f"step {step.step!r} is mandatory and has no letter to fall back on; "
        "an account without a phone or an email will stay blocked at it"
        for step in book.policy.ladder
        if step.mandatory and "letter" not in step.channel
    ]


def _visits(book: Book) -> list[str]:
    """Visits that never take place, since some pack has no hours for them."""
    steps = [step.step for step in book.policy.ladder if "visit" in step.channel]
    closed = [
        pack.pack.id
        for pack in book.floor.packs
        if pack.windows and not any("visit" in window.channels for window in pack.windows)
    ]
    if not any(pack.windows for pack in book.floor.packs):
        closed = [", ".join(book.policy.packs) or "no pack"]
    return [
        f"step {step!r} is a visit, and {', '.join(closed)} gives no hours for visits; "
        "it will never take place"
        for step in steps
        if closed
    ]


def _hand_offs(book: Book) -> list[str]:
    """Rules that give accounts away unannounced, or to somebody who may not be given any."""
    without = [
        rule.to
        for rule in book.policy.hand_off
        if book.floor.needs_agreement(book.portfolio.destination(rule.to).kind)
        and book.portfolio.destination(rule.to).agreement is None
    ]
    return [
        f"hand_off to {to!r}: a pack asks for an agreement; nothing leaves until portfolio.yaml "
        f"has destinations.{to}.agreement"
        for to in without
    ] + [
        f"hand_off to {rule.to!r} has no `after`; accounts may be handed over unannounced"
        for rule in book.policy.hand_off
        if rule.after is None
    ]
