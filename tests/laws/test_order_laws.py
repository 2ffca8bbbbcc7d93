"""Law 7: rows in any order and any number of threads give the same snapshots, labels and features."""

from __future__ import annotations

import random
from pathlib import Path

from hypothesis import assume, given, settings
from hypothesis import strategies as st

import oracle
from examples import examples
from oracle import Rules
from small_crm import Run, World, config_of, put, rules, same, worlds


@settings(max_examples=examples(20))
@given(world=worlds(), asked=rules(), seed=st.integers(0, 2**16))
def test_shuffled_rows_and_two_threads_give_equal_features(folder: Path, world: World, asked: Rules, seed: int) -> None:
    until = oracle.observed_until(world, asked, None)
    assume(until is not None and oracle.cut(world, until or 0)["leads"])
    results = []
    for shuffle, threads in ((None, 1), (random.Random(seed), 2)):
        put(world, folder, shuffle)
        with Run(config_of(asked, folder, engine={"threads": threads, "memory": "500MB"})) as run:
            results.append((run.train(), run.loaded.fingerprints, run.loaded.rows))
    (counts, labelled, built), prints, rows = results[0]
    (counts_two, labelled_two, built_two), prints_two, rows_two = results[1]
    same(built, built_two)
    assert counts == counts_two and prints == prints_two and rows == rows_two
    for name in ("y", "weight", "known_at", "outcome_at", "outcome_recorded_at", "won"):
        assert getattr(labelled, name).tobytes() == getattr(labelled_two, name).tobytes(), name
