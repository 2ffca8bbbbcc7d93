"""LL303: features that move when the future is taken away are refused; a query can't be cut inside, and is told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import projects
from leadline.config.load import load_config
from leadline.core.checks import Severity, run_checks
from leadline.dataset import labels, snapshots
from leadline.dataset.feature_spec import Feature
from leadline.features import build, catalog
from leadline.features.build import FeatureTable
from leadline.leakage import future_cutoff
from leadline.leakage.future_cutoff import MUTATION, CutoffComparison, changed_columns
from leadline.tables import load, open_store
from leadline.workflows.common import behaviour_intents
from leadline.workflows.training import prepare as experiment

COUNT = Feature("visits", "behaviour", "visits", "count", "count", "visited")
WORD = Feature("source", "fit", "attribute:source", "category", "value", "came from", "leads", "source", "column")


def made(visits: list[float], words: list[str | None]) -> FeatureTable:
    n = len(visits)
    ids = np.array([f"L{k}" for k in range(n)], dtype=object)
    values = pd.DataFrame({"visits": visits, "source": pd.Series(words, dtype=object)})
    return FeatureTable((COUNT, WORD), ids, np.full(n, None, dtype=object), np.arange(n), values)


def test_equal_features_give_no_finding_missing_values_included() -> None:
    same = made([1.0, np.nan, 3.0], ["web", None, "fair"])
    assert len(run_checks(MUTATION, CutoffComparison(same, made([1.0, np.nan, 3.0], ["web", None, "fair"])))) == 0


@pytest.mark.parametrize(
    ("visits", "words", "moved"),
    [([1.0, 2.0], ["web", None], {"visits": 1}), ([1.0, np.nan], ["web", "fair"], {"source": 1}), ([0.0, 0.0], [None, "x"], {"visits": 2, "source": 2})],
)  # fmt: skip
def test_a_feature_that_moves_is_an_error_that_names_it(visits, words, moved) -> None:
    whole, cut = made([1.0, np.nan], ["web", None]), made(visits, words)
    assert changed_columns(whole, cut) == moved
    (found,) = run_checks(MUTATION, CutoffComparison(whole, cut))
    assert found.code == "LL303" and found.severity is Severity.ERROR and found.why
    assert f"{len(moved)} of 2 change" in found.seen and max(moved, key=lambda k: (moved[k], k)) in found.seen
    assert "web" not in str(found) and "fair" not in str(found)


def test_snapshots_that_only_the_future_opens_are_an_error() -> None:
    whole = made([1.0], ["web"])
    (found,) = run_checks(MUTATION, CutoffComparison(whole, whole, gone=3))
    assert found.severity is Severity.ERROR and "3 of 4 sampled snapshots" in found.seen


def moves(config_path: Path, known_at: int | None = None, made_before: bool = False):
    config = load_config(config_path)
    store = open_store(config.engine)
    try:
        loaded = load(config, store, known_at)
        snapshots.for_training(config, loaded)
        labels.attach_labels(config, loaded)
        specs = catalog.list_features(config, loaded)
        before = build.compute_features(loaded, specs, behaviour_intents(config), config.roles) if made_before else None
        return experiment.future_moves(config, loaded, specs, before)
    finally:
        store.close()


def test_nothing_moves_in_the_demo_world_and_the_experiment_looks_at_snapshots(
    tmp_path, demo_tables, monkeypatch
) -> None:
    seen: list[int] = []
    real = future_cutoff.changed_columns
    monkeypatch.setattr(future_cutoff, "changed_columns", lambda a, b: seen.append(len(a)) or real(a, b))
    monkeypatch.chdir(tmp_path)
    assert len(moves(projects.settle(tmp_path, demo_tables))) == 0
    assert seen == [experiment.SAMPLE]


def test_features_made_before_are_the_samples_own(tmp_path, demo_tables, monkeypatch) -> None:
    seen: list[FeatureTable] = []
    monkeypatch.setattr(future_cutoff, "changed_columns", lambda whole, cut: seen.append(whole) or {})
    monkeypatch.chdir(tmp_path)
    path = projects.settle(tmp_path, demo_tables)
    moves(path)
    moves(path, made_before=True)
    again, before = seen
    assert len(again) == experiment.SAMPLE and again.specs == before.specs
    assert again.lead_id.tolist() == before.lead_id.tolist() and again.as_of.tolist() == before.as_of.tolist()
    pd.testing.assert_frame_equal(again.values, before.values, check_exact=True)


def test_a_query_cant_be_cut_inside_and_is_told_so(tmp_path, demo_tables, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = projects.config_text().replace(
        'source: "data/accounts.parquet"', """source: {query: "select * from 'data/accounts.parquet'"}"""
    )
    (found,) = moves(projects.settle(tmp_path, demo_tables, text))
    assert (
        found.severity is Severity.NOT_APPLICABLE
        and found.subject == "tables.accounts.source"
        and "query" in found.seen
    )


def test_several_queries_are_told_once() -> None:
    (found,) = run_checks(MUTATION, CutoffComparison(None, None, opaque=("leads", "events", "stages")))
    assert found.severity is Severity.NOT_APPLICABLE and found.subject == "tables.leads.source"
    assert found.seen.endswith("; so are those of events, stages")


def test_it_can_be_switched_off_and_says_so(tmp_path, demo_tables, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (found,) = moves(projects.settle(tmp_path, demo_tables, projects.config_text() + "\nleaks: {experiments: false}\n"))
    assert found.severity is Severity.NOT_APPLICABLE and "experiments" in found.seen
