"""LL308: old cohorts of winners alone are refused; seasons, growth and a new record of wins aren't."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import projects
from leadline import demo
from leadline.config.load import load_config
from leadline.core.checks import Severity, run_checks
from leadline.leakage.cohorts import OF_SAMPLES, STEEP, steepest_rate_change
from leadline.tables import load, open_store

CHECK = [c for c in OF_SAMPLES if c.code == "LL308"]


def found_in(tmp_path, monkeypatch, plant: str | None):
    projects.settle(tmp_path, demo.make_world(1500, 7, plant).tables, demo.config_text("", plant))
    monkeypatch.chdir(tmp_path)
    config = load_config("demo.yaml")
    store = open_store(config.engine)
    try:
        return list(run_checks(CHECK, (config, load(config, store))))
    finally:
        store.close()


def test_a_crm_that_tidies_up_is_refused_with_both_shares(tmp_path, monkeypatch) -> None:
    (found,) = found_in(tmp_path, monkeypatch, "L3.3")
    assert found.severity is Severity.ERROR and found.subject == "leads" and "%" in found.seen and found.why


def test_the_honest_world_gives_no_finding(tmp_path, monkeypatch) -> None:
    assert found_in(tmp_path, monkeypatch, None) == []


@given(st.lists(st.integers(20, 2000), min_size=2, max_size=24), st.floats(0.02, 0.5), st.integers(0, 2**20))
def test_cohorts_of_one_rate_are_never_steep(sizes: list[int], rate: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    assert steepest_rate_change([(k, n, int(random.binomial(n, rate))) for k, n in enumerate(sizes)]) is None


@given(st.integers(100, 2000), st.integers(100, 2000), st.floats(0.02, 0.15))
def test_what_is_found_is_steep_and_newer_winners_are_never_told(old: int, new: int, rate: float) -> None:
    cohorts = [(0, old, round(old * 0.8)), (1, new, round(new * rate))]
    told = steepest_rate_change(cohorts)
    assert told is not None and told[0] >= STEEP and told[1] > told[2] and told[3] == old
    assert steepest_rate_change([(1, old, round(old * 0.8)), (0, new, round(new * rate))]) is None


def test_the_order_of_rows_doesnt_matter() -> None:
    cohorts = [(0, 40, 30), (1, 30, 20), (2, 100, 5), (3, 100, 6)]
    assert steepest_rate_change(cohorts) == steepest_rate_change(cohorts[::-1])
