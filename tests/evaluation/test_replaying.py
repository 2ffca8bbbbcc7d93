"""Past nights worked again: laws of the counts, whose intervals and differences come of the same drawn worlds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.core.point_in_time import DAY
from leadline.evaluation.baselines import SAYERS
from leadline.evaluation.topk_backtest import ReplayRows, TopKBacktest, TopKResult, run_topk_backtest
from leadline.evaluation.worklist import build_worklist

HORIZON = 3


def past(
    cells: list[tuple[int, int]],
    said: Mapping[str, Any],
    y: Any,
    room: float = 2.0,
    won: Any = None,
    amount: Any = None,
) -> ReplayRows:
    """Nights a day apart, of rows by (night, lead)."""
    night, lead = (np.array(part, dtype=np.int64) for part in zip(*cells, strict=True))
    names = np.array([f"L{n:02d}" for n in lead], dtype=object)
    y = np.asarray(y, dtype=np.float64)
    listing = build_worklist(night * DAY, names, np.ones(len(cells)), HORIZON * DAY, DAY)
    scores = {who: np.asarray(p, dtype=np.float64) for who, p in said.items()}
    wins = y if won is None else np.asarray(won, dtype=np.float64)
    return ReplayRows(listing, y, wins, amount, night >= 2, names, scores, room)


def by(told: TopKBacktest) -> dict[str, TopKResult]:
    return {worked.by: worked for worked in told.rankers}


def life(ends: list[int]) -> tuple[list[tuple[int, int]], list[float]]:
    """Rows of leads that are open until they get there: each night before, positive in the last `HORIZON` nights."""
    rows = sorted((night, lead) for lead, end in enumerate(ends) for night in range(min(end, 8)))
    return rows, [float(ends[lead] - night <= HORIZON) for night, lead in rows]


ENDS = st.lists(st.integers(1, 12), min_size=2, max_size=12)


@given(ENDS, st.integers(0, 99))
@settings(max_examples=25)
def test_with_room_for_all_every_lead_is_worked_and_all_rank_alike(ends: list[int], seed: int) -> None:
    rows, y = life(ends)
    draw = np.random.default_rng(seed)
    said = {"model": draw.normal(size=len(rows)), "points": draw.normal(size=len(rows))}
    told = run_topk_backtest(past(rows, said, y, 99, amount=np.ones(len(rows))), 7, 5)
    mine, *others = told.rankers
    assert mine.worked >= len({lead for _, lead in rows})
    for other in others:
        assert replace(other, by="model", newest_precision=0.0) == replace(mine, newest_precision=0.0)
    assert all((gap.sqls, gap.sqls_low, gap.sqls_high, gap.amount) == (0, 0, 0, 0) for gap in told.model_minus_baseline)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5)), min_size=2, max_size=30), st.integers(1, 8))
@settings(max_examples=40)
def test_within_a_night_nothing_finds_more_than_a_perfect_score(rows: list[tuple[int, int]], room: int) -> None:
    y, score = np.array(rows, dtype=np.float64).T
    told = by(
        run_topk_backtest(past([(0, lead) for lead in range(len(rows))], {"model": y, "points": score}, y, room), 7, 5)
    )
    assert told["model"].sqls == pytest.approx(min(room, y.sum()))
    assert all(worked.sqls <= told["model"].sqls + 1e-9 for worked in told.values())


@given(ENDS, st.integers(1, 4), st.integers(0, 99))
@settings(max_examples=30)
def test_a_lead_counts_once_and_no_more_are_worked_than_there_is_room(ends: list[int], room: int, seed: int) -> None:
    rows, y = life(ends)
    score = np.random.default_rng(seed).normal(size=len(rows))
    told = by(run_topk_backtest(past(rows, {"model": score}, y, room), 7, 5))
    nights = len({night for night, _ in rows})
    for worked in told.values():
        assert worked.worked <= room * nights + 1e-9
        assert worked.sqls <= min(worked.worked, len(ends)) + 1e-9
        assert worked.precision == pytest.approx(worked.sqls / worked.worked)
        assert worked.won <= len(ends) + 1e-9


@given(ENDS, st.integers(1, 4), st.randoms(use_true_random=False))
@settings(max_examples=25)
def test_the_order_of_rows_changes_nothing(ends: list[int], room: int, draw: Any) -> None:
    rows, y = life(ends)
    order = list(range(len(rows)))
    draw.shuffle(order)
    score = [float(lead % 3) for _, lead in rows]  # with ties
    told = run_topk_backtest(past(rows, {"model": score}, y, room), 7, 5)
    again = run_topk_backtest(
        past([rows[k] for k in order], {"model": [score[k] for k in order]}, [y[k] for k in order], room), 7, 5
    )
    for one, other in zip(told.rankers, again.rankers, strict=True):
        assert one.sqls == pytest.approx(other.sqls) and one.sqls_high == pytest.approx(other.sqls_high)
        assert one.won == pytest.approx(other.won)


def test_a_win_counts_for_the_first_night_that_picked_its_lead() -> None:
    rows = [(night, 0) for night in range(8)] + [(night, 1) for night in range(8)]
    won, amount = np.ones(16), np.full(16, 100.0)
    told = by(run_topk_backtest(past(rows, {"model": np.ones(16)}, np.zeros(16), 9, won, amount), 7, 5))["model"]
    assert (told.worked, told.sqls, told.won, told.amount) == (6, 0, 2, 200)  # nights 0, 3 and 6, two leads each


def test_closed_won_is_counted_at_ripe_nights_alone() -> None:
    rows = [(night, 2 * night + k) for night in range(4) for k in (0, 1)]
    won = np.array([1, 0, 1, 0, 1, np.nan, np.nan, np.nan])
    told = run_topk_backtest(past(rows, {"model": np.ones(8)}, np.zeros(8), 2, won, np.full(8, 50.0)), 7, 5)
    assert told.won_nights == 2 and (by(told)["model"].won, by(told)["model"].amount) == (2, 100)
    none = run_topk_backtest(past(rows, {"model": np.ones(8)}, np.zeros(8), 2, np.full(8, np.nan)), 7, 5)
    assert none.won_nights == 0 and np.isnan(by(none)["model"].won) and np.isnan(by(none)["model"].amount)
    assert none.to_record()["rankers"][0]["won"] is None


def test_without_amounts_wins_are_counted_all_the_same() -> None:
    told = by(run_topk_backtest(past([(0, 0), (0, 1)], {"model": [1, 0]}, [1, 0], 1), 7, 5))["model"]
    assert told.won == 1 and np.isnan(told.amount)


def test_the_newest_fold_is_told_apart() -> None:
    rows = [(night, 3 * night + k) for night in range(4) for k in range(3)]
    y = np.array([1, 0, 0] * 2 + [0, 1, 1] * 2, dtype=float)
    told = run_topk_backtest(past(rows, {"model": y}, y, 2), 7, 5)
    assert (told.nights, told.newest_nights) == (4, 2)
    assert (by(told)["model"].sqls, by(told)["model"].newest_sqls, by(told)["model"].newest_precision) == (6, 4, 1)


def test_differences_are_of_the_same_worlds_and_intervals_hold_the_figure() -> None:
    draw = np.random.default_rng(5)
    rows = [(night, 100 * night + k) for night in range(3) for k in range(100)]
    p = draw.uniform(size=300)
    y = (draw.uniform(size=300) < p).astype(float)
    told = run_topk_backtest(past(rows, {"model": p, "points": np.round(p, 1), "newest": -p}, y, 20), 7)
    mine, gaps = by(told)["model"], {gap.by: gap for gap in told.model_minus_baseline}
    assert mine.sqls_low < mine.sqls < mine.sqls_high
    assert [w.by for w in told.rankers] == [who for who in SAYERS if who in ("model", "points", "newest", "random")]
    for who, gap in gaps.items():
        assert gap.sqls == pytest.approx(mine.sqls - by(told)[who].sqls)
    assert gaps["newest"].sqls_low > 0 and abs(gaps["points"].sqls) < 10
    wide = gaps["points"].sqls_high - gaps["points"].sqls_low
    assert wide < mine.sqls_high - mine.sqls_low  # what both owe to the draw falls out
    again = run_topk_backtest(past(rows, {"model": p, "points": np.round(p, 1), "newest": -p}, y, 20), 7)
    assert told.to_record() == again.to_record()


def test_drawing_lots_brings_the_share_of_the_room() -> None:
    y = np.repeat([1.0, 0.0], [10, 90])
    told = by(run_topk_backtest(past([(0, lead) for lead in range(100)], {"model": y}, y, 20), 7, 5))
    assert told["random"].sqls == pytest.approx(2.0) and told["random"].worked == pytest.approx(20)


def test_thinned_negatives_take_the_room_of_those_they_stand_for() -> None:
    y = np.array([1.0, 0.0, 0.0, 1.0])
    made = past([(0, lead) for lead in range(4)], {"model": [4, 3, 2, 1]}, y, 5)
    heavy = replace(made, listing=replace(made.listing, weight=np.array([1.0, 10.0, 10.0, 1.0])))
    told = run_topk_backtest(heavy, 7, 5)
    assert told.thinned and (by(told)["model"].sqls, by(told)["model"].worked) == (1, 5)
    assert told.won_nights == 0 and np.isnan(by(told)["model"].won)  # a lead's win can't be counted once


def test_of_one_account_there_is_no_interval() -> None:
    made = past([(0, 0), (0, 1)], {"model": [1, 0]}, [1, 0], 1)
    told = run_topk_backtest(replace(made, group=np.array(["a", "a"], dtype=object)), 7, 5)
    assert by(told)["model"].sqls == 1 and np.isnan(by(told)["model"].sqls_low)


def test_worlds_worked_in_small_lots_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    from leadline.metrics import bootstrap

    rows = [(night, 10 * night + k) for night in range(3) for k in range(10)]
    y = np.tile([1.0, 0.0], 15)
    made = past(rows, {"model": np.arange(30.0)}, y, 4)
    whole = run_topk_backtest(made, 7, 20).to_record()
    monkeypatch.setattr(bootstrap, "AT_ONCE", 90)  # three worlds at once
    assert run_topk_backtest(made, 7, 20).to_record() == whole
