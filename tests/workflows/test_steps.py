"""What is fitted for a question that follows: a regression where it says more than the base rate, else the base rate."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import projects
from leadline.config.load import parse_config
from leadline.core.point_in_time import DAY
from leadline.dataset.feature_spec import Feature
from leadline.dataset.splits import Fold
from leadline.features.build import FeatureTable
from leadline.model.encoding.encoder import Matrix
from leadline.model.fitting.fit import OutOfFold
from leadline.model.scorer import Scorer
from leadline.workflows.training import later_stages

SPEC = Feature("visits", "behaviour", "visits", "number", "value", "visited", "leads", "visits", "column")


def fitted(leads: int, pull: float, gap: int = 20) -> tuple[Scorer, OutOfFold, str]:
    """Fit a question on a lead a day, of which a third go on, by how much `visits` pull; labels are known `gap` days later."""
    draw = np.random.default_rng([3, leads])
    visits = draw.normal(0, 1, leads)
    y = (draw.random(leads) < 1 / (1 + np.exp(0.8 - pull * visits))).astype(float)
    as_of = np.arange(leads) * DAY
    who = np.array([f"L{n}" for n in range(leads)], dtype=object)
    made = FeatureTable((SPEC,), who, np.full(leads, None), as_of, pd.DataFrame({"visits": visits}))
    matrix = Matrix(made.values, y, np.ones(leads), who.astype(str), as_of, as_of + gap * DAY)
    spans = [(leads * k // 6, leads * (k + 1) // 6) for k in (3, 4, 5) if leads * k // 6 - gap >= 10]
    folds = tuple(Fold(np.arange(a - gap), np.arange(a, b), int(as_of[a]), int(as_of[b - 1]) + 1) for a, b in spans)
    return later_stages._fit(parse_config(projects.config_text()), made, matrix, folds)


def test_a_regression_scores_where_it_says_more_than_the_base_rate() -> None:
    scorer, honest, why = fitted(600, 1.5)
    assert scorer.names == ("visits",) and "a regression" in why and "leads went on" in why
    p = scorer.probability(pd.DataFrame({"visits": [-2.0, 0.0, 2.0]}))
    assert p[0] < 0.15 < p[1] < p[2] and p[2] > 0.6
    assert honest.judged.sum() == 100


@pytest.mark.parametrize(
    ("leads", "pull", "said"), [(60, 1.5, "too few for a regression"), (600, 0.0, "every lead gets the base rate")]
)
def test_the_base_rate_stays_where_nothing_says_more(leads: int, pull: float, said: str) -> None:
    scorer, _, why = fitted(leads, pull)
    assert scorer.names == () and said in why
    p = scorer.probability(pd.DataFrame(index=range(3)))
    assert len(set(p.tolist())) == 1 and 0.2 < p[0] < 0.5


def test_a_history_too_short_to_tell_leaves_the_base_rate() -> None:
    scorer, _, why = fitted(600, 1.5, gap=400)
    assert scorer.names == () and "the history is too short to tell" in why
