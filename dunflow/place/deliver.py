"""Brings a package to where the receiver fetches it: whole or not at all, and once.

In a folder, also of an SFTP server, it appears by one rename. On a store without renames the
manifest comes last, and a package without one is not there yet. A name that is taken already was
delivered already.
"""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from dunflow.config.book import Book
from dunflow.errors import ConfigError, DunflowError
from dunflow.home import home
from dunflow.place import sftp
from dunflow.place.files import MANIFEST

EXPORTS = "DUNFLOW_EXPORTS"
"""Where packages lie whose destination names no folder; by default `exports` in the home folder."""
NEXT_RUN = "the next run delivers it"


class DeliveryError(DunflowError):
    """A receiver's place can't be reached or written. The package stays begun, none is lost."""


@dataclass(frozen=True, repr=False)
class Place:
    """Where a destination's packages go. `url` may hold credentials; `shown` does not."""

    url: str
    shown: str
    host_key: str | None = None

    def below(self, folder: str) -> "Place":
        """A folder in it; one that begins with a slash is another place on the same server."""
        if self.is_local:
            inner = str(Path(self.url) / folder)
            return Place(inner, inner)
        parts = urlsplit(self.url)
        path = (PurePosixPath(parts.path or "/") / folder).as_posix()
        url = parts._replace(path=path).geturl()
        return Place(url, _without_credentials(url), self.host_key)

    @property
    def is_local(self) -> bool:
        return "://" not in self.url

    @property
    def server(self) -> sftp.Server | None:
        """The SFTP server, if it is one."""
        is_one = self.url.startswith(f"{sftp.SCHEME}://")
        return sftp.server_of(self.url, self.host_key) if is_one else None

    def find(self, reference: str) -> dict[str, Any] | None:
        """The manifest of a package that has arrived whole, or None."""
        if self.is_local:
            file = Path(self.url) / reference / MANIFEST
            return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
        with told(self, NEXT_RUN):
            if server := self.server:
                return sftp.find(server, reference, MANIFEST)
            store, root = store_of(self.url)
            name = f"{root}/{reference}/{MANIFEST}"
            return json.loads(store.cat_file(name)) if store.exists(name) else None

    def deliver(self, reference: str, make: Callable[[Path], None]) -> dict[str, Any]:
        """Have a package made in an empty folder, deliver it whole, and read its manifest there.

        Raises DeliveryError where that can't be written, or is not there afterwards.
        """
        try:
            draft = self._draft(reference)
            try:
                make(draft)
                self._put(draft, reference)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        except OSError as error:
            raise DeliveryError(
                f"{self.shown}: can't be written ({error.strerror or error}); make room or mend "
                f"its rights, and {NEXT_RUN}"
            ) from error
        arrived = self.find(reference)
        if arrived is None:
            raise DeliveryError(
                f"{self.shown}: {reference} is not there after it was delivered; look who removes "
                f"files there, and {NEXT_RUN}"
            )
        return arrived

    def _put(self, made: Path, reference: str) -> None:
        """Deliver the files in the folder `made` as `reference`."""
        if self.is_local:
            self._rename(made, reference)
            return
        with told(self, NEXT_RUN):
            if server := self.server:
                sftp.put(server, made, reference)
                return
            store, root = store_of(self.url)
            target = f"{root}/{reference}"
            store.makedirs(target, exist_ok=True)
            names = sorted(file.name for file in made.iterdir())
            # The manifest last: until it is there, the package is not.
            for name in sorted(names, key=lambda name: name == MANIFEST):
                store.put_file(str(made / name), f"{target}/{name}")

    def _draft(self, reference: str) -> Path:
        """An empty folder to make the package in, readable by its owner only.

        For a folder it lies beside the goal, as a rename can't cross file systems.
        """
        base = Path(self.url) if self.is_local else home() / "outgoing"
        base.mkdir(parents=True, exist_ok=True)
        draft = base / f".{reference}.{os.getpid()}.draft"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        return draft

    def sweep(self, reference: str) -> None:
        """Remove what interrupted deliveries of this package have left behind."""
        base = Path(self.url) if self.is_local else home() / "outgoing"
        for left in base.glob(f".{reference}.*.draft"):
            shutil.rmtree(left, ignore_errors=True)
        if server := self.server:
            with told(self, NEXT_RUN):
                sftp.sweep(server, reference)

    def _rename(self, made: Path, reference: str) -> None:
        for file in (*made.iterdir(), made):
            _flush(file)
        goal = Path(self.url) / reference
        made.chmod(0o750)
        try:
            made.rename(goal)
        except OSError:
            # It was there already: another worker was quicker.
            if not (goal / MANIFEST).exists():
                raise
            shutil.rmtree(made, ignore_errors=True)
        _flush(goal.parent)


def _flush(path: Path) -> None:
    """To the disk: a power cut must not leave a package that is there and empty."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def place_of(book: Book, destination: str, environ: Mapping[str, str]) -> Place:
    """Where packages for `destination` go. Raises ConfigError for a variable that is not set."""
    config = book.portfolio.destination(destination)
    if config.connection:
        url = environ.get(config.connection, "").strip()
        if not url:
            raise ConfigError(
                f"portfolio.yaml: destinations.{destination}.connection: {config.connection} is "
                "not set; put the URL into the environment of whatever exports"
            )
        return Place(url.rstrip("/"), _without_credentials(url), config.host_key)
    if config.folder:
        url = config.folder.rstrip("/")
        whole = url if "://" in url else str(book.folder / url)
        return Place(whole, _without_credentials(whole), config.host_key)
    base = environ.get(EXPORTS) or str(home() / "exports")
    folder = str(Path(base) / book.name / destination)
    return Place(folder, folder)


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    host = parts.hostname or ""
    return f"{parts.scheme}://{host}{parts.path}" if parts.scheme else url


def store_of(url: str) -> tuple[Any, str]:
    """The file system of a URL or local path, and where in it that is."""
    from fsspec.core import url_to_fs

    store, root = url_to_fs(url)
    return store, str(root).rstrip("/")


class told:  # noqa: N801  reads as a word at its use
    """Says in our words that a place could not be reached, without its credentials."""

    def __init__(self, place: Place, then: str) -> None:
        self._place, self._then = place, then

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, ImportError):
            raise ConfigError(
                f"{self._place.shown}: needs a library that is not installed "
                f"({error.name or error}); install it, or deliver into a folder"
            ) from None
        if isinstance(error, sftp.Unreachable):
            raise DeliveryError(
                f"{self._place.shown}: {error}; nothing is lost, {self._then}"
            ) from None
        if isinstance(error, OSError):
            raise DeliveryError(
                f"{self._place.shown}: can't be reached ({type(error).__name__}); nothing is lost, "
                f"{self._then}"
            ) from None
