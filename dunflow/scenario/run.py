"""Runs scenario files: each story on a ledger of its own, with a sandbox of its own."""

import datetime as dt
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sqlalchemy import URL, Connection

from dunflow.clock import VirtualClock
from dunflow.config.base import build, read_document, read_documents
from dunflow.config.book import Book, make_book, root
from dunflow.config.policy import Policy
from dunflow.config.portfolio import Lender, Portfolio, Sender, Senders, Source, Volume
from dunflow.errors import ConfigError
from dunflow.ledger import throwaway
from dunflow.ledger.engine import portfolio_id_of
from dunflow.place.deliver import EXPORTS
from dunflow.report.audit import audit
from dunflow.sandbox.app import create_app
from dunflow.sandbox.credentials import VARIABLES, Credentials
from dunflow.sandbox.serve import serve
from dunflow.sandbox.store import open_reader
from dunflow.scenario.judge import differences
from dunflow.scenario.model import Scenario
from dunflow.scenario.play import Player

EARLIEST = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Story:
    """One scenario of a file."""

    file: Path
    scenario: Scenario

    @property
    def name(self) -> str:
        return f"{self.file.name}: {self.scenario.scenario}"


@dataclass(frozen=True)
class Ending:
    """What differs from what was expected; nothing, if it passed. `ledger`: kept to look at."""

    story: Story
    differences: list[str]
    ledger: str | None

    @property
    def failed(self) -> bool:
        """It went otherwise than is expected: a story marked `xfail` that passes does, too."""
        return bool(self.differences) != bool(self.story.scenario.xfail)


def find_stories(paths: list[Path]) -> list[Story]:
    """The scenarios of these files, and of the YAML files directly in these folders."""
    stories = []
    for path in paths:
        files = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
        if not files:
            raise ConfigError(f"{path}: holds no scenario file (*.yaml)")
        for file in files:
            stories += _read(file)
    return stories


def _read(file: Path) -> list[Story]:
    stories = [
        Story(file, build(Scenario, document, str(file))) for document in read_documents(file)
    ]
    names = [story.scenario.scenario for story in stories]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{file}: scenario {name!r} stands twice; each needs its own name")
    return stories


def run_stories(
    stories: list[Story],
    server: URL,
    *,
    keep: bool = False,
    told: Callable[[Ending], None] | None = None,
) -> Iterator[Ending]:
    """Run one after the other on throw-away ledgers of `server`."""
    template = throwaway.ensure_template(server)
    for story in stories:
        ending = run_story(story, server, template, keep=keep)
        if told:
            told(ending)
        yield ending


def run_story(story: Story, server: URL, template: str, *, keep: bool = False) -> Ending:
    """Play one scenario and compare."""
    clock = VirtualClock(EARLIEST)
    credentials = Credentials(
        account_sid=f"AC{secrets.token_hex(16)}",
        auth_token=secrets.token_hex(16),
        api_key=f"SG.{secrets.token_urlsafe(16)}.{secrets.token_urlsafe(32)}",
        inbox_token=secrets.token_urlsafe(18),
    )
    environ = {variable: getattr(credentials, key) for key, variable in VARIABLES.items()}
    with (
        throwaway.clone(server, template, keep=keep) as url,
        throwaway.engine_on(url) as engine,
        tempfile.TemporaryDirectory() as state,
        serve(create_app(Path(state), credentials=credentials, clock=clock)) as sandbox,
    ):
        environ["DUNFLOW_SANDBOX_URL"] = sandbox
        environ[EXPORTS] = str(Path(state) / "exports")
        played = Player(story.scenario, partial(book_of, story), engine, clock, environ).play()
        with open_reader(Path(state)) as reader:
            ids = [message.provider_id for message in reader.scan()]
        with engine.connect() as conn:
            lines = differences(conn, played, story.scenario.expect, ids)
            lines += _broken_promises(conn, played.book)
        kept = url.render_as_string(hide_password=False) if keep else None
    return Ending(story, lines, kept)


def _broken_promises(conn: Connection, book: Book) -> list[str]:
    """What the audit finds: whatever a story is about, its ledger keeps all that was promised."""
    checked = audit(conn, book, portfolio_id_of(conn, book.name))
    return [
        f"audit: broken: {each.promise} ({', '.join(each.accounts)})"
        for each in checked
        if each.broken
    ]


def book_of(story: Story, edits: Mapping[str, object] | None = None) -> Book:
    """The portfolio, policy and packs of a scenario; its source and senders are the runner's.
    `edits`: keys that are laid over the policy since the story began."""
    given, folder = story.scenario.portfolio, story.file.parent
    portfolio = Portfolio(
        portfolio="scenario",
        time_zone=given.time_zone,
        region=given.region,
        language=given.language,
        currency=given.currency,
        run_at=given.run_at,
        destinations=given.destinations,
        source=Source(kind="files", path="{business_date}.csv", history=given.history),
        gate=given.gate,
        volume=Volume(max_times_usual=None, max_contacts=given.max_contacts),
        mode=given.mode,
        lender=Lender(
            name={"zh": "测试贷款", "en": "Test Lending"},
            phone="400-000-0000",
            pay_url="https://pay.example.com",
            complaints="complaints@example.com",
        ),
        senders=Senders(
            sms=Sender(provider="sandbox", from_="+15005550006"),
            email=Sender(provider="sandbox", from_="reminders@example.com", name="Test Lending"),
            voice=Sender(provider="sandbox", from_="+15005550006"),
        ),
    )
    origin = str(story.file)
    changes = {**story.scenario.policy_changes, **(edits or {})}
    policy = build(Policy, _policy(story.scenario, folder) | changes, origin)
    places = [folder / "packs", folder.parent / "packs", root() / "include/jurisdictions"]
    return make_book(portfolio, policy, folder, places, origin)


def _policy(scenario: Scenario, folder: Path) -> dict[str, object]:
    if isinstance(scenario.policy, dict):
        return scenario.policy
    for place in (folder / "policies", folder.parent / "policies"):
        file = place / f"{scenario.policy}.yaml"
        if file.exists():
            document: dict[str, object] = read_document(file)
            return document
    raise ConfigError(
        f"{scenario.scenario}: there is no policy {scenario.policy!r}; "
        f"looked in policies/ beside the file and one folder above"
    )
