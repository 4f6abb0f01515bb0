"""Where the local state lies: DUNFLOW_HOME, by default `.dunflow/` in the checkout."""

import contextlib
import os
import secrets
from pathlib import Path
from tempfile import NamedTemporaryFile

from dunflow.config.book import root
from dunflow.errors import ConfigError


def home() -> Path:
    """The state folder; made on first use. A server of its own user lives in it, so that others may
    pass through; what is secret has the mode 600."""
    given = os.environ.get("DUNFLOW_HOME")
    folder = Path(given).resolve() if given else root() / ".dunflow"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(folder, error) from error
    return folder


def _unusable(folder: Path, error: OSError) -> ConfigError:
    return ConfigError(
        f"DUNFLOW_HOME: the state can't be kept in {folder} ({error.strerror}); "
        "name a folder that this user may write to"
    )


def local_secrets() -> dict[str, str]:
    """Secrets of the local stack, generated once into a file of mode 600."""
    file = home() / "secrets.env"
    if not file.exists():
        key = f"SG.{secrets.token_urlsafe(16)}.{secrets.token_urlsafe(32)}"
        fresh = {
            "DUNFLOW_SANDBOX_ACCOUNT_SID": f"AC{secrets.token_hex(16)}",
            "DUNFLOW_SANDBOX_AUTH_TOKEN": secrets.token_hex(16),
            "DUNFLOW_SANDBOX_API_KEY": key,
            "DUNFLOW_SANDBOX_INBOX_TOKEN": secrets.token_urlsafe(18),
            "DUNFLOW_AIRFLOW_PASSWORD": secrets.token_urlsafe(12),
            "DUNFLOW_AIRFLOW_SECRET": secrets.token_urlsafe(32),
        }
        # Two first starts at once, each with a draft of its own: the link fails for the second,
        # which then reads the first's.
        try:
            with NamedTemporaryFile("w", dir=file.parent, prefix="secrets.") as draft:
                draft.writelines(f"{name}={value}\n" for name, value in fresh.items())
                draft.flush()
                with contextlib.suppress(FileExistsError):
                    os.link(draft.name, file)
        except OSError as error:
            raise _unusable(file.parent, error) from error
    lines = file.read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)
