"""Homes: folders in which leadline is at work on a small demo world, and the `leadline` command as a real process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from leadline import Config, demo, load_config
from leadline.model.fitting.fit import OutOfFold, fit_scorer
from leadline.model.scorer import Scorer
from leadline.workflows.common import parse_as_of
from leadline.workflows.training.fit import training_matrix
from leadline.workflows.training.prepare import make_folds, prepare_training

LEADS = 2_000  # enough positive ones (150) for trees
KNOWN_AT = "2025-06-02T00:00:00Z"
NIGHT = "2025-06-09T00:00:00Z"
CANARY = "Canary Zq17 Officer"
SOURCE = Path(__file__).parents[1] / "src"
RUN = [sys.executable, "-c", "from leadline.cli.app import main; main()"]

Tables = dict[str, pa.Table]

CLOCKS = {
    "leads": ("created_at",),
    "accounts": (),
    "events": ("occurred_at", "recorded_at"),
    "stages": ("changed_at", "recorded_at"),
    "opportunities": ("created_at",),
    "history": ("changed_at",),
    "spend": (),
    "merges": ("merged_at",),
    "touches": ("touched_at", "recorded_at"),
}
"""When a row of each table happened, and when the source knew of it."""


def tables() -> Tables:
    """The demo world's tables; a few leads bear a title that nobody else has, which must turn up nowhere."""
    made = dict(demo.make_world(LEADS, 7).tables)
    titles = made["leads"]["job_title"].to_pylist()
    titles[-5:] = [CANARY] * 5
    place = made["leads"].schema.get_field_index("job_title")
    made["leads"] = made["leads"].set_column(place, "job_title", pa.array(titles))
    return made


def config_text() -> str:
    """The demo's config with fewer windows, folds and threads, and without ablation: the laws are the same, and the tests are quicker."""
    text = demo.config_text("")
    for old, new in (
        ("[7d, 30d, 90d]", "[7d, 30d]"),
        ("folds: 3, test: 56d", "folds: 2, test: 56d, ablation: false"),
        ("threads: 2", "threads: 1"),
    ):
        assert old in text
        text = text.replace(old, new)
    return text


def quick(text: str) -> str:
    """Leave out of a training what only adds figures to its record: its model is the same to the byte."""
    old = "ablation: false"
    assert old in text and "leaks:" not in text
    return f"{text.replace(old, old + ', stability: false')}\nleaks: {{experiments: false}}\n"


def settle(folder: Path, world: Tables, text: str | None = None) -> Path:
    """Write a world and its config; return the config, whose paths are relative to the folder."""
    data = folder / "data"
    (data / "events").mkdir(parents=True)
    for name, table in world.items():
        pq.write_table(table, data / ("events/all.parquet" if name == "events" else f"{name}.parquet"))
    config = folder / "demo.yaml"
    config.write_text(text if text is not None else config_text(), encoding="utf-8")
    return config


def at(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


def cut(world: Tables, moment: str) -> Tables:
    """Keep what was on record strictly before a moment; a deal that closed later is still open."""
    result = {}
    for name, table in world.items():
        for clock in CLOCKS[name]:
            table = table.filter(pc.less(table[clock], pa.scalar(at(moment), table[clock].type)))
        result[name] = table
    deals = result["opportunities"]
    closed = deals["closed_at"]
    later = pc.fill_null(pc.greater_equal(closed, pa.scalar(at(moment), closed.type)), False)
    for column, value in (("closed_at", None), ("stage", "open"), ("amount", None)):
        place = deals.schema.get_field_index(column)
        kind = deals.schema.field(column).type
        deals = deals.set_column(place, column, pc.if_else(later, pa.scalar(value, kind), deals[column]))
    return {**result, "opportunities": deals}


def poisoned(world: Tables, moment: str) -> Tables:
    """Add rows that only the future could know: they occur, or are recorded, from the moment on."""
    result = dict(world)
    stamp = world["events"]["occurred_at"].type
    then = pa.scalar(at(moment), stamp)
    events = world["events"].slice(0, 4_000)
    ids = pa.array([f"X{n}" for n in range(events.num_rows)])
    poison = events.set_column(0, "event_id", ids).set_column(2, "event_type", pa.array(["demo_request"] * len(ids)))
    late = poison.set_column(4, "recorded_at", pa.array([then] * len(ids), stamp))  # happened before, known only now
    after = late.set_column(0, "event_id", pc.binary_join_element_wise("Y", ids, "")).set_column(
        3, "occurred_at", pa.array([then] * len(ids), stamp)
    )
    result["events"] = pa.concat_tables([world["events"], late, after])
    stages = world["stages"].slice(0, 800)
    won = pa.array(["closed_won"] * stages.num_rows)
    late_stages = stages.set_column(1, "stage", won).set_column(3, "recorded_at", pa.array([then] * len(won), stamp))
    result["stages"] = pa.concat_tables([world["stages"], late_stages])
    titles = world["history"].slice(0, 500)
    bent = titles.set_column(1, "field", pa.array(["account_id"] * titles.num_rows))
    bent = bent.set_column(3, "changed_at", pa.array([then] * titles.num_rows, stamp))
    result["history"] = pa.concat_tables([world["history"], bent])
    return result


def shuffled(world: Tables, seed: int = 3) -> Tables:
    import numpy as np

    draw = np.random.default_rng(seed)
    return {name: table.take(pa.array(draw.permutation(table.num_rows))) for name, table in world.items()}


@contextmanager
def inside(folder: Path) -> Iterator[None]:
    """Work in a folder, as a user does."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def fitted(config: Config, as_of: str | None) -> tuple[Scorer, OutOfFold]:
    """Fit as `train` does, without tracking."""
    made = prepare_training(config, parse_as_of(config, as_of))
    folds, _ = make_folds(config, made)
    pairs = [(fold.train, fold.test) for fold in folds]
    return fit_scorer(made.features.specs, training_matrix(made), pairs, None, config.seed, config.engine.threads)


def configured(folder: Path, world: Tables, change: Callable[[str], str] = lambda text: text) -> Config:
    with inside(folder):
        return load_config(settle(folder, world, change(config_text())))


@dataclass(frozen=True)
class Done:
    """An ended command."""

    code: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """The one line of an error."""
        lines = [line for line in self.err.splitlines() if line.startswith("leadline: ")]
        assert len(lines) == 1, self.err
        return lines[0]

    def json(self) -> Any:
        return json.loads(self.out)


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(SOURCE), "COLUMNS": "80", **(extra or {})}


def leadline(*words: str, cwd: Path, env: Mapping[str, str] | None = None) -> Done:
    """Run a command as a user does, in a process of its own."""
    done = subprocess.run(
        [*RUN, *words], cwd=cwd, env=environment(env), capture_output=True, text=True, timeout=120, check=False
    )
    return Done(done.returncode, done.stdout, done.stderr)


def interrupted(*words: str, cwd: Path, after: str, sign: signal.Signals) -> Done:
    """Run a command, and send it a signal as soon as it has told a stage."""
    # Whoever runs the tests in the background may have had SIGINT ignored, and children inherit that.
    listening = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); " + RUN[-1]
    process = subprocess.Popen(
        [*RUN[:-1], listening, *words],
        cwd=cwd, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    told = []
    for line in process.stderr:
        told.append(line)
        if after in line:
            process.send_signal(sign)
            break
    out, rest = process.communicate(timeout=120)
    return Done(process.returncode, out, "".join(told) + rest)


def wait_for(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until something holds."""
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.01)
