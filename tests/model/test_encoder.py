"""The matrix checks itself; the encoder keeps names, order, bits and secrets."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.dataset.feature_spec import Feature
from leadline.errors import DataError
from leadline.model.encoding.encoder import Encoder, Matrix

KINDS = ("count", "days", "number", "flag", "category")
SPECS = [Feature(kind, "fit", f"group of {kind}", kind, "value", kind) for kind in KINDS]


def make(n: int = 300, seed: int = 0) -> Matrix:
    random = np.random.default_rng(seed)
    number = np.exp(random.normal(size=n) * 3)
    values = pd.DataFrame(
        {
            "count": random.poisson(3, n).astype(float),
            "days": np.where(random.random(n) < 0.3, np.nan, random.exponential(9, n)),
            "number": np.where(random.random(n) < 0.1, np.nan, number),
            "flag": random.choice([0.0, 1.0, np.nan], n),
            "category": random.choice(
                np.array(["web", "fair", "rare", None], dtype=object), n, p=[0.5, 0.3, 0.02, 0.18]
            ),
        }
    )
    when = np.arange(n) // 5
    return Matrix(values, (random.random(n) < 0.3) * 1.0, np.ones(n), np.arange(n), when, when + 3)


def test_columns_know_feature_and_group():
    encoder = Encoder.fit(SPECS, make())
    assert [c.name for c in encoder.tree_columns] == [
        "count", "days", "number", "flag", "category lift", "category share",
    ]  # fmt: skip
    assert [c.name for c in encoder.linear_columns] == [
        "count", "days", "days never", "number", "number missing", "flag", "flag missing",
        "category = web", "category = fair", "category = other", "category missing",
    ]  # fmt: skip
    assert {c.group for c in (*encoder.tree_columns, *encoder.linear_columns)} == {f"group of {k}" for k in KINDS}
    assert {c.form for c in encoder.linear_columns if c.feature == "number"} == {"tail", "missing"}


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 1000))
def test_json_round_trip_is_exact(seed):
    matrix = make(seed=seed)
    encoder = Encoder.fit(SPECS, matrix)
    again = Encoder.from_json(encoder.to_json())
    assert again == encoder
    np.testing.assert_array_equal(again.tree(matrix.values), encoder.tree(matrix.values))
    np.testing.assert_array_equal(again.linear(matrix.values), encoder.linear(matrix.values))


def test_linear_matrix_is_standardised_and_finite():
    matrix = make()
    linear = Encoder.fit(SPECS, matrix).linear(matrix.values)
    assert np.isfinite(linear).all()
    names = [c.name for c in Encoder.fit(SPECS, matrix).linear_columns]
    np.testing.assert_allclose(linear[:, names.index("count")].std(), 1.0, atol=1e-9)
    np.testing.assert_allclose(linear.mean(axis=0)[[names.index("count"), names.index("days never")]], 0, atol=1e-9)
    assert np.abs(linear).max() <= 6.0


def test_a_row_is_encoded_alike_alone_and_among_others():
    matrix = make()
    encoder = Encoder.fit(SPECS, matrix)
    for encode in (encoder.tree, encoder.linear):
        alone = np.concatenate([encode(matrix.values.iloc[[row]]) for row in range(len(matrix))])
        np.testing.assert_array_equal(alone, encode(matrix.values))


def test_columns_are_taken_by_name():
    matrix = make()
    encoder = Encoder.fit(SPECS, matrix)
    mixed = matrix.values[[*KINDS[::-1]]].assign(more=1.0)
    np.testing.assert_array_equal(encoder.tree(mixed), encoder.tree(matrix.values))
    for encode in (encoder.tree, encoder.linear):
        with pytest.raises(DataError, match="days, flag aren't there"):
            encode(mixed.drop(columns=["flag", "days"]))


def test_constant_and_empty_columns_are_dropped():
    matrix = make()
    values = matrix.values.assign(count=2.0, days=np.nan, category="web", flag=1.0)
    constant = Matrix(values, matrix.y, matrix.weight, matrix.lead, matrix.as_of, matrix.known_at)
    encoder = Encoder.fit(SPECS, constant)
    assert {c.feature for c in encoder.linear_columns} == {"number"}
    assert encoder.tree(values).shape == (300, 6)


def test_infinite_and_text_are_refused_without_their_values():
    matrix = make()
    encoder = Encoder.fit(SPECS, matrix)
    with pytest.raises(DataError, match="feature number: 1 rows are infinite"):
        encoder.tree(matrix.values.assign(number=[np.inf] + [1.0] * 299))
    with pytest.raises(DataError, match="feature number: not numbers") as refused:
        encoder.linear(matrix.values.assign(number="Ann Smith"))
    assert "Ann" not in str(refused.value)


def test_matrix_checks_itself():
    matrix = make(10)
    with pytest.raises(DataError, match="lengths"):
        Matrix(matrix.values, matrix.y[:9], matrix.weight, matrix.lead, matrix.as_of, matrix.known_at)
    with pytest.raises(DataError, match="1 labels"):
        Matrix(matrix.values, [2.0] + [0.0] * 9, matrix.weight, matrix.lead, matrix.as_of, matrix.known_at)
    with pytest.raises(DataError, match="10 labels"):
        Matrix(matrix.values, matrix.y, matrix.weight * 0, matrix.lead, matrix.as_of, matrix.known_at)


def test_many_levels_share_other_in_the_regression():
    n = 40 * 25
    column = pd.Series([f"level {i % 40:02d}" for i in range(n)])
    matrix = Matrix(pd.DataFrame({"category": column}), np.arange(n) % 2, np.ones(n), np.arange(n), [0] * n, [1] * n)
    encoder = Encoder.fit(SPECS[4:], matrix)
    assert len(encoder.linear_columns) == 31
    assert encoder.linear(matrix.values).shape == (n, 31)
    np.testing.assert_allclose(encoder.linear(matrix.values).mean(axis=0), 0, atol=1e-12)
