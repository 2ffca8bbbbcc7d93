"""The lowest rung: base rate and one scale, a scorer like any other, and never a coefficient for a feature."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.config.modeling import Rule
from leadline.config.schema import Config
from leadline.dataset.feature_spec import Feature
from leadline.model.encoding.encoder import Matrix
from leadline.model.fitting.small_data import PointsRule, fit_lowest, fit_prior
from leadline.model.scorer import Scorer
from leadline.points.rules import points_rules, rule_points

SPECS = [
    Feature("rule_0", "behaviour", "behaviour:demo", "count", "count", "asked for a demo"),
    Feature("rule_1", "behaviour", "behaviour:demo", "count", "count", "asked for a demo"),
    Feature("lead_country", "fit", "attribute:lead_country", "category", "value", "country"),
    Feature("account_employees", "fit", "attribute:account_employees", "number", "value", "employees"),
]


def rule(points: float, **when: object) -> Rule:
    return Rule.model_validate({"when": when, "points": points})


RULES = (
    rule(25, behaviour="demo", within="30d"),
    rule(10, behaviour="demo", within="7d"),
    rule(5, attribute="country", equals="NL"),
    rule(-8, attribute="country", equals="DE"),
    rule(4, attribute="employees", equals=50),
    rule(9, attribute="employees", equals="many"),  # a word, which no number is
    rule(9, attribute="colour", equals="red"),  # no such feature
)
CONFIG = Config.model_construct(rules=RULES)


@st.composite
def worlds(draw: st.DrawFn) -> Matrix:
    """Some leads with a few snapshots each, and a label of both kinds."""
    n = draw(st.integers(6, 60))
    random = np.random.default_rng(draw(st.integers(0, 10**6)))
    values = pd.DataFrame({
        "rule_0": random.integers(0, 3, n) * 1.0,
        "rule_1": random.integers(0, 2, n) * 1.0,
        "lead_country": pd.Series(random.choice(np.array(["NL", "DE", "FR", None], dtype=object), n), dtype=object),
        "account_employees": random.choice([50.0, 51.0, np.nan], n),
    })  # fmt: skip
    y = np.zeros(n)
    y[random.permutation(n)[: draw(st.integers(1, n - 1))]] = 1.0
    when = np.arange(n)
    return Matrix(values, y, random.integers(1, 4, n) * 1.0, random.integers(0, n // 2, n), when, when + 1)


def fitted(matrix: Matrix) -> Scorer:
    return fit_prior(SPECS, points_rules(CONFIG, SPECS), matrix)


@given(worlds())
def test_the_margin_is_one_base_and_one_scale_for_the_points_of_today(matrix: Matrix) -> None:
    scorer = fitted(matrix)
    today, margin = rule_points(CONFIG, matrix.values), scorer.margin(matrix.values)
    if np.ptp(today) == 0:
        assert np.ptp(margin) < 1e-9
        return
    scale, base = np.polyfit(today, margin, 1)
    assert scale >= -1e-12 and np.allclose(margin, base + scale * today, atol=1e-8)


@given(worlds())
def test_contributions_add_up_exactly_and_what_is_written_reads_back_to_the_same_bits(matrix: Matrix) -> None:
    scorer = fitted(matrix)
    parts, base = scorer.contributions(matrix.values)
    assert np.allclose(parts.sum(axis=1) + base, scorer.margin(matrix.values), atol=1e-10)
    again = Scorer.from_files(scorer.to_files())
    assert again.margin(matrix.values).tobytes() == scorer.margin(matrix.values).tobytes()
    assert again.to_files() == scorer.to_files() and "Tree=" not in again.trees


@given(worlds(), st.randoms(use_true_random=False))
def test_rows_in_another_order_give_the_same_scorer_but_for_rounding(matrix: Matrix, random: object) -> None:
    order = np.array(random.sample(range(len(matrix)), len(matrix)))  # type: ignore[attr-defined]
    one, two = fitted(matrix).margin(matrix.values), fitted(matrix.take(order)).margin(matrix.values)
    assert np.allclose(one, two, atol=1e-8)


@given(worlds(), st.integers(2, 5))
def test_a_lead_counts_once_however_often_its_snapshots_are_repeated(matrix: Matrix, times: int) -> None:
    rows = np.tile(np.arange(len(matrix)), times)
    assert np.allclose(fitted(matrix).margin(matrix.values), fitted(matrix.take(rows)).margin(matrix.values), atol=1e-7)


@given(worlds())
def test_without_rules_every_lead_gets_the_rate_by_jeffreys_prior_over_leads(matrix: Matrix) -> None:
    scorer = fit_prior([], [], matrix)
    leads = len(np.unique(matrix.lead))
    rate = float(np.average(matrix.y, weights=matrix.weight))
    p = scorer.probability(matrix.values[[]])
    assert scorer.names == () and len(p) == len(matrix)
    assert np.allclose(p, (leads * rate + 0.5) / (leads + 1))
    assert scorer.contributions(matrix.values[[]])[0].shape == (len(matrix), 0)


def world(sign: float, leads: int = 400) -> Matrix:
    """Leads that asked for a demo convert more often, or less."""
    random = np.random.default_rng(3)
    asked = random.random(leads) < 0.3
    y = random.random(leads) < np.where(asked, 0.1 + 0.08 * sign, 0.1 - 0.03 * sign)
    values = pd.DataFrame({"rule_0": asked * 1.0})
    n = np.arange(leads)
    return Matrix(values, y * 1.0, np.ones(leads), n, n, n + 1)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_rules_rank_as_their_authors_said_or_not_at_all(sign: float) -> None:
    scorer = fit_prior(SPECS[:1], [PointsRule("rule_0", 25.0)], world(sign))
    without, with_it = scorer.probability(pd.DataFrame({"rule_0": [0.0, 1.0]}))
    assert with_it > without if sign > 0 else with_it == without


def test_one_positive_lead_moves_the_odds_of_a_rule_by_little() -> None:
    made = world(1.0)
    y = np.zeros(len(made))
    y[np.flatnonzero(made.values["rule_0"] > 0)[0]] = 1.0
    one = Matrix(made.values, y, made.weight, made.lead, made.as_of, made.known_at)
    without, with_it = fit_prior(SPECS[:1], [PointsRule("rule_0", 25.0)], one).probability(
        pd.DataFrame({"rule_0": [0.0, 1.0]})
    )
    assert 0.001 < without < with_it < 2 * without < 0.02


def test_each_fold_is_judged_by_a_scorer_of_its_own_training_rows_and_chooses_nothing() -> None:
    made = world(1.0)
    folds = [(np.arange(200), np.arange(200, 300)), (np.arange(300), np.arange(300, 400))]
    rules = [PointsRule("rule_0", 25.0)]
    scorer, honest = fit_lowest(SPECS[:1], rules, made, folds, (SPECS[:1], made))
    assert honest.row.tolist() == list(range(200, 400)) and honest.judged.tolist() == [False] * 100 + [True] * 100
    own = fit_prior(SPECS[:1], rules, made.take(np.arange(300)))
    assert np.allclose(honest.probability[honest.judged], own.probability(made.values.iloc[300:]))
    assert not np.allclose(honest.lr_probability, honest.probability)
    none, unjudged = fit_lowest(SPECS[:1], rules, made, [])
    assert len(unjudged.row) == 0 and none.to_files() == scorer.to_files()
