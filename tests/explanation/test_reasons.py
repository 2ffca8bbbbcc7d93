"""Reasons of many rows are those of each row by itself, and only written once."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.dataset.feature_spec import Feature
from leadline.explanation import reasons as module
from leadline.explanation.reason_text import describe_group
from leadline.explanation.reasons import TopGroups, reason_texts, top_groups
from leadline.workflows.training.train import TrainResult


def slowly(specs: list[Feature], values: pd.DataFrame, told: TopGroups, as_of: np.ndarray) -> np.ndarray:
    """Say every reason by itself."""
    groups = list(dict.fromkeys(s.group for s in specs))
    members = {g: [s for s in specs if s.group == g] for g in groups}
    texts = np.full(told.group.shape, None, dtype=object)
    for row, place in np.argwhere(told.group >= 0):
        mine = members[groups[told.group[row, place]]]
        fact = describe_group(mine, {s.name: values[s.name].iloc[row] for s in mine}, int(as_of[row]))
        texts[row, place] = f"{fact} (lowers the score)" if told.lowers[row, place] else fact
    return texts


def drawn(spec: Feature, random: np.random.Generator, n: int) -> np.ndarray:
    """Facts of a kind: many equal, many near a border of what is said."""
    if spec.kind == "days":
        days = random.choice([0.0, 0.01, 0.4, 0.97, 0.999, 1.0, 1.4, 1.5, 2.5, 30.0, 364.7, 400.0], n) + random.choice(
            [0, 1e-9], n
        )
        return np.where((random.random(n) < 0.3) & (spec.aggregate != "age"), np.nan, days)
    if spec.aggregate in ("depth", "stage_now"):
        return random.choice([0.0, 1.0, 2.0, np.nan], n)
    if spec.kind in ("count", "flag"):
        return random.choice([0.0, 0.0, 1.0, 3.0], n)
    return random.choice([np.nan, 0.0, 0.25, 1.5, 1.54], n)


@pytest.fixture(scope="module")
def catalogue(trained_home: tuple[object, TrainResult]) -> tuple[list[Feature], pd.DataFrame, np.ndarray]:
    made = trained_home[1].prepared.features
    rows = np.random.default_rng(0).choice(len(made), 200)
    return list(made.specs), made.values.iloc[rows].reset_index(drop=True), made.as_of[rows]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), real=st.booleans(), one_night=st.booleans())
def test_what_is_said_of_many_is_what_is_said_of_each(catalogue, seed: int, real: bool, one_night: bool) -> None:
    specs, values, as_of = catalogue
    random = np.random.default_rng(seed)
    if not real:
        numbers = [s for s in specs if s.kind != "category"]
        values = values.assign(**{s.name: drawn(s, random, len(values)) for s in numbers})
    as_of = np.full_like(as_of, as_of[0]) if one_night else as_of
    groups = len({s.group for s in specs})
    told = TopGroups(
        random.integers(-1, groups, (len(values), 5)).astype(np.int16), random.random((len(values), 5)) < 0.3
    )
    assert reason_texts(specs, values, told, as_of).tolist() == slowly(specs, values, told, as_of).tolist()


def test_each_text_is_written_once(catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    specs, values, as_of = catalogue
    said = []
    monkeypatch.setattr(module, "describe_group", lambda *told: said.append(told) or describe_group(*told))
    told = top_groups(specs, np.random.default_rng(1).normal(size=(len(values), len(specs))))
    whole = reason_texts(specs, values, told, np.full_like(as_of, as_of[0]))
    once = len(said)
    twice = pd.concat([values, values], ignore_index=True)
    again = reason_texts(specs, twice, TopGroups.joined([told, told]), np.full(2 * len(values), as_of[0]))
    assert len(said) == 2 * once and again.tolist() == [*whole.tolist(), *whole.tolist()]


def test_no_chunks_are_no_rows() -> None:
    assert TopGroups.joined([]).group.shape == (0, 5)
