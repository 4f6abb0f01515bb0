"""The figures as charts: inline SVG without scripts, in colours that the page's theme gives.

Drawn narrow, so that they stay legible on a phone; the page puts a table beside each.
"""

import hashlib
import math
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any
from xml.etree.ElementTree import Element

import pygal
from markupsafe import Markup
from pygal.style import Style

from dunflow.ledger.tables import ACTIONS, CONTACT_STATES
from dunflow.report.figures import Figures
from dunflow.report.trend import Line

WIDTH = 480
ROW = 28
"""Height of one bar with its gap."""
FRAME = 70
"""Height of what is not bars: the axis and the legend."""
LABEL_LETTERS = 24

_FONT = "system-ui, sans-serif"
_STYLE = {
    "background": "transparent",
    "plot_background": "transparent",
    "foreground": "var(--ink)",
    "foreground_strong": "var(--ink)",
    "foreground_subtle": "var(--line)",
    "guide_stroke_color": "var(--line)",
    "major_guide_stroke_color": "var(--line)",
    "font_family": _FONT,
    "label_font_size": 13,
    "major_label_font_size": 13,
    "value_font_size": 13,
    "legend_font_size": 13,
    "opacity": "1",
    "opacity_hover": "1",
    "stroke_opacity": "1",
    "transition": "0s",
}


def tiers(figures: Figures) -> Markup:
    """Accounts per tier, mild to severe: one bar each."""
    names = list(figures["tiers"])
    bars = [
        {"value": figures["tiers"][name]["accounts"], "color": f"var(--tier-{_shade(rank, names)})"}
        for rank, name in enumerate(names)
    ]
    return _bars("tiers", names, {"accounts": bars}, legend=False)


def reasons(figures: Figures) -> Markup:
    """Decisions by reason, the most frequent first, coloured by action."""
    told = [
        (action, reason, count)
        for action, counts in figures["reasons"].items()
        for reason, count in counts.items()
    ]
    told.sort(key=lambda each: -each[2])
    series = {
        action: [count if of == action else None for of, _, count in told]
        for action in ACTIONS
        if action in figures["reasons"]
    }
    return _bars("reasons", [reason for _, reason, _ in told], series)


def channels(figures: Figures) -> Markup:
    """Contacts by channel, each bar divided by state."""
    names = list(figures["channels"])
    series = {
        state: [figures["channels"][channel].get(state) for channel in names]
        for state in CONTACT_STATES
        if state in figures["remind"]
    }
    return _bars("channels", names, series)


def hours(figures: Figures) -> Markup:
    """Contacts by the hour in which they were sent or listed."""
    counts = {int(hour): count for hour, count in figures["sent_by_hour"].items()}
    span = range(min(counts), max(counts) + 1)
    chart = _chart(
        pygal.Bar, "hours", ["accepted"], max(counts.values()), height=220, show_legend=False
    )
    chart.x_labels = [f"{hour:02}" for hour in span]
    chart.add("contacts", [counts.get(hour) for hour in span])
    return _svg(chart)


def overdue(lines: Sequence[Line], currency: str) -> Markup:
    """What was overdue in one currency, date by date, the oldest first."""
    amounts = [
        Decimal(line.overdue[currency]) if currency in line.overdue else None for line in lines
    ]
    return _over_time(pygal.Line, f"overdue-{currency}", "send", lines, amounts)


def contacts(lines: Sequence[Line]) -> Markup:
    """Contacts sent or listed, date by date, the oldest first."""
    return _over_time(pygal.Bar, "contacts", "accepted", lines, [line.sent for line in lines])


def _shade(rank: int, names: Sequence[str]) -> int:
    """One of the theme's five shades, the mildest tier's first and the severest's last."""
    return round(4 * rank / max(1, len(names) - 1))


def _bars(
    name: str, labels: Sequence[str], series: dict[str, list[Any]], *, legend: bool = True
) -> Markup:
    """Horizontal bars from top to bottom."""
    longest = max(
        sum(_count(values[place]) for values in series.values()) for place in range(len(labels))
    )
    chart = _chart(
        pygal.HorizontalStackedBar,
        name,
        list(series),
        longest,
        height=FRAME + ROW * len(labels),
        show_legend=legend,
        truncate_label=LABEL_LETTERS,
    )
    # The library draws upwards.
    chart.x_labels = list(reversed(labels))
    for title, values in series.items():
        chart.add(title.replace("_", " "), list(reversed(values)))
    return _svg(chart)


def _over_time(
    kind: Callable[..., Any],
    name: str,
    colour: str,
    lines: Sequence[Line],
    values: Sequence[Decimal | int | None],
) -> Markup:
    chart = _chart(
        kind,
        name,
        [colour],
        max((float(value) for value in values if value is not None), default=0),
        height=240,
        show_legend=False,
        show_minor_x_labels=False,
        truncate_label=-1,
        dots_size=3,
        stroke_style={"width": 2},
    )
    dates = [f"{line.business_date:%d %b}" for line in lines]
    chart.x_labels = dates
    chart.x_labels_major = dates[:: max(1, -(-len(dates) // 6))]
    chart.add(name, [None if value is None else float(value) for value in values])
    return _svg(chart)


def _chart(
    kind: Callable[..., Any], name: str, colours: Sequence[str], top: float, **settings: Any
) -> Any:
    """A chart of values from 0 to `top`, with a series of each of the theme's `colours`."""
    ticks = _ticks(top)
    chart = kind(
        js=[],
        style=Style(colors=tuple(f"var(--{colour})" for colour in colours), **_STYLE),
        width=WIDTH,
        margin=8,
        margin_right=24,
        spacing=8,
        legend_at_bottom=True,
        legend_box_size=11,
        disable_xml_declaration=True,
        value_formatter=_short,
        y_labels=ticks,
        range=(0, ticks[-1]),
        **settings,
    )
    # The library numbers its charts at random; the same figures shall give the same page.
    chart.uuid = hashlib.sha256(name.encode()).hexdigest()[:12]
    chart.add_xml_filter(_plain)
    return chart


def _count(bar: Any) -> int:
    return (bar["value"] if isinstance(bar, dict) else bar) or 0


def _ticks(top: float) -> list[int]:
    """At most six whole steps from 0 to `top` or a little above; an axis has little room."""
    step = 1
    while step * 5 < top:
        # 1, 2, 5, 10, 20, 50, …
        step = step * 5 // 2 if str(step).startswith("2") else step * 2
    return list(range(0, max(step, math.ceil(top / step) * step) + 1, step))


def _short(value: float) -> str:
    """`1,500`, `25k`, `3.2M`."""
    for size, sign in ((1_000_000_000, "G"), (1_000_000, "M"), (10_000, "k")):
        if value >= size:
            return f"{value / (1_000 if sign == 'k' else size):,.4g}{sign}"
    return f"{value:,.0f}"


def _plain(root: Element) -> Element:
    """Drop the library's scripts and what serves them, and its comments with the day and links."""
    for parent in list(root.iter()):
        for child in list(parent):
            if not isinstance(child.tag, str) or child.tag.endswith(("script", "desc", "title")):
                parent.remove(child)
    # The table beside the chart says the same.
    root.set("aria-hidden", "true")
    return root


def _svg(chart: Any) -> Markup:
    # Names in it were escaped when the XML was written.
    return Markup(chart.render(is_unicode=True))  # noqa: S704
