"""The kept fold: what the feature statement reads of the log, kept from night to night beside the kept log.

Each file of the source has its days and its late acts beside its rows, made by the statements of `leadline.features.daily_counts`
whatever T: at an as_of the feature statement sees of them what the clock rule lets it see. What every lead did long
before a night is kept added up too, so that the night reads only the events since then.

::

    kept rows ─┬─ days → kept_days      stands in for the part ``days``
               ├─ late → kept_late      stands in for the part ``late``
               └─ before a midnight → kept_before, which with the events since then stands in for ``each_kind``
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from leadline.core import files
from leadline.core.point_in_time import DAY, WEEK, Horizon, cell_sql
from leadline.errors import LeadlineError
from leadline.features import daily_counts
from leadline.features.families import activity
from leadline.storage import Store
from leadline.tables.event_cache import LOOSE, CachedEvents, CachedFile, read_sql

if TYPE_CHECKING:
    from leadline.tables import LoadedTables

__all__ = ["cached_parts", "can_use_cache"]

INTENTS = ("awareness", "evaluation", "purchase")

ADDED = {"known": "MIN", "first": "MIN", "last": "MAX", "n": "SUM", "acts": "SUM"}
"""How the rows of one day in two files become one, by the first word of the column's name."""

STEP = 28 * DAY
"""How far apart the midnights lie to which is added up, so that a month of nights uses the same sums."""


def can_use_cache(loaded: LoadedTables) -> bool:
    """Tell whether a night's features can be built from what is kept."""
    if loaded.log.shelf is None:
        return False
    first, last = loaded.store.rows("SELECT MIN(as_of), MAX(as_of) FROM snapshots")[0]
    return first is not None and first == last


def cached_parts(loaded: LoadedTables, parts: Sequence[str], intents: Mapping[str, str]) -> list[str]:
    """Return the parts of the feature statement, those that are kept in the place of those that read the whole log.

    Values don't change, only what is read; where nothing is kept, or it can't be used now, the parts stay as they are.

    Parameters
    ----------
    parts : sequence of str
        The parts of the WITH clause, each as ``name AS (…)``.
    intents : mapping of str to str
        The intent of each behaviour.
    """
    log, store, given = loaded.log, loaded.store, list(parts)
    if log.shelf is None or loaded.known_at is None:
        return given
    first, last = store.rows("SELECT MIN(as_of), MAX(as_of) FROM snapshots")[0]
    if first is None or last > loaded.known_at:
        return given
    try:
        with files.locked(log.shelf.folder / ".lock", private=True):
            made = _days(log, store, given, intents)
            return _newest(_each_kind(log, store, made, int(first)), int(first)) if first == last else made
    except (LeadlineError, OSError):
        return given


def _named(parts: Sequence[str], name: str) -> str:
    """Find a part by its name; "" if it isn't there."""
    return next((p for p in parts if daily_counts.name_of(p) == name), "")


def _replace_part(parts: Sequence[str], old: str, *new: str) -> list[str]:
    """Put parts in the place of one."""
    return [text for part in parts for text in (new if part == old else (part,))]


def _days(log: CachedEvents, store: Store, parts: list[str], intents: Mapping[str, str]) -> list[str]:
    """Put the kept days and late acts in place of the parts that fold them."""
    made = {"days": daily_counts.fold(INTENTS, INTENTS, intents, store.dialect), "late": daily_counts.late()}
    for name, fold in made.items():
        old = _named(parts, name)
        if not old:
            continue
        query = f"WITH events AS (SELECT * FROM {{rows}} WHERE occurred_at IS NOT NULL),\n{fold} SELECT * FROM {name}"
        boxes = [_box(log, store, one, f"{name}-{_hash(fold)}", query) for one in log.parts]
        told = _described(store, read_sql(boxes))
        read = "\n".join(parts)
        wanted = [c for c in told if re.search(rf"\b{c}\b", read)]
        select = _grouped(wanted, told) if name == "days" and len(boxes) > 1 else ", ".join(wanted)
        if select:
            grouped = " GROUP BY lead_id, day" if "(" in select else ""
            store.run(f"CREATE OR REPLACE TABLE kept_{name} AS SELECT {select} FROM {read_sql(boxes)}{grouped}")
            parts = _replace_part(parts, old, f"{name} AS (\n  SELECT * FROM kept_{name}\n)")
    return parts


def _described(store: Store, relation: str) -> dict[str, str]:
    return {str(row[0]): str(row[1]) for row in store.rows(f"DESCRIBE SELECT * FROM {relation}")}


def _box(log: CachedEvents, store: Store, part: CachedFile, name: str, query: str) -> CachedFile:
    """Find what is kept beside a part's rows, or make it."""
    assert log.shelf is not None
    name = f"{part.name}.{name}"
    return log.shelf.find(name) or log.shelf.put(
        name, CachedFile(name), store, query.replace("{rows}", read_sql([part]), 1)
    )


def _grouped(wanted: Sequence[str], types: Mapping[str, str]) -> str:
    """Write the columns of days that may lie in several files; "" where one is of a kind that this can't tell."""
    told = [c for c in wanted if c not in ("lead_id", "day")]
    if any(c.split("_")[0] not in ADDED for c in told):
        return ""
    return ", ".join(["lead_id", "day", *(f"CAST({ADDED[c.split('_')[0]]}({c}) AS {types[c]}) AS {c}" for c in told)])


def _each_kind(log: CachedEvents, store: Store, parts: list[str], as_of: int) -> list[str]:
    """Read the events since a midnight that lies before every window, and what was added up before it."""
    asked, old = _named(parts, "asked"), _named(parts, "each_kind")
    if not asked or old.count("JOIN events AS e") != 1:
        return parts
    columns = [str(row[0]) for row in store.rows(f"DESCRIBE WITH {asked},\n{old} SELECT * FROM each_kind")]
    columns = [c for c in columns if c not in ("number", "behaviour")]
    counts = [c for c in columns if re.fullmatch(r"n_\d+[mhd]", c)]
    known = {"n_ever": ("SUM", "b.n"), "first_at": ("MIN", "b.first_at"), "last_at": ("MAX", "b.last_at")}
    if set(columns) - set(counts) - set(known) - {"heat"}:
        return parts  # a column of which this can't tell what was before
    reach = max([Horizon.parse(c.removeprefix("n_")).micros for c in counts] + [activity.HALVINGS * WEEK])
    until = int(store.rows(f"SELECT {cell_sql(str(as_of - reach), STEP)}")[0][0])
    if not _before(log, store, until):
        return parts
    added = ", ".join(f"{known.get(c, ('SUM', ''))[0]}(t.{c}) AS {c}" for c in columns)
    single = ", ".join(f"{known[c][1] if c in known else 0} AS {c}" for c in columns)
    newer = old.replace("JOIN events AS e", "JOIN since AS e").replace("each_kind AS (", "each_kind_since AS (", 1)
    return _replace_part(parts, old, (
        f"since AS (\n  SELECT e.lead_id, e.behaviour, e.occurred_at, e.recorded_at\n  FROM events AS e\n"
        f"  WHERE NOT (e.occurred_at < {until} AND e.recorded_at < {until})\n)"
    ), newer, (
        f"each_kind AS (\n  SELECT t.number, t.behaviour, {added}\n  FROM (\n    SELECT number, behaviour, {', '.join(columns)} FROM each_kind_since\n"
        f"    UNION ALL SELECT q.number, b.behaviour, {single}\n    FROM asked AS q JOIN kept_before AS b ON b.lead_id = q.lead_id\n"
        "  ) AS t\n  GROUP BY t.number, t.behaviour\n)"
    ))  # fmt: skip


def _newest(parts: list[str], as_of: int) -> list[str]:
    """Look for the newest whole day alone, where one as_of is asked about: each day's next one isn't needed then."""
    newest = (
        "stretches AS (\n  SELECT lead_id, MAX(day) AS day, MAX(last_at) AS last_at, CAST(NULL AS BIGINT) AS next_day\n"
        f"  FROM days\n  WHERE n > 0 AND day + {DAY} <= {as_of}\n  GROUP BY lead_id\n)"
    )
    return _replace_part(parts, daily_counts.ends("did", "members", "members_today")[0], newest)


def _before(log: CachedEvents, store: Store, until: int) -> bool:
    """Make the table ``kept_before``: what each lead did, by behaviour, that was done and known before a midnight."""
    assert log.shelf is not None
    parts = [p for p in log.parts if p.known_from is not None and p.known_from < until]
    if not parts:
        return False
    name = f"{LOOSE}{_hash(repr([until, sorted(p.name for p in parts)]))}"
    box = log.shelf.find(name)
    if box is None:
        log.shelf.drop_loose()
        box = log.shelf.put(name, CachedFile(name), store, (
            "SELECT lead_id, behaviour, COUNT(*) AS n, MIN(occurred_at) AS first_at, MAX(occurred_at) AS last_at "
            f"FROM {read_sql(parts)} WHERE occurred_at < {until} AND recorded_at < {until} AND lead_id IS NOT NULL GROUP BY lead_id, behaviour"
        ))  # fmt: skip
    store.run(f"CREATE OR REPLACE TABLE kept_before AS SELECT * FROM {read_sql([box])}")
    return True


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
