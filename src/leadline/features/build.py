"""Features: specs → one readable SQL statement in the restricted dialect → a frame sorted by (as_of, lead_id).

The statement reads ``snapshots``, ``events``, ``reached``, ``leads``, ``accounts`` and ``history``, joins by
(lead_id, as_of), and sees a row only under the clock rule of `leadline.core.point_in_time`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from leadline.core.point_in_time import DAY, visible_sql
from leadline.dataset.account_members import role_column
from leadline.dataset.attribute_values import newest_sql
from leadline.dataset.feature_spec import Feature, TitleSource
from leadline.errors import DataError, OutputError
from leadline.features import daily_counts
from leadline.features.collect import CollectedRows, collect_rows
from leadline.features.compiled import aggregate
from leadline.features.families import account, conversion_rates, funnel_stage, icp_fit, plugged
from leadline.features.families import activity as own_acts
from leadline.storage.dialect import DUCKDB, Dialect, identifier
from leadline.tables.stages import stage_index

if TYPE_CHECKING:
    import pandas as pd

    from leadline.tables import LoadedTables

__all__ = ["FeatureTable", "compute_features", "features_sql"]

SORTED = "\nORDER BY s.as_of, s.lead_id"


@dataclass(frozen=True)
class FeatureTable:
    """What was known of each snapshot, one row each, sorted by (as_of, lead_id).

    Attributes
    ----------
    specs : tuple of Feature
        What the columns mean, in their order.
    lead_id, account_id : object arrays
        Who; the account may be None.
    as_of : int64 array
        When, in microseconds.
    values : pandas.DataFrame
        float64 for numbers (NaN for never or missing), object for categories (None for missing).
    """

    specs: tuple[Feature, ...]
    lead_id: npt.NDArray[np.object_]
    account_id: npt.NDArray[np.object_]
    as_of: npt.NDArray[np.int64]
    values: pd.DataFrame

    def __post_init__(self) -> None:
        n = len(self.values)
        if not (len(self.lead_id) == len(self.account_id) == len(self.as_of) == n):
            raise ValueError("Features: keys and values differ in length")
        if list(self.values.columns) != [s.name for s in self.specs]:
            raise ValueError("Features: columns and specs differ")
        order_kept = n < 2 or bool(np.all(self.as_of[1:] >= self.as_of[:-1]))
        if not order_kept:
            raise ValueError("Features: rows aren't sorted by as_of")

    def __len__(self) -> int:
        return len(self.lead_id)

    def group(self) -> npt.NDArray[np.object_]:
        """Return what intervals resample: the account, or the lead where there is none, or one for all."""
        group = np.where(self.account_id == None, self.lead_id, self.account_id)  # noqa: E711
        return self.lead_id if len(set(group.tolist())) == 1 else group

    def take(self, rows: Sequence[int]) -> FeatureTable:
        """Return some of the rows, in that order."""
        at = np.asarray(rows, dtype=np.int64)
        values = self.values.iloc[at].reset_index(drop=True)
        return FeatureTable(self.specs, self.lead_id[at], self.account_id[at], self.as_of[at], values)

    def keep(self, names: Iterable[str]) -> FeatureTable:
        """Return the same rows with fewer features."""
        wanted = set(names)
        specs = tuple(s for s in self.specs if s.name in wanted)
        return FeatureTable(specs, self.lead_id, self.account_id, self.as_of, self.values[[s.name for s in specs]])


def compute_features(
    loaded: LoadedTables,
    specs: tuple[Feature, ...],
    intents: Mapping[str, str],
    roles: Mapping[str, Sequence[str]] | None = None,
    swept: bool | None = None,
    given: Collection[str] = (),
) -> FeatureTable:
    """Run the statement for the table ``snapshots``; see `features_sql` for what it is made of.

    Parameters
    ----------
    swept : bool, optional
        Whether compiled loops compute the parts that read every event; by default where the log is long. The values are
        the same.
    given : collection of str
        Parts of the statement that stand as tables already.

    Raises
    ------
    DataError
        A table or column that a spec needs isn't there, as when a model of another schema is used.
    """
    _needed(loaded, specs)
    store = loaded.store
    snapshots, first, last = store.rows("SELECT COUNT(*), MIN(as_of), MAX(as_of) FROM snapshots")[0]
    as_of = int(first) if first is not None and first == last else None
    acts, others = _readers(specs)
    if swept is None:
        swept = (
            "events" in loaded.rows and bool(acts or others) and aggregate.is_worth_compiling(store, as_of is not None)
        )
    rows = _swept_rows(loaded, specs, intents, roles or {}, snapshots, given) if swept and snapshots else None
    if rows is None:
        text = features_sql(specs, intents, store.dialect, roles, role_column(loaded), given=given, as_of=as_of)
        rows = collect_rows(store, text, specs, snapshots)
    return FeatureTable(specs, rows.lead_id, rows.account_id, rows.as_of, rows.values)


def _swept_rows(
    loaded: LoadedTables,
    specs: tuple[Feature, ...],
    intents: Mapping[str, str],
    roles: Mapping[str, Sequence[str]],
    snapshots: int,
    there: Collection[str] = (),
) -> CollectedRows | None:
    """Run the statement beside the tables of the sweep; None where they don't fit: the SQL alone spills all it holds."""
    store, title = loaded.store, role_column(loaded)
    try:
        given = aggregate.aggregate_parts(store, *_readers(specs), intents, roles, title).union(there)
        text = features_sql(specs, intents, store.dialect, roles, title, swept=True, given=given)
        return collect_rows(store, text.removesuffix(SORTED), specs, snapshots, wide=True)
    except OutputError:
        return None
    finally:
        aggregate.drop_aggregates(store)


def _needed(loaded: LoadedTables, specs: tuple[Feature, ...]) -> None:
    """Refuse specs whose tables or columns tonight's config doesn't have."""
    there = {(a.table, a.name) for a in loaded.attributes}
    missing = [s.name for s in specs if s.aggregate == "value" and (s.table, s.name) not in there]
    missing += ["events"] if any(s.table == "events" for s in specs) and "events" not in loaded.rows else []
    missing += icp_fit.missing(specs, loaded.attributes)
    missing += ["leads.job_title"] if any(s.by == "role" for s in specs) and role_column(loaded) is None else []
    if missing:
        raise DataError(
            f"features: the model needs {', '.join(missing)}, which this config doesn't give; expected the tables and attributes "
            "it was trained on; use that config or train again"
        )


def features_sql(
    specs: tuple[Feature, ...],
    intents: Mapping[str, str],
    dialect: Dialect = DUCKDB,
    roles: Mapping[str, Sequence[str]] | None = None,
    title: TitleSource | None = None,
    swept: bool = False,
    given: Collection[str] = (),
    as_of: int | None = None,
) -> str:
    """Write the statement that computes the features of every row of ``snapshots``.

    Parameters
    ----------
    specs : tuple of Feature
        The features, in the order of the columns.
    intents : mapping of str to str
        The intent of each behaviour.
    dialect : Dialect
        How the engine spells what engines spell differently.
    roles, title
        The patterns of each role, and where the job title is read that they are matched with.
    swept : bool
        Whether the tables of `leadline.features.compiled.aggregate` stand: what is about one behaviour has a part of its own there.
    given : collection of str
        The parts that stand as tables, and are left out (`leadline.features.compiled.aggregate`).
    as_of : int, optional
        The one instant that all snapshots ask about, as those of a night do: less is looked for then.

    Examples
    --------
    >>> print(features_sql((Feature("age", "age", "age", "days", "age", "created", "leads"),), {}))
    SELECT
      s.lead_id,
      s.account_id,
      s.as_of,
      CAST(s.as_of - l.created_at AS DOUBLE) / 86400000000.0 AS age
    FROM snapshots AS s
    JOIN leads AS l ON l.lead_id = s.lead_id
    ORDER BY s.as_of, s.lead_id
    """
    acts, others = _readers(specs)
    stages = [s for s in specs if s.table == "stages" and s.aggregate in ("in_stage", "since_stage")]
    from_history = [s for s in specs if s.by == "history"]
    standing, rated = funnel_stage.of(specs), conversion_rates.of(specs)
    parts = [
        *_fold(acts, others, intents, dialect),
        *own_acts.clauses(acts, intents, dialect, swept),
        *([_stages_sql(stages)] if stages else []),
        *(newest_sql(f"as_of_{s.name}", s.field, s.kind == "number", dialect) for s in from_history),
        *(account.clauses(others, intents, roles or {}, title, dialect) if others else []),
        *(funnel_stage.clauses(standing) if standing else []),
        *(conversion_rates.clauses(rated, roles or {}, title, dialect) if rated else []),
        *icp_fit.clauses(specs, dialect),
        *plugged.clauses(plugged.of(specs), dialect),
    ]
    if as_of is not None:
        parts = [daily_counts.newest(as_of) if daily_counts.name_of(part) == "stretches" else part for part in parts]
    parts = [part for part in parts if daily_counts.name_of(part) not in given]
    columns = ["s.lead_id", "s.account_id", "s.as_of", *(f"{_column(s, dialect, swept)} AS {s.name}" for s in specs)]
    joins = ["FROM snapshots AS s", "JOIN leads AS l ON l.lead_id = s.lead_id"]
    if any(s.table == "accounts" for s in specs) or icp_fit.reads_accounts(specs):
        joins.append(
            f"LEFT JOIN accounts AS c ON c.account_id = s.account_id AND {visible_sql('c', 's.as_of', 'recorded_at')}"
        )
    if acts:
        joins.append("JOIN asked AS q ON q.lead_id = s.lead_id AND q.as_of = s.as_of")
        joins += [f"LEFT JOIN {n} ON {n}.number = q.number" for n in own_acts.parts(acts, swept)]
    names = [*(["steps"] if stages else []), *(f"as_of_{s.name}" for s in from_history)]
    names += (
        account.names(others) + (["standing"] if standing else []) + (["rates"] if rated else []) + icp_fit.names(specs)
    )
    names += dict.fromkeys(map(plugged.part, plugged.of(specs)))
    joins += [f"LEFT JOIN {n} ON {n}.lead_id = s.lead_id AND {n}.as_of = s.as_of" for n in names]
    head = "WITH " + ",\n".join(parts) + "\n" if parts else ""
    return f"{head}SELECT\n  " + ",\n  ".join(columns) + "\n" + "\n".join(joins) + SORTED


def _readers(specs: Sequence[Feature]) -> tuple[list[Feature], list[Feature]]:
    """Pick the specs of the lead's own acts, and of its colleagues."""
    others = icp_fit.with_parts([s for s in specs if s.table == "colleagues"], specs)
    return [s for s in specs if s.table == "events"], others


def _fold(acts: list[Feature], others: list[Feature], intents: Mapping[str, str], dialect: Dialect) -> list[str]:
    """Number the snapshots and fold the events, as far as the parts to come read them."""
    numbered = [daily_counts.numbered("asked", "snapshots")] if acts else []
    if not own_acts.needs_days(acts) and not account.needs_days(others):
        return numbered
    return [*numbered, daily_counts.fold(account.counted(others), own_acts.told(acts), intents, dialect)]


def _stages_sql(specs: list[Feature]) -> str:
    """Find when each lower rung was first reached, as far as it is visible."""
    rungs = sorted({stage_index(s.field) for s in specs})
    firsts = ",\n    ".join(f"MIN(CASE WHEN r.rung >= {n} THEN r.reached_at END) AS rung_{n}" for n in rungs)
    return (
        f"steps AS (\n  SELECT s.lead_id, s.as_of,\n    {firsts}\n  FROM snapshots AS s\n"
        f"  JOIN reached AS r ON r.lead_id = s.lead_id AND {visible_sql('r', 's.as_of', 'reached_at')}\n"
        "  GROUP BY s.lead_id, s.as_of\n)"
    )


def _column(spec: Feature, dialect: Dialect, swept: bool = False) -> str:
    """Write the expression of one output column."""

    def in_days(instant: str) -> str:
        return f"CAST(s.as_of - {instant} AS {dialect.double}) / {DAY}.0"

    if spec.table == "colleagues":
        return account.column(spec, dialect)
    for of, write in (
        (funnel_stage.of, funnel_stage.column),
        (conversion_rates.of, conversion_rates.column),
        (icp_fit.of, icp_fit.column),
        (plugged.of, plugged.column),
    ):
        if of([spec]):
            return write(spec, dialect)
    if spec.table == "events":
        return own_acts.column(spec, dialect, swept)
    if spec.aggregate == "age":
        return in_days("l.created_at")
    if spec.aggregate == "in_stage":
        return f"CAST(CASE WHEN steps.rung_{stage_index(spec.field)} IS NULL THEN 0 ELSE 1 END AS {dialect.double})"
    if spec.aggregate == "since_stage":
        return in_days(f"steps.rung_{stage_index(spec.field)}")
    if spec.by == "history":
        return f"as_of_{spec.name}.value"
    return f"{'c' if spec.table == 'accounts' else 'l'}.{identifier(spec.name, dialect)}"
