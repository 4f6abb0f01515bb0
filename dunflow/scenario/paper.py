"""The printer of a scenario: letters reach it, and nobody looks at their pages."""

from pathlib import Path

from dunflow.remind.letters.letter import Letter


def blank_pages(letters: list[Letter], file: Path) -> list[int]:
    """A page each, and nothing on it: setting them would take most of a story's time."""
    file.touch()
    return [1] * len(letters)
