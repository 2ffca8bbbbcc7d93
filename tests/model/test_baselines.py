"""Peers: fitted on training rows alone, the same whatever the order or the threads; the table against hand-made counts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.dataset.feature_spec import Feature
from leadline.model import baselines
from leadline.model.baselines import lightgbm_defaults, naive_bayes, predict_baselines
from leadline.model.encoding.encoder import Matrix

SOURCE = Feature("source", "fit", "source", "category", "value", "came from", by="column")
SIZE = Feature("size", "fit", "size", "number", "value", "has", by="column")
VISITS = Feature("visits", "behaviour", "visits", "count", "count", "visited")


def made(seed: int = 1, n: int = 600) -> Matrix:
    draw = np.random.default_rng(seed)
    visits, source = draw.poisson(2, n).astype(float), draw.choice(np.array(["web", "fair", None], dtype=object), n)
    odds = -2 + 0.5 * visits + 1.0 * (source == "fair")
    y = (draw.uniform(size=n) < 1 / (1 + np.exp(-odds))) * 1.0
    values = pd.DataFrame({"source": pd.Series(source, dtype=object), "size": draw.normal(size=n), "visits": visits})
    values.loc[::7, "size"] = np.nan
    day = np.arange(n)
    return Matrix(values, y, np.ones(n), np.array([f"L{k}" for k in draw.permutation(n)]), day, day + 1)


SPECS = (SOURCE, SIZE, VISITS)
FOLDS = [(np.arange(start), np.arange(start, start + 150)) for start in (150, 300, 450)]


def by_hand(train: list[tuple[str | None, float, float]], value: str | None) -> float:
    """Bayes with 0.1 added to each count, one field."""
    did, didnt = (sum(w for _, y, w in train if y == side) + 0.1 for side in (1, 0))
    odds = did / didnt
    levels = sorted({v for v, _, _ in train if v is not None})
    if value in levels:
        counts = {
            side: {v: sum(w for u, y, w in train if u == v and y == side) + 0.1 for v in levels} for side in (1, 0)
        }
        odds *= counts[1][value] / sum(counts[1].values()) * sum(counts[0].values()) / counts[0][value]
    return odds / (1 + odds)


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b", "c", None]), st.integers(0, 1), st.sampled_from([1.0, 2.5])), min_size=1
    ),
    st.sampled_from(["a", "b", "c", "d", None]),
)
@settings(max_examples=60)
def test_the_table_is_bayes_by_hand(train: list[tuple[str | None, int, float]], value: str | None) -> None:
    values, y, weight = zip(*train, strict=True)
    n = np.arange(len(train))
    rows = Matrix(
        pd.DataFrame({"source": pd.Series(values, dtype=object)}), np.array(y, float), np.array(weight), n, n, n
    )
    said = naive_bayes([SOURCE], rows, pd.DataFrame({"source": pd.Series([value], dtype=object)}))
    assert said[0] == pytest.approx(by_hand([(v, float(k), w) for v, k, w in train], value))


def test_fields_multiply_and_acts_are_not_in_the_table() -> None:
    rows = made()
    one, other = (np.log(p / (1 - p)) for p in (naive_bayes([spec], rows, rows.values) for spec in (SOURCE, SIZE)))
    prior = np.log((rows.y.sum() + 0.1) / ((1 - rows.y).sum() + 0.1))
    both = naive_bayes(SPECS, rows, rows.values)
    assert np.log(both / (1 - both)) == pytest.approx(one + other - prior)
    assert len(np.unique(naive_bayes([SIZE], rows, rows.values))) == 6  # fifths, and empty


def test_lightgbm_learns_from_numbers_and_categories_and_takes_what_it_never_saw() -> None:
    rows = made()
    test = pd.DataFrame({
        "source": pd.Series(["fair", "web", "phone", None], dtype=object), "size": [0.0, 0.0, np.nan, 0.0], "visits": [6.0, 0.0, 1.0, 1.0],
    })  # fmt: skip
    said = lightgbm_defaults(SPECS, rows, test)
    assert said[0] > 0.5 > said[1] and np.all((said > 0) & (said < 1))


def test_of_one_class_it_says_the_base_rate() -> None:
    rows = made(n=20)
    sure = Matrix(rows.values, np.zeros(20), rows.weight, rows.lead, rows.as_of, rows.known_at)
    assert lightgbm_defaults(SPECS, sure, rows.values).tolist() == [0.0] * 20


def test_each_fold_is_told_of_by_rows_and_test_labels_are_not_looked_at() -> None:
    rows = made()
    told = predict_baselines(SPECS, rows, FOLDS, seed=7)
    assert [fold.row.tolist() for fold in told] == [list(range(start, start + 150)) for start in (150, 300, 450)]
    turned = Matrix(
        rows.values,
        np.where(np.arange(600) >= 450, 1 - rows.y, rows.y),
        rows.weight,
        rows.lead,
        rows.as_of,
        rows.known_at,
    )
    again = predict_baselines(SPECS, turned, FOLDS, seed=7)
    for one, other in zip(told, again, strict=True):
        assert all(np.array_equal(one.said[who], other.said[who]) for who in baselines.PEERS)


def test_neither_the_order_of_rows_nor_threads_change_what_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baselines, "ROWS", 200)  # so that rows are drawn too
    rows, order = made(), np.random.default_rng(3).permutation(600)
    place = np.argsort(order)
    one = predict_baselines(SPECS, rows, FOLDS, seed=7)
    other = predict_baselines(SPECS, rows.take(order), [(place[a], place[b]) for a, b in FOLDS], seed=7, threads=2)
    for first, second in zip(one, other, strict=True):
        for who in baselines.PEERS:
            ours = dict(zip(first.row.tolist(), first.said[who], strict=True))
            assert ours == dict(zip(order[second.row].tolist(), second.said[who], strict=True))


def test_fewer_rows_keep_the_base_rate_and_the_positives(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = made()
    monkeypatch.setattr(baselines, "ROWS", 500)
    fewer = baselines._fewer(rows, np.random.default_rng(1))
    assert len(fewer) == 500 and fewer.positives == rows.positives
    assert np.average(fewer.y, weights=fewer.weight) == pytest.approx(rows.y.mean())
    monkeypatch.setattr(baselines, "ROWS", 100)
    half = baselines._fewer(rows, np.random.default_rng(1))
    assert half.positives == 50 and np.average(half.y, weights=half.weight) == pytest.approx(rows.y.mean())
