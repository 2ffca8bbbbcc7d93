"""Streams of chance: everything that draws has a number of its own beside the config's seed, so that no two draw alike."""

from __future__ import annotations

from enum import IntEnum, unique

import numpy as np
import numpy.typing as npt

__all__ = ["Stream", "bootstrap_counts", "generator", "seed_of"]


@unique
class Stream(IntEnum):
    """Who draws."""

    LEAK_FOLDS = 100
    LEAK_SHUFFLES = 101
    LEAK_OVERWRITTEN = 102
    BACKTEST = 110
    TUNING = 200
    TUNED = 201
    EXPERIMENTS = 300
    RANDOM_SPLIT = 304
    ABLATION = 400
    STAGES = 499
    NIGHTS = 500
    SEGMENTS = 501
    POINTS_CARD = 502
    RULES_AUDIT = 503
    GRADES = 504
    CURVE = 505
    STABILITY = 600
    REPLAYING = 700
    ACCOUNTS = 710
    STAGES_IN_TIME = 800
    STAGE_CHAIN = 801
    VALUE = 802
    REVENUE = 900


def generator(seed: int, stream: Stream, number: int = 0) -> np.random.Generator:
    """Return the generator of one who draws; `number` sets apart those who draw several times.

    Examples
    --------
    >>> one, two = generator(7, Stream.NIGHTS), generator(7, Stream.SEGMENTS)
    >>> bool(one.random() == two.random()), bool(generator(7, Stream.NIGHTS).random() == generator(7, Stream.NIGHTS).random())
    (False, True)
    """
    return np.random.default_rng([seed, stream, number] if number else [seed, stream])


def seed_of(seed: int, stream: Stream, number: int = 0) -> int:
    """Return a seed of one's own, for those who draw the same several times over.

    Examples
    --------
    >>> seed_of(7, Stream.BACKTEST) == seed_of(7, Stream.BACKTEST), seed_of(7, Stream.BACKTEST) == seed_of(7, Stream.VALUE)
    (True, False)
    """
    return int(generator(seed, stream, number).integers(2**31 - 1))


def bootstrap_counts(many: int, random: np.random.Generator) -> npt.NDArray[np.int64]:
    """Draw as many as there are, with replacement; return how often each was drawn.

    Examples
    --------
    >>> bootstrap_counts(4, np.random.default_rng(7)).tolist()
    [0, 0, 2, 2]
    """
    return np.bincount(random.integers(many, size=many), minlength=many).astype(np.int64)
