"""One measurement in a process of its own: ``python -m benchmarks.job RECORD`` prints what it found as JSON.

Everybody starts with the same canonical tables in memory, ids as text, and ends with the features in memory, sorted by
(as_of, lead_id). Opening, reading and hashing stand outside the clock.
"""

from __future__ import annotations

import hashlib
import json
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

__all__ = ["KINDS", "digests", "main", "run"]

SCANS = 5


def digests(columns: Mapping[str, Any]) -> dict[str, str]:
    """Hash each feature's values: equal hashes are equal values, row by row; every NaN is alike, and so is every zero."""
    import numpy as np

    found = {}
    for name, column in columns.items():
        values = np.array(column, dtype=np.float64) + 0.0
        values[np.isnan(values)] = np.nan
        found[name] = hashlib.blake2b(values.tobytes(), digest_size=8).hexdigest()
    return found


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _timed(work: Callable[[], Any]) -> tuple[dict[str, list[float]], Any]:
    """Do the work; return its time by the clock and by the cores' own count, and its result."""
    start, worked = time.perf_counter(), time.process_time()
    result = work()
    return {"seconds": [time.perf_counter() - start], "cpu": [time.process_time() - worked]}, result


def _told(times: dict[str, list[float]], columns: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    return {**times, "values": digests(columns) if columns else {}, **more}


@contextmanager
def _placed(asked: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    """Give the config and the placed tables of a job."""
    from benchmarks.placed import config_of, placed

    config = config_of(Path(asked["folder"]), asked["memory"], asked["threads"])
    with placed(config, Path(asked["folder"]), asked["question"]) as loaded:
        yield config, loaded


def _scan(asked: dict[str, Any]) -> dict[str, Any]:
    from benchmarks.placed import scan

    with _placed({**asked, "question": "night"}) as (_, loaded):
        scan(loaded.store)  # the first warms up
        times = [_timed(lambda: scan(loaded.store))[0] for _ in range(SCANS)]
        return _told({key: [t[key][0] for t in times] for key in ("seconds", "cpu")})


def _leadline(asked: dict[str, Any]) -> dict[str, Any]:
    from benchmarks.placed import VARIANTS, leadline_values, specs_of

    with _placed(asked) as (config, loaded):
        specs = specs_of(config, loaded, whole=asked["who"] == "leadline, whole catalogue")
        loaded = VARIANTS[asked["variant"]](config, loaded)
        before = _peak_mb()
        times, built = _timed(lambda: leadline_values(config, loaded, specs))
    numbers = {s.name: built.values[s.name].to_numpy() for s in specs if s.kind != "category"}
    return _told(times, numbers, features=len(specs), placed_mb=before)


def _load(asked: dict[str, Any]) -> dict[str, Any]:
    from benchmarks.placed import config_of
    from leadline.tables import load, open_store

    config = config_of(Path(asked["folder"]), asked["memory"], asked["threads"])
    with closing(open_store(config.engine)) as store:
        times, _ = _timed(lambda: load(config, store))
    return _told(times)


def _load_kept(asked: dict[str, Any]) -> dict[str, Any]:
    """Time the load of a night that finds the log kept by the one before."""
    from benchmarks.placed import config_of, keeping
    from leadline.tables import load, open_store

    times: dict[str, list[float]] = {}
    with keeping(config_of(Path(asked["folder"]), asked["memory"], asked["threads"])) as config:
        for _ in ("the night before", "this night"):
            with closing(open_store(config.engine)) as store:
                times, _ = _timed(lambda store=store: load(config, store))
    return _told(times)


def _naive(asked: dict[str, Any]) -> dict[str, Any]:
    from benchmarks import naive

    with _placed(asked) as (_, loaded):
        before = _peak_mb()
        return _told(*_timed(lambda: naive.values(loaded.store)), placed_mb=before)


def _frames(asked: dict[str, Any]) -> list[Any]:
    """Read events, leads and snapshots as Arrow tables with canonical columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = Path(asked["folder"])
    events = pq.read_table(folder / "events.parquet", columns=["lead_id", "event_type", "occurred_at", "recorded_at"])
    events = events.rename_columns(["lead_id", "behaviour", "occurred_at", "recorded_at"])
    leads = pq.read_table(folder / "leads.parquet", columns=["lead_id", "account_id", "created_at"])
    leads = leads.append_column("recorded_at", leads.column("created_at"))
    tables = [events, leads, pq.read_table(folder / f"{asked['question']}.parquet")]
    return [
        t.cast(pa.schema([f.with_type(pa.int64()) if f.name.endswith("_at") else f for f in t.schema])) for t in tables
    ]


def _pandas(asked: dict[str, Any]) -> dict[str, Any]:
    from benchmarks import peer_pandas

    frames = [table.to_pandas() for table in _frames(asked)]
    before = _peak_mb()
    sweeps = asked["who"] == "pandas sweep"
    return _told(*_timed(lambda: peer_pandas.values(*frames, sweeps=sweeps)), placed_mb=before)


def _polars(asked: dict[str, Any]) -> dict[str, Any]:
    import os

    os.environ["POLARS_MAX_THREADS"] = str(asked["threads"])
    import polars as pl

    from benchmarks import peer_polars

    frames = [pl.from_arrow(table) for table in _frames(asked)]
    before = _peak_mb()
    return _told(*_timed(lambda: peer_polars.values(*frames)), placed_mb=before)


def _world(asked: dict[str, Any]) -> dict[str, Any]:
    from dataclasses import asdict

    from benchmarks import world

    return asdict(world.make(Path(asked["folder"]), asked["events"], asked["seed"]))


KINDS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "world": _world, "scan": _scan, "leadline": _leadline, "leadline, whole catalogue": _leadline,
    "load from Parquet": _load, "load, kept log": _load_kept, "naive FILTER join": _naive, "pandas loop": _pandas, "pandas sweep": _pandas, "polars fold": _polars,
}  # fmt: skip


def run(asked: dict[str, Any]) -> dict[str, Any]:
    """Do one job and add the peak of resident memory; a peer whose library isn't installed says so."""
    try:
        return {**KINDS[asked["who"]](asked), "peak_mb": _peak_mb()}
    except ModuleNotFoundError as error:
        return {"missing": str(error.name)}


def main(arguments: list[str]) -> int:
    """Read the job as JSON, do it, print the result as JSON."""
    print(json.dumps(run(json.loads(arguments[0]))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
