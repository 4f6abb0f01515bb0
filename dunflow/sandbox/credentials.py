"""The sandbox's own credentials: as secret as real ones, since its inbox shows people's data."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from dunflow.errors import ConfigError

VARIABLES = {
    "account_sid": "DUNFLOW_SANDBOX_ACCOUNT_SID",
    "auth_token": "DUNFLOW_SANDBOX_AUTH_TOKEN",
    "api_key": "DUNFLOW_SANDBOX_API_KEY",
    "inbox_token": "DUNFLOW_SANDBOX_INBOX_TOKEN",
}


@dataclass(frozen=True, repr=False)
class Credentials:
    """What a client of the sandbox has to know. `repr` is left out: these are secrets."""

    account_sid: str
    auth_token: str
    api_key: str
    inbox_token: str


def read_credentials(environ: Mapping[str, str]) -> Credentials:
    """The credentials in `environ`; a ConfigError names every variable that is missing."""
    values = {field.name: environ.get(VARIABLES[field.name], "") for field in fields(Credentials)}
    missing = [VARIABLES[name] for name, value in values.items() if not value]
    if missing:
        raise ConfigError(
            f"the sandbox needs {', '.join(missing)} in its environment; set each to a secret "
            "of your own (`dunflow up` does so)"
        )
    return Credentials(**values)
