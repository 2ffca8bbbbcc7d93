"""What a won deal is worth: known amounts are found again, noise isn't taken for segments, and no single deal is told."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline import demo
from leadline.dataset.feature_spec import Feature
from leadline.evaluation import later_stages
from leadline.evaluation.later_stages import DealAmountModel, fit_deal_amounts, later_columns

SIZE = Feature("size", "fit", "size", "number", "value", "size")
SOURCE = Feature("source", "fit", "source", "category", "value", "source")
SPECS = (SIZE, SOURCE)


def deals(n: int, power: float, noise: float = 0.5, seed: int = 1) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Return attributes, amounts, and what amounts are on average: 600 · size^power · the source's factor."""
    draw = np.random.default_rng([17, seed])
    size = np.exp(draw.normal(4.0, 1.2, n))
    source = np.where(draw.random(n) < 0.3, "fair", "web")
    mean = 600 * size**power * np.where(source == "fair", 2.0 if power else 1.0, 1.0)
    values = pd.DataFrame({"size": size, "source": source.astype(object)})
    return values, mean * np.exp(draw.normal(0, noise, n) - noise**2 / 2), mean


def made(n: int, power: float, seed: int = 1) -> tuple[DealAmountModel, pd.DataFrame, np.ndarray]:
    values, amount, mean = deals(n, power, seed=seed)
    found = fit_deal_amounts(SPECS, values, amount, np.arange(n), np.arange(n), seed=7)
    assert found is not None
    return found, values, mean


def test_amounts_that_follow_size_and_source_are_found_again() -> None:
    found, values, mean = made(600, 0.6)
    said = found.expected(values)
    assert found.told["method"] == "segments" and found.told["judged"]["gain_low"] > 0
    assert np.quantile(np.abs(np.log(said / mean)), 0.9) < 0.2  # single deals scatter by 0.5
    assert said.sum() == pytest.approx(deals(600, 0.6)[1].sum())


def test_the_demo_worlds_deals_are_estimated_as_the_world_draws_them() -> None:
    world = demo.make_world(5000, 3).tables
    won = world["opportunities"].filter(pc.equal(world["opportunities"]["stage"], "closed_won")).to_pandas()
    firms = world["accounts"].to_pandas().set_index("account_id")
    told = won.dropna(subset=["account_id"]).sort_values("closed_at").join(firms, on="account_id")
    values = pd.DataFrame(
        {"size": told["employees"].astype(float), "source": told["region"].astype(object)}
    ).reset_index(drop=True)
    found = fit_deal_amounts(
        SPECS, values, told["amount"].to_numpy(float), told["lead_id"].to_numpy(), told["account_id"].to_numpy(), seed=7
    )
    assert found is not None and found.told["method"] == "segments"
    size = firms["employees"].to_numpy(float)
    every = pd.DataFrame({"size": size, "source": firms["region"].to_numpy(object)})
    true = 600 * size**0.6 * np.exp(0.5**2 / 2)
    assert abs(np.log(found.expected(every) / true)).mean() < 0.25
    assert np.corrcoef(np.log(found.expected(every)), np.log(true))[0, 1] > 0.95


def test_the_overall_mean_stays_where_nothing_tells_amounts_apart() -> None:
    kept = [made(300, 0.0, seed)[0] for seed in range(12)]
    flat = [found for found in kept if found.told["method"] == "mean"]
    assert len(flat) >= 11  # the interval is of 95%, on one side
    values = deals(300, 0.0)[0]
    assert set(flat[0].expected(values)) == {flat[0].mean}
    assert flat[0].told["judged"]["gain_low"] <= 0


@pytest.mark.parametrize(("n", "method"), [(19, None), (20, "mean"), (99, "mean"), (120, "segments")])
def test_so_many_deals_carry_so_much(n: int, method: str | None) -> None:
    values, amount, _ = deals(n, 1.2, noise=0.1)
    found = fit_deal_amounts(SPECS, values, amount, np.arange(n), np.arange(n), seed=7)
    assert (found.told["method"] if found else None) == method


def test_a_level_of_few_deals_is_not_told_and_reading_gives_the_same_bits() -> None:
    values, amount, _ = deals(400, 0.6)
    values.loc[:18, "source"] = "Canary Zq17 Ltd"
    found = fit_deal_amounts(SPECS, values, amount, np.arange(400), np.arange(400), seed=7)
    assert found is not None and found.encoder is not None
    text = json.dumps(found.to_record(), allow_nan=False)
    assert "Canary" not in text
    again = DealAmountModel.from_record(json.loads(text))
    strange = pd.DataFrame({"size": [np.nan, 0.0, 1e9], "source": [None, "Canary Zq17 Ltd", "web"]})
    assert again.expected(strange).tobytes() == found.expected(strange).tobytes()
    assert np.isfinite(again.expected(strange)).all() and (again.expected(strange) > 0).all()


def test_the_newest_deals_only_judge() -> None:
    values, amount, _ = deals(400, 0.6)
    bent = amount.copy()
    bent[-int(later_stages.NEWEST * 400) :] *= 100
    one, other = (fit_deal_amounts(SPECS, values, a, np.arange(400), np.arange(400), seed=7) for a in (amount, bent))
    assert one is not None and other is not None
    assert other.told["judged"]["observed_over_predicted"] == pytest.approx(
        100 * one.told["judged"]["observed_over_predicted"]
    )


@given(
    p=st.lists(st.floats(0, 1), min_size=1, max_size=5),
    given_=st.floats(0, 1),
    then=st.floats(0, 1),
    worth=st.floats(0, 1e6),
)
def test_expected_value_is_the_product_and_never_more_than_the_amount(
    p: list[float], given_: float, then: float, worth: float
) -> None:
    first, ones = np.array(p), np.ones(len(p))
    told = later_columns(first, {"p_a": given_ * ones, "p_b": then * ones}, worth * ones)
    assert list(told) == ["p_a", "p_b", "expected_amount", "expected_value"]
    np.testing.assert_allclose(told["expected_value"], first * given_ * then * worth)
    assert (told["expected_value"] <= worth).all()
    assert list(later_columns(first, {"p_a": given_ * ones}, None)) == ["p_a"]
