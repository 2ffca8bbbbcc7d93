"""Tiers: bands of scores, cut by probability or by how many leads a night may hold, that leads on the line don't flip between."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from leadline.errors import DataError
from leadline.model.fitting.logistic import log_odds

__all__ = ["FLOOR", "Tiers", "capacity_key"]

Floats: TypeAlias = npt.NDArray[np.float64]
Values: TypeAlias = Sequence[Any] | npt.NDArray[Any]

FLOOR = math.log(2.0)
"""How far, in log odds, a night's cut may fall below the trained one: a lead at half its odds isn't what the tier promises."""


def capacity_key(value: Any) -> str:
    """Return the word by which a value has a capacity of its own: case and spaces around it don't matter.

    Examples
    --------
    >>> capacity_key(" North "), capacity_key(3.0), capacity_key(None), capacity_key(float("nan"))
    ('north', '3', '', '')
    """
    if value is None or value != value:
        return ""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{value:g}"
    return str(value).strip().lower()


@dataclass(frozen=True)
class Tiers:
    """Bands of scores.

    Attributes
    ----------
    names : tuple of str
        The tiers, best first.
    cuts : tuple of float
        The cuts between them, each the least probability of the tier before it, as training found them.
    volume : tuple of float
        How many leads stand at or above each cut on a night, where the volume is held; () where the cuts are.
    band : float
        By how much, in log odds, a lead that was above a cut last night has it easier tonight.
    rise : float
        By how much the cuts are higher for the others, so that the band adds no volume; nothing where the volume is held.
    by : str or None
        The field whose values have capacities of their own.
    own : mapping of str to Tiers
        Their tiers, by `capacity_key` the value; all other leads share these.

    Examples
    --------
    >>> Tiers(("A", "B", "C"), (0.5, 0.1)).of(np.array([0.7, 0.5, 0.1, 0.0])).tolist()
    ['A', 'A', 'B', 'C']
    >>> Tiers(("A", "B"), (0.5, 0.1))
    Traceback (most recent call last):
    ...
    leadline.errors.DataError: tiers: 2 names and cuts [0.5, 0.1]; expected falling probabilities, one fewer than names; set them so
    """

    names: tuple[str, ...] = ("A",)
    cuts: tuple[float, ...] = ()
    volume: tuple[float, ...] = ()
    band: float = 0.0
    rise: float = 0.0
    by: str | None = None
    own: Mapping[str, Tiers] = field(default_factory=dict)

    def __post_init__(self) -> None:
        falling = all(high > low for high, low in zip(self.cuts, self.cuts[1:], strict=False))
        if len(self.names) != len(self.cuts) + 1 or not falling or not all(0 <= cut <= 1 for cut in self.cuts):
            raise DataError(
                f"tiers: {len(self.names)} names and cuts {[*self.cuts]}; expected falling probabilities, "
                "one fewer than names; set them so"
            )
        if self.volume and (len(self.volume) != len(self.cuts) or list(self.volume) != sorted(self.volume)):
            raise DataError(f"tiers: volumes {[*self.volume]}; expected one for each cut, none falling; set them so")

    @property
    def mode(self) -> str:
        """What a night holds: as many leads (``top_n``), or those from a score on (``threshold``)."""
        return "top_n" if self.volume else "threshold"

    def of(self, p: Floats, value: Values | None = None) -> npt.NDArray[np.str_]:
        """Return each probability's tier by the trained cuts alone, as where a single lead is asked about."""
        result = self._room(len(p))
        for tiers, rows in self._parted(len(p), value):
            rising = np.array(tiers.cuts[::-1])
            place = len(tiers.cuts) - np.searchsorted(rising, p[rows], side="right")
            result[rows] = np.array(tiers.names, dtype=np.str_)[place]
        return result

    def tonight(
        self,
        p: Floats,
        before: Values | None = None,
        value: Values | None = None,
        weight: Floats | None = None,
    ) -> npt.NDArray[np.str_]:
        """Lay a night's tiers.

        Where the volume is held, a tier takes tonight's best until it is full, but none at less than half the odds of its
        trained cut (`FLOOR`); of equals the earlier row, so give them sorted by lead. A lead that was above a cut last night
        counts `band` more there, so that another takes its place only by a clear lead.

        Parameters
        ----------
        p : float64 array
            Tonight's probabilities.
        before : sequence of str or None, optional
            Each lead's tier last night, None where it had none; without an earlier night nobody has a lead.
        value : sequence, optional
            Each lead's value of the field `by`.
        weight : float64 array, optional
            How many leads a row stands for.

        Examples
        --------
        >>> tiers = Tiers(("A", "B"), (0.5,), volume=(2,), band=0.4)
        >>> tiers.tonight(np.array([0.6, 0.5, 0.45])).tolist()
        ['A', 'A', 'B']
        >>> tiers.tonight(np.array([0.6, 0.5, 0.45]), before=["A", "B", "A"]).tolist()
        ['A', 'B', 'A']
        """
        result = self._room(len(p))
        last = None if before is None else np.array(["" if tier is None else tier for tier in before], dtype=np.str_)
        mass = np.ones(len(p)) if weight is None else weight
        for tiers, rows in self._parted(len(p), value):
            place = tiers._places(log_odds(p[rows]), None if last is None else last[rows], mass[rows])
            result[rows] = np.array(tiers.names, dtype=np.str_)[place]
        return result

    def line(self, p: Floats, value: Values | None = None, weight: Floats | None = None) -> Floats:
        """Return, for each row, the least probability in the best tier of a first night; NaN where nobody is in it."""
        result, best = np.full(len(p), np.nan), self.tonight(p, None, value, weight) == self.names[0]
        for _, rows in self._parted(len(p), value):
            result[rows] = p[rows][best[rows]].min() if best[rows].any() else np.nan
        return result

    def banded(self, band: float, rise: float = 0.0) -> Tiers:
        """Return the same tiers with another band, those with a capacity of their own too."""
        own = {word: tiers.banded(band, rise) for word, tiers in self.own.items()}
        return replace(self, band=band, rise=rise, own=own)

    def moved(self, scale: Callable[[float], float]) -> Tiers:
        """Return the same tiers for probabilities on another scale; `scale` rises, and certainty stays.

        Examples
        --------
        >>> Tiers(("A", "B", "C"), (1.0, 0.4)).moved(lambda p: p / 2).cuts
        (1.0, 0.2)
        """
        cuts = tuple(scale(cut) if 0 < cut < 1 else cut for cut in self.cuts)
        return replace(self, cuts=cuts, own={word: tiers.moved(scale) for word, tiers in self.own.items()})

    def to_record(self) -> dict[str, Any]:
        """Return the tiers as plain JSON values."""
        return {
            "names": [*self.names], "cuts": [*self.cuts], "mode": self.mode, "volume": [*self.volume], "band": self.band,
            "rise": self.rise, "by": self.by, "own": {word: tiers.to_record() for word, tiers in self.own.items()},
        }  # fmt: skip

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Tiers:
        """Read what `to_record` wrote."""
        own = {str(word): cls.from_record(told) for word, told in record["own"].items()}
        numbers = float(record["band"]), float(record["rise"])
        return cls(
            tuple(record["names"]), tuple(record["cuts"]), tuple(record["volume"]), *numbers, record["by"], own
        )  # fmt: skip

    def _room(self, rows: int) -> npt.NDArray[np.str_]:
        """Return an empty array that every name fits in."""
        names = [*self.names, *(name for tiers in self.own.values() for name in tiers.names)]
        return np.empty(rows, dtype=np.array(names).dtype)

    def _parted(self, rows: int, value: Values | None) -> list[tuple[Tiers, npt.NDArray[np.int64]]]:
        """Part the rows by whose tiers are theirs."""
        if not self.own or value is None:
            return [(self, np.arange(rows))]
        words = np.array([capacity_key(v) for v in value], dtype=object)
        parts = [(tiers, np.flatnonzero(words == word)) for word, tiers in self.own.items()]
        return [*parts, (self, np.flatnonzero(~np.isin(words, [*self.own])))]

    def _places(self, odds: Floats, last: npt.NDArray[np.str_] | None, mass: Floats) -> npt.NDArray[np.int64]:
        """Fill the tiers in turn, the best first: the number of each lead's tier."""
        place = np.full(len(odds), len(self.cuts), dtype=np.int64)
        stood = np.full(len(odds), len(self.cuts), dtype=np.int64)
        for number, name in enumerate(self.names[:-1] if last is not None else ()):
            stood[last == name] = number
        for number in range(len(self.cuts)):
            free = np.flatnonzero(place == len(self.cuts))
            score = odds[free] + self.band * (stood[free] <= number)
            room = self.volume[number] - mass[place < number].sum() if self.volume else math.inf
            place[free[self._taken(number, score, mass[free], room, last is None)]] = number
        return place

    def _taken(self, number: int, score: Floats, mass: Floats, room: float, first: bool) -> npt.NDArray[np.int64]:
        """Return which scores a tier takes: where the volume is held, the best until there is no more room."""
        cut = float(log_odds(np.array([self.cuts[number]]))[0])
        if not self.volume:
            return np.flatnonzero(score >= cut + (0.0 if first else self.rise))
        order = np.argsort(-score, kind="stable")
        fits = np.cumsum(mass[order]) <= room + 1e-9
        return order[fits & (score[order] >= cut - FLOOR)]
