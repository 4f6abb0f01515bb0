"""Packages on a real SFTP server: whole or not at all, once, and only on one that is known."""

import asyncio
import json
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncssh
import paramiko
import pytest
from sqlalchemy import select

from dunflow import placements
from dunflow.config.destination import Destination
from dunflow.errors import ConfigError, SourceError
from dunflow.intake.handback.collect import collect
from dunflow.ledger.tables import delivery
from dunflow.place.deliver import DeliveryError
from dunflow.place.life import Chosen
from dunflow.placements import Desk
from tests.place.conftest import MakeDesk, row

ROWS = [row("A1", name="王小明"), row("A2", "700.00")]
USER, PASSWORD = "dunflow", "a/b@c:d"


class _Door(asyncssh.SSHServer):
    def begin_auth(self, _username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (USER, PASSWORD)


@dataclass(frozen=True)
class Agency:
    """A server, its key, and the folder that is its root."""

    port: int
    host_key: str
    root: Path

    @property
    def url(self) -> str:
        return f"sftp://{USER}:a%2Fb%40c%3Ad@127.0.0.1:{self.port}/in/box"

    def packages(self) -> list[Path]:
        return sorted((self.root / "in/box").iterdir())


@pytest.fixture
def agency(tmp_path: Path) -> Iterator[Agency]:
    root = tmp_path / "agency"
    root.mkdir()
    key = asyncssh.generate_private_key("ssh-ed25519")
    loop = asyncio.new_event_loop()

    def files(channel: asyncssh.SSHServerChannel) -> asyncssh.SFTPServer:
        return asyncssh.SFTPServer(channel, chroot=str(root).encode())

    server = loop.run_until_complete(
        asyncssh.create_server(_Door, "127.0.0.1", 0, server_host_keys=[key], sftp_factory=files)
    )
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield Agency(server.get_port(), key.export_public_key().decode().strip(), root)
    finally:
        server.close()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


MakeSftpDesk = Callable[..., Desk]


@pytest.fixture
def desk_to(make_desk: MakeDesk) -> MakeSftpDesk:
    """Approved accounts for a receiver at this URL."""

    def make(url: str, host_key: str | None) -> Desk:
        to = Destination(connection="AGENCY_URL", host_key=host_key, returns="/out")
        desk = make_desk(ROWS, to)
        placements.approve(desk, Chosen(), "me")
        return Desk(desk.engine, desk.book, desk.portfolio_id, desk.clock, {"AGENCY_URL": url})

    return make


def test_a_package_lies_there_whole_and_once(agency: Agency, desk_to: MakeSftpDesk) -> None:
    desk = desk_to(agency.url, agency.host_key)
    placements.deliver(desk).raise_if_failed()
    assert placements.deliver(desk).packages == []
    (package,) = agency.packages()
    manifest = json.loads((package / "manifest.json").read_text())
    told = {file["name"]: file["bytes"] for file in manifest["files"]}
    assert told == {
        each.name: each.stat().st_size for each in package.iterdir() if each.name in told
    }
    assert (manifest["rows"], manifest["totals"]) == (2, {"CNY": "2000.00"})


def test_what_the_agency_leaves_elsewhere_on_its_server_is_taken_in(
    agency: Agency, desk_to: MakeSftpDesk
) -> None:
    desk = desk_to(agency.url, agency.host_key)
    placements.deliver(desk).raise_if_failed()

    def collected() -> dict[str, int]:
        return collect(desk.engine, desk.book, desk.environ, "intake", desk.clock.now())

    with pytest.raises(SourceError, match=r"/out: there is no such folder"):
        collected()
    out = agency.root / "out"
    (out / "old").mkdir(parents=True)
    told = out / "told.csv"
    told.write_text("ref,kind,account,at\n1,accepted,A1,2026-03-02\n")
    assert collected()["new"] == 0  # it may still be on its way
    os.utime(told, (told.stat().st_mtime - 61,) * 2)
    assert [collected()["new"] for _ in range(2)] == [1, 0]
    with desk.engine.connect() as conn:
        (origin,) = conn.execute(select(delivery.c.origin)).scalars()
    assert origin == "agency: sftp://127.0.0.1/out/told.csv"


@pytest.mark.parametrize("files", [1, 4])
def test_killed_in_the_middle_and_run_again_there_is_one_package(
    agency: Agency, desk_to: MakeSftpDesk, monkeypatch: pytest.MonkeyPatch, files: int
) -> None:
    desk = desk_to(agency.url, agency.host_key)
    real, sent = paramiko.SFTPClient.put, [0]

    def dies(self: paramiko.SFTPClient, *args: object, **kwargs: object) -> object:
        sent[0] += 1
        if sent[0] > files:
            raise KeyboardInterrupt
        return real(self, *args, **kwargs)

    def dies_after(self: paramiko.SFTPClient, old: str, new: str) -> None:
        paramiko.SFTPClient.posix_rename(self, old, new)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(paramiko.SFTPClient, "put", dies)
        patched.setattr(paramiko.SFTPClient, "rename", dies_after)
        with pytest.raises(KeyboardInterrupt):
            placements.deliver(desk)
    begun = agency.packages()
    whole = files == 4
    assert [each.name.startswith(".") for each in begun] == [not whole]
    placements.deliver(desk).raise_if_failed()
    (package,) = agency.packages()
    assert not package.name.startswith(".")
    assert len(list(package.iterdir())) == 4


def test_a_server_that_nobody_knows_gets_nothing(agency: Agency, desk_to: MakeSftpDesk) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    desk = desk_to(agency.url, other)
    with pytest.raises(DeliveryError, match="another host key"):
        placements.deliver(desk).raise_if_failed()
    assert not list(agency.root.iterdir())


@pytest.mark.parametrize(
    "url", ["sftp://dunflow:wrong-one@127.0.0.1:{port}/in", "sftp://127.0.0.1:1/in"]
)
def test_no_password_is_told(agency: Agency, desk_to: MakeSftpDesk, url: str) -> None:
    desk = desk_to(url.format(port=agency.port), agency.host_key)
    with pytest.raises(DeliveryError) as refused:
        placements.deliver(desk).raise_if_failed()
    assert "wrong-one" not in str(refused.value)
    assert "sftp://127.0.0.1/in" in str(refused.value)


def test_a_key_that_is_none_is_told(agency: Agency, desk_to: MakeSftpDesk) -> None:
    with pytest.raises((ConfigError, DeliveryError), match="host_key"):
        placements.deliver(desk_to(agency.url, "nonsense")).raise_if_failed()
