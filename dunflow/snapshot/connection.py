"""Where the lender's core is: from an environment variable, or an Airflow connection in one."""

import json
from collections.abc import Mapping

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from dunflow.config.book import Book
from dunflow.config.reading import Reading
from dunflow.errors import SourceError

# Airflow's connection types that SQLAlchemy calls otherwise.
_BACKENDS = {"postgres": "postgresql"}


def core_url(book: Book, source: Reading, environ: Mapping[str, str]) -> URL:
    """The URL named by the connection of `source`. Raises SourceError that never shows it.

    It stands in the variable of that name, or in AIRFLOW_CONN_<NAME> as Airflow writes it: a URI,
    or JSON.
    """
    name = str(source.connection)
    for variable in (name, f"AIRFLOW_CONN_{name.upper()}"):
        given = environ.get(variable, "").strip()
        if not given:
            continue
        try:
            return _from_json(given) if given.startswith("{") else _from_uri(given)
        except (ArgumentError, ValueError, KeyError, TypeError):
            # The cause would show the value, and with it a password.
            raise SourceError(
                f"{book.name}: {variable} holds no URL of a database; write it like "
                "postgresql://user:password@host:5432/database, or as the JSON of an Airflow "
                'connection with "conn_type"'
            ) from None
    raise SourceError(
        f"{book.name}: it is not known where the source is: looked for the environment variables "
        f"{name} and AIRFLOW_CONN_{name.upper()}; set one to a URL such as "
        "postgresql://user@host/database"
    )


def _from_uri(given: str) -> URL:
    url = make_url(given)
    extra = url.query.get("__extra__")
    if isinstance(extra, str):
        url = url.difference_update_query(["__extra__"]).update_query_dict(json.loads(extra))
    return url.set(drivername=_BACKENDS.get(url.drivername, url.drivername))


def _from_json(given: str) -> URL:
    parts = json.loads(given)
    extra = parts.get("extra") or {}
    if isinstance(extra, str):
        extra = json.loads(extra)
    return URL.create(
        _BACKENDS.get(parts["conn_type"], parts["conn_type"]),
        username=parts.get("login"),
        password=parts.get("password"),
        host=parts.get("host"),
        port=int(parts["port"]) if parts.get("port") else None,
        database=parts.get("schema"),
        query={key: str(value) for key, value in extra.items()},
    )
