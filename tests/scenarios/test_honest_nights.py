"""Honest nights: growth, a season, a new source, weekends, a holiday and a campaign's burst refuse nothing, and hardly ever warn."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

import projects
from honest_worlds import honest
from leadline import demo, score, train
from quiet_faults import Frames

TRAINED = pd.Timestamp("2025-06-02", tz="UTC")
LINES = "\nnightly: {track: false, deliver: [{to: salesforce, folder: sf}]}\n"


def tables_of(frames: Frames) -> projects.Tables:
    with warnings.catch_warnings():  # pandas warns of its own way from a zoned time to Arrow
        warnings.simplefilter("ignore")
        return {name: pa.Table.from_pandas(frame, preserve_index=False) for name, frame in frames.items()}


def frames_of(tables: projects.Tables) -> Frames:
    return {name: table.to_pandas() for name, table in tables.items()}


def nights(folder: Path, days: range) -> list[list[str]]:
    """Score one night after another; return what each warned of. A refusal raises."""
    config = folder / "demo.yaml"
    config.write_text(config.read_text() + LINES)
    with projects.inside(folder):
        return [
            [
                f["code"]
                for f in score("demo.yaml", (TRAINED + pd.Timedelta(days=d)).isoformat(), "models/demo/1").record[
                    "checks"
                ]
            ]
            for d in days
        ]


def test_a_few_honest_nights_are_silent(trained_home: Any, demo_tables: projects.Tables, tmp_path: Path) -> None:
    """The world changes after training: weekends, which training must have seen, apart."""
    folder = tmp_path / "home"
    shutil.copytree(trained_home[0], folder)
    shutil.rmtree(folder / "data")
    changed = honest(frames_of(demo_tables), TRAINED, 3, weekends=False)
    projects.settle(folder, tables_of(changed))
    assert nights(folder, range(7, 12, 2)) == [[], [], []]


@pytest.mark.long
@pytest.mark.timeout(1_800)
def test_sixty_honest_nights_refuse_nothing_and_at_most_one_in_ten_warns(tmp_path: Path) -> None:
    said: list[list[str]] = []
    for seed in (7, 11, 23):
        folder = tmp_path / str(seed)
        projects.settle(folder, tables_of(honest(frames_of(demo.make_world(1_500, seed).tables), TRAINED, seed)))
        with projects.inside(folder):
            train("demo.yaml", TRAINED.isoformat())
        said += nights(folder, range(1, 21))
    assert len(said) == 60 and sum(bool(codes) for codes in said) <= 6, said
