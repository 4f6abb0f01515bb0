"""The text of a mail that has none but its HTML, with what it quotes marked as in a plain one."""

from collections.abc import Iterator
from typing import Final

from lxml import etree

LONGEST: Final = 500_000
"""Characters; more than anybody writes, and read in a moment."""
_UNSEEN: Final = frozenset({"head", "style", "script", "title", "noscript", "template"})
_OWN_LINE: Final = frozenset(
    {"address", "article", "blockquote", "br", "center", "dd", "div", "dl", "dt", "footer", "form"}
    | {"h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "ol", "p", "pre"}
    | {"section", "table", "td", "th", "tr", "ul"}
)
_QUOTED_CLASSES: Final = ("gmail_quote", "yahoo_quoted", "moz-cite-prefix", "protonmail_quote")
_OUTLOOKS_LINE: Final = "divRplyFwdMsg"
_RULE: Final = "_" * 32


def as_plain(html: str) -> str:
    """Its text, line by line; quoted lines begin with `>`, and a line stands above what Outlook
    quotes, which marks only where that begins."""
    reader = etree.HTMLParser(
        encoding="utf-8", remove_comments=True, remove_pis=True, huge_tree=True
    )
    readable = html[:LONGEST].replace("\0", "")
    root = etree.fromstring(f"<div>{readable}</div>".encode(errors="replace"), reader)
    lines, depth, current = [], 0, ""
    for text, begins_line, deeper in _pieces(root):
        if begins_line:
            lines.append(_line(current, depth))
            current = ""
        depth += deeper
        current += text
    return "\n".join([*lines, _line(current, depth)])


def _line(text: str, depth: int) -> str:
    words = " ".join(text.split())
    return f"> {words}" if depth else words


def _pieces(root: etree._Element) -> Iterator[tuple[str, bool, int]]:
    """Each a text, whether a line begins with it, and by how much deeper it is quoted."""
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        own_line, deeper = element.tag in _OWN_LINE, int(_is_quoted(element))
        if event == "end":
            yield "", own_line, -deeper
            yield element.tail or "", False, 0
        elif element.tag in _UNSEEN:
            walk.skip_subtree()
        else:
            if element.get("id") == _OUTLOOKS_LINE:
                yield _RULE, True, 0
            yield element.text or "", own_line, deeper


def _is_quoted(element: etree._Element) -> bool:
    classes = element.get("class") or ""
    return element.tag == "blockquote" or any(each in classes for each in _QUOTED_CLASSES)
