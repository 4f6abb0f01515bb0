"""Orders for visits on paper: what those who go need to know, and what they fill in on the way."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from dunflow.config.book import Book, root
from dunflow.money import exact
from dunflow.place.content import Value
from dunflow.remind.letters.fonts import lacks_signs, spelled
from dunflow.remind.render.slots import called, one_line

PER_FILE = 250
LAYOUT = "include/templates/_base/orders.typ"


def write_orders(
    folder: Path, book: Book, lines: Iterable[Mapping[str, Value]], by_code: list[str]
) -> Iterator[tuple[str, int]]:
    """Set the orders into PDF files in `folder`; `(name, pages)` of each.

    The references of those in which the fonts lack signs are added to `by_code`.
    """
    left = iter(lines)
    number = 0
    while some := list(islice(left, PER_FILE)):
        number += 1
        name = f"visits-{number:04d}.pdf"
        orders = [_order(book, line) for line in some]
        by_code += [order["reference"] for order in orders if order["by_code"]]
        yield name, _set(orders, folder / name)


def _order(book: Book, line: Mapping[str, Value]) -> dict[str, Any]:
    """In the language of those who go; what it is about, in the customer's."""
    language = book.portfolio.language
    names = book.portfolio.lender.name
    hours = f"{line['visit_on']}  {line['visit_from']}–{line['visit_until']}"
    name = line["name"]
    amount = exact(line["amount"], str(line["currency"]))  # type: ignore[arg-type]
    order = {
        "reference": line["reference"],
        "language": language,
        "lender": names.get(language) or next(iter(names.values())),
        "customer": called(name if isinstance(name, str) else None, language),
        "address": [one_line(each) for each in str(line["address"]).splitlines()],
        "hours": f"{hours} ({line['time_zone']})" if line["visit_from"] else "",
        "announce_by": str(line["announce_by"] or ""),
        "people": line["people"],
        "amount": f"{line['currency']} {amount}",
        "before": line["last_contact"] or "",
        "safety": line["safety"],
        "points": str(line["talking_points"]).splitlines(),
    }
    return spelled(order) | {"by_code": lacks_signs(order)}  # type: ignore[no-any-return]


def _set(orders: list[dict[str, Any]], file: Path) -> int:
    with tempfile.TemporaryDirectory(prefix="dunflow-orders-") as work:
        source = Path(work) / "orders.typ"
        shutil.copy(root() / LAYOUT, source)
        data = json.dumps(orders, ensure_ascii=False)
        (Path(work) / "orders.json").write_text(data, encoding="utf-8")
        # In a process of its own, as with letters: Typst keeps what it has set.
        told = subprocess.run(
            [sys.executable, "-m", "dunflow.remind.letters.typeset", str(source), str(file)],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    return sum(int(pages) for pages in json.loads(told.stdout))
