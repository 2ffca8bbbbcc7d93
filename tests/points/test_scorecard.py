"""Scorecard: whole points, few rows, more acts never undo points, and the same card whatever the order of rows."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.core.point_in_time import Horizon
from leadline.dataset.feature_spec import Feature
from leadline.metrics import classification
from leadline.model.encoding.encoder import Matrix
from leadline.points.card import MOST_ROWS, PointsCard, distill
from leadline.points.conditions import Condition, list_candidates

WINDOWS = ("7d", "30d", "90d")
BEHAVIOURS = ("demo", "pricing", "unsubscribe")


def counts(behaviour: str) -> list[Feature]:
    return [
        Feature(f"n_{behaviour}_{w}", "behaviour", f"behaviour:{behaviour}", "count", "count", f"did {behaviour}", field=behaviour,
                by="behaviour", window=Horizon.parse(w))
        for w in WINDOWS
    ]  # fmt: skip


SPECS = (
    *(spec for b in BEHAVIOURS for spec in counts(b)),
    Feature("since_demo", "recency", "behaviour:demo", "days", "since_last", "did demo", field="demo", by="behaviour"),
    Feature("heat_demo", "velocity", "behaviour:demo", "count", "heat", "did demo", field="demo", by="behaviour"),
    Feature("is_mql", "funnel", "stage:mql", "flag", "in_stage", "became MQL", "stages", "mql", "stage"),
    Feature("age", "age", "age", "days", "age", "time since creation", "leads"),
    Feature("lead_source", "fit", "attribute:lead_source", "category", "value", "source", "leads", "source", "column"),
    Feature(
        "account_employees",
        "fit",
        "attribute:account_employees",
        "number",
        "value",
        "employees",
        "accounts",
        "employees",
    ),
)


def values_of(rng: np.random.Generator, rows: int) -> pd.DataFrame:
    columns: dict[str, object] = {}
    for behaviour in BEHAVIOURS:
        week = rng.poisson(0.3, rows)
        month = week + rng.poisson(0.4, rows)
        columns |= dict(zip((f"n_{behaviour}_{w}" for w in WINDOWS), (1.0 * week, 1.0 * month, 1.0 * month + rng.poisson(0.5, rows)), strict=True))  # fmt: skip
    columns["since_demo"] = np.where(rng.random(rows) < 0.5, rng.uniform(0, 200, rows), np.nan)
    columns["heat_demo"] = rng.random(rows)
    columns["is_mql"] = rng.integers(0, 2, rows) * 1.0
    columns["age"] = rng.uniform(0, 300, rows)
    source = np.array(["web", "fair", "=cmd()", "partner", None, "x@y.example"], dtype=object)
    columns["lead_source"] = source[rng.choice(6, rows, p=[0.4, 0.3, 0.1, 0.1, 0.095, 0.005])]
    columns["account_employees"] = np.where(rng.random(rows) < 0.1, np.nan, np.round(10 ** rng.uniform(0.5, 3.5, rows)))
    return pd.DataFrame(columns)


@cache
def learnt() -> tuple[Matrix, np.ndarray, PointsCard]:
    """Rows, what a made-up model says of them, and the card."""
    rng = np.random.default_rng(3)
    values = values_of(rng, 1500)
    odds = (
        -3 + 1.2 * (values.n_demo_30d > 0) + 0.8 * (values.n_pricing_7d > 0) + 0.5 * (values.n_pricing_90d > 1)
        - 0.9 * (values.n_unsubscribe_90d > 0) + 0.7 * (values.lead_source == "partner") - 0.6 * (values.account_employees < 50)
        + 0.6 * (values.age < 30) + 2.0 * values.is_mql
    )  # fmt: skip
    said = 1 / (1 + np.exp(-odds.to_numpy(dtype=float)))
    when = np.arange(1500)
    matrix = Matrix(values, (rng.random(1500) < said) * 1.0, np.ones(1500), when // 3, when // 50, when // 50 + 30)
    return matrix, said, distill(SPECS, matrix, said)


def points_by_hand(card: PointsCard, row: dict[str, object]) -> int:
    """What a person with the table and one lead would add up."""
    total = 0
    for line in card.rows:
        c, value = line.condition, row[line.condition.feature]
        missing = value is None or (isinstance(value, float) and np.isnan(value))
        if c.test == "unknown":
            holds = missing
        elif missing:
            holds = False
        elif c.test == "among":
            holds = value in c.levels
        elif c.test == "ever":
            holds = True
        else:
            holds = (c.low is None or value >= c.low) and (c.high is None or value < c.high)
        total += line.points if holds else 0
    return total


def test_the_card_is_small_whole_and_asks_what_rule_editors_have() -> None:
    matrix, _, card = learnt()
    assert 5 <= len(card.rows) <= MOST_ROWS
    assert all(isinstance(row.points, int) and row.points for row in card.rows)
    asked = {row.condition.feature for row in card.rows}
    assert not asked & {"heat_demo", "is_mql"}
    assert len({row.condition for row in card.rows}) == len(card.rows)
    scored = card.score(matrix.values)
    assert scored.dtype == np.int64
    levels = {level for row in card.rows for level in row.condition.levels}
    assert "x@y.example" not in levels  # fewer than 20 leads share it


def test_the_card_ranks_as_the_model_that_it_can_see() -> None:
    matrix, said, card = learnt()
    seen = (
        said / (1 - said) * np.exp(-2.0 * matrix.values.is_mql.to_numpy())
    )  # without the stage, which no card may ask
    clear = seen > np.median(seen)
    assert classification.auc(clear * 1.0, card.score(matrix.values)) > 0.95


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_a_score_is_what_a_person_adds_up(seed: int) -> None:
    _, _, card = learnt()
    values = values_of(np.random.default_rng(seed), 5)
    assert card.score(values).tolist() == [points_by_hand(card, row) for row in values.to_dict("records")]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(BEHAVIOURS), st.integers(0, 2), st.integers(1, 4))
def test_more_or_more_recent_acts_never_undo_points(seed: int, behaviour: str, window: int, more: int) -> None:
    _, _, card = learnt()
    before = values_of(np.random.default_rng(seed), 4)
    after = before.copy()
    for wider in WINDOWS[window:]:  # an act of this week is one of this month, too
        after[f"n_{behaviour}_{wider}"] += more
    gap = card.score(after) - card.score(before)
    assert (gap <= 0).all() if behaviour == "unsubscribe" else (gap >= 0).all()


def test_the_order_of_rows_changes_nothing() -> None:
    matrix, said, card = learnt()
    order = np.random.default_rng(1).permutation(len(matrix))
    assert distill(SPECS, matrix.take(order), said[order]) == card
    assert distill(SPECS, matrix, said) == card


@pytest.mark.parametrize("most", [1, 4, 12])
def test_a_card_has_at_most_the_rows_asked_for(most: int) -> None:
    matrix, said, _ = learnt()
    assert len(distill(SPECS, matrix, said, most).rows) <= most


def test_bands_and_sets_of_one_attribute_exclude_each_other() -> None:
    matrix, _, card = learnt()
    for feature in ("age", "account_employees", "lead_source"):
        rows = [row for row in card.rows if row.condition.feature == feature]
        held = sum((row.condition.holds(matrix.values[feature]) for row in rows), np.zeros(len(matrix)))
        assert rows and held.max() <= 1


def test_labels_are_never_read() -> None:
    matrix, said, card = learnt()
    turned = Matrix(matrix.values, 1 - matrix.y, matrix.weight, matrix.lead, matrix.as_of, matrix.known_at)
    assert distill(SPECS, turned, said) == card


def test_nothing_to_ask_of_gives_an_empty_card() -> None:
    matrix, said, _ = learnt()
    assert distill(SPECS[10:12], matrix, said).rows == ()  # a heat and a stage
    assert distill(SPECS, matrix, np.full(len(said), 0.1)).rows == ()  # a model that tells nobody apart


def test_a_condition_holds_of_at_least_twenty_leads() -> None:
    matrix, said, _ = learnt()
    found, holds = list_candidates(SPECS, matrix.values, matrix.lead, np.log(said))
    for column in holds.T:
        assert min(len(np.unique(matrix.lead[side])) for side in (column, ~column)) >= 20
    assert Condition("lead_source", "among", levels=("x@y.example",)) not in [c.condition for c in found]


@pytest.mark.parametrize(("field", "earns"), [("lost", False), ("rejected", False), ("won", True), ("sql", True)])
def test_what_became_of_others_of_an_account_pulls_the_way_that_a_reader_believes(field: str, earns: bool) -> None:
    n = np.arange(400)
    spec = Feature(
        "colleagues",
        "history",
        "account_past",
        "count",
        "colleagues_reached",
        "colleagues",
        "colleagues",
        field,
        "stage",
    )
    rows = Matrix(pd.DataFrame({"colleagues": n % 2.0}), n % 2, np.ones(400), n, n, n + 1)
    for model in (np.where(n % 2 > 0, 0.4, 0.1), np.where(n % 2 > 0, 0.1, 0.4)):
        points = [row.points for row in distill([spec], rows, model).rows]
        assert all((p > 0) == earns for p in points)
        assert bool(points) == ((model[1] > model[0]) == earns)
