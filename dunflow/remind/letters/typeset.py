"""Run as a process: sets a Typst file into a PDF, and prints the pages of each letter as JSON."""

import sys
from pathlib import Path

import pylopdf_fonts_zh_cn
import typst

if __name__ == "__main__":
    source, goal = sys.argv[1:]
    # A font that has both Latin and Chinese letters; those of the machine are left out, so that a
    # page looks the same everywhere.
    compiler = typst.Compiler(
        source,
        root=str(Path(source).parent),
        font_paths=[str(pylopdf_fonts_zh_cn.sans_path().parent)],
        ignore_system_fonts=True,
    )
    compiler.compile(output=goal, format="pdf")
    print(compiler.query("<pages>", field="value"))
