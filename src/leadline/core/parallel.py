"""Independent work on several cores, with the same result on any number of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

__all__ = ["one_blas_thread", "run_all"]

T = TypeVar("T")


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold matrix products to one thread, since sums over threads differ in their last bits (law 7)."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        yield


def run_all(jobs: Sequence[Callable[[int], T]], threads: int) -> list[T]:
    """Run jobs that don't need one another, and return their results in order.

    Two fits of one thread each end sooner than one after the other on two threads. What jobs share they may only read.

    Parameters
    ----------
    jobs : sequence of callables
        Each is given the number of threads that it may use.
    threads : int
        How many there are in all.

    Examples
    --------
    >>> run_all([lambda threads: threads, lambda threads: -threads], 4), run_all([lambda threads: threads], 4)
    ([2, -2], [4])
    """
    at_once = max(1, min(threads, len(jobs)))
    with one_blas_thread():
        if at_once == 1:
            return [job(max(1, threads)) for job in jobs]
        with ThreadPoolExecutor(at_once) as cores:
            return list(cores.map(lambda job: job(max(1, threads // at_once)), jobs))
