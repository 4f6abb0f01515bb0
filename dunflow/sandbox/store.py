"""What the sandbox accepted, in one SQLite file that outlives the process."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    id          INTEGER PRIMARY KEY,  -- in the order of acceptance
    channel     TEXT NOT NULL,        -- sms or email
    provider_id TEXT NOT NULL,        -- Twilio's SID; SendGrid's X-Message-Id, one per request
    recipient   TEXT NOT NULL,
    sender      TEXT,                 -- null: a Twilio Messaging Service chose it
    sender_name TEXT,
    subject     TEXT,
    body        TEXT,
    html        TEXT,
    reference   TEXT,                 -- email: its custom argument dunflow_reference
    segments    INTEGER,
    status      TEXT NOT NULL,        -- in the provider's words
    created_at  REAL NOT NULL,        -- Unix seconds
    sent_at     REAL,                 -- Unix seconds; null until it left
    options     TEXT NOT NULL         -- JSON: whatever else the request said
) STRICT;
CREATE INDEX IF NOT EXISTS message_provider_id ON message (provider_id);
CREATE INDEX IF NOT EXISTS message_recipient ON message (recipient);
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


COLUMNS = ", ".join(Message._fields)
INSERT = (
    f"INSERT INTO message ({', '.join(Message._fields[:-1])})"  # noqa: S608 - names of our own
    f" VALUES ({', '.join('?' * (len(Message._fields) - 1))})"
)


class Filter(NamedTuple):
    """Which messages are meant; None does not narrow. `sent_*` are Unix seconds, `until` excluded:
    a message that has not been sent matches none of them."""

    channel: str | None = None
    provider_id: str | None = None
    recipient: str | None = None
    recipient_contains: str | None = None
    sender: str | None = None
    sent_from: float | None = None
    sent_until: float | None = None


class Store:
    """The one writer. Everything runs on the server's event loop, so there is nothing to lock."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = folder / "sandbox.sqlite"
        self.path.touch(mode=0o600)
        self._db = sqlite3.connect(self.path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        # A commit in the write-ahead log survives the death of this process as soon as it is
        # written. Only a crash of the whole machine can take the newest ones along, and the
        # sandbox need not survive that; FULL would wait for the disk on each message.
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA wal_autocheckpoint = 4000")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        self._db.close()

    def accept(self, messages: Sequence[Message]) -> None:
        """Keep the messages of one request, all or none; committed when this returns."""
        if len(messages) == 1:
            self._db.execute(INSERT, messages[0][:-1])
            return
        self._db.execute("BEGIN IMMEDIATE")
        with self._db:
            self._db.executemany(INSERT, [message[:-1] for message in messages])

    def newest(self, wanted: Filter, *, limit: int, older_than: int | None = None) -> list[Message]:
        """Up to `limit` messages, newest first, below the id `older_than`."""
        return self._read(wanted, "id < ?", older_than, "id DESC", limit)

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

    def scan(self) -> Iterator[Message]:
        """Every message in order of acceptance, through a connection of its own: for any thread."""
        with closing(sqlite3.connect(self.path)) as db:
            rows = db.execute(f"SELECT {COLUMNS} FROM message ORDER BY id")  # noqa: S608
            yield from map(Message._make, rows)

    def _read(
        self, wanted: Filter, bound: str, edge: int | None, order: str, limit: int
    ) -> list[Message]:
        where, values = _conditions(wanted, *([] if edge is None else [(bound, edge)]))
        rows = self._db.execute(
            f"SELECT {COLUMNS} FROM message{where} ORDER BY {order} LIMIT ?",  # noqa: S608
            [*values, limit],
        )
        return [Message._make(row) for row in rows]


def _conditions(wanted: Filter, *more: tuple[str, object]) -> tuple[str, list[object]]:
    """The WHERE clause, of fixed texts only, and the values to bind to it."""
    contains = wanted.recipient_contains
    if contains is not None:
        contains = contains.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    given: list[tuple[str, object]] = [
        ("channel = ?", wanted.channel),
        ("provider_id = ?", wanted.provider_id),
        ("recipient = ?", wanted.recipient),
        ("recipient LIKE ? ESCAPE '\\'", None if contains is None else f"%{contains}%"),
        ("sender = ?", wanted.sender),
        ("sent_at >= ?", wanted.sent_from),
        ("sent_at < ?", wanted.sent_until),
        *more,
    ]
    used = [(text, value) for text, value in given if value is not None]
    where = " WHERE " + " AND ".join(text for text, _ in used) if used else ""
    return where, [value for _, value in used]
