"""Segments: calibration that holds is rarely called off, one that doesn't is found, and parity is what a count gives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.core.privacy import MIN_GROUP_SIZE
from leadline.evaluation.segments import ABSENT, OTHER, SegmentAxis, SegmentRows, evaluate_segments
from leadline.metrics import classification
from leadline.metrics.intervals import (
    binomial_p_value,
    clopper_pearson_interval,
    design_effect,
    effective_sample_size,
    holm_correction,
)
from leadline.report.text import calibration_summary, lines, tier_sentence

COUNTRIES = np.array(["NL", "BE", "DE", "FR"], dtype=object)


def world(seed: int, leads: int = 1500, told: dict[str, float] | None = None) -> tuple[SegmentRows, SegmentAxis]:
    """Leads with several snapshots, all of one fate; in some countries more of them convert than is said."""
    rng = np.random.default_rng(seed)
    country = rng.choice(COUNTRIES, leads, p=[0.4, 0.3, 0.2, 0.1])
    p = 1 / (1 + np.exp(3.0 - rng.normal(0, 1.2, leads)))
    more = np.array([(told or {}).get(c, 0.0) for c in country])
    fate = (rng.random(leads) < p + more).astype(float)
    who = np.repeat(np.arange(leads), rng.integers(1, 6, leads))
    rows = SegmentRows(fate[who], np.ones(len(who)), p[who], who, who // 2, p[who] > np.quantile(p, 0.9))
    return rows, SegmentAxis("country", country[who])


def test_where_all_hold_few_worlds_have_a_segment_that_is_off() -> None:
    quiet = [evaluate_segments(rows, [replace(axis, parity=False)], 7) for rows, axis in map(world, range(60))]
    off = sum(any(s.verdict == "miscalibrated" for s in found.segments) for found in quiet if found)
    assert off <= 8, "5% of 60 are 3; nine or more come about once in two hundred times"
    covered = [s.low <= s.predicted <= s.high for found in quiet if found for s in found.segments]
    assert 0.90 < np.mean(covered) <= 1.0


def test_a_segment_that_converts_more_than_was_said_is_found_and_only_it() -> None:
    rows, axis = world(3, 4000, {"BE": 0.1})
    found = evaluate_segments(rows, [axis], 7)
    assert found is not None
    assert [(s.by, s.level) for s in found.segments if s.verdict == "miscalibrated"] == [("country", "BE")]
    assert "miscalibrated: country = BE (" in calibration_summary(found.to_record())
    assert found.overall.verdict == "miscalibrated", "a third of all leads moves the whole"


def test_a_tier_is_judged_by_its_own_interval_however_many_segments_there_are() -> None:
    rows, country = world(5, 3000)
    tier = SegmentAxis("tier", np.where(rows.best, "A", "B").astype(object), parity=False, alone=True)
    noise = [SegmentAxis(f"n{n}", np.random.default_rng(n).choice(["x", "y"], len(rows.y)), False) for n in range(40)]
    promised = replace(rows, p=np.where(rows.best, np.minimum(1.35 * rows.p, 0.99), rows.p))
    found = evaluate_segments(promised, [country, *noise, tier], 7)
    assert found is not None
    a, b = (s for s in found.segments if s.by == "tier")
    assert (a.verdict, b.verdict) == ("overstated", "calibrated") and not a.low <= a.predicted <= a.high
    few = evaluate_segments(promised, [tier], 7)
    assert few is not None and [s.verdict for s in few.segments] == [a.verdict, b.verdict]
    kept = evaluate_segments(promised, [replace(tier, alone=False), country, *noise], 7)
    assert kept is not None and kept.segments[0].chance >= a.chance
    assert "tier A is overstated" in tier_sentence(found.to_record()["segments"])
    assert "tier" not in calibration_summary(found.to_record())


def test_tiers_that_hold_are_called_off_once_in_twenty() -> None:
    verdicts = []
    for rows, _ in map(world, range(100, 160)):
        tier = SegmentAxis("tier", np.where(rows.best, "A", "B").astype(object), parity=False, alone=True)
        found = evaluate_segments(rows, [tier], 7)
        assert found is not None
        verdicts += [s.verdict for s in found.segments]
        assert all((s.verdict == "calibrated") == (s.low <= s.predicted <= s.high) for s in found.segments)
    assert np.mean([v != "calibrated" for v in verdicts]) <= 0.12


def test_parity_is_what_counting_gives() -> None:
    rows, axis = world(5, 3000)
    rng = np.random.default_rng(1)
    rows = replace(rows, weight=rng.integers(1, 4, len(rows.y)).astype(float))
    found = evaluate_segments(rows, [axis], 7)
    assert found is not None
    every = np.average(rows.best, weights=rows.weight)
    for segment in found.segments:
        mine = axis.level == segment.level
        y, w, p, best = rows.y[mine], rows.weight[mine], rows.p[mine], rows.best[mine]
        told = segment.parity
        assert segment.rows == mine.sum() and segment.positives == y.sum()
        assert told.selected == pytest.approx(np.average(best, weights=w))
        assert told.ratio == pytest.approx(np.average(best, weights=w) / every)
        assert told.recall == pytest.approx(np.sum(w * y * best) / np.sum(w * y))
        assert told.auc == pytest.approx(classification.auc(y, p, w))
        assert segment.observed == pytest.approx(np.average(y, weights=w))
        for name in ("auc", "selected", "ratio", "recall"):
            assert getattr(told, f"{name}_low") <= getattr(told, name) <= getattr(told, f"{name}_high")


def test_the_interval_of_an_auc_is_the_bootstrap_s() -> None:
    rows, axis = world(5)
    found = evaluate_segments(rows, [axis], 7)
    assert found is not None
    segment = found.segments[-1]
    mine = np.flatnonzero(axis.level == segment.level)
    slow = classification.bootstrap_by_group(
        lambda at: classification.auc(rows.y[mine][at], rows.p[mine][at]), rows.group[mine], seed=3
    )
    assert (segment.parity.auc_low, segment.parity.auc_high) == pytest.approx(slow, abs=0.03)


def test_levels_that_few_leads_share_are_one_and_lose_their_names() -> None:
    rows, axis = world(5)
    level = axis.level.copy()
    level[np.isin(rows.lead, np.arange(19))] = "Canary Street 5"
    level[np.isin(rows.lead, np.arange(40, 59))] = "Canary Street 6"
    level[np.isin(rows.lead, np.arange(100, 200))] = None
    found = evaluate_segments(rows, [replace(axis, level=level)], 7)
    assert found is not None
    assert {s.level for s in found.segments} == {*COUNTRIES, OTHER, ABSENT}
    assert "Canary" not in str(found.to_record())


def test_of_fewer_leads_than_twenty_nothing_is_said() -> None:
    rows, axis = world(5)
    level = axis.level.copy()
    level[np.isin(rows.lead, np.arange(MIN_GROUP_SIZE - 1))] = "rare"
    found = evaluate_segments(rows, [replace(axis, level=level)], 7)
    assert found is not None
    (few,) = (s for s in found.segments if s.level == OTHER)
    said = few.to_record()
    assert few.verdict == "too few to say" and few.leads == MIN_GROUP_SIZE - 1
    assert {k for k, v in said.items() if v is not None} == {"by", "level", "rows", "leads", "verdict"}


def test_an_axis_of_one_level_is_left_out_and_no_rows_say_nothing() -> None:
    rows, axis = world(5)
    found = evaluate_segments(rows, [SegmentAxis("month", np.full(len(rows.y), "2025-05", dtype=object))], 7)
    assert found is not None and not found.segments and found.left_out[0][0] == "month"
    assert lines(found.to_record())[0].startswith("calibration over all leads: ") and len(lines(found.to_record())) == 1
    assert evaluate_segments(rows.take(rows.y > 5), [replace(axis, level=axis.level[:0])], 7) is None


def test_rows_in_any_order_give_the_same() -> None:
    rows, axis = world(5, 600)
    order = np.random.default_rng(2).permutation(len(rows.y))
    moved = evaluate_segments(
        SegmentRows(*(c[order] for c in vars(rows).values())), [replace(axis, level=axis.level[order])], 7
    )
    found = evaluate_segments(rows, [axis], 7)
    assert found is not None and moved is not None
    for a, b in zip(found.segments, moved.segments, strict=True):
        assert flat(a) == pytest.approx(flat(b), nan_ok=True)


def flat(segment: Any) -> dict[str, Any]:
    numbers = {k: v for k, v in segment.to_record().items() if isinstance(v, float)}
    return numbers | {"rows": segment.rows}


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_a_correction_never_lowers_a_chance_nor_changes_the_order(chances: list[float]) -> None:
    told = holm_correction(chances)
    assert all(t >= c and t <= 1 for t, c in zip(told, chances, strict=True))
    assert all(
        (a <= b) for (_, a), (_, b) in zip(*(sorted(zip(chances, told, strict=True))[k:] for k in (0, 1)), strict=False)
    )
    assert min(told) == pytest.approx(min(1.0, len(chances) * min(chances)))


@given(st.integers(0, 50), st.floats(0.01, 0.99))
def test_the_interval_holds_what_the_test_doesn_t_refuse(hits: int, said: float) -> None:
    low, high = clopper_pearson_interval(hits / 50, 50)
    chance = binomial_p_value(hits / 50, said, 50)
    if abs(said - low) > 1e-6 and abs(said - high) > 1e-6:
        assert (low < said < high) == (chance > 0.05)


def test_rows_that_repeat_count_once() -> None:
    rng = np.random.default_rng(4)
    p, group = np.full(4000, 0.1), np.repeat(np.arange(1000), 4)
    y = (rng.random(1000) < 0.1)[group] * 1.0
    effect = design_effect(y - y.mean(), group)
    assert effect == pytest.approx(4.0) and effective_sample_size(p, np.ones(4000), effect) == pytest.approx(1000)


def test_levels_come_in_the_order_given_and_the_rest_by_their_letters() -> None:
    rows, axis = world(5)
    found = evaluate_segments(rows, [replace(axis, order=("NL", "DE"))], 7)
    assert found is not None and [s.level for s in found.segments] == ["NL", "DE", "BE", "FR"]


def test_a_summary_names_a_few_and_lines_fit_a_terminal() -> None:
    rows, axis = world(3, 4000, dict.fromkeys(COUNTRIES, 0.1))
    by_source = SegmentAxis("source", np.array(list("abcdef"), dtype=object)[rows.lead % 6], parity=False)
    found = evaluate_segments(rows, [axis, by_source], 7)
    assert found is not None and sum(s.verdict == "miscalibrated" for s in found.segments) > 5
    assert "more" in lines(found.to_record())[-1] and max(map(len, lines(found.to_record()))) <= 80
