"""A core database beside the ledger, where a laptop has no lender's system to ask."""

from sqlalchemy import URL

from dunflow.home import home, local_secrets
from dunflow.ledger import embedded
from dunflow.ledger.engine import ledger_url


def ensure_core(database: str, variable: str) -> URL:
    """The URL of `database` on the ledger's server, made if it is not there.

    From now on every process with this home knows it as `variable`, which a portfolio's
    `source.connection` may name.
    """
    url = embedded.ensure_database(ledger_url(), database)
    _remember(variable, url.render_as_string(hide_password=False))
    return url


def _remember(name: str, value: str) -> None:
    kept = local_secrets() | {name: value}
    draft = home() / "secrets.env.new"
    draft.touch(mode=0o600)
    draft.write_text("".join(f"{key}={text}\n" for key, text in kept.items()))
    draft.replace(home() / "secrets.env")
