"""Many letters as PDF files for a printer, with a manifest of what is in them."""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import segno

from dunflow.config.book import root
from dunflow.remind.letters.letter import Letter

PER_FILE = 250
"""Letters in one PDF: what Typst sets at once, so that memory does not grow with the batch."""

LAYOUT = "include/templates/_base/letter.typ"
MANIFEST = "manifest.json"


Typeset = Callable[[list[Letter], Path], list[int]]
"""Sets letters into one PDF; how many pages each of them has."""
Seal = Callable[[str], str]
"""Makes of a file, by its name, the one that may leave; its name."""


def write_batch(
    folder: Path,
    head: Mapping[str, Any],
    letters: Iterable[Letter],
    unprintable: Mapping[str, str],
    typeset: Typeset,
    seal: Seal,
) -> dict[str, Any]:
    """Set the letters into PDF files in `folder`; gives the manifest that lies beside them.

    `head` begins the manifest, with the batch's `reference`.

    `folder` must be there, empty, and readable by its owner only. Counts letters and pages of each
    file, and names each letter's reference and pages, so that the printer can prove its work.
    `unprintable` (reference → why) may be filled while `letters` are read.
    """
    files: list[dict[str, Any]] = []
    for number, some in enumerate(_chunks(letters, PER_FILE), start=1):
        name = f"{head['reference']}-{number:04d}.pdf"
        pages = typeset(some, folder / name)
        name = seal(name)
        with (folder / name).open("rb") as stream:
            checksum = hashlib.file_digest(stream, "sha256").hexdigest()
        files.append(
            {
                "name": name,
                "letters": len(some),
                "pages": sum(pages),
                "bytes": (folder / name).stat().st_size,
                "sha256": checksum,
                "references": {
                    letter.reference: count for letter, count in zip(some, pages, strict=True)
                },
            }
        )
    manifest = {
        **head,
        "letters": sum(file["letters"] for file in files),
        "pages": sum(file["pages"] for file in files),
        "unprintable": dict(unprintable),
        "files": files,
    }
    text = json.dumps(manifest, ensure_ascii=False, indent=2)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
    return manifest


def _chunks(letters: Iterable[Letter], size: int) -> Iterator[list[Letter]]:
    left = iter(letters)
    while some := list(islice(left, size)):
        yield some


def set_pages(letters: list[Letter], file: Path) -> list[int]:
    """A `Typeset`: pages of A4 as the printer wants them."""
    with tempfile.TemporaryDirectory(prefix="dunflow-letters-") as work:
        source = Path(work) / "letter.typ"
        shutil.copy(root() / LAYOUT, source)
        codes = _pay_codes(letters, Path(work))
        told = [asdict(letter) | {"qr": codes[letter.pay_url]} for letter in letters]
        data = json.dumps(told, ensure_ascii=False)
        (Path(work) / "letters.json").write_text(data, encoding="utf-8")
        # In a process of its own: Typst keeps what it has set, so that memory would grow with each
        # file of the batch.
        pages = subprocess.run(
            [sys.executable, "-m", "dunflow.remind.letters.typeset", str(source), str(file)],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
    return [int(count) for count in json.loads(pages.stdout)]


def _pay_codes(letters: list[Letter], folder: Path) -> dict[str, str]:
    """Link to pay by → the file with its QR code."""
    codes: dict[str, str] = {}
    for letter in letters:
        if letter.pay_url not in codes:
            name = f"pay-{len(codes)}.svg"
            # Level M: a fold or a stain must not make it unreadable.
            segno.make_qr(letter.pay_url, error="m").save(str(folder / name), border=2)
            codes[letter.pay_url] = name
    return codes
