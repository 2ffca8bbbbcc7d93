"""The polars peer: the same fold of the log into days, joined by snapshots; lazy, on the streaming engine.

A fold's row is (lead, behaviour, day, day on which it was known), which is exact where every as_of is a midnight, as
the bench's are. Ids become integers once. Account features go in two levels: each member, then the account's sums.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from benchmarks.world import BEHAVIOURS, DAY

__all__ = ["values"]

WINDOWS = (7, 30, 90)
C = pl.col


def values(events: pl.DataFrame, leads: pl.DataFrame, snapshots: pl.DataFrame) -> dict[str, Any]:
    """Return a float64 array for each feature, in the order of (as_of, lead_id); refuse an as_of that cuts a day."""
    if (snapshots["as_of"] % DAY != 0).any():
        raise ValueError(
            "snapshots: an as_of isn't a midnight; expected midnights, which this fold by days is exact for"
        )
    people = (
        leads.sort("lead_id").with_row_index("who").with_columns(born=pl.max_horizontal("created_at", "recorded_at"))
    )
    asked = (
        snapshots.join(people.select("lead_id", "who"), on="lead_id").sort("as_of", "who").with_row_index("row")
        .with_columns(today=(C("as_of") // DAY).cast(pl.Int32)).select("row", "who", "account_id", "as_of", "today")
    )  # fmt: skip
    days = _fold(events, people)
    by_day = (
        days.lazy().group_by("who", "day", "known")
        .agg(C("n").sum(), C("first").min(), C("last").max()).collect(engine="streaming")
    )  # fmt: skip
    return {**_own(asked, days), **_active(asked, by_day), **_others(asked, people, by_day)}


def _fold(events: pl.DataFrame, people: pl.DataFrame) -> pl.DataFrame:
    names = pl.DataFrame({"behaviour": list(BEHAVIOURS), "what": np.arange(len(BEHAVIOURS), dtype=np.int8)}).lazy()
    return (
        events.lazy()
        .join(people.lazy().select("lead_id", "who"), on="lead_id")
        .join(names, on="behaviour")
        .select(
            "who", "what", at="occurred_at", day=(C("occurred_at") // DAY).cast(pl.Int32),
            known=(pl.max_horizontal("occurred_at", "recorded_at") // DAY).cast(pl.Int32),
        )
        .group_by("who", "what", "day", "known")
        .agg(n=pl.len().cast(pl.Int32), first=C("at").min(), last=C("at").max())
        .collect(engine="streaming")
    )  # fmt: skip


SEEN = (C("day") < C("today")) & (C("known") < C("today"))


def _within(days: int) -> pl.Expr:
    return C("day") >= C("today") - days


def _sums() -> list[pl.Expr]:
    return [C("n").filter(_within(w)).sum().alias(f"n_{w}d") for w in WINDOWS]


def _own(asked: pl.DataFrame, days: pl.DataFrame) -> dict[str, Any]:
    """Sum by (snapshot, behaviour), then put the long rows into columns by their place."""
    long = (
        asked.lazy().select("row", "who", "today").join(days.lazy(), on="who").filter(SEEN)
        .group_by("row", "what").agg(*_sums(), C("last").max()).collect(engine="streaming")
    )  # fmt: skip
    shape, place = (len(asked), len(BEHAVIOURS)), (long["row"].to_numpy(), long["what"].to_numpy())
    as_of = asked["as_of"].to_numpy()
    found, last = {}, np.full(shape, np.nan)
    last[place] = (as_of[place[0]] - long["last"].to_numpy()).astype(np.float64) / DAY
    found["since_any"] = np.fmin.reduce(last, axis=1)
    found.update({f"since_{b}": last[:, k] for k, b in enumerate(BEHAVIOURS)})
    for w in WINDOWS:
        counts = np.zeros(shape)
        counts[place] = long[f"n_{w}d"].to_numpy()
        found[f"n_any_{w}d"] = counts.sum(axis=1)
        found.update({f"n_{b}_{w}d": counts[:, k] for k, b in enumerate(BEHAVIOURS)})
    return found


def _active(asked: pl.DataFrame, by_day: pl.DataFrame) -> dict[str, Any]:
    """Count the days that had an act which was known in time."""
    once = by_day.lazy().group_by("who", "day").agg(C("known").min())
    counted = (
        asked.lazy().select("row", "who", "today").join(once, on="who").filter(SEEN & _within(WINDOWS[-1]))
        .group_by("row").agg(_within(w).sum().alias(f"active_days_{w}d") for w in WINDOWS).collect(engine="streaming")
    )  # fmt: skip
    found = {}
    for w in WINDOWS:
        found[f"active_days_{w}d"] = np.zeros(len(asked))
        found[f"active_days_{w}d"][counted["row"].to_numpy()] = counted[f"active_days_{w}d"].to_numpy()
    return found


def _others(asked: pl.DataFrame, people: pl.DataFrame, by_day: pl.DataFrame) -> dict[str, Any]:
    homes = asked.lazy().select("account_id", "as_of", "today").drop_nulls().unique()
    members = homes.join(people.lazy().select("account_id", "born", "who"), on="account_id").filter(
        C("born") < C("as_of")
    )
    acts = members.join(by_day.lazy(), on="who").filter(SEEN)
    did = acts.group_by("account_id", "as_of", "who").agg(*_sums(), C("first").min(), C("last").max())
    each = (
        members.select("account_id", "as_of", "who").join(did, on=["account_id", "as_of", "who"], how="left")
        .with_columns(C("^n_.*$").fill_null(0)).with_columns(
            *[(C(f"n_{w}d") > 0).cast(pl.Int32).alias(f"e_{w}d") for w in WINDOWS],
            new=(C("first") >= C("as_of") - 30 * DAY).fill_null(False).cast(pl.Int32),
        ).collect(engine="streaming").lazy()
    )  # fmt: skip
    added = ["new", *(f"{k}_{w}d" for k in "ne" for w in WINDOWS)]
    total = each.group_by("account_id", "as_of").agg(
        pl.len().alias("known"), C(*added).sum().name.suffix("_all"),
        C("last").max().alias("top"), C("last").sort(descending=True, nulls_last=True).get(1, null_on_oob=True).alias("second"),
    )  # fmt: skip
    own = each.select("who", "as_of", "last", *added)
    joined = (
        asked.lazy().join(total, on=["account_id", "as_of"], how="left").join(own, on=["who", "as_of"], how="left")
        .with_columns(theirs=pl.when(C("last") == C("top")).then(C("second")).otherwise(C("top")))
        .with_columns((C("known").cast(pl.Int64) - 1).alias("known"), *((C(f"{c}_all") - C(c)).alias(c) for c in added))
        .sort("row").collect(engine="streaming")
    )  # fmt: skip

    def number(name: str) -> Any:
        return joined[name].fill_null(0).cast(pl.Float64).to_numpy()

    known = number("known")
    found = {"known_colleagues": known, "new_colleagues_30d": number("new")}
    for w in WINDOWS:
        found |= {f"n_colleague_acts_{w}d": number(f"n_{w}d"), f"engaged_colleagues_{w}d": number(f"e_{w}d")}
    share = np.full(len(asked), np.nan)
    found["share_engaged_30d"] = np.divide(found["engaged_colleagues_30d"], known, out=share, where=known > 0)
    since = joined.select(d=(C("as_of") - C("theirs")).cast(pl.Float64))["d"].fill_null(np.nan)
    found["since_colleague_act"] = since.to_numpy() / DAY  # polars divides by a product, which is a last bit off
    return found
