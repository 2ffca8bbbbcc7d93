"""The estimator: scikit-learn's own checks, and what is leadline's: categories, calibration, SHAP values that add up."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from leadline import LeadlineClassifier


@parametrize_with_checks([LeadlineClassifier(max_rounds=20)])
def test_it_passes_scikit_learns_checks(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.fixture(scope="module")
def leads() -> tuple[pd.DataFrame, np.ndarray]:
    """Leads whose visits and source drive the outcome, enough for trees."""
    rng = np.random.default_rng(1)
    n = 1_200
    frame = pd.DataFrame(
        {
            "visits": rng.poisson(3, n),
            "size": np.where(rng.random(n) < 0.2, np.nan, rng.normal(50, 9, n)),
            "source": pd.Categorical(rng.choice(["ads", "fair", "web"], n)),
            "title": rng.choice(np.array(["buyer", "other", None], dtype=object), n),
            "member": rng.random(n) < 0.5,
        }
    )
    logit = 0.5 * frame["visits"] + 1.2 * (frame["source"] == "fair") + 0.8 * (frame["title"] == "buyer") - 3.2
    return frame, np.where(rng.random(n) < 1 / (1 + np.exp(-logit)), "won", "lost")


@pytest.fixture(scope="module")
def fitted(leads: tuple[pd.DataFrame, np.ndarray]) -> LeadlineClassifier:
    return LeadlineClassifier(max_rounds=60).fit(*leads)


def test_shap_values_add_up_to_the_log_odds(fitted: LeadlineClassifier, leads: tuple[pd.DataFrame, np.ndarray]) -> None:
    rows = leads[0].head(50)
    parts, p = fitted.shap_values(rows), fitted.predict_proba(rows)[:, 1]
    assert parts.shape == (50, 5)
    margin = parts.sum(axis=1) + fitted.expected_value_
    np.testing.assert_allclose(fitted.scorer_.calibrator.probability(margin), p, rtol=1e-9)
    shares = dict(zip(fitted.feature_names_in_, fitted.feature_importances_, strict=True))
    assert sum(shares.values()) == pytest.approx(1) and max(shares, key=shares.get) == "visits"  # type: ignore[arg-type]
    assert shares["member"] < 0.1 < shares["source"]


def test_what_it_says_is_about_what_happens(fitted: LeadlineClassifier, leads: tuple[pd.DataFrame, np.ndarray]) -> None:
    p = fitted.predict_proba(leads[0])[:, 1]
    assert abs(p.mean() - (leads[1] == "won").mean()) < 0.05
    assert fitted.classes_.tolist() == ["lost", "won"] and set(fitted.predict(leads[0])) == {"lost", "won"}


def test_levels_and_columns_that_were_never_seen_are_taken_or_refused(
    fitted: LeadlineClassifier, leads: tuple[pd.DataFrame, np.ndarray]
) -> None:
    rows = leads[0].head(3)
    odd = rows.assign(source="new", title=None, size=np.nan)
    assert np.isfinite(fitted.predict_proba(odd)).all()
    for wrong, told in (
        (rows.drop(columns="size"), "feature names"),
        (rows.assign(visits="many"), "could not convert"),
        (rows.assign(visits=pd.Timestamp("2024-01-01")), "holds times"),
    ):
        with pytest.raises(ValueError, match=told):
            fitted.predict(wrong)


def test_it_is_one_of_scikit_learns(leads: tuple[pd.DataFrame, np.ndarray]) -> None:
    frame, y = leads[0].head(400), leads[1][:400]
    assert cross_val_score(LeadlineClassifier(), frame, y, cv=3, scoring="roc_auc").mean() > 0.7
    found = GridSearchCV(LeadlineClassifier(max_rounds=5), {"max_depth": [2, 4]}, cv=2).fit(frame, y)
    copy = pickle.loads(pickle.dumps(found.best_estimator_))
    np.testing.assert_array_equal(copy.predict_proba(frame), found.predict_proba(frame))


def test_threads_change_nothing_and_a_weight_of_nothing_is_no_row(leads: tuple[pd.DataFrame, np.ndarray]) -> None:
    frame, y = leads
    one = LeadlineClassifier(max_rounds=30).fit(frame, y)
    two = LeadlineClassifier(max_rounds=30, n_jobs=2).fit(frame, y)
    assert one.scorer_.to_files() == two.scorer_.to_files()
    more, odd = pd.concat([frame, frame.head(9)]), np.append(y, ["won"] * 9)
    without = LeadlineClassifier(max_rounds=30).fit(more, odd, sample_weight=[1.0] * len(y) + [0.0] * 9)
    assert without.scorer_.to_files() == one.scorer_.to_files()
