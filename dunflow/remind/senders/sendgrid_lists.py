"""Reads SendGrid's own lists of addresses that it sends nothing to any more.

Nothing is ever deleted there: that is for the lender to do, in SendGrid. Source:
twilio.com/docs/sendgrid/api-reference/suppressions (bounces, invalid emails, spam reports, global
unsubscribes).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import python_http_client
from python_http_client.exceptions import HTTPError

from dunflow.errors import SourceError
from dunflow.remind.senders.codes import Blame
from dunflow.remind.senders.wire import NeverSentError, NoReplyError

LISTS: dict[str, Blame] = {
    "unsubscribes": "opted_out",
    "spam_reports": "opted_out",
    "bounces": "address",
    "invalid_emails": "address",
}
"""`blocks` are left out: SendGrid goes on sending to those."""
PAGE = 500
"""The most rows that one answer holds."""


@dataclass(frozen=True, repr=False)
class Listed:
    """An address on one of the lists, and since when. `repr` is left out: personal data."""

    name: str
    address: str
    since: datetime


def listed(client: python_http_client.Client, since: datetime) -> Iterator[Listed]:
    """What came onto the lists since then, list by list.

    Rows that come while this is read shift those behind them, so the next time should begin a while
    before this one's end. Raises SourceError where they can't be read.
    """
    for name in LISTS:
        offset = 0
        while rows := _page(client, name, since, offset):
            yield from (_listed(name, row) for row in rows if not _is_passing(name, row))
            if len(rows) < PAGE:
                break
            offset += PAGE


def _page(
    client: python_http_client.Client, name: str, since: datetime, offset: int
) -> list[dict[str, Any]]:
    query = {"start_time": int(since.timestamp()), "limit": PAGE, "offset": offset}
    try:
        reply = client.suppression._(name).get(query_params=query)
        rows: list[dict[str, Any]] = json.loads(reply.body)
        if not all(isinstance(row["email"], str) and int(row["created"]) >= 0 for row in rows):
            raise ValueError
    except HTTPError as err:
        raise SourceError(f"SendGrid's list {name}: {_why(err.status_code)}") from None
    except (NeverSentError, NoReplyError) as err:
        raise SourceError(f"SendGrid's list {name}: {err.why}; the next run asks again") from None
    except (ValueError, TypeError, LookupError):
        raise SourceError(f"SendGrid's list {name}: the reply could not be read") from None
    return rows


def _why(status: int) -> str:
    if status in (401, 403):
        return (
            f"HTTP status {status}; let the API key read suppressions, or set "
            "senders.email.suppressions: false in portfolio.yaml"
        )
    return f"HTTP status {status}; the next run asks again"


def _listed(name: str, row: dict[str, Any]) -> Listed:
    return Listed(name, row["email"], datetime.fromtimestamp(int(row["created"]), UTC))


def _is_passing(name: str, row: dict[str, Any]) -> bool:
    """A bounce for a while only, such as of a full mailbox: its status begins with a 4."""
    return name == "bounces" and str(row.get("status") or "").startswith("4")
