"""Where a source lies, as the config may say it: no user, no password; ${NAME} takes their place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from leadline.errors import UsageError
from leadline.masking import VARIABLE
from leadline.presets.inspect import printable_name
from leadline.storage.catalog import SourceCatalog
from leadline.storage.locations import without_secrets

__all__ = ["SourcePlace", "fill_variables", "without_credentials"]

KEPT = (
    "host",
    "hostaddr",
    "port",
    "dbname",
    "sslmode",
    "sslrootcert",
    "connect_timeout",
    "application_name",
    "options",
)
"""Options of a PostgreSQL URL that hold no secret; all others stay out of the config."""


@dataclass(frozen=True)
class SourcePlace:
    """A source as it may be written and told.

    Attributes
    ----------
    database : str
        The config's `database`, in which ${NAME} stands for every secret; "" for a folder of files.
    variables : tuple of str
        The environment variables that must be set wherever the config is read.
    label : str
        How messages name the source.
    """

    database: str
    variables: tuple[str, ...]
    label: str


def fill_variables(source: str, environment: Mapping[str, str] | None = None) -> str:
    """Put environment variables into a source that was given with ${NAME}, so that no shell history holds a password.

    Raises
    ------
    UsageError
        A variable isn't set.

    Examples
    --------
    >>> fill_variables("postgresql://${PGUSER}@db/crm", {"PGUSER": "ann"})
    'postgresql://ann@db/crm'
    """
    there = os.environ if environment is None else environment
    missing = sorted({name for name in VARIABLE.findall(source) if name not in there})
    if missing:
        raise UsageError(f"--source: environment variable {', '.join(missing)} isn't set; expected a value; export it")
    return VARIABLE.sub(lambda m: there[m[1]], source)


def without_credentials(source: str, contents: SourceCatalog) -> SourcePlace:
    """Say where a source lies, without its secrets.

    Parameters
    ----------
    source : str
        As it was given, before ${NAME} was filled in.
    contents : SourceCatalog
        What was found there.

    Examples
    --------
    >>> there = SourceCatalog("postgres", "", "", ())
    >>> without_credentials("postgresql://ann:hunter2@db/crm?schema=hubspot&sslmode=require", there)
    SourcePlace(database='postgresql://${PGUSER}:${PGPASSWORD}@db/crm?sslmode=require', variables=('PGUSER', 'PGPASSWORD'), label='postgresql:///crm')
    """
    if contents.kind == "files":
        return SourcePlace("", (), shown_path(contents.place))
    if contents.kind == "duckdb":
        return SourcePlace(f"duckdb:///{quote(contents.place)}", (), shown_path(contents.place))
    parts = urlsplit(source)
    options = dict(parse_qsl(parts.query))
    user, _, host = parts.netloc.rpartition("@")
    name, _, password = user.partition(":")
    credentials = [
        _secret(name or options.get("user", ""), "PGUSER"),
        _secret(password or options.get("password", ""), "PGPASSWORD"),
    ]
    before = ":".join(c for c in credentials if c) + ("@" if any(credentials) else "")
    if credentials[1] and not credentials[0]:
        before = f":{before}"
    kept = urlencode({k: v for k, v in options.items() if k in KEPT}, safe="/")
    database = f"postgresql://{before}{host}{quote(parts.path)}{'?' + kept if kept else ''}"
    variables = tuple(dict.fromkeys(VARIABLE.findall(database)))
    return SourcePlace(database, variables, without_secrets(source.partition("?")[0]))


def _secret(value: str, variable: str) -> str:
    """Keep ${NAME} as the user wrote it; put one in the place of anything else."""
    if not value or VARIABLE.fullmatch(value):
        return value
    return f"${{{variable}}}"


def shown_path(path: str) -> str:
    """Return a path as it may be told, in one line."""
    return path if path.isprintable() and len(path) <= 120 else printable_name(path)
