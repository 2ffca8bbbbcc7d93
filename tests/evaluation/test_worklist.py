"""Picking: a night's room goes to the best, ties share alike, and who was worked rests; held against a slow, obvious simulation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.core.point_in_time import DAY, WEEK
from leadline.evaluation.worklist import Worklist, build_worklist, take_top, work_down

ROWS = st.lists(st.tuples(st.integers(0, 6), st.floats(0.25, 4)), min_size=1, max_size=30)


def columns(rows: list[tuple[Any, ...]]) -> tuple[np.ndarray, ...]:
    return tuple(np.array(column, dtype=np.float64) for column in zip(*rows, strict=True))


def a_listing(cells: list[tuple[int, int]], horizon: int = 3, every: int = 1) -> Worklist:
    """Rows by (night, lead), a day apart."""
    night, lead = (np.array(part, dtype=np.int64) for part in zip(*cells, strict=True))
    names = np.array([f"L{n:02d}" for n in lead], dtype=object)
    return build_worklist(night * every * DAY, names, np.ones(len(cells)), horizon * DAY, every * DAY)


@given(ROWS, st.floats(0.1, 60))
def test_the_room_is_filled_with_the_best(rows: list[tuple[int, float]], room: float) -> None:
    score, mass = columns(rows)
    share = take_top(score, mass, room)
    assert np.all((share >= 0) & (share <= 1))
    assert (share * mass).sum() == pytest.approx(min(room, mass.sum()))
    for better, worse in ((a, b) for a in range(len(rows)) for b in range(len(rows)) if score[a] > score[b]):
        assert share[worse] == pytest.approx(0, abs=1e-9) or share[better] == pytest.approx(1)
    for level in np.unique(score):
        assert np.ptp(share[score == level]) == pytest.approx(0, abs=1e-12)


@given(ROWS, st.floats(0.1, 60), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(rows: list[tuple[int, float]], room: float, draw: Any) -> None:
    score, mass = columns(rows)
    order = list(range(len(rows)))
    draw.shuffle(order)
    assert take_top(score[order], mass[order], room) == pytest.approx(take_top(score, mass, room)[order])


@given(ROWS, st.floats(0.1, 60))
def test_several_worlds_at_once_are_each_world_alone(rows: list[tuple[int, float]], room: float) -> None:
    score, mass = columns(rows)
    both = take_top(score, np.column_stack([mass, 2 * mass]), room)
    assert both[:, 0] == pytest.approx(take_top(score, mass, room))
    assert both[:, 1] == pytest.approx(take_top(score, 2 * mass, room))


def worked_slowly(cells: list[tuple[int, int]], score: list[float], room: int, horizon: int) -> set[tuple[int, int]]:
    """Work the list one lead at a time: (night, lead) of each that was taken."""
    last: dict[int, int] = {}
    taken = set()
    for night in sorted({n for n, _ in cells}):
        there = sorted((-score[k], lead) for k, (n, lead) in enumerate(cells) if n == night)
        free = [lead for _, lead in there if lead not in last or last[lead] + horizon <= night]
        for lead in free[:room]:
            last[lead] = night
            taken.add((night, lead))
    return taken


@given(
    st.sets(st.tuples(st.integers(0, 9), st.integers(0, 7)), min_size=1, max_size=60),
    st.integers(1, 4),
    st.integers(1, 5),
    st.randoms(use_true_random=False),
)
def test_nights_are_worked_as_a_slow_obvious_simulation_works_them(
    cells: set[tuple[int, int]], room: int, horizon: int, draw: Any
) -> None:
    rows = sorted(cells)
    score = [float(n) for n in range(len(rows))]  # no ties: each lead is taken whole or not
    draw.shuffle(score)
    listing = a_listing(rows, horizon)
    taken = {
        (int(listing.as_of[row] // DAY), rows[row][1])
        for _, here, part in work_down(listing, np.array(score), room)
        for row, share in zip(here, part, strict=True)
        if share > 0.5
    }
    assert taken == worked_slowly(rows, score, room, horizon)


@given(st.sets(st.tuples(st.integers(0, 9), st.integers(0, 7)), min_size=1, max_size=60), st.floats(0.5, 9))
def test_no_lead_is_worked_twice_within_the_horizon(cells: set[tuple[int, int]], room: float) -> None:
    rows = sorted(cells)
    listing = a_listing(rows, horizon=3)
    parts: dict[tuple[int, int], float] = {}
    for night, here, part in work_down(listing, np.array([float(lead % 3) for _, lead in rows]), room):
        for row, share in zip(here, part, strict=True):
            parts[int(listing.at[night] // DAY), rows[row][1]] = float(share)
    for night, lead in parts:
        assert sum(parts.get((later, lead), 0.0) for later in range(night, night + 3)) <= 1 + 1e-9


def test_with_landmarks_a_night_is_a_week_and_a_lead_stands_with_its_best_row() -> None:
    as_of = np.array([0, DAY, 2 * DAY, 8 * DAY], dtype=np.int64)
    lead = np.array(["a", "a", "b", "b"], dtype=object)
    listing = build_worklist(as_of, lead, np.ones(4), WEEK)
    assert listing.at.tolist() == [0, WEEK]
    told = [(here.tolist(), part.tolist()) for _, here, part in work_down(listing, np.array([0.3, 0.9, 0.5, 0.1]), 1)]
    assert told == [([1, 2], [1.0, 0.0]), ([3], [1.0])]


def test_of_a_leads_equal_rows_the_earliest_stands() -> None:
    listing = build_worklist(np.array([DAY, 0]), np.array(["a", "a"], dtype=object), np.ones(2), WEEK)
    ((_, here, _),) = work_down(listing, np.zeros(2), 1)
    assert here.tolist() == [1]


def test_a_row_that_stands_for_many_takes_their_room() -> None:
    assert take_top(np.array([3.0, 2.0, 1.0]), np.array([1.0, 8.0, 1.0]), 5).tolist() == [1.0, 0.5, 0.0]


def test_nobody_on_the_list_is_nobody_worked() -> None:
    assert take_top(np.empty(0), np.empty(0), 5).shape == (0,)
