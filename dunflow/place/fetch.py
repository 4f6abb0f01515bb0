"""Fetches what a receiver has left for us in its place: files that are whole, each told apart.

They stay where they are. Whether one was read already is the ledger's to know, by its mark.
"""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from dunflow.errors import SourceError
from dunflow.place import sftp
from dunflow.place.deliver import Place, store_of, told

ENDINGS = {"csv": ".csv", "excel": ".xlsx", "parquet": ".parquet"}
"""Format → how the names of such files end."""
SETTLES_IN = dt.timedelta(minutes=1)
"""A file that changed more recently may still be on its way, and is left for the next time."""

_CLOCKS_DIFFER = dt.timedelta(hours=1)


@dataclass(frozen=True)
class Left:
    """A file in the place. `mark` changes whenever the file does."""

    name: str
    mark: str
    changed_at: dt.datetime | None

    def is_whole(self, now: dt.datetime) -> bool:
        """By the clock of the server that has it, which may be ahead of ours."""
        if self.changed_at is None:
            return True
        return not -_CLOCKS_DIFFER < now - self.changed_at < SETTLES_IN


def left(place: Place, ending: str) -> list[Left]:
    """The files that end so, by name. Raises SourceError where a server has no such folder.

    What it calls a file and would lead out of the folder is none.
    """
    with told(place, "the next run asks again"):
        found = _on_server(place, server) if (server := place.server) else _in_store(place)
    named = (each for each in found if PurePosixPath(each.name).name == each.name)
    return sorted(
        (each for each in named if each.name.endswith(ending) and not each.name.startswith(".")),
        key=lambda each: each.name,
    )


def fetch(place: Place, name: str, to: Path) -> None:
    """Copy the file `name` to the local path `to`."""
    with told(place, "the next run asks again"):
        if server := place.server:
            sftp.get(server, name, to)
            return
        store, root = store_of(place.url)
        store.get_file(f"{root}/{name}", str(to))


def _on_server(place: Place, server: sftp.Server) -> list[Left]:
    found = sftp.listing(server)
    if found is None:
        raise SourceError(
            f"{place.shown}: there is no such folder; make it, or mend `returns` in portfolio.yaml"
        )
    return [
        Left(name, f"{size}:{changed_s}", dt.datetime.fromtimestamp(changed_s, dt.UTC))
        for name, size, changed_s in found
    ]


def _in_store(place: Place) -> list[Left]:
    store, root = store_of(place.url)
    if place.is_local:
        Path(root).mkdir(parents=True, exist_ok=True)  # so that it can be seen where to leave them
    elif not store.exists(root):
        return []  # an object store has no folders, only names of files
    found = []
    for each in store.ls(root, detail=True):
        if each["type"] != "file":
            continue
        try:
            changed_at = store.modified(each["name"])
        except NotImplementedError:
            changed_at = None  # the store takes in whole files only
        name = PurePosixPath(each["name"]).name
        found.append(Left(name, str(store.ukey(each["name"])), changed_at))
    return found
