"""What a won deal is worth: an estimate by the leads' attributes, judged on the newest deals, and a lead's expected value.

Amounts are skewed and few, so their logarithm is regressed on the attributes, and every segment's effect is shrunk
towards none: that of a level with n deals is taken by about n / (n + penalty), as in Bühlmann's credibility (1967). The
way back is a smearing factor (Duan 1983, taken as a ratio), so that the estimates of the deals that were fitted add up to
what these brought. Where segments don't beat the overall mean on the newest deals by more than chance, the mean stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from leadline import metrics
from leadline.history.spec import Feature
from leadline.model.levels import Levels
from leadline.model.linear import LinearColumn, category_columns, number_columns
from leadline.model.matrix import Encoder
from leadline.privacy import MIN_GROUP_SIZE
from leadline.streams import Stream, seed_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FILE", "Amount", "columns", "estimate"]

Floats: TypeAlias = NDArray[np.float64]

FILE = "value.json"
"""The bundle's file that holds an estimate."""

FEWEST_JUDGED = 30  # newest deals that segments are judged on: of fewer, chance decides
NEWEST = 0.3  # the share of the deals, by time, that segments are judged on
PENALTIES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)  # in deals


@dataclass(frozen=True)
class Amount:
    """An estimate of what a won lead brings, in the source's unit.

    Attributes
    ----------
    mean : float
        Of all deals; where there are no segments, everybody's estimate.
    encoder : Encoder or None
        How attributes become columns; None where the overall mean is the estimate.
    effects : tuple of float
        What each column adds to the logarithm.
    level, factor : float
        The average logarithm, and what the estimates are multiplied by on the way back.
    told : mapping
        How many deals, the method, and how it was judged: plain JSON values.
    """

    mean: float
    told: Mapping[str, Any]
    encoder: Encoder | None = None
    effects: tuple[float, ...] = ()
    level: float = 0.0
    factor: float = 1.0

    def expected(self, values: pd.DataFrame) -> Floats:
        """Return each row's expected amount."""
        if self.encoder is None:
            return np.full(len(values), self.mean)
        made = self.encoder.linear(values)
        with threadpool_limits(limits=1):
            return np.asarray(self.factor * np.exp(self.level + made @ np.array(self.effects)), dtype=np.float64)

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        effects = {"effects": [*self.effects], "level": self.level, "factor": self.factor}
        encoder = None if self.encoder is None else self.encoder.to_json()
        return {"mean": self.mean, "told": dict(self.told), "encoder": encoder, **effects}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Amount:
        """Read what `to_record` wrote.

        Examples
        --------
        >>> flat = Amount(20.0, {"deals": 40})
        >>> Amount.from_record(flat.to_record()) == flat
        True
        """
        encoder = None if record["encoder"] is None else Encoder.from_json(record["encoder"])
        return cls(record["mean"], record["told"], encoder, tuple(record["effects"]), record["level"], record["factor"])


def estimate(
    specs: Sequence[Feature], values: pd.DataFrame, amount: Floats, lead: NDArray[Any], group: NDArray[Any], seed: int
) -> Amount | None:
    """Estimate amounts by the attributes; None for fewer than `MIN_GROUP_SIZE` deals.

    Parameters
    ----------
    specs : sequence of Feature
        The attributes.
    values, amount, lead, group : of one length
        A row a deal, oldest first: its lead's attributes, what it brought (above 0), whose it was, and the account.

    Examples
    --------
    >>> import pandas as pd
    >>> size = Feature("size", "fit", "size", "number", "value", "size")
    >>> n = np.arange(1.0, 201.0)
    >>> made = estimate([size], pd.DataFrame({"size": n % 40 + 1}), 100 * (n % 40 + 1), n, n, seed=7)
    >>> made.told["method"], bool(made.expected(pd.DataFrame({"size": [2.0, 30.0]})).argmax() == 1)
    ('segments', True)
    >>> estimate([size], pd.DataFrame({"size": n[:9]}), n[:9], n[:9], n[:9], seed=7) is None
    True
    """
    deals = len(amount)
    if deals < MIN_GROUP_SIZE:
        return None
    low, high = metrics.bootstrap_by_group(lambda at: float(amount[at].mean()), group, seed_of(seed, Stream.VALUE))
    mean = float(amount.mean())
    told: dict[str, Any] = {"method": "mean", "deals": deals, "mean": mean, "mean_low": low, "mean_high": high}
    cut = deals - int(NEWEST * deals)
    if deals - cut < FEWEST_JUDGED or cut < MIN_GROUP_SIZE or not specs:
        why = "no attribute" if not specs else f"{deals} deals are too few to judge segments on the newest {NEWEST:.0%}"
        return Amount(mean, {**told, "why": why})
    older, newest = np.arange(cut), np.arange(cut, deals)
    penalty = _penalty(specs, values, amount, lead, older)
    trial = _fit(specs, values.iloc[older], amount[older], lead[older], penalty)
    judged = _judge(amount[newest], trial.expected(values.iloc[newest]), amount[older].mean(), group[newest], seed)
    helps = judged["gain_low"] > 0
    why = f"on the newest {len(newest)} deals segments miss by {'less than' if helps else 'no less than'} the overall mean does"
    told |= {"judged": judged, "why": why}
    if not helps:
        return Amount(mean, told)
    final = _fit(specs, values, amount, lead, penalty)
    return replace(final, told={**told, "method": "segments", "penalty": penalty, "by": [s.name for s in specs]})


def columns(p: Floats, given: Mapping[str, Floats], amount: Floats | None) -> dict[str, Floats]:
    """Return a night's trailing columns: each later stage's probability, and the value where amounts are known.

    Parameters
    ----------
    p : array
        Of the first question's stage.
    given : mapping of str to array
        By column name, of each later stage given the one before it.
    amount : array or None
        What a won lead brings.

    Examples
    --------
    >>> half = np.array([0.5])
    >>> {k: v.tolist() for k, v in columns(half, {"p_won_given_sql": half}, np.array([100.0])).items()}
    {'p_won_given_sql': [0.5], 'expected_amount': [100.0], 'expected_value': [25.0]}
    """
    if amount is None:
        return dict(given)
    won = p
    for part in given.values():
        won = won * part
    return {**given, "expected_amount": amount, "expected_value": won * amount}


def _penalty(specs: Sequence[Feature], values: pd.DataFrame, amount: Floats, lead: NDArray[Any], older: Any) -> float:
    """Return the penalty that, fitted on the first part of the older deals, misses the rest's logarithms least."""
    first, rest = older[: int(len(older) * (1 - NEWEST))], older[int(len(older) * (1 - NEWEST)) :]
    logs = np.log(amount[rest])
    missed = {}
    for penalty in PENALTIES:
        made = _fit(specs, values.iloc[first], amount[first], lead[first], penalty)
        missed[penalty] = float(np.mean((logs - np.log(made.expected(values.iloc[rest]) / made.factor)) ** 2))
    return min(reversed(PENALTIES), key=lambda penalty: missed[penalty])


def _fit(specs: Sequence[Feature], values: pd.DataFrame, amount: Floats, lead: NDArray[Any], penalty: float) -> Amount:
    """Regress the logarithm on the attributes, shrunk, and scale the way back to what the deals brought."""
    encoder = _encoder(specs, values, lead)
    made, logs = encoder.linear(values), np.log(amount)
    level = float(logs.mean())
    with threadpool_limits(limits=1):  # sums over threads differ in their last bits
        curvature = made.T @ made + penalty * np.eye(made.shape[1])
        effects = np.linalg.solve(curvature, made.T @ (logs - level))
        factor = float(amount.sum() / np.exp(level + made @ effects).sum())
    return Amount(float(amount.mean()), {}, encoder, tuple(effects.tolist()), level, factor)


def _encoder(specs: Sequence[Feature], values: pd.DataFrame, lead: NDArray[Any]) -> Encoder:
    """Make a column for each level that enough leads share, and of each number, by its logarithm where none is below 0."""
    levels: list[Levels] = []
    made: list[LinearColumn] = []
    ones = np.ones(len(values))
    for spec in specs:
        if spec.kind == "category":
            table = Levels.fit(spec.name, values[spec.name], np.zeros(len(values)), ones, lead)
            levels.append(table)
            made += category_columns(spec, table)
        else:
            numbers = values[spec.name].to_numpy(dtype=np.float64)
            known = numbers[np.isfinite(numbers)]
            by_log = replace(spec, kind="count") if len(known) and known.min() >= 0 else spec
            made += number_columns(by_log, numbers, ones)
    return Encoder(tuple(specs), tuple(levels), tuple(made))


def _judge(amount: Floats, said: Floats, mean: float, group: NDArray[Any], seed: int) -> dict[str, Any]:
    """Compare the mean absolute errors of segments and of the overall mean, and the sums of what was said and what came."""

    def missed(y: Floats, p: Floats, w: Floats) -> float:
        return float(np.mean(np.abs(y - p)))

    seed = seed_of(seed, Stream.VALUE, 1)
    flat, ones = np.full(len(amount), mean), np.ones(len(amount))
    gain, low, high = metrics.paired_difference(missed, amount, flat, said, group, seed)
    ratio = metrics.bootstrap_by_group(lambda at: float(amount[at].sum() / said[at].sum()), group, seed)
    return {
        "deals": len(amount), "mae": missed(amount, said, ones), "mae_mean": missed(amount, flat, ones),
        "gain": gain, "gain_low": low, "gain_high": high,
        "observed_over_predicted": float(amount.sum() / said.sum()), "observed_over_predicted_low": ratio[0], "observed_over_predicted_high": ratio[1],
    }  # fmt: skip
