"""The pandas peers: a loop over the cut-offs, each vectorised; and a sweep, which keeps what lasts from one to the next.

Ids become integers once, and the log is sorted once. A cut-off slices its longest window out of the log and groups it
once for all windows (each act falls in the bucket of the shortest window that holds it, and buckets are added up). For
"last act by behaviour, ever" the loop groups all that is visible, so that each cut-off stands alone; the sweep brings
its state up to date with what has become visible since the cut-off before, as a careful hand would for many cut-offs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from benchmarks.world import BEHAVIOURS, DAY

__all__ = ["values"]

WINDOWS = (7, 30, 90)
NEVER = np.iinfo(np.int64).min
LATER = np.iinfo(np.int64).max


def values(events: pd.DataFrame, leads: pd.DataFrame, snapshots: pd.DataFrame, sweeps: bool) -> dict[str, Any]:
    """Return a float64 array for each feature, in the order of (as_of, lead_id), by a loop or by a sweep."""
    leads = leads.sort_values("lead_id", ignore_index=True)
    ids = pd.Index(leads["lead_id"])
    firm, _ = pd.factorize(leads["account_id"])  # -1 where there is none
    log = pd.DataFrame({
        "who": ids.get_indexer(events["lead_id"]),
        "what": pd.Categorical(events["behaviour"], categories=list(BEHAVIOURS)).codes.astype(np.int64),
        "at": events["occurred_at"].to_numpy(), "seen": np.maximum(events["occurred_at"], events["recorded_at"]).to_numpy(),
    })  # fmt: skip
    state = _State(log.sort_values("seen", ignore_index=True), len(leads))
    log = log.sort_values("at", ignore_index=True)
    at = log["at"].to_numpy()
    asked = pd.DataFrame({"row": ids.get_indexer(snapshots["lead_id"]), "as_of": snapshots["as_of"]})
    created = leads[["created_at", "recorded_at"]].max(axis=1).to_numpy()
    parts = []
    for as_of, group in asked.groupby("as_of", sort=True):
        rows = np.sort(group["row"].to_numpy())
        if not sweeps:
            state.forget()
        state.advance(as_of)
        lo, hi = np.searchsorted(at, [as_of - WINDOWS[-1] * DAY, as_of])
        window = log.iloc[lo:hi]
        window = window[window["seen"] < as_of]
        age = as_of - window["at"].to_numpy()
        window = window.assign(bucket=np.searchsorted([w * DAY for w in WINDOWS], age), day=window["at"] // DAY)
        parts.append({**_own(window, rows, as_of, state), **_others(window, rows, as_of, state, firm, created < as_of)})
    return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}


class _State:
    """The last act of each lead and behaviour, and each lead's first, among what is visible."""

    def __init__(self, log: pd.DataFrame, leads: int) -> None:
        self.log, self.seen, self.leads = log, log["seen"].to_numpy(), leads
        self.forget()

    def forget(self) -> None:
        self.done = 0
        self.last = np.full((self.leads, len(BEHAVIOURS)), NEVER)
        self.first = np.full(self.leads, LATER)

    def advance(self, as_of: int) -> None:
        stop = int(np.searchsorted(self.seen, as_of))
        new = self.log.iloc[self.done : stop]
        last = new.groupby(new["who"] * len(BEHAVIOURS) + new["what"])["at"].max()
        flat = self.last.ravel()
        flat[last.index] = np.maximum(flat[last.index], last.to_numpy())
        first = new.groupby("who")["at"].min()
        self.first[first.index] = np.minimum(self.first[first.index], first.to_numpy())
        self.done = stop


def _days_since(last: Any, as_of: int) -> Any:
    return np.where(last == NEVER, np.nan, (as_of - last).astype(np.float64) / DAY)


def _spread(sizes: pd.Series, shape: tuple[int, ...]) -> Any:
    """Put grouped sizes into an array by their keys, and add up the buckets."""
    table = np.zeros(shape)
    table[tuple(sizes.index.get_level_values(n) for n in range(len(shape)))] = sizes.to_numpy()
    return table.cumsum(axis=-1)


def _own(window: pd.DataFrame, rows: Any, as_of: int, state: _State) -> dict[str, Any]:
    place = np.full(len(state.first), -1)
    place[rows] = np.arange(len(rows))
    mine = window.assign(who=place[window["who"].to_numpy()])
    mine = mine[mine["who"] >= 0]
    counts = _spread(mine.groupby(["who", "what", "bucket"]).size(), (len(rows), len(BEHAVIOURS), len(WINDOWS)))
    nearest = mine.groupby(["who", "day"])["bucket"].min().reset_index()
    days = _spread(nearest.groupby(["who", "bucket"]).size(), (len(rows), len(WINDOWS)))
    last = state.last[rows]
    found = {"since_any": _days_since(last.max(axis=1), as_of)}
    for k, w in enumerate(WINDOWS):
        found[f"n_any_{w}d"] = counts[:, :, k].sum(axis=1)
        found[f"active_days_{w}d"] = days[:, k]
        found.update({f"n_{b}_{w}d": counts[:, n, k] for n, b in enumerate(BEHAVIOURS)})
    return found | {f"since_{b}": _days_since(last[:, n], as_of) for n, b in enumerate(BEHAVIOURS)}


def _others(window: pd.DataFrame, rows: Any, as_of: int, state: _State, firm: Any, born: Any) -> dict[str, Any]:
    acts = _spread(window.groupby(["who", "bucket"]).size(), (len(firm), len(WINDOWS)))
    members = np.flatnonzero(born & (firm >= 0))
    size = int(firm.max()) + 1
    homes, homeless = firm[members], firm[rows] < 0

    def less_own(of_lead: Any) -> Any:
        total = np.bincount(homes, weights=of_lead[members], minlength=size)
        return np.where(homeless, 0.0, total[firm[rows]] - of_lead[rows])

    known = less_own(np.ones(len(firm)))
    found = {"known_colleagues": known}
    for k, w in enumerate(WINDOWS):
        found[f"n_colleague_acts_{w}d"] = less_own(acts[:, k])
        found[f"engaged_colleagues_{w}d"] = less_own((acts[:, k] > 0).astype(np.float64))
    new = (state.first >= as_of - 30 * DAY) & (state.first < LATER)
    found["new_colleagues_30d"] = less_own(new.astype(np.float64))
    found["share_engaged_30d"] = np.divide(
        found["engaged_colleagues_30d"], known, out=np.full(len(rows), np.nan), where=known > 0
    )
    last = state.last.max(axis=1)
    newest = pd.DataFrame({"firm": homes, "last": last[members]}).sort_values("last", ascending=False)
    place = newest.groupby("firm").cumcount().to_numpy()
    top = np.full((2, size), NEVER)
    for n in (0, 1):
        at_place = newest[place == n]
        top[n, at_place["firm"]] = at_place["last"]
    theirs = np.where(last[rows] == top[0, firm[rows]], top[1, firm[rows]], top[0, firm[rows]])
    found["since_colleague_act"] = _days_since(np.where(homeless, NEVER, theirs), as_of)
    return found
