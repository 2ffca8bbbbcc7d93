"""Whole-number scores and grades: an exact split, marks that never fall, and letters that anybody can check."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.delivery.batch import read_stored_scores
from leadline.delivery.sink import RunKey
from leadline.errors import DataError
from leadline.features.build import FeatureTable
from leadline.registry.bundle import read_bundle
from leadline.scoring.grade import AXES, FILE, Grading, Marks, axis_of, axis_sums, letters
from leadline.scoring.ranking import Scores, rank_leads
from leadline.workflows.training.train import TrainResult
from projects import NIGHT

GRADES = ("score", "fit_score", "engagement_score", "grade")
finite = st.floats(-1e6, 1e6, allow_nan=False)


@pytest.fixture(scope="module")
def graded(trained_home: tuple[Path, TrainResult]) -> tuple[TrainResult, FeatureTable, Grading]:
    folder, result = trained_home
    made = result.prepared.features
    newest = made.as_of == made.as_of.max()
    values = made.values[newest].reset_index(drop=True)
    grading = read_bundle(folder / "models/demo/1").grading
    assert grading is not None
    return (
        result,
        FeatureTable(made.specs, made.lead_id[newest], made.account_id[newest], made.as_of[newest], values),
        grading,
    )


def ranked(result: TrainResult, made: FeatureTable, grading: Grading | None) -> Scores:
    return rank_leads(result.scorer, made, int(made.as_of[0]), True, "demo", "1", grading=grading)


def test_fit_engagement_and_the_rest_add_up_to_the_score(graded: tuple[TrainResult, FeatureTable, Grading]) -> None:
    result, made, _ = graded
    contributions, base = result.scorer.contributions(made.values)
    sums = axis_sums(made.specs, contributions)
    assert np.abs(sums.sum(axis=1) + base - result.scorer.margin(made.values)).max() < 1e-9
    for axis, column in (("fit", 0), ("engagement", 1), ("rest", 2)):
        mine = [n for n, spec in enumerate(made.specs) if axis_of(spec) == axis]
        assert mine and np.allclose(contributions[:, mine].sum(axis=1), sums[:, column], atol=1e-12)


def test_every_family_of_leadlines_own_has_its_place(graded: tuple[TrainResult, FeatureTable, Grading]) -> None:
    assert {spec.family for spec in graded[1].specs} <= set(AXES)


@given(st.lists(finite, min_size=1, max_size=300), st.lists(finite, min_size=1, max_size=50))
def test_a_score_never_falls_where_the_value_rises(past: list[float], tonight: list[float]) -> None:
    marks = Marks.of(np.array(past), np.ones(len(past)))
    told = marks.score(np.sort(np.array(tonight)))
    assert (np.diff(told) >= 0).all() and told.min() >= 0 and told.max() <= 100


@given(st.lists(finite, min_size=100, max_size=400, unique=True))
def test_a_score_is_the_share_of_past_leads_below(past: list[float]) -> None:
    values = np.array(past)
    told = Marks.of(values, np.ones(len(values))).score(values)
    below = np.array([np.mean(values < value) for value in values]) * 100
    assert np.abs(told - below).max() <= 1.5  # whole numbers, and half a lead


@given(st.integers(1, 5), st.lists(finite, min_size=2, max_size=60, unique=True))
def test_a_row_that_stands_for_several_counts_as_several(times: int, past: list[float]) -> None:
    values = np.array(past)
    weight = np.where(np.arange(len(values)) % 2, float(times), 1.0)
    assert Marks.of(values, weight) == Marks.of(np.repeat(values, weight.astype(int)), np.ones(int(weight.sum())))


def test_the_columns_follow_from_the_marks(graded: tuple[TrainResult, FeatureTable, Grading]) -> None:
    grading = graded[2]
    scores = ranked(*graded)
    assert list(scores.later) == list(GRADES)
    p = scores.probability
    assert (np.diff(scores.later["score"]) <= 0).all(), "rows fall by probability, and so does the score"
    below = [
        (np.sum(np.array(grading.probability.at) < one) + np.sum(np.array(grading.probability.at) <= one)) // 2
        for one in p
    ]
    assert scores.later["score"].tolist() == below
    letter = lambda score: "A" if score >= 90 else "B" if score >= 70 else "C" if score >= 40 else "D"  # noqa: E731
    number = lambda score: "1234"["ABCD".index(letter(score))]  # noqa: E731
    pairs = zip(scores.later["fit_score"], scores.later["engagement_score"], strict=True)
    assert scores.later["grade"].tolist() == [letter(fit) + number(engaged) for fit, engaged in pairs]
    assert len(set(scores.later["grade"].tolist())) > 4


def test_the_marks_are_of_the_half_year_before_the_newest_fold(
    graded: tuple[TrainResult, FeatureTable, Grading], trained_home
) -> None:
    result, _, grading = graded
    rows = pd.read_parquet(trained_home[0] / "backtests/demo/1.parquet")
    older = rows[~rows.judged]
    honest = result.fitted.honest
    p = honest.tonight.probability(honest.margin[~honest.judged])
    assert len(p) == len(older)
    order = np.argsort(p, kind="stable")
    share = np.cumsum(result.fitted.matrix.weight[honest.row[~honest.judged]][order])
    share /= share[-1]
    for place in (0, 49, 99):
        at = np.searchsorted(p[order], grading.probability.at[place])
        assert share[at] == pytest.approx((place + 0.5) / 100, abs=0.01)


def test_the_order_of_rows_changes_no_grade(graded: tuple[TrainResult, FeatureTable, Grading]) -> None:
    result, made, grading = graded
    rows = np.random.default_rng(2).permutation(len(made))
    mixed = FeatureTable(
        made.specs,
        made.lead_id[rows],
        made.account_id[rows],
        made.as_of[rows],
        made.values.iloc[rows].reset_index(drop=True),
    )
    assert ranked(result, mixed, grading).to_arrow().equals(ranked(*graded).to_arrow())


def test_a_bundle_without_marks_leaves_the_columns_out(graded: tuple[TrainResult, FeatureTable, Grading]) -> None:
    scores = ranked(graded[0], graded[1], None)
    assert not scores.later and np.array_equal(scores.probability, ranked(*graded).probability)


def test_with_features_of_one_kind_alone_there_is_a_score_and_no_grade(
    graded: tuple[TrainResult, FeatureTable, Grading],
) -> None:
    result, made, _ = graded
    fits = [replace(spec, family="fit") for spec in made.specs]
    contributions, _ = result.scorer.contributions(made.values)
    p = result.scorer.probability(made.values)
    grading = Grading.of((p, np.ones(len(p))), fits, contributions, np.ones(len(p)))
    assert list(grading.columns(p, axis_sums(fits, contributions))) == ["score"]
    assert Grading.from_record(json.loads(json.dumps(grading.to_record()))) == grading


@pytest.mark.parametrize(
    "broken", [{}, {"probability": [1.0], "fit": None, "engagement": None}, {"probability": "x" * 100}]
)
def test_broken_marks_are_refused(broken: dict[str, object]) -> None:
    with pytest.raises(DataError, match=r"grades"):
        Grading.from_record(broken)


def test_letters_hold_whole_scores() -> None:
    told = letters(np.arange(101)).tolist()
    assert (told.count("A"), told.count("B"), told.count("C"), told.count("D")) == (11, 20, 30, 40)


@pytest.mark.parametrize("out", ["a.parquet", "a.csv", None])
def test_every_output_has_the_columns_and_reads_them_back(home: Path, out: str | None) -> None:
    from leadline import score

    night = score("demo.yaml", NIGHT, out=out)
    place = Path(night.place)
    file = place if place.is_file() else place / "scores.parquet"
    table = pd.read_csv(file) if file.suffix == ".csv" else pq.read_table(file).to_pandas()
    assert [name for name in table if name in GRADES] == list(GRADES)
    for name in GRADES:
        assert table[name].tolist() == night.scores.later[name].tolist()
    if file.suffix == ".parquet":
        back = read_stored_scores(pq.read_table(file), RunKey(night.scores.as_of, True, "demo", "1"))
        assert back.to_arrow().equals(night.scores.to_arrow())


def test_explain_tells_the_same_as_the_night(home: Path) -> None:
    from leadline import explain, score

    scores = score("demo.yaml", NIGHT, out="a.parquet").scores
    told = explain("demo.yaml", str(scores.lead_id[3]), NIGHT)
    assert told.grades == {name: scores.later[name].tolist()[3] for name in GRADES}


def test_the_marks_lie_in_the_bundle_and_recalibrating_keeps_them(trained_home) -> None:
    from leadline.workflows.recalibrate import KEPT

    bundle = read_bundle(trained_home[0] / "models/demo/1")
    assert FILE in bundle.files and FILE not in KEPT
