"""The curve over time: it never falls, goes through the probability, finds the hazards of a made world, and too early isn't no."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import leadline
import projects
from leadline.config.schema import Config
from leadline.core.point_in_time import DAY
from leadline.errors import DataError
from leadline.evaluation.curve_evaluation import evaluate_curve, kaplan_meier, weighted_brier
from leadline.model.calibration.conversion_curve import MEDIAN, ConversionCurve, CurveRows

WINDOWS = (7 * DAY, 30 * DAY, 90 * DAY)
lines = st.tuples(st.floats(-6, 3), st.floats(-0.5, 2))
chances = st.lists(st.floats(0, 1), min_size=1, max_size=30)


@given(st.lists(lines, min_size=3, max_size=3), st.sampled_from(WINDOWS), chances)
def test_it_never_falls_and_goes_through_the_probability(
    hazards: list[tuple[float, float]], horizon: int, p: list[float]
) -> None:
    curve = ConversionCurve(WINDOWS, horizon, WINDOWS, tuple(hazards))
    told = curve.within(np.array(p))
    assert (np.diff(told, axis=1) >= 0).all() and (told >= 0).all() and (told <= 1).all()
    assert told[:, WINDOWS.index(horizon)].tolist() == p or np.allclose(told[:, WINDOWS.index(horizon)], p, atol=1e-12)
    days = curve.columns(np.array(p))[MEDIAN]
    assert (days >= 0).all() and (days <= 90).all()
    assert ConversionCurve.from_record(json.loads(json.dumps(curve.to_record()))) == curve


def made(leads: int, seed: int, recent: float) -> tuple[CurveRows, np.ndarray]:
    """Make leads that get there at a constant rate of their own; a share is observed for 20 days alone."""
    rng = np.random.default_rng(seed)
    rate = np.exp(rng.normal(-4.5, 1.0, leads))  # a day
    after = rng.exponential(1 / rate) * DAY
    observed = np.where(rng.random(leads) < recent, 20.0 * DAY, 120.0 * DAY)
    after = np.where(after < observed, after, np.inf)
    return CurveRows(1 - np.exp(-30 * rate), np.ones(leads), after, observed), rate


def test_it_finds_the_chances_of_a_world_whose_rates_are_known_though_half_is_recent() -> None:
    rows, rate = made(40_000, 1, recent=0.5)
    told = ConversionCurve.fit(WINDOWS, WINDOWS[1], rows).within(rows.probability)
    for place, days in enumerate((7, 30, 90)):
        truth = 1 - np.exp(-days * rate)
        assert abs(told[:, place].mean() / truth.mean() - 1) < 0.05, days
        assert np.corrcoef(told[:, place], truth)[0, 1] > 0.98, days


def test_leaving_out_those_too_recent_is_not_calling_them_negative() -> None:
    (all_old, _), (half, _) = made(40_000, 2, recent=0.0), made(40_000, 2, recent=0.5)
    whole, part = (kaplan_meier(rows, WINDOWS) for rows in (all_old, half))
    assert np.allclose(whole, part, atol=0.01)
    naive = np.mean(half.after < WINDOWS[2])
    assert naive < 0.8 * whole[2]
    flat = np.full(40_000, 0.3)
    old, young = (np.average(weighted_brier(flat, rows, WINDOWS[2]), weights=rows.weight) for rows in (all_old, half))
    assert old == pytest.approx(young, abs=0.01)


def test_the_curve_beats_one_for_everybody_where_leads_differ_and_not_where_they_do_not() -> None:
    for spread, better in ((1.0, True), (0.0, False)):
        rng = np.random.default_rng(3)
        rate = np.exp(rng.normal(-4.5, spread, 6000))
        after = rng.exponential(1 / rate) * DAY
        after = np.where(after < 120 * DAY, after, np.inf)
        rows = CurveRows(1 - np.exp(-30 * rate), np.ones(6000), after, np.full(6000, 120.0 * DAY))
        older, newest = rows.take(np.arange(3000)), rows.take(np.arange(3000, 6000))
        told = evaluate_curve(ConversionCurve.fit(WINDOWS, WINDOWS[1], older), older, newest, np.arange(3000), 7)
        assert (told.gain.low > 0) is better and told.until == "90d"
        assert abs(told.windows[0].predicted - told.windows[0].observed.value) < 0.02


def test_the_order_of_rows_changes_no_bit_that_matters_and_few_positives_keep_the_shape() -> None:
    rows, _ = made(3000, 4, recent=0.3)
    mixed = rows.take(np.random.default_rng(5).permutation(3000))
    one, two = (ConversionCurve.fit(WINDOWS, WINDOWS[1], part).within(rows.probability) for part in (rows, mixed))
    assert np.allclose(one, two, rtol=1e-9)
    nobody = CurveRows(np.full(50, 0.1), np.ones(50), np.full(50, np.inf), np.full(50, 40.0 * DAY))
    told = ConversionCurve.fit(WINDOWS, WINDOWS[1], nobody).within(np.array([0.1]))
    assert told[0, 1] == 0.1 and told[0, 0] <= 0.1 <= told[0, 2]


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"windows": [5, 3], "horizon": 5, "asked": [5], "lines": [[0, 1], [0, 1]]},
        {"windows": "x", "horizon": 1, "asked": [], "lines": []},
    ],
)
def test_a_broken_record_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"curve\.json"):
        ConversionCurve.from_record(broken)


@pytest.mark.parametrize(
    "outcome",
    [{"reaches": "sql", "within": "30d", "curve": ["7d", "7d"]}, {"column": "won", "positive": 1, "curve": ["7d"]}],
)
def test_a_curve_that_makes_no_sense_is_an_error_of_the_config(outcome: dict[str, Any]) -> None:
    base = {"version": 1, "name": "x", "tables": {"leads": {"source": "a.csv"}}, "snapshots": {"order_by": "row"}}
    with pytest.raises(Exception, match="`curve` lists lengths of time"):
        Config.model_validate({**base, "outcome": outcome})


# On the demo world: the columns of a night, and the record made again in pandas.


@pytest.fixture(scope="module")
def curved(tmp_path_factory: pytest.TempPathFactory, demo_tables: Any) -> tuple[Path, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("curved")
    projects.settle(folder, demo_tables)
    with projects.inside(folder):
        place = folder / "demo.yaml"
        text = place.read_text()
        assert "{reaches: sql, within: 30d}" in text
        place.write_text(
            text.replace("{reaches: sql, within: 30d}", "{reaches: sql, within: 30d, curve: [7d, 30d, 90d]}")
        )
        leadline.train("demo.yaml", projects.KNOWN_AT, quick=True)
        scores = leadline.score("demo.yaml", projects.NIGHT).scores.to_arrow().to_pandas()
        told = leadline.explain("demo.yaml", scores.lead_id[4], projects.NIGHT)
    assert told.later["p_7d"] == scores.p_7d[4] and told.later[MEDIAN] == scores.median_days[4]
    return folder, scores


def test_a_night_has_the_chances_of_each_window(curved: tuple[Path, pd.DataFrame]) -> None:
    scores = curved[1]
    assert (scores.p_7d <= scores.p_30d).all() and (scores.p_30d <= scores.p_90d).all()
    assert scores.p_30d.tolist() == scores.probability.tolist()
    assert scores.median_days.between(0, 90).all()


def test_the_records_rates_are_those_of_the_tables(curved: tuple[Path, pd.DataFrame], demo_tables: Any) -> None:
    folder, _ = curved
    told = json.loads((folder / "models/demo/1/record.json").read_text())["curve_over_time"]
    rows = pd.read_parquet(folder / "backtests/demo/1.parquet")
    newest = rows[rows.judged]
    stages = demo_tables["stages"].to_pandas().drop_duplicates()
    known = pd.Timestamp(projects.KNOWN_AT)
    reached = stages[
        stages.stage.isin(["sql", "opportunity", "closed_won"])
        & (stages.changed_at < known)
        & (stages.recorded_at < known)
    ]
    first = newest.lead_id.map(reached.groupby("lead_id").changed_at.min())
    for window in told["windows"]:
        span = pd.Timedelta(days=int(window["window"][:-1]))
        old = newest.as_of + span <= known
        assert window["rows"] == old.sum()
        if old.any():
            came = (first[old] < newest.as_of[old] + span).fillna(False)
            assert window["observed"]["value"] == pytest.approx(np.average(came, weights=newest.weight[old]))


def test_the_report_has_the_section(curved: tuple[Path, pd.DataFrame]) -> None:
    from leadline.report.pages.page import report_page

    assert "When they convert" in report_page(json.loads((curved[0] / "models/demo/1/record.json").read_text()))
