"""Tiers of a night: as many as asked, in any order of rows, without flips inside the band."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.errors import DataError
from leadline.model.tiers import FLOOR, Tiers, capacity_key

CUTS = (0.4, 0.2, 0.1)
NAMES = ("A", "B", "C", "D")

chances = st.lists(st.floats(0.01, 0.99), min_size=1, max_size=40, unique=True).map(np.array)
bands = st.floats(0.0, 0.69)


def held(volume: tuple[float, ...] = (3, 8, 15), band: float = 0.3) -> Tiers:
    return Tiers(NAMES, CUTS, volume, band)


def fixed(band: float = 0.3, rise: float = 0.1) -> Tiers:
    return Tiers(NAMES, CUTS, (), band, rise)


def odds(p: np.ndarray) -> np.ndarray:
    return np.log(p / (1 - p))


def earlier(draw: st.DrawFn, n: int) -> list[str | None]:
    return draw(st.lists(st.sampled_from([*NAMES, None]), min_size=n, max_size=n))


nights = st.composite(lambda draw: (p := draw(chances), earlier(draw, len(p))))()


@given(nights, st.integers(1, 20), bands)
def test_the_volume_is_never_above_what_is_asked(night: tuple, volume: int, band: float) -> None:
    p, before = night
    tier = held((volume, 2 * volume, 3 * volume), band).tonight(p, before)
    for number, name in enumerate("ABC", 1):
        assert np.sum(tier <= name) <= number * volume


@given(nights, st.integers(1, 20), bands)
def test_the_volume_is_reached_where_enough_leads_are_worth_it(night: tuple, volume: int, band: float) -> None:
    p, before = night
    tier = held((volume, 30, 35), band).tonight(p, before)
    worth = np.sum(odds(p) >= odds(np.array(CUTS[:1])) - FLOOR)
    assert np.sum(tier == "A") >= min(volume, worth)


@given(chances)
def test_a_lead_at_less_than_half_the_odds_of_a_cut_isnt_in_its_tier(p: np.ndarray) -> None:
    tier = held((40, 41, 42)).tonight(p)
    for name, cut in zip("ABC", CUTS, strict=True):
        assert np.all(odds(p[tier <= name]) >= math.log(cut / (1 - cut)) - FLOOR - 1e-9)


@given(nights, st.sampled_from([held(), fixed()]), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(night: tuple, tiers: Tiers, random: object) -> None:
    p, before = night
    order = list(range(len(p)))
    random.shuffle(order)  # type: ignore[attr-defined]
    mixed = tiers.tonight(p[order], [before[n] for n in order])
    assert mixed.tolist() == tiers.tonight(p, before)[order].tolist()


@given(chances, st.sampled_from([held(), fixed()]))
def test_without_an_earlier_night_the_best_have_the_best_tier(p: np.ndarray, tiers: Tiers) -> None:
    tier = tiers.tonight(p)[np.argsort(-p)]
    assert tier.tolist() == sorted(tier.tolist())
    if not tiers.volume:
        assert tier.tolist() == tiers.of(p)[np.argsort(-p)].tolist()


@given(nights, st.floats(0.05, 0.69))
def test_nobody_takes_a_place_by_less_than_the_band(night: tuple, band: float) -> None:
    p, before = night
    tier = held(band=band).tonight(p, before)
    came = [n for n, name in enumerate(before) if tier[n] == "A" and name != "A"]
    went = [n for n, name in enumerate(before) if tier[n] != "A" and name == "A"]
    if came and went:
        assert odds(p[came]).min() >= odds(p[went]).max() + band - 1e-9


@given(nights, st.floats(0.05, 0.69), st.floats(0.0, 0.3))
def test_inside_the_band_of_a_fixed_cut_nobody_flips(night: tuple, band: float, rise: float) -> None:
    p, before = night
    tier = fixed(band, rise).tonight(p, before)
    cut = odds(np.array(CUTS[:1]))[0] + rise
    for n, name in enumerate(before):
        if cut - band + 1e-9 < odds(p)[n] < cut - 1e-9:
            assert (tier[n] == "A") == (name == "A")


@given(nights)
def test_a_night_scored_again_gives_the_same_tiers(night: tuple) -> None:
    p, before = night
    assert held().tonight(p, before).tolist() == held().tonight(p, before).tolist()


@given(chances, bands)
def test_a_night_like_the_last_changes_nobodys_tier(p: np.ndarray, band: float) -> None:
    first = held(band=band).tonight(p)
    assert held(band=band).tonight(p, first.tolist()).tolist() == first.tolist()


def test_of_equals_the_earlier_row_comes_first() -> None:
    assert held((2, 3, 4)).tonight(np.full(5, 0.5)).tolist() == ["A", "A", "B", "C", "D"]


def test_a_row_that_stands_for_many_takes_their_room() -> None:
    weight = np.array([1.0, 3.0, 1.0])
    assert held((2, 5, 6)).tonight(np.array([0.6, 0.5, 0.4]), weight=weight).tolist() == ["A", "B", "B"]


def test_values_have_capacities_of_their_own_and_all_others_share() -> None:
    own = {"north": held((1, 2, 3)), "": held((1, 1, 1))}
    tiers = Tiers(NAMES, CUTS, (2, 3, 4), by="territory", own=own)
    p = np.linspace(0.9, 0.5, 8)
    value = ["North", " north", "south", "east", "west", "north", None, None]
    assert tiers.tonight(p, value=value).tolist() == ["A", "B", "A", "A", "B", "C", "A", "D"]
    assert tiers.of(np.array([0.3, 0.3]), ["north", "x"]).tolist() == ["B", "B"]


def test_words_of_values_are_told_without_case_and_spaces() -> None:
    assert [capacity_key(v) for v in ("A b ", 1, 1.5, True, np.nan)] == ["a b", "1", "1.5", "true", ""]


@pytest.mark.parametrize("tiers", [held(), fixed(), Tiers(NAMES, CUTS, (1, 2, 3), by="x", own={"n": held()}), Tiers()])
def test_they_are_read_as_they_were_written(tiers: Tiers) -> None:
    assert Tiers.from_record(json.loads(json.dumps(tiers.to_record()))) == tiers


@pytest.mark.parametrize("volume", [(1.0,), (3.0, 2.0, 1.0)])
def test_volumes_that_dont_fit_the_cuts_are_refused(volume: tuple[float, ...]) -> None:
    with pytest.raises(DataError, match="volumes"):
        Tiers(NAMES, CUTS, volume)


def test_a_night_without_leads_has_no_tiers() -> None:
    assert held().tonight(np.empty(0), []).tolist() == []
