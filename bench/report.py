"""Shows what was measured, to people and to scripts."""

import json

from rich.console import Console
from rich.table import Table

from bench.days import STAGES
from bench.run import Measured
from bench.sending import ANSWER_S, WAYS, WAYS_AFAR, Sending, Sent

MOST_TIMES_FLOOR = 2.5
MOST_BYTES = 500_000_000
MOST_TIMES_WITHOUT_HISTORY = 1.3
LEAST_OF_BARE_LOOP = 0.7


def tell(measured: Measured) -> None:
    """A table, and what it means."""
    days = measured.days
    table = Table(title=f"{measured.accounts:,} accounts, seconds")
    table.add_column("stage")
    for name in days:
        table.add_column(name, justify="right")
    table.add_column("floor", justify="right")
    for stage in STAGES:
        table.add_row(stage, *[f"{ran.costs[stage].seconds:.1f}" for ran in days.values()])
    floor = measured.floor
    table.add_section()
    table.add_row("Arrow ingest", *[""] * len(days), f"{floor.ingest.seconds:.1f}")
    table.add_row("one INSERT … SELECT", *[""] * len(days), f"{floor.insert.seconds:.1f}")
    table.add_section()
    table.add_row(
        "in all", *[f"{ran.seconds:.1f}" for ran in days.values()], f"{floor.seconds:.1f}"
    )
    table.add_row(
        "times the floor", *[f"{ran.seconds / floor.seconds:.2f}" for ran in days.values()]
    )
    table.add_row("our memory, MB", *[f"{ran.peak_bytes / 1e6:.0f}" for ran in days.values()])
    table.add_row("contacts planned", *[f"{ran.contacts:,}" for ran in days.values()])
    console = Console()
    console.print(table)
    console.print(
        f"The second day may cost {MOST_TIMES_FLOOR} times the floor and "
        f"{MOST_BYTES / 1e6:.0f} MB. The portfolio is in shadow mode, and nothing was sent: "
        "contacts of the earlier dates are written down as if they had been."
    )
    if measured.last:
        console.print(
            f"After the history a day cost {_times_without_history(measured):.2f} times the "
            f"second; {MOST_TIMES_WITHOUT_HISTORY} are allowed."
        )


def _times_without_history(measured: Measured) -> float:
    assert measured.last
    return measured.last.seconds / measured.second.seconds


def tell_sending(sending: Sending) -> None:
    """Contacts a second by channel and way, and what each costs of a processor."""
    table = Table(title=f"sending, {sending.threads} threads")
    for name in ("channel", "way", "contacts", "a second", "our CPU, ms", "sandbox's, ms"):
        table.add_column(name, justify="left" if name in ("channel", "way") else "right")
    for channel, ways in sending.ways.items():
        for way, sent in ways.items():
            table.add_row(
                channel,
                way,
                f"{sent.contacts:,}",
                f"{sent.per_second:,.0f}",
                f"{sent.our_s / sent.contacts * 1000:.2f}",
                f"{sent.sandbox_s / sent.contacts * 1000:.2f}",
            )
        table.add_section()
    console = Console()
    console.print(table)
    for channel, ways in sending.ways.items():
        outbox, bare, stock = (ways[way].per_second for way in WAYS)
        console.print(
            f"{channel}: the outbox sends {outbox / bare:.0%} of the bare loop's contacts a second "
            f"({LEAST_OF_BARE_LOOP:.0%} are wanted) and {outbox / stock:.0%} of the stock client's "
            "(100% are wanted). "
            f"Where a provider takes {ANSWER_S:g} s to answer, it is "
            f"{_afar(ways):.0%} of the bare loop's."
        )
    console.print(
        f"The sandbox took {_of_a_core(sending):,.0f} requests per second of its processor. Texts "
        "are written by the outbox as it claims; the loops got theirs ready made."
    )


def _afar(ways: dict[str, Sent]) -> float:
    outbox, bare = (ways[way].per_second for way in WAYS_AFAR)
    return outbox / bare


def _of_a_core(sending: Sending) -> float:
    """Of the bare loops, as nothing else comes between."""
    bare = [ways["bare loop"] for ways in sending.ways.values()]
    return sum(sent.contacts for sent in bare) / sum(sent.sandbox_s for sent in bare)


def as_json(measured: Measured | None, sending: Sending | None) -> str:
    """The same figures under fixed names."""
    told = _day_figures(measured) if measured else {}
    if sending:
        told["sending"] = {
            "threads": sending.threads,
            "sandbox_per_core_s": round(_of_a_core(sending)),
        } | {
            channel: {
                way: {"contacts": sent.contacts, "per_second": round(sent.per_second)}
                for way, sent in ways.items()
            }
            for channel, ways in sending.ways.items()
        }
    return json.dumps(told, ensure_ascii=False, indent=2)


def _day_figures(measured: Measured) -> dict[str, object]:
    floor = measured.floor
    told: dict[str, object] = {"accounts": measured.accounts}
    for name, ran in measured.days.items():
        told[name] = {
            "business_date": ran.business_date.isoformat(),
            "stages_s": {stage: round(cost.seconds, 2) for stage, cost in ran.costs.items()},
            "seconds": round(ran.seconds, 2),
            "times_floor": round(ran.seconds / floor.seconds, 2),
            "peak_mb": round(ran.peak_bytes / 1e6),
            "decide": ran.decided,
            "contacts": ran.contacts,
        }
    told["floor"] = {
        "ingest_s": round(floor.ingest.seconds, 2),
        "insert_s": round(floor.insert.seconds, 2),
        "seconds": round(floor.seconds, 2),
    }
    if measured.last:
        told["times_without_history"] = round(_times_without_history(measured), 2)
    return told
