"""Run as a process: sets `0.json`, `1.json`, … beside a Typst file into one PDF each."""

import sys
from pathlib import Path

import typst

from dunflow.remind.letters.fonts import FOLDERS

if __name__ == "__main__":
    source, *goals = sys.argv[1:]
    fonts = typst.Fonts(include_system_fonts=False, font_paths=FOLDERS)
    for number, goal in enumerate(goals):
        typst.compile(
            source,
            output=goal,
            root=str(Path(source).parent),
            font_paths=fonts,
            sys_inputs={"data": f"{number}.json"},
        )
