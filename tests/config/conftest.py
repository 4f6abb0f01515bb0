"""A portfolio folder for the tests of its files."""

from pathlib import Path

import pytest

from tests.config.harbour import PORTFOLIO


@pytest.fixture
def harbour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A portfolio folder that Dunflow finds, without its policy."""
    monkeypatch.setenv("DUNFLOW_PORTFOLIOS", str(tmp_path))
    folder = tmp_path / "harbour"
    folder.mkdir()
    (folder / "portfolio.yaml").write_text(PORTFOLIO)
    return folder
