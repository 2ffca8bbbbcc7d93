"""How stable drivers are: the same refits leave no range, and what isn't in the top of a refit doesn't come back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from leadline.evaluation.robustness import driver_stability, stability_lines
from leadline.explanation.drivers import Driver

WEIGHTS = st.lists(st.floats(0.001, 10), min_size=1, max_size=25, unique=True)


def ranked(weights: list[float]) -> list[Driver]:
    total = sum(weights)
    ordered = sorted(weights, reverse=True)
    return [Driver(f"g{n}", f"did {n}", w, w / total, 0.0) for n, w in enumerate(ordered)]


@given(WEIGHTS, st.integers(1, 5), st.floats(0.1, 10))
def test_refits_that_say_the_same_leave_no_range(weights: list[float], refits: int, size: float) -> None:
    drivers = ranked(weights)
    told = driver_stability(drivers, [{d.group: size * d.weight for d in drivers}] * refits)
    assert told is not None and told.comes_back == 1 and told.refits == refits and told.top == min(10, len(weights))
    for place, (driver, d) in enumerate(zip(drivers, told.drivers, strict=True), 1):
        assert d.group == driver.group and d.rank_low == d.rank_high == place
        assert abs(d.share_high - d.share_low) < 1e-9


@given(WEIGHTS, st.data())
def test_ranges_hold_the_model_itself_and_every_refit(weights: list[float], data: st.DataObject) -> None:
    drivers = ranked(weights)
    size = {"min_size": len(weights), "max_size": len(weights)}
    refits = [
        dict(zip((d.group for d in drivers), data.draw(st.lists(st.floats(0, 10), **size)), strict=True))
        for _ in range(3)
    ]
    told = driver_stability(drivers, refits)
    assert told is not None and 0 <= told.comes_back <= 1
    for place, (driver, d) in enumerate(zip(drivers, told.drivers, strict=True), 1):
        assert d.rank_low <= place <= d.rank_high <= len(weights)
        assert d.share_low <= driver.share <= d.share_high
        for refit in refits:
            total = sum(refit.values())
            assert d.share_low - 1e-9 <= (refit[driver.group] / total if total else 0) <= d.share_high + 1e-9


def test_the_top_that_does_not_come_back_is_told() -> None:
    drivers = ranked([float(n) for n in range(20, 0, -1)])
    turned = {d.group: 21.0 - d.weight for d in drivers}
    told = driver_stability(drivers, [turned, {d.group: d.weight for d in drivers}])
    assert told is not None and told.comes_back == 0.5
    assert "5.0 of the 10" in stability_lines(told)[0] and told.drivers[0].rank_high == 20


def test_nothing_is_said_of_nothing() -> None:
    assert (
        driver_stability([], [{}]) is None
        and driver_stability(ranked([1.0]), []) is None
        and list(stability_lines(None)) == []
    )
