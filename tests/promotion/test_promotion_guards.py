"""The contest's guards."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadline.core.checks import Finding, Findings, Severity
from leadline.core.jsonable import to_jsonable
from leadline.dataset.feature_spec import Feature
from leadline.model.fitting.logistic import sigmoid
from leadline.promotion import guards

COUNTRY = Feature("lead_country", "fit", "country", "category", "value", "is in", "leads", "country")
SIZE = Feature("account_size", "fit", "size", "number", "value", "employees", "accounts", "size")
VISITS = Feature("visits", "behaviour", "visits", "count", "count", "visited")


def world(seed: int, n: int = 6000) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Rows with their true margins, in accounts of three, and ten levels of one attribute."""
    draw = np.random.default_rng(seed)
    margin = draw.normal(-2, 1, n)
    level = np.array([f"level {k}" for k in draw.integers(0, 10, n)], dtype=object)
    return margin, (draw.random(n) < sigmoid(margin)) * 1.0, np.arange(n) // 3, {"leads.country": level}


def noisy(margin: np.ndarray, seed: int) -> np.ndarray:
    """A model as strong as any other drawn so."""
    return sigmoid(margin + np.random.default_rng(seed).normal(0, 0.15, len(margin)))


def judged(
    y: np.ndarray, one: np.ndarray, other: np.ndarray, group: np.ndarray, parted: dict[str, np.ndarray], seed: int = 1
) -> tuple[list[guards.GuardSegment], list[guards.Guard]]:
    return guards.segment_guards(y, np.ones(len(y)), one, other, group, parted, seed)


@given(st.integers(0, 60))
@settings(max_examples=6)
def test_two_models_of_one_strength_pass_in_every_segment(seed: int) -> None:
    margin, y, group, parted = world(seed)
    found, held = judged(y, noisy(margin, seed + 1), noisy(margin, seed + 2), group, parted)
    assert len(found) == 10 and all(guard.passed for guard in held) and all(segment.passed for segment in found)


@pytest.mark.parametrize("how", ["turned", "drawn anew", "twice too high"])
def test_one_broken_segment_of_ten_is_found_and_named_in_the_record_alone(how: str) -> None:
    margin, y, group, parted = world(3)
    mine = parted["leads.country"] == "level 4"
    spoiled = margin.copy()
    if how == "turned":
        spoiled[mine] = -4 - margin[mine]
    elif how == "drawn anew":
        spoiled[mine] = np.random.default_rng(0).permutation(margin[mine])
    else:
        spoiled[mine] += 1
    found, held = judged(y, noisy(margin, 1), noisy(spoiled, 2), group, parted)
    assert [segment.level for segment in found if not segment.passed] == ["level 4"]
    refused = [guard for guard in held if not guard.passed]
    assert refused and all("1 of 10 large segments (by leads.country)" in guard.told for guard in refused)
    assert "level 4" not in " ".join(guard.told for guard in held)


def test_a_segment_that_both_get_wrong_refuses_nobody() -> None:
    margin, y, group, parted = world(4)
    spoiled = margin + (parted["leads.country"] == "level 4")
    _, held = judged(y, noisy(spoiled, 1), noisy(spoiled, 2), group, parted)
    assert all(guard.passed for guard in held)


def test_segments_of_few_accounts_are_not_looked_at() -> None:
    margin, y, group, parted = world(5, 300)
    assert judged(y, sigmoid(margin), sigmoid(margin), group, parted) == ([], [])


def test_segments_are_plain_json() -> None:
    margin, y, group, parted = world(6)
    found, _ = judged(y, noisy(margin, 1), noisy(margin, 2), group, parted)
    assert json.loads(json.dumps(to_jsonable([vars(segment) for segment in found])))[0]["attribute"] == "leads.country"


def test_attributes_part_rows_by_level_and_by_quarter_and_acts_do_not() -> None:
    values = pd.DataFrame(
        {"lead_country": ["NL", None, "BE", "NL"], "account_size": [1.0, 2.0, 3.0, np.nan], "visits": [1.0] * 4}
    )
    parted = guards.segment_labels([COUNTRY, SIZE, VISITS], values)
    assert parted["leads.country"].tolist() == ["NL", None, "BE", "NL"]
    assert set(parted) == {"leads.country", "accounts.size"} and parted["accounts.size"][3] is None
    assert not any(str(number) in "".join(filter(None, parted["accounts.size"])) for number in (1, 2, 3))


@given(st.integers(0, 60), st.sampled_from([-1.0, -0.5, 0.5, 1.0]))
@settings(max_examples=6)
def test_a_shifted_calibration_is_refused_and_an_equal_one_is_not(seed: int, shift: float) -> None:
    margin, y, _, _ = world(seed, 4000)
    weight, right = np.ones(len(y)), noisy(margin, seed)
    assert guards.calibration_guard(y, weight, right, noisy(margin, seed + 1), 1).passed
    assert not guards.calibration_guard(y, weight, right, sigmoid(margin + shift), 1).passed


def timed(champion: float, challenger: float) -> guards.Guard:
    now = [0.0]

    def takes(seconds: float) -> None:
        now[0] += seconds

    return guards.latency_guard(lambda: takes(champion), lambda: takes(challenger), 500, lambda: now[0])


def test_latency_refuses_only_what_is_slower_by_the_factor_and_beyond_the_floor() -> None:
    assert timed(0.001, 0.4).passed  # 400 times slower, yet quick enough
    assert timed(2.0, 5.0).passed  # slow, as the champion is
    slow = timed(0.5, 2.0)
    assert not slow.passed and (slow.found, slow.bound) == (4.0, 3.0)


def test_one_slow_run_of_five_refuses_nobody() -> None:
    now, runs = [0.0], [0]

    def hiccup() -> None:
        runs[0] += 1
        now[0] += 60.0 if runs[0] == 3 else 0.1

    def steady() -> None:
        now[0] += 0.1

    assert guards.latency_guard(steady, hiccup, 1000, lambda: now[0]).passed


def finding(code: str, severity: Severity, subject: str = "newest fold") -> Finding:
    return Finding(code, severity, subject, "AUC 0.95", "less", "look")


def test_the_gate_refuses_a_leak_that_the_champion_does_not_have() -> None:
    none, warned = Findings(), Findings((finding("LL301", Severity.WARNING),))
    assert guards.leak_gate_guard(none, none, none).passed and guards.leak_gate_guard(warned, warned, none).passed
    refused = guards.leak_gate_guard(warned, none, none)
    assert not refused.passed and "LL301 newest fold: AUC 0.95" in refused.told
    assert not guards.leak_gate_guard(
        warned, Findings((finding("LL301", Severity.WARNING, "leads.budget"),)), none
    ).passed
    assert guards.leak_gate_guard(Findings((finding("LL304", Severity.NOTE),)), none, none).passed


def test_the_gate_refuses_an_error_whoever_has_it_and_what_is_no_longer_accepted() -> None:
    none, bad = Findings(), Findings((finding("LL305", Severity.ERROR),))
    assert not guards.leak_gate_guard(bad, bad, none).passed
    assert not guards.leak_gate_guard(none, none, bad).passed
