"""Drivers and reasons."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from leadline.core.point_in_time import parse_instant
from leadline.dataset.feature_spec import Feature
from leadline.explanation.drivers import group_contributions, lead_reasons, rank_drivers, shap_explanation
from leadline.model.shap.tree_shap import NEAR
from leadline.workflows.scoring.explain import LeadExplanation
from leadline.workflows.training.train import TrainResult

NOON = parse_instant("2026-01-10T12:00:00Z")
SPECS = [
    Feature(f"f{n}", "fit", group, "number", "value", f"thing {group}", "leads") for n, group in enumerate("aabcab")
]
matrices = arrays(np.float64, st.tuples(st.integers(1, 8), st.just(6)), elements=st.floats(-3, 3))


def frame(rows: int) -> pd.DataFrame:
    return pd.DataFrame({s.name: np.arange(rows, dtype=float) + n for n, s in enumerate(SPECS)})


@given(matrices)
def test_grouping_keeps_each_rows_sum(contributions: np.ndarray) -> None:
    groups, summed = group_contributions(SPECS, contributions)
    assert groups == ["a", "b", "c"]
    assert summed.sum(axis=1) == pytest.approx(contributions.sum(axis=1))
    assert summed[:, 0] == pytest.approx(contributions[:, [0, 1, 4]].sum(axis=1))


@given(matrices)
def test_reasons_come_strongest_first_and_say_when_they_lower(contributions: np.ndarray) -> None:
    texts = lead_reasons(SPECS, frame(len(contributions)), contributions, np.full(len(contributions), NOON))
    groups, summed = group_contributions(SPECS, contributions)
    for row, said in zip(summed, texts, strict=True):
        told = [t for t in said if t is not None]
        effects = [row[groups.index(t.split()[1])] for t in told]
        assert len(told) == np.sum(np.abs(row) >= 0.01)
        assert [abs(e) for e in effects] == sorted((abs(e) for e in effects), reverse=True)
        assert all(t.endswith("(lowers the score)") == (e < 0) for t, e in zip(told, effects, strict=True))
        assert said.tolist()[: len(told)] == told  # what is missing is missing at the end


def test_no_more_reasons_than_asked() -> None:
    texts = lead_reasons(SPECS, frame(2), np.ones((2, 6)), np.full(2, NOON), most=2)
    assert texts.shape == (2, 2)


def test_no_features_give_no_reasons() -> None:
    assert (
        lead_reasons([], pd.DataFrame(index=range(3)), np.empty((3, 0)), np.full(3, NOON)).tolist() == [[None] * 5] * 3
    )


def test_drivers_shares_add_up_and_the_strongest_comes_first() -> None:
    draw = np.random.default_rng(0)
    told = rank_drivers(SPECS, frame(50), draw.normal(size=(50, 6)), draw.uniform(0.5, 2, 50))
    assert sum(d.share for d in told) == pytest.approx(1)
    assert [d.weight for d in told] == sorted((d.weight for d in told), reverse=True)


@pytest.mark.parametrize(("slope", "sign"), [(1.0, 1), (-1.0, -1)])
def test_a_drivers_direction_is_that_of_its_strongest_feature(slope: float, sign: int) -> None:
    values = frame(30)
    contributions = np.zeros((30, 6))
    contributions[:, 2] = slope * (values["f2"] - values["f2"].mean())
    (driver,) = [d for d in rank_drivers(SPECS, values, contributions, np.ones(30)) if d.group == "b"]
    assert np.sign(driver.direction) == sign


def test_a_constant_or_a_category_has_no_direction() -> None:
    values = frame(10)
    values["f3"] = 1.0
    told = rank_drivers(SPECS, values, np.random.default_rng(0).normal(size=(10, 6)), np.ones(10))
    assert np.isnan(next(d for d in told if d.group == "c").direction)


def test_contributions_and_base_add_up_to_the_margin_of_the_real_model(
    trained_home: tuple[object, TrainResult],
) -> None:
    result = trained_home[1]
    values = result.prepared.features.values.iloc[:300]
    contributions, base = result.scorer.contributions(values)
    _, summed = group_contributions(list(result.prepared.features.specs), contributions)
    assert summed.sum(axis=1) + base == pytest.approx(result.scorer.margin(values), abs=1e-9)


@pytest.mark.filterwarnings("ignore")  # SHAP's own
def test_a_shap_explanation_carries_the_scorers_contributions(trained_home: tuple[object, TrainResult]) -> None:
    result = trained_home[1]
    made = result.prepared.features
    few = type(made)(made.specs, made.lead_id[:20], made.account_id[:20], made.as_of[:20], made.values.iloc[:20])
    told = shap_explanation(result.scorer, few)
    contributions, base = result.scorer.contributions(few.values)
    assert np.array_equal(told.values, contributions) and set(told.base_values) == {base}
    assert list(told.feature_names) == list(result.scorer.names)


@pytest.mark.filterwarnings("ignore")  # SHAP's own
def test_the_runs_explanation_is_lightgbms_own_and_adds_up(trained_home: tuple[object, TrainResult]) -> None:
    result = trained_home[1]
    told = result.explanation(rows=50)
    newest = result.prepared.features.values.iloc[-50:]
    theirs, _ = replace(result.scorer, tabled=False).contributions(
        newest
    )  # LightGBM's pred_contrib, and the linear part
    assert np.abs(told.values - theirs).max() <= NEAR and told.data.shape == told.values.shape
    assert told.values.sum(axis=1) + told.base_values == pytest.approx(result.scorer.margin(newest), abs=1e-9)
    assert len(result.explanation(rows=10**9).values) == len(result.prepared.features)


@pytest.mark.filterwarnings("ignore")
def test_a_leads_explanation_has_a_value_for_each_fact() -> None:
    told = LeadExplanation(
        "L1", "2025-06-02", 0.1, "A", (("did much", 0.5), ("is far", -0.2)), -2.5, "demo 1"
    ).explanation()
    assert told.values.tolist() == [0.5, -0.2] and told.feature_names == ["did much", "is far"]
    assert told.values.sum() + told.base_values == pytest.approx(-2.2)
