"""Where a command may write: never over what it reads. A source, the config, a bundle and MLflow's store stay as they are."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from leadline.config.schema import Config, Query, Source, SqlFile
from leadline.delivery.folder_sink import accounts_beside
from leadline.errors import ConfigError, UsageError

__all__ = ["require_apart", "require_deliveries_apart", "require_out_apart"]

KEPT = {"models": "where bundles are kept", "mlruns": "MLflow's artifacts", ".leadline": "leadline's own folder"}
QUOTED = re.compile(r"'((?:[^']|'')+)'")


def require_apart(config: Config, place: str | Path, option: str, leads: Source | None = None) -> None:
    """Make sure that a place to write to is none that leadline reads.

    Parameters
    ----------
    place : str or path
        A file or a folder.
    option : str
        Where it was named, for the message.
    leads : Source, optional
        Rows that are read in the leads' place.

    Raises
    ------
    UsageError
        It is empty, a source of the config or beside one of its files, the config, a bundle, or MLflow's store.

    Examples
    --------
    >>> flat = Config.model_validate({"version": 1, "name": "flat", "tables": {"leads": {"source": "a/leads.csv"}},
    ...                               "outcome": {"column": "won", "positive": 1}, "snapshots": {"order_by": "row"}})
    >>> require_apart(flat, "scores.csv", "--out")
    >>> require_apart(flat, "b/../a/leads.csv", "--out")
    Traceback (most recent call last):
    ...
    leadline.errors.UsageError: --out 'b/../a/leads.csv': it is read as tables.leads.source; expected a place of its own; name another
    """
    if not str(place).strip() or "\0" in str(place):
        raise UsageError(f"{option} '': names no place; expected a file or a folder; name one")
    found = _why_not(config, _resolved(place), leads)
    if found:
        raise UsageError(f"{option} {str(place)!r}: {found}; expected a place of its own; name another")


SERVERS = ("postgresql://", "postgres://")


def require_out_apart(config: Config, out: str, leads: Source | None = None) -> None:
    """Make sure that `--out`, a path or a table, is none that leadline reads.

    Raises
    ------
    UsageError
        As `require_apart` says, or the table is one of the config's sources, or stands beside one under its name.

    Examples
    --------
    >>> from leadline.config.tables import Tables
    >>> config = Config.model_construct(tables=Tables.model_validate({"leads": {"source": "postgresql://u:p@db/crm?table=public.leads"}}))
    >>> require_out_apart(config, "postgresql://other@db/crm?table=scores")
    >>> require_out_apart(config, "postgresql://other@db:5432/crm?table=leads")
    Traceback (most recent call last):
    ...
    leadline.errors.UsageError: --out: the table leads is read as tables.leads.source; expected a table of its own; name another
    """
    if not out.startswith(SERVERS):
        require_apart(config, out, "--out", leads)
        if Path(out).suffix in (".csv", ".parquet"):
            beside = accounts_beside(Path(out))
            found = _why_not(config, _resolved(beside), leads)
            if found:
                raise UsageError(
                    f"--out {out!r}: its accounts would be {beside.name}, and {found}; expected a place of its own; name another"
                )
        return
    server, schema, table, _ = _table_in(out)
    for name in type(config.tables).model_fields:
        source = getattr(getattr(config.tables, name), "source", None)
        url = source if isinstance(source, str) else getattr(source, "database", None)
        if not table or not url or not url.startswith(SERVERS):
            continue
        where, its_schema, its_table, query = _table_in(url)
        query += source.query if isinstance(source, Query) else ""
        written = [table + ending for ending in ("", "_nights", "_latest", "_accounts")]
        is_read = (its_schema == schema and its_table in written) or any(
            re.search(rf"\b{re.escape(w)}\b", query) for w in written
        )
        if where == server and is_read:
            raise UsageError(
                f"--out: the table {table} is read as tables.{name}.source; expected a table of its own; name another"
            )


def _table_in(url: str) -> tuple[tuple[str, ...], str, str, str]:
    """Say of a URL which server's database it means, and which table or query in it."""
    parts = urlsplit(url)
    options = dict(parse_qsl(parts.query))
    host, _, port = parts.netloc.rpartition("@")[2].lower().partition(":")
    schema, _, table = options.get("table", "").rpartition(".")
    server = (host or options.get("host", ""), port or options.get("port", "5432"), parts.path.strip("/"))
    return server, schema or "public", table, options.get("query", "")


def require_deliveries_apart(config: Config) -> None:
    """Make sure that no delivery is written where leadline reads.

    Raises
    ------
    ConfigError
        One is.
    """
    for plan in config.nightly.deliver:
        try:
            require_apart(config, plan.folder, "nightly.deliver.folder")
        except UsageError as error:
            raise ConfigError(str(error)) from None


def _why_not(config: Config, place: Path, leads: Source | None) -> str:
    """Say what a place is that is read; "" where it is none."""
    if config.path is not None and _is_same(place, _resolved(config.path)):
        return "it is the config"
    for folder in (place, *place.parents):
        if (folder / "SHA256SUMS").is_file() and (folder / "manifest.json").is_file():
            return "it is a bundle, or in one"
    home = Path.cwd().resolve()
    for name, what in KEPT.items():
        if place == home / name or home / name in place.parents:
            return f"it is {what}, or in it"
    store = config.tracking.uri.removeprefix("sqlite:///").split("?")[0]
    if config.tracking.uri.startswith("sqlite:///") and store and _is_same(place, _resolved(store)):
        return "it is MLflow's store"
    for key, path in _read_places(config, leads):
        if _is_same(place, path) or _takes_in(path, place):
            return f"it is read as {key}"
        if place == path.parent and (path.is_file() or set(path.name) & set("*?[")):
            return f"it holds files that are read as {key}"
    return ""


def _read_places(config: Config, leads: Source | None) -> Iterator[tuple[str, Path]]:
    """Yield each path or glob that is read, as far as its text tells, with its key."""
    sections = {name: getattr(config.tables, name) for name in type(config.tables).model_fields}
    given = {f"tables.{name}.source": section.source for name, section in sections.items() if section is not None}
    for key, source in {**given, **({"--leads": leads} if leads is not None else {})}.items():
        for text in _paths_in(source):
            yield key, _resolved(text)


def _paths_in(source: Source) -> Iterator[str]:
    """Yield the paths and globs in a source's text."""
    if isinstance(source, str):
        if source.startswith("duckdb://"):
            yield unquote(source.partition("?")[0].removeprefix("duckdb://").removeprefix("/"))
        elif "://" not in source:
            yield source
        return
    if source.database:
        yield from _paths_in(source.database)
    text = source.query if isinstance(source, Query) else ""
    if isinstance(source, SqlFile):
        yield source.sql
        path = Path(source.sql)
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    yield from (found.replace("''", "'") for found in QUOTED.findall(text) if "/" in found or "." in found)


def _resolved(place: str | Path) -> Path:
    try:
        return Path(place).resolve()
    except (OSError, RuntimeError):  # a name that is too long, or a circle of links: nothing is there
        return Path(place).absolute()


def _is_same(one: Path, other: Path) -> bool:
    """Tell whether two paths are one file, by whatever name."""
    try:
        return one == other or (one.exists() and other.exists() and one.samefile(other))
    except OSError:
        return False


def _takes_in(pattern: Path, place: Path) -> bool:
    """Tell whether a glob would find a place: then tomorrow's night would read tonight's scores."""
    text = str(pattern)
    if not set(text) & set("*?["):
        return False
    if "**" in text:
        return fnmatch.fnmatchcase(str(place), text) or fnmatch.fnmatchcase(
            str(place / "as_of=x" / "scores.parquet"), text
        )
    return len(pattern.parts) == len(place.parts) and fnmatch.fnmatchcase(str(place), text)
