"""The console's front page over a book with decisions and contacts: which cells head what."""

import re
import urllib.request

from dunflow.console.app import create_app
from dunflow.sandbox.serve import serve
from tests.report.conftest import Told


def test_each_head_cell_says_what_it_heads(told: Told) -> None:
    """A screen reader can't tell a head of two rows apart by itself."""
    with serve(create_app([], lambda: told.engine)) as url, urllib.request.urlopen(url) as answer:
        page = answer.read().decode()
    scopes = [re.search(r'scope="(\w+)"', cell) for cell in re.findall(r"<th\b[^>]*>", page)]
    assert None not in scopes
    head = re.findall(r"<th\b[^>]*>[^<]+", page[: page.index("<tbody>")])
    assert [cell.split(">")[1] for cell in head if "colgroup" in cell] == ["Decisions", "Contacts"]
