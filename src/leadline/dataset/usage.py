"""When a colleague in each role first acted, as seen from an instant: before a lead's outcome, and before other snapshots.

The instants are those at which leads reached the outcome, each seen with what was visible then, and a sample of the
negative snapshots. A colleague is another lead of the same account; in accounts of thousands, as a free mail domain's,
its first two arrivals in a role tell that of everybody, so that such an account costs no more than its members.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from leadline.core.point_in_time import visible_sql
from leadline.dataset import account_members
from leadline.dataset.feature_spec import TitleSource
from leadline.storage.dialect import Dialect
from leadline.tables.stages import stage_index

if TYPE_CHECKING:
    from leadline.tables import LoadedTables

__all__ = [
    "CLIMBED",
    "MOST",
    "AssetUsage",
    "RoleArrivals",
    "fetch_asset_uses",
    "fetch_role_arrivals",
    "role_arrivals_sql",
]

MOST = 20_000

"""Negative snapshots that are looked at, and outcomes: more change no share by more than half a percentage point."""


@dataclass(frozen=True)
class RoleArrivals:
    """A row for each instant that is looked at.

    Attributes
    ----------
    roles : tuple of str
        The roles, as the config has them.
    as_of : int64 array
        The instant: of the outcome, or the snapshot's.
    is_outcome : bool array
        Whether the lead reached the outcome then.
    weight : float64 array
        How many snapshots a row stands for.
    account_id : object array
        Whose account it is.
    first_at : float64 array, rows × roles
        When a colleague in that role first acted, in microseconds; NaN for not yet.
    """

    roles: tuple[str, ...]
    as_of: npt.NDArray[np.int64]
    is_outcome: npt.NDArray[np.bool_]
    weight: npt.NDArray[np.float64]
    account_id: npt.NDArray[np.object_]
    first_at: npt.NDArray[np.float64]


def fetch_role_arrivals(
    loaded: LoadedTables, roles: Mapping[str, Sequence[str]], title: TitleSource, seed: int
) -> RoleArrivals:
    """Ask for the labelled rows of ``snapshots``, which is left holding the instants looked at."""
    import pyarrow as pa

    store = loaded.store
    key = f"SUBSTR(MD5(CAST(as_of AS {store.dialect.text}) || ':' || lead_id || ':{seed}:arrivals'), 1, 15)"
    # A hash of the key, not a draw: the same rows whatever their order, engine or threads.
    store.run(
        "CREATE OR REPLACE TABLE instants AS SELECT lead_id, account_id, as_of, outcome, weight FROM ("
        f"SELECT lead_id, account_id, as_of, outcome, weight, ROW_NUMBER() OVER (PARTITION BY outcome ORDER BY {key}, as_of, lead_id) AS nth FROM ("
        f"SELECT lead_id, account_id, as_of, 0 AS outcome, weight FROM snapshots WHERE label = 0 AND account_id IS NOT NULL "
        "UNION ALL SELECT lead_id, account_id, outcome_at AS as_of, 1 AS outcome, weight FROM (SELECT lead_id, account_id, outcome_at, weight, "
        "ROW_NUMBER() OVER (PARTITION BY lead_id ORDER BY as_of DESC) AS newest FROM snapshots WHERE label = 1 AND account_id IS NOT NULL"
        f") AS p WHERE newest = 1) AS i) AS n WHERE nth <= {MOST}"
    )
    store.run("CREATE OR REPLACE TABLE snapshots AS SELECT lead_id, account_id, as_of FROM instants")
    names = list(roles)
    store.put("role_names", pa.table({"role": names, "number": list(range(len(names)))}))
    found = store.arrow(role_arrivals_sql(roles, title, store.dialect))
    told = store.arrow(
        "SELECT lead_id, account_id, as_of, outcome, weight FROM instants ORDER BY as_of, lead_id, outcome"
    )
    as_of = told.column("as_of").to_numpy(zero_copy_only=False).astype(np.int64)
    account = np.empty(len(as_of), dtype=object)
    account[:] = told.column("account_id").to_pylist()
    keys = zip(told.column("lead_id").to_pylist(), as_of.tolist(), strict=True)
    place: dict[tuple[str, int], list[int]] = {}
    for row, one in enumerate(keys):
        place.setdefault(one, []).append(row)
    first_at = np.full((len(as_of), len(names)), np.nan)
    columns = (found.column(name).to_pylist() for name in ("lead_id", "as_of", "number", "first_at"))
    for lead, when, number, first in zip(*columns, strict=True):
        first_at[place[lead, when], number] = np.nan if first is None else first
    outcome = told.column("outcome").to_numpy(zero_copy_only=False).astype(bool)
    weight = told.column("weight").to_numpy(zero_copy_only=False).astype(np.float64)
    return RoleArrivals(tuple(names), as_of, outcome, np.where(outcome, 1.0, weight), account, first_at)


def role_arrivals_sql(roles: Mapping[str, Sequence[str]], title: TitleSource, dialect: Dialect) -> str:
    """Write the statement: for each snapshot and role, when a colleague in it first acted (none where none has)."""
    return (
        f"WITH {account_members.clause(roles, title, dialect)},\n"
        "did AS (\n  SELECT m.account_id, m.as_of, m.lead_id, m.role, MIN(e.occurred_at) AS first_at\n  FROM members AS m\n"
        f"  JOIN events AS e ON e.lead_id = m.lead_id AND {visible_sql('e', 'm.as_of')}\n  WHERE m.role IS NOT NULL\n"
        "  GROUP BY m.account_id, m.as_of, m.lead_id, m.role\n),\n"
        "placed AS (\n  SELECT d.account_id, d.as_of, d.role, d.lead_id, d.first_at,\n"
        "    ROW_NUMBER() OVER (PARTITION BY d.account_id, d.as_of, d.role ORDER BY d.first_at, d.lead_id) AS place\n  FROM did AS d\n),\n"
        "two AS (\n  SELECT p.account_id, p.as_of, p.role,\n    MAX(CASE WHEN p.place = 1 THEN p.lead_id END) AS who,\n"
        "    MAX(CASE WHEN p.place = 1 THEN p.first_at END) AS first_1,\n    MAX(CASE WHEN p.place = 2 THEN p.first_at END) AS first_2\n"
        "  FROM placed AS p WHERE p.place <= 2 GROUP BY p.account_id, p.as_of, p.role\n)\n"
        "SELECT DISTINCT s.lead_id, s.as_of, n.number, CASE WHEN t.who = s.lead_id THEN t.first_2 ELSE t.first_1 END AS first_at\n"
        "FROM snapshots AS s JOIN two AS t ON t.account_id = s.account_id AND t.as_of = s.as_of\n"
        "JOIN role_names AS n ON n.role = t.role\nORDER BY s.as_of, s.lead_id, n.number"
    )


# Who first used which asset when, and what became of that lead afterwards, as far as it is known at T.


Texts = npt.NDArray[np.object_]

CLIMBED = ("mql", "sql", "opportunity", "won")

"""The rungs whose first times are told, the lowest first."""


@dataclass(frozen=True)
class AssetUsage:
    """A row for each asset and lead that used it: the first use.

    Attributes
    ----------
    asset, lead_id, account_id : object arrays
        What was used, by whom; the account may be None.
    used_at : int64 array
        When, in microseconds.
    reached : float64 array, rows × `CLIMBED`
        When the lead first stood on that rung or a higher one, in microseconds; NaN for never.
    """

    asset: Texts
    lead_id: Texts
    account_id: Texts
    used_at: npt.NDArray[np.int64]
    reached: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        if not len(self.asset) == len(self.lead_id) == len(self.account_id) == len(self.used_at) == len(self.reached):
            raise ValueError("Uses: columns differ in length")


def fetch_asset_uses(loaded: LoadedTables, assets: Mapping[str, str], has_accounts: bool) -> AssetUsage:
    """Ask the events and the table ``reached``.

    Parameters
    ----------
    assets : mapping of str to str
        The asset of each behaviour that is the use of one. A record that was merged away isn't counted: its survivor has its acts.
    has_accounts : bool
        Whether the config says which account a lead is of.
    """
    import pyarrow as pa

    store = loaded.store
    store.put("asset_of", pa.table({"behaviour": list(assets), "asset": [assets[b] for b in assets]}))
    firsts = ", ".join(
        f"CAST(MIN(CASE WHEN r.rung >= {stage_index(stage)} THEN r.reached_at END) AS {store.dialect.double}) AS {stage}_at"
        for stage in CLIMBED
    )
    account = "MAX(l.account_id)" if has_accounts else f"CAST(NULL AS {store.dialect.text})"
    rows = store.arrow(
        f"SELECT u.asset, u.lead_id, {account} AS account_id, u.used_at, {firsts} FROM (SELECT a.asset, e.lead_id, MIN(e.occurred_at) AS used_at "
        "FROM events AS e JOIN asset_of AS a ON a.behaviour = e.behaviour WHERE e.lead_id NOT IN (SELECT lead_id FROM merged) "
        "GROUP BY a.asset, e.lead_id) AS u JOIN leads AS l ON l.lead_id = u.lead_id LEFT JOIN reached AS r ON r.lead_id = u.lead_id "
        "GROUP BY u.asset, u.lead_id, u.used_at ORDER BY u.asset, u.lead_id"
    )

    def texts(name: str) -> Texts:
        column = np.empty(rows.num_rows, dtype=object)
        column[:] = rows.column(name).to_pylist()
        return column

    reached = [rows.column(f"{stage}_at").to_numpy(zero_copy_only=False).astype(np.float64) for stage in CLIMBED]
    used = rows.column("used_at").to_numpy(zero_copy_only=False).astype(np.int64)
    return AssetUsage(texts("asset"), texts("lead_id"), texts("account_id"), used, np.stack(reached, axis=1))
