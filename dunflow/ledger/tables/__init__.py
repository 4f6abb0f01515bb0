"""The ledger's tables: all of the pipeline's own state.

Inside the ledger accounts and customers are numbers; what the source calls them stands once, as
text, in `account_ref` and `customer_ref`. Personal data stand in the columns of `PERSONAL` and
nowhere else.

Tables that a day fills by the hundred thousand (contacts, episodes, placements, and the partitions)
have no foreign keys: the server would look each number up once more, one by one, though they all
come out of joins with the very tables that they point to. `dunflow audit` asks that question once,
for all rows together.
"""

from dunflow.ledger.tables.books import NEVER, account, customer, portfolio
from dunflow.ledger.tables.decisions import (
    ACTIONS,
    decision,
    decision_replaced,
    episode,
    policy_version,
    run,
    waiver,
)
from dunflow.ledger.tables.handbacks import HANDBACK_KINDS, handback, handback_reject
from dunflow.ledger.tables.intake import (
    POINTS,
    contact_change,
    delivery,
    merger,
    reject,
    taken_row,
)
from dunflow.ledger.tables.lists import RESULTS, result, worklist, worklist_line
from dunflow.ledger.tables.outbox import (
    ACTUAL,
    ALIVE,
    CONTACT_STATES,
    COUNTED,
    DONE,
    IN_FLIGHT,
    NOT_SENT,
    SENDER_AT_FAULT,
    TEXT_REFUSED,
    contact,
    contact_account,
    contact_text,
    receipt,
    resolution,
    sender_fault,
    sender_rate,
    stop,
)
from dunflow.ledger.tables.people import (
    HOLD_KINDS,
    REPLY_STATES,
    consent,
    conversation,
    dead_address,
    erasure,
    hold,
    instalment,
    opt_out,
    plan,
    promise,
    reply,
)
from dunflow.ledger.tables.placements import (
    NOT_AGAIN,
    PACKAGE_KINDS,
    PLACED,
    PLACEMENT_ACTIVE,
    PLACEMENT_STATES,
    package,
    package_line,
    placement,
    placement_event,
    print_batch,
    print_line,
)
from dunflow.ledger.tables.schema import Instant, metadata
from dunflow.ledger.tables.snapshots import acceptance, credit, load, payment, quarantine, snapshot

__all__ = [
    "ACTIONS",
    "ACTUAL",
    "ALIVE",
    "CONTACT_STATES",
    "COUNTED",
    "DONE",
    "HANDBACK_KINDS",
    "HOLD_KINDS",
    "IN_FLIGHT",
    "NEVER",
    "NOT_AGAIN",
    "NOT_SENT",
    "PACKAGE_KINDS",
    "PERSONAL",
    "PLACED",
    "PLACEMENT_ACTIVE",
    "PLACEMENT_STATES",
    "POINTS",
    "REMARKS",
    "REPLY_STATES",
    "RESULTS",
    "SENDER_AT_FAULT",
    "TEXT_REFUSED",
    "Instant",
    "acceptance",
    "account",
    "consent",
    "contact",
    "contact_account",
    "contact_change",
    "contact_text",
    "conversation",
    "credit",
    "customer",
    "dead_address",
    "decision",
    "decision_replaced",
    "delivery",
    "episode",
    "erasure",
    "handback",
    "handback_reject",
    "hold",
    "instalment",
    "load",
    "merger",
    "metadata",
    "opt_out",
    "package",
    "package_line",
    "payment",
    "placement",
    "placement_event",
    "plan",
    "policy_version",
    "portfolio",
    "print_batch",
    "print_line",
    "promise",
    "quarantine",
    "receipt",
    "reject",
    "reply",
    "resolution",
    "result",
    "run",
    "sender_fault",
    "sender_rate",
    "snapshot",
    "stop",
    "taken_row",
    "waiver",
    "worklist",
    "worklist_line",
]

PERSONAL = {
    customer: (
        *("name", "phone_raw", "phone", "email_raw", "email", "address_raw", "address"),
        *("language", "time_zone", "phone_zones", "address_zones"),
    ),
    consent: ("address",),
    contact: ("address",),
    contact_change: ("value",),
    contact_text: ("subject", "body"),
    dead_address: ("address",),
    opt_out: ("address",),
    reply: ("address", "body"),
    snapshot: ("product", "segment", "attributes"),
}

REMARKS = {
    hold: ("reason", "released_because"),
    promise: ("reason", "cancelled_because"),
    plan: ("reason", "cancelled_because"),
    consent: ("reason", "end_source"),
    contact_change: ("reason",),
    merger: ("reason",),
    opt_out: ("source", "lifted_source"),
    reply: ("decided_because",),
    placement: ("reason",),
    placement_event: ("reason",),
    resolution: ("reason",),
    waiver: ("reason",),
    erasure: ("reason",),
}
"""Where people write why they decided something: there may stand anything about a person."""
