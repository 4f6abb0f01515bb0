"""Files that only their receiver can read: age, with the receiver's public key."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

SUFFIX = ".age"


def seal(folder: Path, names: Iterable[str], recipients: list[str]) -> list[str]:
    """Encrypt these files for `recipients` and remove what they were made of; the new names.

    Without recipients they stay as they are.
    """
    if not recipients:
        return list(names)
    import pyrage  # only where somebody encrypts

    keys = [pyrage.x25519.Recipient.from_str(each) for each in recipients]
    sealed = []
    for name in names:
        plain = folder / name
        pyrage.encrypt_file(str(plain), str(folder / f"{name}{SUFFIX}"), keys)
        plain.unlink()
        sealed.append(f"{name}{SUFFIX}")
    return sealed


def encryption(recipients: list[str]) -> dict[str, Any] | None:
    """What a manifest says of it."""
    return {"method": "age", "recipients": recipients} if recipients else None
