"""Optimism: by how much a random split would have flattered the same recipe, in AUC and in lift.

Both figures are of the lighter form of the recipe that the leak gate fits again (LL304): once where time splits the rows,
once where leads are drawn into sides of the same sizes. The fits are the gate's own; nothing is fitted twice.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.jsonable import to_jsonable
from leadline.judge.backtest import Figures

__all__ = ["Optimism", "drawn_split", "lines"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Optimism:
    """The same recipe's ranking under both splits.

    Attributes
    ----------
    drawn : Figures
        Where leads are drawn at random into training and test.
    forward : Figures
        Where the test lies after the training, as a night's does. Quote this one.
    """

    drawn: Figures
    forward: Figures

    @property
    def gap(self) -> float:
        """By how much the random split's AUC is higher."""
        return self.drawn.auc - self.forward.auc

    def to_record(self) -> dict[str, Any]:
        """Return AUC and lift of both, with their intervals, as plain JSON values."""
        wanted = [f"{figure}{end}" for figure in ("auc", "lift_10") for end in ("", "_low", "_high")]
        sides = {side: asdict(told) for side, told in (("drawn", self.drawn), ("forward", self.forward))}
        record: dict[str, Any] = to_jsonable({
            side: {name: figures[name] for name in wanted} for side, figures in sides.items()
        })  # fmt: skip
        return record


def drawn_split(lead: npt.NDArray[np.object_], train: int, test: int, random: np.random.Generator) -> tuple[Ints, Ints]:
    """Draw leads into a test and a training side of about so many rows; no lead is on both.

    Examples
    --------
    >>> train, test = drawn_split(np.array(["a", "a", "b", "c", "d"], object), 3, 1, np.random.default_rng(1))
    >>> len(train) >= 3, len(test) >= 1, bool(np.intersect1d(train, test).size)
    (True, True, False)
    """
    _, who = np.unique(lead.astype(str), return_inverse=True)
    place = random.permutation(int(who.max()) + 1)[who]
    upto = np.cumsum(np.bincount(place))
    cut = int(np.searchsorted(upto, test)) + 1
    end = int(np.searchsorted(upto, upto[cut - 1] + train)) + 1
    return np.flatnonzero((place >= cut) & (place < end)), np.flatnonzero(place < cut)


def lines(told: Optimism | None) -> list[str]:
    """Say it in a line or two of at most 80 columns; nothing where it wasn't measured.

    Examples
    --------
    >>> for line in lines(Optimism(Figures(0.8, 0.2, 3.5), Figures(0.72, 0.1, 2.1))):
    ...     print(line)
    optimism: a random split would have shown AUC .80, lift 3.5;
      forward in time it is .72, 2.1 (a lighter form of the recipe, both times)
    """
    if told is None:
        return []
    drawn, forward = (f"{f.auc:.2f}".replace("0.", ".", 1) for f in (told.drawn, told.forward))
    return [
        f"optimism: a random split would have shown AUC {drawn}, lift {told.drawn.lift_10:.1f};",
        f"  forward in time it is {forward}, {told.forward.lift_10:.1f} (a lighter form of the recipe, both times)",
    ]
