"""What calls and visits came to, read back from the lists that people filled in: each line once.

A promise is recorded. What a customer said otherwise becomes what a reply of theirs would become:
an opt-out and a wrong number are heeded at once, the rest waits for a person.
"""

import csv
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from openpyxl import load_workbook
from sqlalchemy import Connection, Row, select

from dunflow.config.book import Book
from dunflow.config.policy import Channel
from dunflow.errors import DunflowError, SourceError
from dunflow.intake.classify import Reading
from dunflow.intake.promises import Promise, record_promise
from dunflow.intake.replies import Reply, record_reply
from dunflow.ledger.tables import ACTUAL, contact, result
from dunflow.money import parse_amount
from dunflow.place.cells import unguarded
from dunflow.remind import receipts, talks
from dunflow.remind.senders.outcome import Seen

Cells = dict[str, str]
NEEDED: Final = ("reference", "result", "at")
NOBODY: Final = frozenset({"no_answer", "busy", "failed", "wrong_number"})
"""Nobody was reached: the step is tried again, as often as the policy says."""
WORDS: Final = {
    "reached": "reached",
    "no_answer": "no_answer",
    "busy": "busy",
    "failed": "failed",
    "voicemail": "machine",
    "wrong_number": "wrong_number",
    "promise": "promise",
    "paid": "paid",
    "dispute": "dispute",
    "hardship": "hardship",
    "complaint": "complaint",
    "refused": "refused",
    "no_more": "no_more",
    "已接通": "reached",
    "无人接听": "no_answer",
    "无人在家": "no_answer",
    "占线": "busy",
    "无法接通": "failed",
    "语音信箱": "machine",
    "号码错误": "wrong_number",
    "地址错误": "wrong_number",
    "承诺还款": "promise",
    "称已还款": "paid",
    "有异议": "dispute",
    "有困难": "hardship",
    "投诉": "complaint",
    "拒绝还款": "refused",
    "不再联系": "no_more",
}
"""What stands in the column → what it means."""


@dataclass
class Taken:
    """`new` lines were kept, `known` ones had been before; `rejected`: what is wrong, by line."""

    new: int = 0
    known: int = 0
    rejected: list[str] = field(default_factory=list)


def take_results(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    channel: Channel,
    path: Path,
    by: str,
    now: dt.datetime,
) -> Taken:
    """Take a filled-in list in, CSV or Excel. Lines without a result are left for later.

    Raises SourceError, before anything is written, for a file without the columns of a list.
    """
    desk = _Desk(conn, book, portfolio_id, channel, by, now)
    taken = Taken()
    for line, cells in _lines(path):
        if not cells.get("result"):
            continue
        try:
            new = desk.take(cells)
        except DunflowError as error:
            taken.rejected.append(f"line {line}: {error}")
        else:
            taken.new += new
            taken.known += not new
    return taken


def take_line(
    conn: Connection,
    book: Book,
    portfolio_id: int,
    channel: Channel,
    cells: Cells,
    by: str,
    now: dt.datetime,
) -> bool:
    """Take one line in; whether it was new. Raises DunflowError for one that can't be right."""
    return _Desk(conn, book, portfolio_id, channel, by, now).take(cells)


def _lines(path: Path) -> Iterator[tuple[int, Cells]]:
    table = _excel(path) if path.suffix.lower() == ".xlsx" else _csv(path)
    header: list[str] | None = None
    for line, row in table:
        if header is None:
            header = row
            missing = [name for name in NEEDED if name not in header]
            if missing:
                raise SourceError(
                    f"{path}: the header lacks {missing}; give back the list as it was made"
                )
            continue
        yield line, dict(zip(header, row, strict=False))


def _csv(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            reader = csv.reader(stream)
            for row in reader:
                yield reader.line_num, [unguarded(cell.strip()) for cell in row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(
            f"{path}: can't be read as CSV in UTF-8 ({type(error).__name__}); save it as that, "
            "or give back the Excel file"
        ) from None


def _excel(path: Path) -> Iterator[tuple[int, list[str]]]:
    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # openpyxl raises whatever the file makes it stumble over
        raise SourceError(
            f"{path}: can't be read as Excel ({type(error).__name__}); save it as .xlsx"
        ) from None
    try:
        for line, row in enumerate(book.worksheets[0].iter_rows(values_only=True), start=1):
            yield line, [_as_text(cell) for cell in row]
    finally:
        book.close()


def _as_text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, dt.datetime):
        return cell.isoformat(" ")
    # Excel keeps amounts in binary; so many digits are all that were typed.
    return f"{cell:.15g}" if isinstance(cell, float) else str(cell).strip()


@dataclass(frozen=True)
class _Desk:
    conn: Connection
    book: Book
    portfolio_id: int
    channel: Channel
    by: str
    now: dt.datetime

    def take(self, cells: Cells) -> bool:
        """Whether it was new. Everything about a line is checked before any of it is written."""
        of = self._contact(cells.get("reference", ""))
        came_to = WORDS.get(cells["result"].casefold())
        if came_to is None:
            raise DunflowError(
                f"result is none of those that are known; use one of "
                f"{', '.join(word for word in WORDS if word.isascii())}"
            )
        at = self._instant(cells.get("at", ""), of)
        promised = self._promised(cells, of, at) if came_to == "promise" else None
        told = self._told_before(of)
        if told is not None:
            if told != came_to:
                raise DunflowError(f"has the result {told!r} already; a line is one attempt")
            return False
        talks.keep_result(self.conn, self.book, of.contact_id, came_to, at, self.by, self.now)
        seen = Seen(None, None, "delivered")
        if came_to in NOBODY:
            seen = Seen(None, None, "undelivered", came_to, "later")
        receipts.take(self.conn, self.book, [(of.contact_id, seen)], self.now)
        if promised:
            record_promise(self.conn, self.portfolio_id, promised, self.now)
        self._hear(of, came_to, cells.get("note", ""), at)
        return True

    def _contact(self, reference: str) -> Row[Any]:
        found = self.conn.execute(
            select(contact)
            .where(
                contact.c.portfolio_id == self.portfolio_id,
                contact.c.reference == reference,
                contact.c.channel == self.channel,
            )
            .with_for_update()
        ).one_or_none()
        if found is None:
            raise DunflowError(f"reference is that of no {self.channel} of {self.book.name}")
        if found.state not in ACTUAL:
            raise DunflowError(f"its {self.channel} is {found.state}, so it was on no list")
        return found

    def _instant(self, text: str, of: Row[Any]) -> dt.datetime:
        try:
            at = dt.datetime.fromisoformat(text)
        except ValueError:
            raise DunflowError("at is no instant; write 2026-03-02 15:00") from None
        at = (at if at.tzinfo else at.replace(tzinfo=self.book.portfolio.zone)).astimezone(dt.UTC)
        # People write the minute.
        if at < of.accepted_at.replace(second=0, microsecond=0) or at > self._latest(of):
            raise DunflowError("at lies before the list was made, or in the future")
        return at

    def _latest(self, of: Row[Any]) -> dt.datetime:
        """Now; in a replayed portfolio, which lives in another year, the end of the line's day."""
        replayed = self.book.portfolio.clock == "replay"
        end: dt.datetime = of.expires_at
        return max(self.now, end) if replayed else self.now

    def _promised(self, cells: Cells, of: Row[Any], at: dt.datetime) -> Promise:
        try:
            amount = parse_amount(cells.get("promised_amount", ""))
            on = dt.date.fromisoformat(cells.get("promised_on", "")[:10])
        except ValueError:
            raise DunflowError(
                "a promise needs promised_amount, like 1300.00, and promised_on, like 2026-03-20"
            ) from None
        if amount <= Decimal(0) or on < self.book.portfolio.calendar.local_date(at):
            raise DunflowError("a promise is of more than nothing, and of a day that is not over")
        ref = f"{self.channel} {of.reference}"
        return Promise(of.account_id, amount, of.currency, on, at, self.by, None, ref)

    def _told_before(self, of: Row[Any]) -> str | None:
        told: str | None = self.conn.execute(
            select(result.c.result).where(result.c.contact_id == of.contact_id)
        ).scalar()
        return told

    def _hear(self, of: Row[Any], came_to: str, note: str, at: dt.datetime) -> None:
        reading = self._reading(came_to)
        if reading is None and not note:
            return
        given = Reply(
            ref=f"{self.channel} {of.reference}",
            channel=self.channel,
            text=note or came_to,
            received_at=at,
            address=of.address,
            customer_id=of.customer_id,
        )
        calendar, words = self.book.portfolio.calendar, self.book.stop_words
        record_reply(
            self.conn, self.portfolio_id, calendar, words, given, self.now, reading or NOTED
        )

    def _reading(self, came_to: str) -> Reading | None:
        """How a reply would be read that says so; None: nothing follows from it."""
        match came_to:
            case "wrong_number":
                return Reading("wrong_person", wrong_person=True)
            case "no_more":
                stops = {"call", "voice"} if self.channel == "call" else {self.channel}
                return Reading("opt_out", stops=frozenset(stops))
            case "dispute" | "hardship" | "complaint":
                return Reading(came_to, proposed_hold=came_to)
            case "paid":
                return Reading("paid")
            case _:
                return None


NOTED: Final = Reading("note")
"""A note of whoever called, which is kept and asks nothing of anybody."""
