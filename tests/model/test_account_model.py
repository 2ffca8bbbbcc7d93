"""The model of accounts: whole accounts are gathered, no lead more makes one worse, and independence is only where it starts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.errors import DataError
from leadline.model.account_model import AccountModel, AccountNights, fit_account_model, gather_accounts

NAMES = st.sampled_from([None, "a", "b", "c"])
LEADS = st.lists(st.tuples(NAMES, st.integers(0, 2), st.floats(0, 1)), min_size=1, max_size=20)
LINES = st.tuples(st.floats(-3, 3), st.floats(0, 2), st.floats(0, 2), st.floats(0, 2))


def gathered(rows: list[Any], engaged: np.ndarray | None = None) -> AccountNights:
    account = np.array([row[0] for row in rows], dtype=object)
    return gather_accounts(account, np.array([row[1] for row in rows]), np.array([row[2] for row in rows]), engaged)


@given(LEADS)
def test_gathering_is_what_a_loop_over_leads_gives(rows: list[Any]) -> None:
    told = gathered(rows)
    slow: dict[Any, list[tuple[int, float]]] = {}
    for n, (account, night, p) in enumerate(rows):
        if account is not None:
            slow.setdefault((night, account), []).append((n, min(max(p, 1e-9), 1 - 1e-9)))
    assert list(zip(told.night.tolist(), told.account.tolist(), strict=True)) == sorted(slow)
    for entry, key in enumerate(sorted(slow)):
        ps = [p for _, p in slow[key]]
        assert told.leads[entry] == len(ps) and told.best[entry] == max(ps)
        assert told.total[entry] == pytest.approx(sum(ps))
        assert told.together[entry] == pytest.approx(1 - math.prod(1 - p for p in ps))
        assert told.first[entry] == next(n for n, p in slow[key] if p == max(ps))
    assert [row[0] is None for row in rows] == (told.of_row == -1).tolist()


@given(LEADS, LINES, st.floats(0, 1))
def test_no_lead_more_and_no_likelier_lead_makes_an_account_worse(rows: list[Any], line: Any, p: float) -> None:
    model, mine = AccountModel(*line), [("a", 0, row[2]) for row in rows]
    before = model.probability(gathered(mine))[0]
    assert model.probability(gathered([*mine, ("a", 0, p)]))[0] >= before - 1e-12
    likelier = [("a", 0, max(mine[0][2], p)), *mine[1:]]
    assert model.probability(gathered(likelier))[0] >= before - 1e-12
    busier = [float(model.probability(gathered(mine, np.full(len(mine), n)))[0]) for n in (0.0, 1.0, 5.0)]
    assert busier == sorted(busier)


def world(seed: int, shared: float) -> tuple[AccountNights, np.ndarray]:
    """Accounts of one to five leads; with `shared`, what decides is the account's own luck, not each lead's."""
    draw = np.random.default_rng(seed)
    size = draw.integers(1, 6, size=6_000)
    account = np.repeat(np.arange(len(size)), size)
    p = draw.uniform(0.01, 0.2, size=len(account))
    luck = np.where(draw.random(len(size)) < shared, draw.random(len(size)), np.nan)[account]
    y = (np.where(np.isnan(luck), draw.random(len(account)), luck) < p) * 1.0
    nights = gather_accounts(account.astype(str).astype(object), np.zeros(len(account), dtype=np.int64), p)
    return nights, nights.reached(y)


def test_what_leads_share_is_learned_where_multiplying_promises_too_much() -> None:
    nights, y = world(3, shared=1.0)
    p = fit_account_model(nights, y).probability(nights)
    assert nights.together.mean() > 1.5 * y.mean()  # what independence says
    assert p.mean() == pytest.approx(y.mean(), rel=0.02)
    many = nights.leads >= 4
    assert p[many].mean() == pytest.approx(y[many].mean(), rel=0.12)


def test_where_leads_are_independent_it_says_so() -> None:
    nights, y = world(4, shared=0.0)
    p = fit_account_model(nights, y).probability(nights)
    assert np.abs(p - nights.together).max() < 0.05


def test_little_to_learn_from_leaves_it_near_independence() -> None:
    nights, y = world(5, shared=0.0)
    few = np.zeros(len(nights), dtype=bool)
    few[:8] = True
    y = np.where(np.arange(len(y)) == 3, 1.0, 0.0)
    p = fit_account_model(nights.take(few), y[few]).probability(nights)
    assert np.abs(p - nights.together).mean() < 0.1


def test_what_counts_for_less_moves_it_less() -> None:
    nights, y = world(3, shared=1.0)
    far = [
        np.abs(fit_account_model(nights, y, share).probability(nights) - nights.together).mean()
        for share in (1e-6, 1e-3, 1.0)
    ]
    assert far == sorted(far) and far[0] < 0.001 < 0.05 < far[2]


def test_rows_in_any_order_give_the_same_accounts_and_the_same_model_to_the_bit() -> None:
    draw = np.random.default_rng(1)
    account = draw.integers(0, 300, size=900).astype(str).astype(object)
    night, p, y = draw.integers(0, 3, size=900), draw.uniform(0, 0.5, size=900), (draw.random(900) < 0.2) * 1.0
    made = []
    for order in (np.arange(900), draw.permutation(900)):
        lead = np.lexsort((p[order],))  # as callers do: a fixed order of leads
        rows = order[lead]
        nights = gather_accounts(account[rows], night[rows], p[rows])
        made.append(fit_account_model(nights, nights.reached(y[rows])))
    assert made[0] == made[1]


def test_a_score_is_the_share_of_past_account_nights_below_and_rises_with_the_chance() -> None:
    past = np.linspace(0.0, 0.5, 1001)
    model = AccountModel(0.0, 0.0, 1.0, 0.0).fitted_to(past, AccountModel(0.0, 0.0, 1.0, 0.0).tiers, {})
    assert model.score(np.array([0.0, 0.1, 0.25, 0.4, 1.0])).tolist() == [0, 20, 50, 80, 100]
    told = model.score(np.sort(np.random.default_rng(1).random(200)))
    assert (np.diff(told) >= 0).all() and told.min() >= 0 and told.max() <= 100


def test_one_kind_alone_is_refused() -> None:
    nights, y = world(6, shared=0.0)
    with pytest.raises(DataError, match="of one kind"):
        fit_account_model(nights, np.ones(len(y)))


def test_no_lead_at_all_and_no_account_at_all_give_none() -> None:
    none = np.empty(0)
    assert len(gather_accounts(none.astype(object), none.astype(np.int64), none)) == 0
    assert len(gathered([(None, 0, 0.5)])) == 0
