"""Folds run forward in time, and the second look catches every overlap that is planted; thinning keeps the truth."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from leadline.dataset import splits
from leadline.dataset.labels import Labels
from leadline.dataset.splits import Fold
from leadline.errors import DataError
from oracle import DAY, Rules
from small_crm import START, WORDS, Run, World, config_of, put, same


@st.composite
def histories(draw: st.DrawFn) -> tuple[np.ndarray, Labels, int]:
    """Snapshots of a few instants, with labels of a few days' horizon; more than enough positives for folds."""
    horizon, delay = draw(st.sampled_from([1, 3, 7])) * DAY, draw(st.sampled_from([0, DAY]))
    days = np.sort(np.asarray(draw(st.lists(st.integers(0, 60), min_size=80, max_size=150))))
    as_of = days * DAY
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    y = (rng.random(len(as_of)) < 0.6).astype(float)
    inside = as_of + rng.integers(0, horizon, len(as_of))
    outcome = np.where(y == 1, inside.astype(float), np.nan)
    none = np.full(len(as_of), np.nan)
    return as_of, Labels(y, np.ones(len(y)), as_of + horizon + delay, outcome, outcome, none), horizon


@settings(max_examples=150)
@given(past=histories(), count=st.integers(1, 5), length=st.sampled_from([3, 7, 14]))
def test_every_training_label_was_known_when_its_test_begins(
    past: tuple[np.ndarray, Labels, int], count: int, length: int
) -> None:
    as_of, labelled, horizon = past
    made = splits.make_dated_folds(as_of, labelled, count, length * DAY)
    for fold in made:
        assert (labelled.known_at[fold.train] <= fold.starts_at).all()
        assert (as_of[fold.train] + horizon <= as_of[fold.test].min()).all()
        assert ((as_of[fold.test] >= fold.starts_at) & (as_of[fold.test] < fold.ends_at)).all()
        assert not np.intersect1d(fold.train, fold.test).size
        for rows, side in ((fold.train, "training"), (fold.test, "test")):
            assert labelled.y[rows].sum() >= splits.FEWEST[side]
    spans = [(f.starts_at, f.ends_at) for f in made]
    assert all(a[1] <= b[0] for a, b in pairwise(spans))
    if made and made[-1].ends_at == int(as_of.max()) + 1:
        assert as_of.max() in as_of[made[-1].test]
    splits.check_folds(made, as_of, labelled, horizon)


@settings(max_examples=150)
@given(past=histories(), row=st.integers(0, 10_000), kind=st.sampled_from(["both sides", "window", "outcome"]))
def test_the_second_look_catches_a_planted_overlap(past: tuple[np.ndarray, Labels, int], row: int, kind: str) -> None:
    as_of, labelled, horizon = past
    made = splits.make_dated_folds(as_of, labelled, 2, 14 * DAY)
    assume(made)
    fold, start = made[0], int(as_of[made[0].test].min())
    if kind == "both sides":
        planted = replace(fold, train=np.append(fold.train, fold.test[row % len(fold.test)]))
    elif kind == "window":
        reaching = np.flatnonzero((as_of + horizon > start) & (as_of < start))
        assume(reaching.size)
        planted = replace(fold, train=np.append(fold.train, reaching[row % reaching.size]))
    else:
        positives = fold.train[labelled.y[fold.train] == 1]
        outcome = labelled.outcome_at.copy()
        outcome[positives[row % positives.size]] = start
        labelled, planted = replace(labelled, outcome_at=outcome), fold
    with pytest.raises(DataError, match="fold 1"):
        splits.check_folds((planted,), as_of, labelled, horizon)


@settings(max_examples=100)
@given(
    order=st.lists(st.integers(0, 40), min_size=60, max_size=200),
    count=st.integers(1, 4),
    share=st.sampled_from([0.1, 0.2, 0.5]),
)
def test_flat_folds_keep_equal_orders_together_and_run_forward(order: list[int], count: int, share: float) -> None:
    order_at = np.sort(np.asarray(order))
    none = np.full(len(order), np.nan)
    labelled = Labels(np.ones(len(order)), np.ones(len(order)), order_at, none, none, none)
    made = splits.make_ordered_folds(order_at, labelled, count, share)
    for fold in made:
        assert order_at[fold.train].max() < order_at[fold.test].min()
        assert set(order_at[fold.train]).isdisjoint(order_at[fold.test])
    splits.check_folds(made, order_at, labelled, 0)


def test_no_rows_make_no_folds() -> None:
    empty = np.empty(0)
    labelled = Labels(empty, empty, empty.astype(np.int64), empty, empty, empty)
    assert splits.make_dated_folds(empty.astype(np.int64), labelled, 3, DAY) == ()
    assert splits.make_ordered_folds(empty.astype(np.int64), labelled, 3, 0.2) == ()
    splits.check_folds(
        (Fold(np.empty(0, np.int64), np.empty(0, np.int64), 0, 1),), empty.astype(np.int64), labelled, DAY
    )


def crowd(leads: int) -> World:
    """Many leads, created together; one in eight becomes SQL on day 30."""
    blank: World = {t: [] for t in ("accounts", "events", "opportunities", "history", "merges")}
    return {
        **blank,
        "leads": [{"lead_id": f"L{n}", "account_id": None, "created_at": START, "country": None, "size": None, "recorded_at": None} for n in range(leads)],
        "stages": [{"lead_id": f"L{n}", "stage": "sql", "changed_at": START + 30 * DAY, "recorded_at": None} for n in range(0, leads, 8)]
        + [{"lead_id": "L-other", "stage": "mql", "changed_at": START + 60 * DAY, "recorded_at": None}],
    }  # fmt: skip


def test_thinned_negatives_stand_for_all_of_them_and_every_positive_stays(folder: Path) -> None:
    put(crowd(400), folder)
    asked = Rules(reaches="sql", horizon=7 * DAY, every=DAY, words=WORDS)
    with Run(config_of(asked, folder, snapshots={"every": "1d", "max": 5000})) as run:
        counts, labelled, built = run.train()
        assert counts.thinned and counts.positive == 50 * 7 and counts.negative > 15_000
        assert counts.kept_negative + counts.positive == pytest.approx(5000, rel=0.05)
        negative = labelled.y == 0
        assert labelled.weight[negative].sum() == pytest.approx(counts.negative, rel=1e-12)
        assert (labelled.weight[~negative] == 1).all() and (~negative).sum() == counts.positive
        # Every as_of and every lead stays as likely as any other.
        early = built.as_of[negative] < START + 26 * DAY
        assert labelled.weight[negative][early].sum() == pytest.approx(400 * 24, rel=0.1)


def test_thinning_keeps_the_same_rows_whatever_the_order_and_others_for_another_seed(folder: Path) -> None:
    import random

    asked = Rules(reaches="sql", horizon=7 * DAY, every=DAY, words=WORDS)
    kept = []
    for shuffle, threads, seed in ((None, 1, 7), (random.Random(3), 2, 7), (None, 1, 8)):
        put(crowd(200), folder, shuffle)
        more = {
            "snapshots": {"every": "1d", "max": 2000},
            "engine": {"threads": threads, "memory": "500MB"},
            "seed": seed,
        }
        with Run(config_of(asked, folder, **more)) as run:
            kept.append(run.train()[2])
    same(kept[0], kept[1])
    assert kept[0].lead_id.tolist() != kept[2].lead_id.tolist()


def test_more_positives_than_the_room_for_all_still_keep_their_negatives(folder: Path) -> None:
    world = crowd(300)
    world["stages"] += [
        {"lead_id": f"L{n}", "stage": "sql", "changed_at": START + 30 * DAY, "recorded_at": None} for n in range(280)
    ]
    put(world, folder)
    asked = Rules(reaches="sql", horizon=28 * DAY, every=DAY, words=WORDS)
    with Run(config_of(asked, folder, snapshots={"every": "1d", "max": 1000})) as run:
        counts, labelled, _ = run.train()
        assert counts.positive > counts.negative > 0
        assert counts.kept_negative == counts.negative and (labelled.weight == 1).all()
