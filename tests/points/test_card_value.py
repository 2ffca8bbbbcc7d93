"""What a card is worth: figures equal those of `metrics` and of the capacity table, and thresholds hold their volume."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.core.point_in_time import WEEK
from leadline.evaluation import capacity
from leadline.metrics import classification
from leadline.points.card_value import CardCohort, best_per_lead_week, card_bands, evaluate_card


def cohort(seed: int = 0, rows: int = 400, weeks: int = 4) -> CardCohort:
    rng = np.random.default_rng(seed)
    lead = np.array([f"L{n}" for n in rng.permutation(np.repeat(np.arange(rows // weeks), weeks))], dtype=object)
    as_of = np.argsort(np.argsort(lead, kind="stable"), kind="stable") % weeks * WEEK  # each lead once a week
    score = rng.integers(0, 12, rows) * 1.0
    y = (rng.random(rows) < 0.05 + 0.02 * score) * 1.0
    said = {"card": score, "model": score + rng.random(rows), "points": rng.integers(0, 3, rows) * 1.0}
    return CardCohort(y, rng.integers(1, 3, rows) * 1.0, lead, np.array([who[:2] for who in lead]), as_of, said, 12.0)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_figures_are_those_of_metrics(seed: int) -> None:
    rows = cohort(seed, 80)
    told = evaluate_card(rows, seed=1, repeats=2)
    for who, score in rows.said.items():
        figures = told.by[who]
        assert figures["auc"].value == pytest.approx(classification.auc(rows.y, score, rows.weight), nan_ok=True)
        assert figures["lift_10"].value == pytest.approx(
            classification.lift_at(rows.y, score, 0.1, rows.weight), nan_ok=True
        )
        worked, found = worked_by_hand(rows, score)
        assert figures["precision"].value == pytest.approx(found / worked, nan_ok=True)
        assert figures["expected"].value == pytest.approx(found / 4)


def worked_by_hand(rows: CardCohort, score: np.ndarray) -> tuple[float, float]:
    """Work the best of each week, those of equal score for equal shares; a lead that gets there counts once."""
    worked, found, still = 0.0, 0.0, dict.fromkeys(rows.lead, 1.0)
    for week in np.unique(rows.as_of):
        room, here = rows.per_week, np.flatnonzero(rows.as_of == week)
        for value in sorted(set(score[here]), reverse=True):
            tied = [n for n in here if score[n] == value]
            part = min(room / sum(rows.weight[tied]), 1.0)
            room -= part * sum(rows.weight[tied])
            worked += part * sum(rows.weight[tied])
            for n in tied:
                got = min(part, still[rows.lead[n]]) * rows.y[n]
                still[rows.lead[n]] -= got
                found += got * rows.weight[n]
    return worked, found


def test_the_model_brings_what_the_capacity_table_says() -> None:
    rows = cohort(5, 400)
    one = np.ones(len(rows.y))
    rows = CardCohort(rows.y, one, rows.lead, rows.group, rows.as_of, rows.said, 12.0, 4 * WEEK, WEEK)
    asked = capacity.ScoredRows(rows.said["model"], rows.y, one, rows.lead, rows.as_of, 4 * WEEK, WEEK)
    cut = capacity.capacity_result(asked, 12.0)
    figures = evaluate_card(rows, seed=1, repeats=2).by["model"]
    assert figures["expected"].value == pytest.approx(cut.expected)
    assert figures["precision"].value == pytest.approx(cut.precision)


def test_the_same_ranking_is_worth_the_same_in_every_draw() -> None:
    rows = cohort(2)
    same = CardCohort(rows.y, rows.weight, rows.lead, rows.group, rows.as_of, {"card": rows.said["card"], "model": 2 * rows.said["card"]}, 12.0)  # fmt: skip
    told = evaluate_card(same, seed=1, repeats=30)
    assert (told.kept.value, told.kept.low, told.kept.high) == (1.0, 1.0, 1.0)
    assert (told.ahead["model"].low, told.ahead["model"].high) == (0.0, 0.0)
    assert told.by["card"]["lift_10"].low < told.by["card"]["lift_10"].value < told.by["card"]["lift_10"].high


def test_the_order_of_rows_changes_nothing() -> None:
    rows = cohort(3)
    order = np.random.default_rng(1).permutation(len(rows.y))
    turned = CardCohort(
        rows.y[order], rows.weight[order], rows.lead[order], rows.group[order], rows.as_of[order],
        {who: score[order] for who, score in rows.said.items()}, rows.per_week,
    )  # fmt: skip
    one, two = evaluate_card(rows, 7, 10), evaluate_card(turned, 7, 10)
    assert two.kept.value == pytest.approx(one.kept.value) and two.kept.low == pytest.approx(one.kept.low)
    assert card_bands(rows) == card_bands(turned)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.floats(0.5, 40))
def test_a_threshold_is_the_whole_score_nearest_to_its_volume(seed: int, per_week: float) -> None:
    rows = cohort(seed, 80)
    rows = CardCohort(rows.y, rows.weight, rows.lead, rows.group, rows.as_of, rows.said, per_week)
    laid, at = card_bands(rows), best_per_lead_week(rows)
    assert laid[0].name == "A" and [b.at_least for b in laid] == sorted({b.at_least for b in laid}, reverse=True)
    volumes = {s: at.weight[at.said["card"] >= s].sum() / at.weeks for s in np.unique(at.said["card"])}
    for band in laid:
        assert band.leads_per_week == pytest.approx(volumes[band.at_least])
    best = min(abs(volume - per_week) for volume in volumes.values())
    assert abs(laid[0].leads_per_week - per_week) == pytest.approx(best)


def test_one_account_has_no_interval_and_a_flat_file_takes_its_best_tenth() -> None:
    rows = cohort(4)
    flat = CardCohort(rows.y, rows.weight, rows.lead, np.zeros(len(rows.y)), rows.as_of, rows.said)
    told = evaluate_card(flat, seed=1)
    assert np.isnan(told.kept.low) and told.weeks == 1.0 and told.to_record()["kept"]["low"] is None
    assert told.room == pytest.approx(0.1 * rows.weight.sum())
