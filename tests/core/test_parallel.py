"""Independent work on several cores: in order, with the threads shared out, and errors told."""

from __future__ import annotations

import threading
import time
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_info

from leadline.core.parallel import run_all


@given(st.lists(st.integers(), max_size=12), st.integers(1, 6))
def test_results_are_those_of_one_after_the_other(numbers: list[int], threads: int) -> None:
    jobs = [lambda _, n=number: n * 2 for number in numbers]
    assert run_all(jobs, threads) == [2 * number for number in numbers]


@given(st.integers(1, 9), st.integers(1, 9))
def test_no_more_threads_are_used_than_there_are(jobs: int, threads: int) -> None:
    shares = run_all([lambda mine: mine] * jobs, threads)
    assert min(jobs, threads) * max(shares) <= threads and min(shares) >= 1


def test_jobs_run_side_by_side_each_with_one_thread_for_its_products() -> None:
    np.ones((2, 2)) @ np.ones((2, 2))  # BLAS is loaded
    both = threading.Barrier(2, timeout=30)

    def job(_: int) -> list[int]:
        both.wait()  # ends only if the other is there, too
        return [part["num_threads"] for part in threadpool_info() if part["user_api"] == "blas"]

    assert all(count == 1 for counts in run_all([job, job], 2) for count in counts)


def test_an_error_is_the_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: int) -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        run_all([partial(lambda n, _: time.sleep(n), 0.01), fails], 2)
