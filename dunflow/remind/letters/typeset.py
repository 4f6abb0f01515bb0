"""Run as a process: sets a Typst file into a PDF, and prints the pages of each letter as JSON."""

import sys
from pathlib import Path

import typst

from dunflow.remind.letters.fonts import FOLDERS

if __name__ == "__main__":
    source, goal = sys.argv[1:]
    compiler = typst.Compiler(
        source,
        root=str(Path(source).parent),
        font_paths=FOLDERS,
        ignore_system_fonts=True,
    )
    compiler.compile(output=goal, format="pdf")
    print(compiler.query("<pages>", field="value"))
