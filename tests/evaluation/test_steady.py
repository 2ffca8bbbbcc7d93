"""Bands laid on past nights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from leadline.core.point_in_time import WEEK
from leadline.evaluation.capacity import (
    BAND,
    HALVED,
    NightlyRows,
    ScoredRows,
    fit_hysteresis,
    nightly_rows,
    replay_tiers,
    tiers_for_capacity,
)
from leadline.model.tiers import Tiers


def season(nights: int = 16, leads: int = 300, drift: float = 0.0, seed: int = 1) -> tuple[ScoredRows, NightlyRows]:
    """Leads whose odds lie far apart and tremble from night to night, of a base rate that may drift."""
    draw = np.random.default_rng(seed)
    own, shift = draw.normal(-2, 1, leads), np.linspace(0, drift, nights)
    odds = own + draw.normal(0, 0.15, (nights, leads)) + shift[:, None]
    p = 1 / (1 + np.exp(-odds.ravel()))
    y = 1.0 * (draw.random(len(p)) < p)
    lead = np.tile(np.array([f"L{n:03}" for n in range(leads)], dtype=object), nights)
    asked = ScoredRows(p, y, np.ones(len(p)), lead, np.repeat(np.arange(nights) * WEEK, leads), 0, WEEK)
    return asked, nightly_rows(asked, np.repeat([0, 1], len(p) // 2))


@pytest.mark.parametrize("mode", ["top_n", "threshold"])
def test_the_band_spares_half_the_flips_and_no_volume_is_lost(mode: str) -> None:
    asked, nights = season()
    plain = tiers_for_capacity(asked, 30.0, mode)
    banded = fit_hysteresis(plain, nights)
    before, after = replay_tiers([(plain, nights)]), replay_tiers([(banded, nights)])
    assert before.near > 5 and after.near <= HALVED * before.near and after.flips < before.flips
    assert after.mean == pytest.approx(before.mean, rel=0.06)
    assert after.precision == pytest.approx(before.precision, abs=0.05)
    narrower = replay_tiers([(plain.banded(banded.band - 0.1), nights)])
    assert narrower.near > after.near


def test_held_volume_doesnt_follow_the_base_rate_as_a_held_cut_does() -> None:
    early, _ = season()
    _, later = season(drift=0.8, seed=2)
    volume, fixed = (replay_tiers([(tiers_for_capacity(early, 30.0, mode), later)]) for mode in ("top_n", "threshold"))
    assert (volume.low, volume.high, volume.spread) == (30.0, 30.0, 0.0)
    assert fixed.high > 45 and fixed.spread > 5


def test_flips_are_counted_between_nights_of_one_fold_alone() -> None:
    p = np.array([0.9, 0.1, 0.1, 0.9, 0.9, 0.1])
    nights = NightlyRows(
        p, np.ones(6), np.ones(6), np.array([0, 1] * 3), None, ((np.arange(2), np.arange(2, 4)), (np.arange(4, 6),))
    )
    assert replay_tiers([(Tiers(("A", "B"), (0.5,)), nights)]).flips == 2.0
    assert np.isnan(replay_tiers([(Tiers(("A", "B"), (0.5,)), replace(nights, runs=nights.runs[1:]))]).flips)


def test_who_wasnt_open_the_night_before_doesnt_flip() -> None:
    nights = NightlyRows(
        np.array([0.9, 0.9]), np.ones(2), np.ones(2), np.array([0, 1]), None, ((np.array([0]), np.array([1])),)
    )
    assert replay_tiers([(Tiers(("A", "B"), (0.5,)), nights)]).flips == 0.0


def test_where_nothing_flips_there_is_a_band_all_the_same() -> None:
    asked, _ = season(1)
    assert (
        fit_hysteresis(tiers_for_capacity(asked, 30.0, "top_n"), nightly_rows(asked, np.zeros(len(asked.p)))).band
        == BAND
    )
    assert fit_hysteresis(tiers_for_capacity(asked, 30.0), nightly_rows(asked, np.zeros(len(asked.p)))).rise == BAND / 2


def test_the_order_of_rows_changes_nothing() -> None:
    asked, nights = season(6)
    order = np.random.default_rng(3).permutation(len(asked.p))
    mixed = ScoredRows(*(part[order] for part in (asked.p, asked.y, asked.weight, asked.lead, asked.as_of)), 0, WEEK)
    assert replay_tiers(
        [(tiers_for_capacity(mixed, 30.0, "top_n"), nightly_rows(mixed, np.repeat([0, 1], len(order) // 2)[order]))]
    ) == replay_tiers([(tiers_for_capacity(asked, 30.0, "top_n"), nights)])
