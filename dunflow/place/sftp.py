"""Delivery to a receiver's SFTP server: a folder that appears by one rename.

The server must be known: by its key in the portfolio, or in the machine's `known_hosts`. Whoever
answers in its place would get people's data.
"""

import io
import json
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import paramiko

from dunflow.errors import ConfigError, DunflowError

SCHEME = "sftp"
TIMEOUT = 30.0
_PORT = 22


class Unreachable(DunflowError):
    """The server can't be reached, or does not let us in. Its text holds no credentials."""


@dataclass(frozen=True, repr=False)
class Server:
    """Where to log in and how. `repr` is left out: it holds credentials.

    `sftp://user:password@host:port/folder`, or with `?key=FILE` in place of the password; without
    either the keys of the machine's user are tried.
    """

    host: str
    port: int
    user: str | None
    password: str | None
    key_file: str | None
    folder: PurePosixPath
    host_key: str | None


def server_of(url: str, host_key: str | None) -> Server:
    """Raises ConfigError for a URL without a host."""
    parts = urlsplit(url)
    if not parts.hostname:
        raise ConfigError("the sftp URL has no host; write sftp://user@host/folder")
    return Server(
        parts.hostname,
        parts.port or _PORT,
        unquote(parts.username) if parts.username else None,
        unquote(parts.password) if parts.password else None,
        parse_qs(parts.query).get("key", [None])[0],
        PurePosixPath(unquote(parts.path) or "."),
        host_key,
    )


def find(server: Server, reference: str, manifest: str) -> dict[str, Any] | None:
    """The manifest of what has arrived whole as `reference`, or None."""
    with _logged_in(server) as client:
        told = io.BytesIO()
        try:
            client.getfo(str(server.folder / reference / manifest), told)
        except FileNotFoundError:
            return None
        read: dict[str, Any] = json.loads(told.getvalue())
        return read


def put(server: Server, made: Path, reference: str) -> None:
    """Deliver the files of `made`: beside the goal first, then by one rename.

    What lies there under this name already was delivered by somebody quicker.
    """
    with _logged_in(server) as client:
        _make_folder(client, server.folder)
        draft, goal = server.folder / _draft(reference), server.folder / reference
        _remove(client, draft)
        client.mkdir(str(draft), 0o700)
        for file in sorted(made.iterdir()):
            # Asks for the size afterwards, and raises unless it is the same.
            client.put(str(file), str(draft / file.name), confirm=True)
        try:
            client.rename(str(draft), str(goal))
        except OSError:
            if not _exists(client, goal):
                raise
            _remove(client, draft)


def listing(server: Server) -> list[tuple[str, int, int]] | None:
    """The files of the folder: name, bytes, second of the last change. None: no such folder."""
    with _logged_in(server) as client:
        try:
            found = client.listdir_attr(str(server.folder))
        except FileNotFoundError:
            return None
        return [
            (each.filename, each.st_size or 0, each.st_mtime or 0)
            for each in found
            if stat.S_ISREG(each.st_mode or 0)
        ]


def get(server: Server, name: str, to: Path) -> None:
    """Copy a file of the folder to the local path `to`."""
    with _logged_in(server) as client:
        client.get(str(server.folder / name), str(to))


def sweep(server: Server, reference: str) -> None:
    """Remove what an interrupted delivery has left there."""
    with _logged_in(server) as client:
        _remove(client, server.folder / _draft(reference))


def _draft(reference: str) -> str:
    return f".{reference}.draft"


@contextmanager
def _logged_in(server: Server) -> Iterator[paramiko.SFTPClient]:
    ssh = paramiko.SSHClient()
    ssh.set_missing_host_key_policy(paramiko.RejectPolicy())
    if server.host_key:
        _trust(ssh, server)
    else:
        ssh.load_system_host_keys()
    only_password = server.password is not None
    try:
        ssh.connect(
            server.host,
            server.port,
            server.user,
            server.password,
            key_filename=server.key_file,
            allow_agent=not only_password,
            look_for_keys=not only_password,
            timeout=TIMEOUT,
            banner_timeout=TIMEOUT,
            auth_timeout=TIMEOUT,
        )
        with ssh.open_sftp() as client:
            channel = client.get_channel()
            if channel is not None:
                channel.settimeout(TIMEOUT)
            yield client
    except paramiko.BadHostKeyException:
        raise Unreachable(
            "answers with another host key than the known one; ask the receiver before anything "
            "is delivered"
        ) from None
    except paramiko.AuthenticationException:
        raise Unreachable("does not let us in; mend user, password or key") from None
    except paramiko.SSHException as error:
        unknown = "not found in known_hosts" in str(error)
        hint = "its host key is not known; add host_key to the destination" if unknown else ""
        raise Unreachable(hint or f"can't be reached ({type(error).__name__})") from None
    except EOFError:
        raise Unreachable("broke the connection") from None
    finally:
        ssh.close()


def _trust(ssh: paramiko.SSHClient, server: Server) -> None:
    name = server.host if server.port == _PORT else f"[{server.host}]:{server.port}"
    entry = paramiko.hostkeys.HostKeyEntry.from_line(f"{name} {server.host_key}")
    if entry is None or entry.key is None:
        raise ConfigError('host_key is no public key; write it like "ssh-ed25519 AAAAC3…"')
    ssh.get_host_keys().add(name, entry.key.get_name(), entry.key)


def _exists(client: paramiko.SFTPClient, path: PurePosixPath) -> bool:
    try:
        client.stat(str(path))
    except FileNotFoundError:
        return False
    return True


def _make_folder(client: paramiko.SFTPClient, folder: PurePosixPath) -> None:
    for each in (*reversed(folder.parents), folder):
        if str(each) not in (".", "/") and not _exists(client, each):
            client.mkdir(str(each), 0o750)


def _remove(client: paramiko.SFTPClient, folder: PurePosixPath) -> None:
    try:
        names = client.listdir(str(folder))
    except FileNotFoundError:
        return
    for name in names:
        client.remove(str(folder / name))
    client.rmdir(str(folder))
