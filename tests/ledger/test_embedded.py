"""The embedded server where it can't be started: a sentence at once, and no trace."""

import threading
import time
from pathlib import Path

import pytest

from dunflow.errors import ConfigError
from dunflow.ledger import embedded


@pytest.mark.parametrize("name", ["my home", "it's", "a,b", "a%20b", "$HOME"])
def test_a_folder_that_a_shell_would_read_otherwise_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"DUNFLOW_HOME: .* name a folder of letters"):
        embedded.start(tmp_path / name / "postgres")


def test_files_that_cannot_be_made_are_told_with_the_cause(tmp_path: Path) -> None:
    folder = tmp_path / "postgres"
    folder.mkdir()
    (folder / "somebody's").touch()
    with pytest.raises(embedded.ServerError, match=f"{folder}: directory .* is not empty"):
        embedded.start(folder)


def test_a_server_that_refuses_to_start_is_told_soon_and_with_the_cause(tmp_path: Path) -> None:
    folder = tmp_path / "postgres"
    embedded.start(folder)
    embedded.stop(folder)
    with (folder / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = on\n")
    before = time.monotonic()
    with pytest.raises(embedded.ServerError, match=r"postgresql\.conf.* contains errors"):
        embedded.start(folder)
    assert time.monotonic() - before < 30


def test_a_server_that_is_found_recovering_is_waited_for(tmp_path: Path) -> None:
    folder = tmp_path / "postgres"
    url = embedded.start(folder)
    note = folder / "postmaster.pid"
    ready = note.read_text()
    note.write_text(ready.replace("ready   ", "starting"))
    soon = threading.Timer(1.5, note.write_text, [ready])
    soon.start()
    try:
        assert embedded.start(folder) == url
    finally:
        soon.join()
        embedded.stop(folder)
