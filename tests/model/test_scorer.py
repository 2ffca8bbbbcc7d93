"""The scorer: exact in files, additive in contributions, safe against wrong columns and damaged files."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from leadline.dataset.feature_spec import Feature
from leadline.errors import DataError
from leadline.model import scorer as module
from leadline.model.calibration.calibrator import Calibrator
from leadline.model.encoding.encoder import Matrix
from leadline.model.fitting.fit import fit_scorer
from leadline.model.fitting.recipe import Recipe
from leadline.model.scorer import FILES, Scorer, Tiers

SPECS = [
    Feature("visits", "behaviour", "visits", "count", "count", "visited"),
    Feature("since", "recency", "visits", "days", "since_last", "last visited"),
    Feature("size", "fit", "size", "number", "value", "employs"),
    Feature("source", "fit", "source", "category", "value", "came from"),
]


def world(n: int = 900, seed: int = 0) -> Matrix:
    random = np.random.default_rng(seed)
    visits = random.poisson(2, n).astype(float)
    source = random.choice(np.array(["web", "fair", "list", None], dtype=object), n)
    since = np.where(visits == 0, np.nan, random.exponential(10, n))
    size = np.exp(random.normal(4, 2, n))
    margin = -2.5 + 0.5 * visits + (source == "web") + 1.5 * ((visits > 2) & (size > 60))
    y = (random.random(n) < 1 / (1 + np.exp(-margin))) * 1.0
    values = pd.DataFrame({"visits": visits, "since": since, "size": size, "source": source})
    return Matrix(values, y, np.ones(n), np.arange(n), np.arange(n), np.arange(n) + 5)


def folds(n: int = 900):
    return [(np.arange(cut), np.arange(cut + 5, cut + n // 5)) for cut in (n * 2 // 5, n * 3 // 5, n * 4 // 5)]


@pytest.fixture(scope="module", params=[True, False], ids=["anchored", "plain"])
def fitted(request) -> Scorer:
    return fit_scorer(SPECS, world(), folds(), Recipe(anchored=request.param, rounds=25), seed=3)[0]


def test_contributions_sum_to_the_margin_by_feature(fitted):
    values = world(seed=9).values
    parts, base = fitted.contributions(values)
    assert parts.shape == (900, 4)
    np.testing.assert_allclose(parts.sum(axis=1) + base, fitted.margin(values), atol=1e-9)
    constant = values.assign(visits=1.0)
    assert np.ptp(fitted.contributions(constant)[0][:, 3][values["source"] == "web"]) < 1.0


def test_files_give_the_same_scorer_bit_for_bit(fitted):
    values = world(seed=9).values
    texts = fitted.to_files()
    assert set(texts) == set(FILES)
    scorer = fitted.with_tiers(Tiers(("A", "B"), (0.4,)))
    for again in (
        Scorer.from_files(scorer.to_files()),
        Scorer.from_files({name: text.encode() for name, text in scorer.to_files().items()}),
    ):
        assert again == scorer
        np.testing.assert_array_equal(again.probability(values), fitted.probability(values))
        np.testing.assert_array_equal(again.logistic_probability(values), fitted.logistic_probability(values))
        np.testing.assert_array_equal(again.contributions(values)[0], fitted.contributions(values)[0])


def test_chunks_are_not_seen(fitted, monkeypatch):
    values = world(seed=9).values
    whole = fitted.margin(values), fitted.contributions(values)[0]
    monkeypatch.setattr(module, "CHUNK", 7)
    np.testing.assert_array_equal(fitted.margin(values), whole[0])
    np.testing.assert_array_equal(fitted.contributions(values)[0], whole[1])


def test_chunks_on_many_cores_give_what_one_gives(fitted, monkeypatch):
    values = world(seed=9).values
    monkeypatch.setattr(module, "CHUNK", 64)
    margin, parts = fitted.over(values.assign(more="than asked"), lambda contributions: contributions)
    np.testing.assert_array_equal(margin, fitted.margin(values))
    np.testing.assert_array_equal(np.concatenate(parts), fitted.contributions(values)[0])
    assert fitted.over(values.iloc[:0], len)[0].shape == (0,)


def test_contributions_are_lightgbms_own(fitted):
    values = world(seed=9).values
    slow = replace(fitted, tabled=False)
    np.testing.assert_allclose(fitted.contributions(values)[0], slow.contributions(values)[0], rtol=0, atol=1e-9)
    np.testing.assert_array_equal(fitted.over(values, len)[0], slow.over(values, len)[0])


def test_a_night_holds_the_tables_against_lightgbm(fitted):
    values = world(seed=9).values
    assert fitted.held(values) == (fitted, "") and fitted.held(values)[0].tabled
    assert fitted.held(values.iloc[:0])[1] == ""
    wrong = replace(fitted)
    forest = fitted._forest
    tables = (*forest.tables[:-1], forest.tables[-1] + 1e-5)
    wrong.__dict__["_forest"] = replace(forest, tables=tables)
    mended, said = wrong.held(values)
    assert not mended.tabled and said.startswith("reasons: on 32 rows the fast tables' numbers aren't LightGBM's own")
    np.testing.assert_allclose(mended.contributions(values)[0], fitted.contributions(values)[0], rtol=0, atol=1e-9)


def test_no_rows_are_no_scores(fitted):
    none = world().values.iloc[:0]
    assert fitted.probability(none).shape == (0,)
    assert fitted.contributions(none)[0].shape == (0, 4)


def test_columns_go_by_name(fitted):
    values = world(seed=9).values
    np.testing.assert_array_equal(fitted.margin(values[["source", "size", "visits", "since"]]), fitted.margin(values))
    with pytest.raises(DataError, match="features: size isn't there"):
        fitted.probability(values.drop(columns="size"))


def test_probability_is_the_calibrated_margin(fitted):
    values = world(seed=9).values
    higher = fitted.with_calibrator(Calibrator(1.0, 2.0))
    assert (higher.probability(values) > fitted.with_calibrator(Calibrator()).probability(values)).all()
    assert (np.argsort(higher.margin(values)) == np.argsort(fitted.margin(values))).all()


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_or_missing_file_is_named(fitted, name):
    files = fitted.to_files()
    with pytest.raises(DataError, match=name):
        Scorer.from_files({**files, name: files[name][: len(files[name]) // 2]})
    with pytest.raises(DataError, match=name):
        Scorer.from_files({**files, name: b"\xff\xfe"})
    with pytest.raises(DataError, match=f"{name} isn't there"):
        Scorer.from_files({other: text for other, text in files.items() if other != name})


def test_files_of_two_scorers_dont_mix(fitted):
    files = fitted.to_files()
    other = json.loads(files["linear.json"])
    other["columns"], other["coefficients"] = other["columns"][:-1], other["coefficients"][:-1]
    with pytest.raises(DataError, match=r"linear\.json"):
        Scorer.from_files({**files, "linear.json": json.dumps(other)})


def test_tiers_fall():
    assert Tiers().of(np.array([0.0, 1.0])).tolist() == ["A", "A"]
    for wrong in ((("A",), (0.5,)), (("A", "B", "C"), (0.1, 0.5)), (("A", "B"), (1.5,))):
        with pytest.raises(DataError, match="tiers"):
            Tiers(*wrong)
