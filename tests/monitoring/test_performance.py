"""What past nights say of a model: a lead that is scored night after night tells no more than once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.core.privacy import MIN_GROUP_SIZE
from leadline.metrics import classification
from leadline.monitoring.performance import (
    PastScores,
    acceptance_record,
    calibration_segments,
    clustered_auc,
    conversion_by_band,
    holdout_comparison,
    predicted_vs_observed,
    ranking_performance,
)


def past(n: int = 600, nights: int = 1, seed: int = 3, holdout: float = 0.0) -> PastScores:
    """Leads of two to an account, scored truly, in so many nights; each night says the same."""
    draw = np.random.default_rng(seed)
    p = draw.uniform(0.05, 0.5, n)
    y = (draw.random(n) < p) * 1.0
    lead = np.array([f"L{i}" for i in range(n)], dtype=object)
    group = np.array([f"A{i // 2}" for i in range(n)], dtype=object)
    tier = np.where(p > 0.3, "A", "B").astype(object)
    held = draw.random(n) < holdout
    tier[held] = np.where(draw.random(n) < 0.4, "A", "B")[held]
    one = PastScores(
        lead, group, np.zeros(n, dtype=np.int64), p, y, tier, np.full(n, "1", dtype=object), np.full(n, None), held
    )
    every = one.take(np.tile(np.arange(n), nights))
    return PastScores(**{**vars(every), "as_of": np.repeat(np.arange(nights), n)})


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.integers(0, 8)), min_size=1, max_size=60))
def test_the_auc_is_the_auc_and_lies_within_its_interval(rows: list[tuple[bool, int, int]]) -> None:
    y, p, group = (np.array(column, dtype=np.float64) for column in zip(*rows, strict=True))
    auc, low, high = clustered_auc(y, p, group)
    assert auc == pytest.approx(classification.auc(y, p), nan_ok=True)
    assert np.isnan(low) == np.isnan(high) and (np.isnan(low) or (0 <= low <= auc + 1e-12 and auc - 1e-12 <= high <= 1))


def test_its_interval_is_about_that_of_drawing_accounts_again() -> None:
    rows = past(1_200)
    _, low, high = clustered_auc(rows.y, rows.p, rows.group)
    drawn = classification.bootstrap_by_group(lambda at: classification.auc(rows.y[at], rows.p[at]), rows.group, 7, 400)
    assert high - low == pytest.approx(drawn[1] - drawn[0], rel=0.15)


def test_the_same_leads_on_more_nights_make_no_interval_narrower() -> None:
    once, six = past(300), past(300, nights=6)
    for name in ("low", "high", "auc", "auc_low", "auc_high"):
        assert ranking_performance(once)[name] == pytest.approx(ranking_performance(six)[name], abs=0.012)
    assert (
        ranking_performance(six)["rows"] == 6 * ranking_performance(once)["rows"]
        and ranking_performance(six)["leads"] == ranking_performance(once)["leads"]
    )
    told, more = (calibration_segments(rows, "A", 7) for rows in (once, six))
    assert told is not None and more is not None
    assert more.overall.high - more.overall.low == pytest.approx(told.overall.high - told.overall.low, rel=0.1)
    alone = PastScores(**{**vars(six), "group": np.arange(len(six)).astype(object)})
    assert predicted_vs_observed(alone)["high"] - predicted_vs_observed(alone)["low"] < 0.6 * (
        predicted_vs_observed(six)["high"] - predicted_vs_observed(six)["low"]
    )


def test_bands_and_segments_hold_every_row_once() -> None:
    rows = past(500, nights=2)
    assert sum(b["rows"] for b in conversion_by_band(rows)) == len(rows)
    assert [b["predicted"] for b in conversion_by_band(rows)] == sorted(
        (b["predicted"] for b in conversion_by_band(rows)), reverse=True
    )
    told = calibration_segments(rows, "A", 7)
    assert told is not None
    assert sum(s.rows for s in told.segments if s.by == "tier") == len(rows)
    assert calibration_segments(rows.take(np.zeros(len(rows), dtype=bool)), "A", 7) is None


def test_probabilities_that_are_doubled_are_told() -> None:
    true = past(3_000)
    held = calibration_segments(true, "A", 7)
    doubled = calibration_segments(PastScores(**{**vars(true), "p": np.minimum(2 * true.p, 0.99)}), "A", 7)
    assert held is not None and doubled is not None
    assert (held.overall.verdict, doubled.overall.verdict) == ("calibrated", "miscalibrated")


def test_the_holdout_is_compared_with_the_rest_by_band_and_by_lot() -> None:
    assert holdout_comparison(past(300), "A") is None
    rows = past(6_000, holdout=0.3)
    told = holdout_comparison(rows, "A")
    assert told is not None
    assert sum(b["holdout"]["rows"] for b in told["bands"]) == told["holdout"]["rows"] == int(rows.holdout.sum())
    assert sum(b["rest"]["rows"] for b in told["bands"]) == told["rest"]["rows"] == int((~rows.holdout).sum())
    came = [b["holdout"]["observed"] for b in told["bands"]]
    assert came[0] > came[-1]
    lot = told["by_lot"]
    assert lot["best"]["rows"] + lot["others"]["rows"] == told["holdout"]["rows"]
    # Nothing here hangs on the tier, so in the holdout it must show no effect, and elsewhere it seems to have one.
    assert lot["best"]["low"] < lot["others"]["observed"] < lot["best"]["high"]


def test_each_lead_counts_once_for_a_tier_and_rare_reasons_are_told_together() -> None:
    rows = past(200, nights=3)
    lost = (rows.y == 0) & (np.arange(len(rows)) % 200 < 100)
    word = np.where(lost, "disqualified", None)
    number = np.array([int(lead[1:]) for lead in rows.lead])
    reason = np.where(lost, np.where(number < 90, "no budget", "Ann Onymous left"), None)
    told = acceptance_record(rows, word, reason, ("disqualified",))
    assert sum(t["leads"] for t in told["tiers"]) == 200
    assert all(t["leads"] == t["accepted"] + t["rejected"] + t["neither"] for t in told["tiers"])
    assert (
        set(told["reasons"]) == {"no budget", "other"}
        and told["reasons"]["no budget"] >= MIN_GROUP_SIZE > told["reasons"]["other"]
    )
    assert told["words"] == {} and told["sources"] == []
    kinds = acceptance_record(
        rows, np.where(lost, np.where(number % 2, "bad_fit", "bad_data"), None), reason, ("bad_fit", "bad_data")
    )
    assert set(kinds["words"]) == {"bad_fit", "bad_data"} and sum(kinds["words"].values()) == sum(
        t["rejected"] for t in told["tiers"]
    )
