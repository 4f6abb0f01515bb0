"""What the sandbox accepted, in one SQLite file that outlives the process.

Kept there is what a request became, so a reader needs neither the server nor its clock: the inbox,
an audit and a scenario's ending read the file through connections of their own, also from threads
and processes beside the one that writes.
"""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

FILE = "sandbox.sqlite"
SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    id          INTEGER PRIMARY KEY,  -- in the order of acceptance
    channel     TEXT NOT NULL,        -- sms, email or voice; answer: an SMS that came back
    provider_id TEXT NOT NULL,        -- Twilio's SID; SendGrid's X-Message-Id, one per request
    recipient   TEXT NOT NULL,
    sender      TEXT,                 -- null: a Twilio Messaging Service chose it
    sender_name TEXT,
    subject     TEXT,
    body        TEXT,
    reference   TEXT,                 -- email: its custom argument dunflow_reference
    segments    INTEGER,
    status      TEXT NOT NULL,        -- in the provider's words
    created_at  REAL NOT NULL,        -- Unix seconds
    sent_at     REAL,                 -- unused: when it left follows from its age (life.py)
    html        TEXT,                 -- the wide ones last: a search need not read past them
    options     TEXT NOT NULL         -- JSON: whatever else the request said
) STRICT;
CREATE INDEX IF NOT EXISTS message_provider_id ON message (provider_id);
CREATE INDEX IF NOT EXISTS message_recipient ON message (recipient, channel);
CREATE INDEX IF NOT EXISTS message_reference ON message (reference) WHERE reference IS NOT NULL;
CREATE INDEX IF NOT EXISTS message_channel ON message (channel);  -- to count without the wide rows
CREATE TABLE IF NOT EXISTS fate (  -- of the messages that do not arrive
    provider_id TEXT PRIMARY KEY,
    event       TEXT NOT NULL,     -- a mail: bounced, blocked, dropped, over_quota; a call's end
    error_code  INTEGER NOT NULL   -- in Twilio's numbers
) STRICT;
CREATE TABLE IF NOT EXISTS stopped (  -- people who told a sender STOP, and not START since
    recipient TEXT NOT NULL,
    sender    TEXT NOT NULL,          -- the number or the Messaging Service that they answered
    PRIMARY KEY (recipient, sender)
) STRICT;
CREATE TABLE IF NOT EXISTS suppressed (  -- whom SendGrid sends nothing to any more
    list    TEXT NOT NULL,  -- in SendGrid's words: unsubscribes, spam_reports, bounces, …
    email   TEXT NOT NULL COLLATE NOCASE,
    created INTEGER NOT NULL,  -- Unix seconds
    reason  TEXT NOT NULL,
    status  TEXT NOT NULL,
    PRIMARY KEY (list, email)
) STRICT;
"""


class Message(NamedTuple):
    """One message to one recipient, as accepted. The fields are the table's columns."""

    channel: str
    provider_id: str
    recipient: str
    sender: str | None
    sender_name: str | None
    subject: str | None
    body: str | None
    html: str | None
    reference: str | None
    segments: int | None
    status: str
    created_at: float
    sent_at: float | None
    options: str
    id: int = 0


class Fate(NamedTuple):
    """Why a message does not arrive."""

    event: str
    error_code: int


class Suppressed(NamedTuple):
    """One address on one of SendGrid's lists. The fields are the table's columns."""

    list: str
    email: str
    created: int
    reason: str
    status: str


COLUMNS = ", ".join(Message._fields)
INSERT = (
    f"INSERT INTO message ({', '.join(Message._fields[:-1])})"  # noqa: S608 - names of our own
    f" VALUES ({', '.join('?' * (len(Message._fields) - 1))})"
)


SEARCH = (
    "(recipient LIKE ? ESCAPE '\\' OR recipient LIKE ? ESCAPE '\\' OR subject LIKE ? ESCAPE '\\'"
    " OR body LIKE ? ESCAPE '\\' OR reference LIKE ? ESCAPE '\\')"
)
PHONE = re.compile(r"\+?[0-9][0-9 ()-]*", re.ASCII)


ANSWER = "answer"


class Filter(NamedTuple):
    """Which messages are meant; None does not narrow. `sent_*` are Unix seconds of
    acceptance, `until` excluded. `words` may stand in the recipient, the
    subject, the text or the reference, in any case of letters. What people wrote back is meant
    only with `answers`."""

    channel: str | None = None
    provider_id: str | None = None
    recipient: str | None = None
    reference: str | None = None
    words: str | None = None
    sender: str | None = None
    sent_from: float | None = None
    sent_until: float | None = None
    answers: bool = False


class Reader:
    """Reads what was accepted. One instance belongs to one thread."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def newest(self, wanted: Filter, *, limit: int, older_than: int | None = None) -> list[Message]:
        """Up to `limit` messages, newest first, below the id `older_than`."""
        return self._read(wanted, "id < ?", older_than, "id DESC", limit)

    def newest_of_any(self, wanted: Sequence[Filter], *, limit: int) -> list[Message]:
        """Up to `limit` messages that match one or more of the filters, newest first."""
        found = {message for one in wanted for message in self.newest(one, limit=limit)}
        return sorted(found, key=lambda message: -message.id)[:limit]

    def just_newer(self, wanted: Filter, *, limit: int, newer_than: int) -> list[Message]:
        """The `limit` messages that come directly above the id `newer_than`, newest first."""
        return self._read(wanted, "id > ?", newer_than, "id ASC", limit)[::-1]

    def counts(self, wanted: Filter) -> dict[str, int]:
        """How many messages match, by channel."""
        where, values = _conditions(wanted)
        found = self._db.execute(
            f"SELECT channel, count(*) FROM message{where} GROUP BY channel",  # noqa: S608
            values,
        )
        return dict(found.fetchall())

    def fates(self, provider_ids: Sequence[str]) -> dict[str, Fate]:
        """Those of these messages that do not arrive."""
        marks = ", ".join("?" * len(provider_ids))
        rows = self._db.execute(
            f"SELECT provider_id, event, error_code FROM fate WHERE provider_id IN ({marks})",  # noqa: S608
            list(provider_ids),
        )
        return {provider_id: Fate(*rest) for provider_id, *rest in rows}

    def scan(self, *, after: int = 0) -> Iterator[Message]:
        """Every message above the id `after` that was sent, in order of acceptance."""
        rows = self._db.execute(
            f"SELECT {COLUMNS} FROM message WHERE id > ? AND channel <> ? ORDER BY id",  # noqa: S608
            [after, ANSWER],
        )
        return map(Message._make, rows)

    def _read(
        self, wanted: Filter, bound: str, edge: int | None, order: str, limit: int
    ) -> list[Message]:
        where, values = _conditions(wanted, *([] if edge is None else [(bound, edge)]))
        rows = self._db.execute(
            f"SELECT {COLUMNS} FROM message{where} ORDER BY {order} LIMIT ?",  # noqa: S608
            [*values, limit],
        )
        return [Message._make(row) for row in rows]


class Store(Reader):
    """The one writer. Everything runs on the server's event loop, so there is nothing to lock."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / FILE
        path.touch(mode=0o600)
        super().__init__(sqlite3.connect(path, isolation_level=None))
        self._db.execute("PRAGMA journal_mode = WAL")
        # A commit in the write-ahead log survives the death of this process as soon as it is
        # written. Only a crash of the whole machine can take the newest ones along, and the
        # sandbox need not survive that; FULL would wait for the disk on each message.
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA wal_autocheckpoint = 4000")
        self._db.executescript(SCHEMA)
        # In memory, as each message asks for it.
        self._stopped = set(self._db.execute("SELECT recipient, sender FROM stopped").fetchall())
        listed = self._db.execute("SELECT email, list FROM suppressed")
        self._listed = {email.lower(): name for email, name in listed}

    def is_stopped(self, recipient: str, sender: str) -> bool:
        """Whether the person told this sender to stop."""
        return (recipient, sender) in self._stopped

    def stop(self, recipient: str, sender: str) -> None:
        self._stopped.add((recipient, sender))
        self._db.execute("INSERT OR IGNORE INTO stopped VALUES (?, ?)", [recipient, sender])

    def start(self, recipient: str, sender: str) -> None:
        self._stopped.discard((recipient, sender))
        self._db.execute(
            "DELETE FROM stopped WHERE recipient = ? AND sender = ?", [recipient, sender]
        )

    def listed(self, email: str) -> str | None:
        """A list of SendGrid's that has this address; None: it is on none."""
        return self._listed.get(email.lower())

    def suppress(self, row: Suppressed) -> None:
        self._listed[row.email.lower()] = row.list
        self._db.execute("INSERT OR REPLACE INTO suppressed VALUES (?, ?, ?, ?, ?)", row)

    def suppressed(
        self, name: str, *, start_time: int, end_time: int, limit: int, offset: int
    ) -> list[Suppressed]:
        """Rows of one list, the newest first; `end_time` included."""
        rows = self._db.execute(
            "SELECT list, email, created, reason, status FROM suppressed"
            " WHERE list = ? AND created BETWEEN ? AND ?"
            " ORDER BY created DESC, email LIMIT ? OFFSET ?",
            [name, start_time, end_time, limit, offset],
        )
        return [Suppressed(*row) for row in rows]

    def close(self) -> None:
        self._db.close()

    def accept(self, messages: Sequence[Message], fate: Fate | None = None) -> None:
        """Keep the messages of one request, all or none; committed when this returns."""
        if len(messages) == 1 and fate is None:
            self._db.execute(INSERT, messages[0][:-1])
            return
        self._db.execute("BEGIN IMMEDIATE")
        with self._db:
            self._db.executemany(INSERT, [message[:-1] for message in messages])
            if fate is not None:
                self._db.execute(
                    "INSERT INTO fate VALUES (?, ?, ?)", [messages[0].provider_id, *fate]
                )


def keep_heard(folder: Path, provider_id: str, text: str) -> None:
    """Keep what a call has said; from whatever thread heard it."""
    db = sqlite3.connect(folder / FILE, isolation_level=None)
    try:
        db.execute(
            "UPDATE message SET body = coalesce(body || char(10), '') || ? WHERE provider_id = ?",
            [text, provider_id],
        )
    finally:
        db.close()


@contextmanager
def open_reader(folder: Path) -> Iterator[Reader]:
    """A reader of the state in `folder`, for whoever is not the server's event loop."""
    db = sqlite3.connect(folder / FILE)
    try:
        yield Reader(db)
    finally:
        db.close()


def _conditions(wanted: Filter, *more: tuple[str, object]) -> tuple[str, list[object]]:
    """The WHERE clause, of fixed texts only, and the values to bind to it."""
    of_channel = f"(channel = ? OR channel = '{ANSWER}')" if wanted.answers else "channel = ?"
    given: list[tuple[str, object]] = [
        (of_channel, wanted.channel),
        ("channel <> ?", None if wanted.channel or wanted.answers else ANSWER),
        ("provider_id = ?", wanted.provider_id),
        ("recipient = ?", wanted.recipient),
        ("reference = ?", wanted.reference),
        ("sender = ?", wanted.sender),
        ("created_at >= ?", wanted.sent_from),
        ("created_at < ?", wanted.sent_until),
        *more,
    ]
    used = [(text, [value]) for text, value in given if value is not None]
    if wanted.words:
        likes = [_like(words) for words in (wanted.words, _as_phone(wanted.words))]
        used.append((SEARCH, [*likes, likes[0], likes[0], likes[0]]))
    where = " WHERE " + " AND ".join(text for text, _ in used) if used else ""
    return where, [value for _, values in used for value in values]


def _like(words: str) -> str:
    escaped = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _as_phone(words: str) -> str:
    """A phone without the signs that people type between its digits; anything else as it is."""
    return re.sub(r"[ ()-]", "", words) if PHONE.fullmatch(words) else words
