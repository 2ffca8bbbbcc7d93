"""Trials for the experiments of the leak gate: a fold of simple numbers, and a regression as the recipe fitted again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from leadline.explanation.drivers import Driver
from leadline.leakage.experiments import ExperimentData


def driver(group: str, weight: float) -> Driver:
    return Driver(group, group.replace(":", " "), weight, weight, 1.0)


def trial(
    columns: dict[str, Any], y: Any, lead: Any = None, account: Any = None, known: Sequence[str] = ()
) -> ExperimentData:
    """Make a trial whose columns are groups; `attribute:x` is the attribute leads.x; the first half trains, the rest tests."""
    n = len(y)
    half = n // 2
    y = np.asarray(y, dtype=np.float64)
    lead = np.array([f"L{k}" for k in range(n)], dtype=object) if lead is None else np.asarray(lead, dtype=object)
    account = np.full(n, None, dtype=object) if account is None else np.asarray(account, dtype=object)

    def refit(train: Any, test: Any, without: Sequence[str]) -> list[Any]:
        said = []
        for gone in ("", *without):
            x = np.column_stack([np.ones(n), *(v for g, v in columns.items() if g != gone)])
            said.append(x[test] @ np.linalg.lstsq(x[train], y[train], rcond=None)[0])
        return said

    train, test = np.arange(half), np.arange(half, n)
    drivers = [driver(group, 1.0 / k) for k, group in enumerate(columns, 1)]
    attributes = {g: f"leads.{g.partition(':')[2]}" for g in columns if g.startswith("attribute:")}
    group = np.where(account == None, lead, account)  # noqa: E711
    said = refit(train, test, [])[0]
    return ExperimentData(
        y, np.ones(n), lead, account, group, train, test, said, drivers, attributes, frozenset(known), refit, 7
    )


def noisy(seed: int = 1, n: int = 2000, rate: float = 0.2) -> tuple[Any, Any]:
    """Return a generator and an outcome."""
    random = np.random.default_rng(seed)
    return random, (random.random(n) < rate) * 1.0
