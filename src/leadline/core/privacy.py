"""Levels that may be told: names that at least 20 leads share, the commonest alone; all others are one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

__all__ = ["ABSENT", "MIN_GROUP_SIZE", "MOST", "OTHER", "iterate_levels", "pool_levels", "printable_level"]

MIN_GROUP_SIZE = 20
"""The privacy bound: leads below which nothing is shown of a group, and no level, word or reason by its name: fewer might point at a person."""

Words = npt.NDArray[np.object_]

Ints = npt.NDArray[np.int64]

MOST = 30

OTHER, ABSENT = "(other)", "(not given)"


def pool_levels(values: Words) -> Words:
    """Return each lead's level: what fewer than 20 share, and what is beyond the 30 commonest, is one.

    Examples
    --------
    >>> pool_levels(np.array(["web"] * 20 + ["Ann's list", None, " web "], dtype=object))[[0, 20, 21, 22]].tolist()
    ['web', '(other)', '(not given)', 'web']
    """
    spelt = [ABSENT if v is None or not str(v).strip() else printable_level(str(v)) for v in values]
    if not spelt:
        return np.empty(0, dtype=object)
    names, place, size = np.unique(np.array(spelt, dtype=str), return_inverse=True, return_counts=True)
    common = set(np.argsort(-np.where(names == ABSENT, 0, size), kind="stable")[:MOST].tolist())
    kept = [
        n if n == ABSENT or (i in common and size[i] >= MIN_GROUP_SIZE) else OTHER for i, n in enumerate(names.tolist())
    ]
    return np.array(kept, dtype=object)[place]


def printable_level(name: str) -> str:
    """Return a level's name as one line without control characters, and not too long.

    Examples
    --------
    >>> printable_level("web\\n  form\\x1b[31m"), len(printable_level("x" * 100))
    ('web form[31m', 60)
    """
    text = "".join(letter for letter in " ".join(name.split()) if letter.isprintable())
    return text if len(text) <= 60 else text[:59] + "…"


def iterate_levels(level: Words) -> Iterator[tuple[str, Ints]]:
    """Yield each level and its leads' places, the largest first; what is pooled or not given comes last.

    Examples
    --------
    >>> [(name, at.tolist()) for name, at in iterate_levels(np.array(["(other)", "b", "a", "(other)"], dtype=object))]
    [('a', [2]), ('b', [1]), ('(other)', [0, 3])]
    """
    if not len(level):
        return
    names, place, size = np.unique(level.astype(str), return_inverse=True, return_counts=True)
    told = names.tolist()
    for n in sorted(range(len(told)), key=lambda n: (told[n] in (OTHER, ABSENT), -size[n], told[n])):
        yield told[n], np.flatnonzero(place == n)
