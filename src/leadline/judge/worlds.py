"""Worlds: the rows as they were, and as they would be with accounts drawn again; a bootstrap by account, laid out for arrays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.streams import drawn_again

__all__ = ["AT_ONCE", "worlds"]

Floats = npt.NDArray[np.float64]

AT_ONCE = 2_000_000  # rows times worlds that are reckoned at once: 16 MB an array


def worlds(group: npt.NDArray[Any], random: np.random.Generator, repeats: int) -> Iterator[Floats]:
    """Yield how often each row stands in some worlds, rows by worlds; the first of all is the world as it was.

    Parameters
    ----------
    group : array
        Each row's account.
    repeats : int
        How many worlds are drawn; none where there is one account, as then nothing says how accounts differ.

    Examples
    --------
    >>> two, one = np.array(["a", "b", "b"]), np.array(["a", "a"])
    >>> [w.shape for w in worlds(two, np.random.default_rng(7), 5)], [w.tolist() for w in worlds(one, np.random.default_rng(7), 5)]
    ([(3, 6)], [[[1.0], [1.0]]])
    """
    _, code = np.unique(group.astype(str), return_inverse=True)
    accounts, step = int(code.max(initial=-1)) + 1, max(1, AT_ONCE // max(len(code), 1))
    rest, world = repeats if accounts > 1 else 0, np.ones((accounts, 1))
    while world.shape[1] or rest:
        more = min(rest, step - world.shape[1])
        drawn = [drawn_again(accounts, random) for _ in range(more)]
        yield np.column_stack([world, *drawn])[code].astype(np.float64)
        rest, world = rest - more, np.empty((accounts, 0))
