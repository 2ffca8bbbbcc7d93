"""The kept fold: what the feature statement reads of the log, kept from night to night beside the kept log.

Each file of the source has its days and its late acts beside its rows, made by the statements of `leadline.history.days`
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
from collections.abc import Mapping
from typing import TYPE_CHECKING

from leadline import files
from leadline.errors import LeadlineError
from leadline.history import days
from leadline.tables.kept import LOOSE, Kept, read_sql
from leadline.tables.shelf import Part
from leadline.tables.store import Store
from leadline.times import DAY, cell_sql

if TYPE_CHECKING:
    from leadline.tables import Loaded

__all__ = ["stand_in"]

INTENTS = ("awareness", "evaluation", "purchase")

ADDED = {"known": "MIN", "first": "MIN", "last": "MAX", "n": "SUM", "acts": "SUM"}
"""How the rows of one day in two files become one, by the first word of the column's name."""

STEP = 28 * DAY
"""How far apart the midnights lie to which is added up, so that a month of nights uses the same sums."""


def stand_in(loaded: Loaded, text: str, intents: Mapping[str, str]) -> str:
    """Return the feature statement with the parts that are kept put in the place of those that read the whole log.

    Values don't change, only what is read; where nothing is kept, or it can't be used now, the statement stays as it is.
    """
    log, store = loaded.log, loaded.store
    if log.shelf is None:
        return text
    asked = store.rows("SELECT MIN(as_of), MAX(as_of) FROM snapshots")[0]
    if asked[0] is None or loaded.known_at is None or asked[1] > loaded.known_at:
        return text
    try:
        with files.locked(log.shelf.folder / ".lock"):
            text = _days(log, store, text, intents)
            return _newest(_each_kind(log, store, text, int(asked[0])), int(asked[0])) if asked[0] == asked[1] else text
    except (LeadlineError, OSError):
        return text


def _part(text: str, name: str) -> str:
    """Find a part of the statement: from its name to the bracket that closes it at the start of a line; "" if it isn't there."""
    found = re.search(rf"^(?:WITH )?({name} AS \(\n.*?\n\))", text, re.MULTILINE | re.DOTALL)
    return found[1] if found else ""


def _days(log: Kept, store: Store, text: str, intents: Mapping[str, str]) -> str:
    """Put the kept days and late acts in place of the parts that fold them."""
    made = {"days": days.fold(INTENTS, INTENTS, intents, store.dialect), "late": days.late()}
    for name, part in made.items():
        if not _part(text, name):
            continue
        query = f"WITH events AS (SELECT * FROM {{rows}} WHERE occurred_at IS NOT NULL),\n{part} SELECT * FROM {name}"
        boxes = [_box(log, store, one, f"{name}-{_hash(part)}", query) for one in log.parts]
        store.run(f"CREATE OR REPLACE TABLE kept_{name} AS SELECT * FROM {read_sql(boxes)}")
        if name == "days" and len(boxes) > 1:
            grouped = _grouped(store)
            if not grouped:
                continue
            store.run(f"CREATE OR REPLACE TABLE kept_days AS {grouped}")
        text = text.replace(_part(text, name), f"{name} AS (\n  SELECT * FROM kept_{name}\n)")
    return text


def _box(log: Kept, store: Store, part: Part, name: str, query: str) -> Part:
    """Find what is kept beside a part's rows, or make it."""
    assert log.shelf is not None
    name = f"{part.name}.{name}"
    return log.shelf.find(name) or log.shelf.put(name, Part(name), store, query.format(rows=read_sql([part])))


def _grouped(store: Store) -> str:
    """Write the days of several files as one row a lead and day; "" where a column is of a kind that this can't tell."""
    columns = [str(row[0]) for row in store.rows("DESCRIBE kept_days")]
    types = dict(store.rows("SELECT column_name, column_type FROM (DESCRIBE kept_days)"))
    told = [c for c in columns if c not in ("lead_id", "day")]
    if any(c.split("_")[0] not in ADDED for c in told):
        return ""
    sums = ", ".join(f"CAST({ADDED[c.split('_')[0]]}({c}) AS {types[c]}) AS {c}" for c in told)
    return f"SELECT lead_id, day, {sums} FROM kept_days GROUP BY lead_id, day"


def _each_kind(log: Kept, store: Store, text: str, as_of: int) -> str:
    """Read the events since a midnight that lies before every window, and what was added up before it."""
    part = _part(text, "each_kind")
    spans = [int(n) for n in re.findall(r"q\.as_of - (\d+)", part)]
    columns = re.findall(r" AS (\w+)(?=,\n|\n  FROM asked AS q\n)", part)
    known = {"n_ever": ("SUM", "b.n"), "first_at": ("MIN", "b.first_at"), "last_at": ("MAX", "b.last_at")}
    others = [c for c in columns if c not in known]
    if part.count("JOIN events AS e") != 1 or not all(re.fullmatch(r"n_\d+[mhds]|heat", c) for c in others):
        return text
    until = int(store.rows(f"SELECT {cell_sql(str(as_of - max(spans, default=0)), STEP)}")[0][0])
    if not _before(log, store, until):
        return text
    added = ", ".join(f"{known.get(c, ('SUM', ''))[0]}(t.{c}) AS {c}" for c in columns)
    single = ", ".join(f"{known[c][1] if c in known else 0} AS {c}" for c in columns)
    newer = part.replace("JOIN events AS e", "JOIN since AS e").replace("each_kind AS (", "each_kind_since AS (", 1)
    old = f"e.occurred_at < {until} AND e.recorded_at < {until}"
    return text.replace(part, (
        f"since AS (\n  SELECT e.lead_id, e.behaviour, e.occurred_at, e.recorded_at\n  FROM events AS e\n  WHERE NOT ({old})\n),\n{newer},\n"
        f"each_kind AS (\n  SELECT t.number, t.behaviour, {added}\n  FROM (\n    SELECT number, behaviour, {', '.join(columns)} FROM each_kind_since\n"
        f"    UNION ALL SELECT q.number, b.behaviour, {single}\n    FROM asked AS q JOIN kept_before AS b ON b.lead_id = q.lead_id\n"
        "  ) AS t\n  GROUP BY t.number, t.behaviour\n)"
    ))  # fmt: skip


def _newest(text: str, as_of: int) -> str:
    """Look for the newest whole day alone, where one as_of is asked about: each day's next one isn't needed then."""
    newest = (
        f"stretches AS (\n  SELECT lead_id, MAX(day) AS day, MAX(last_at) AS last_at, CAST(NULL AS BIGINT) AS next_day\n"
        f"  FROM days\n  WHERE n > 0 AND day + {DAY} <= {as_of}\n  GROUP BY lead_id\n)"
    )
    return text.replace(days.ends("did", "members", "members_today")[0], newest)


def _before(log: Kept, store: Store, until: int) -> bool:
    """Make the table ``kept_before``: what each lead did, by behaviour, that was done and known before a midnight."""
    assert log.shelf is not None
    parts = [p for p in log.parts if p.known_from is not None and p.known_from < until]
    if not parts:
        return False
    name = f"{LOOSE}{_hash(repr([until, sorted(p.name for p in parts)]))}"
    box = log.shelf.find(name)
    if box is None:
        log.shelf.drop_loose()
        box = log.shelf.put(name, Part(name), store, (
            "SELECT lead_id, behaviour, COUNT(*) AS n, MIN(occurred_at) AS first_at, MAX(occurred_at) AS last_at "
            f"FROM {read_sql(parts)} WHERE occurred_at < {until} AND recorded_at < {until} AND lead_id IS NOT NULL GROUP BY lead_id, behaviour"
        ))  # fmt: skip
    store.run(f"CREATE OR REPLACE TABLE kept_before AS SELECT * FROM {read_sql([box])}")
    return True


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
