"""Later stages: the chain of probabilities held to what was observed end to end, and what a won deal is worth.

The worth is an estimate by the leads' attributes, judged on the newest deals; with it goes a lead's expected value.

Amounts are skewed and few, so their logarithm is regressed on the attributes, and every segment's effect is shrunk
towards none: that of a level with n deals is taken by about n / (n + penalty), as in Bühlmann's credibility (1967). The
way back is a smearing factor (Duan 1983, taken as a ratio), so that the estimates of the deals that were fitted add up to
what these brought. Where segments don't beat the overall mean on the newest deals by more than chance, the mean stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
from numpy.typing import NDArray

from leadline.core.jsonable import to_jsonable
from leadline.core.parallel import one_blas_thread
from leadline.core.privacy import MIN_GROUP_SIZE
from leadline.core.rng import Stream, seed_of
from leadline.dataset.feature_spec import Feature
from leadline.metrics import classification
from leadline.model.encoding.encoder import Encoder
from leadline.model.encoding.linear_columns import LinearColumn, category_columns, number_columns
from leadline.model.encoding.target_encoding import CategoryLevels

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FILE", "ChainEvaluation", "DealAmountModel", "evaluate_stage_chain", "fit_deal_amounts", "later_columns"]

Floats: TypeAlias = NDArray[np.float64]

FILE = "value.json"

"""The bundle's file that holds an estimate."""

FEWEST_JUDGED = 30  # newest deals that segments are judged on: of fewer, chance decides

NEWEST = 0.3  # the share of the deals, by time, that segments are judged on

PENALTIES = (1.0, 3.0, 10.0, 30.0, 100.0, 300.0)  # in deals


@dataclass(frozen=True)
class DealAmountModel:
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
        with one_blas_thread():
            return np.asarray(self.factor * np.exp(self.level + made @ np.array(self.effects)), dtype=np.float64)

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        effects = {"effects": [*self.effects], "level": self.level, "factor": self.factor}
        encoder = None if self.encoder is None else self.encoder.to_json()
        return {"mean": self.mean, "told": dict(self.told), "encoder": encoder, **effects}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> DealAmountModel:
        """Read what `to_record` wrote.

        Examples
        --------
        >>> flat = DealAmountModel(20.0, {"deals": 40})
        >>> DealAmountModel.from_record(flat.to_record()) == flat
        True
        """
        encoder = None if record["encoder"] is None else Encoder.from_json(record["encoder"])
        return cls(record["mean"], record["told"], encoder, tuple(record["effects"]), record["level"], record["factor"])


def fit_deal_amounts(
    specs: Sequence[Feature], values: pd.DataFrame, amount: Floats, lead: NDArray[Any], group: NDArray[Any], seed: int
) -> DealAmountModel | None:
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
    >>> made = fit_deal_amounts([size], pd.DataFrame({"size": n % 40 + 1}), 100 * (n % 40 + 1), n, n, seed=7)
    >>> made.told["method"], bool(made.expected(pd.DataFrame({"size": [2.0, 30.0]})).argmax() == 1)
    ('segments', True)
    >>> fit_deal_amounts([size], pd.DataFrame({"size": n[:9]}), n[:9], n[:9], n[:9], seed=7) is None
    True
    """
    deals = len(amount)
    if deals < MIN_GROUP_SIZE:
        return None
    low, high = classification.bootstrap_by_group(
        lambda at: float(amount[at].mean()), group, seed_of(seed, Stream.VALUE)
    )
    mean = float(amount.mean())
    told: dict[str, Any] = {"method": "mean", "deals": deals, "mean": mean, "mean_low": low, "mean_high": high}
    cut = deals - int(NEWEST * deals)
    if deals - cut < FEWEST_JUDGED or cut < MIN_GROUP_SIZE or not specs:
        why = "no attribute" if not specs else f"{deals} deals are too few to judge segments on the newest {NEWEST:.0%}"
        return DealAmountModel(mean, {**told, "why": why})
    older, newest = np.arange(cut), np.arange(cut, deals)
    penalty = _penalty(specs, values, amount, lead, older)
    trial = _fit(specs, values.iloc[older], amount[older], lead[older], penalty)
    judged = _judge(amount[newest], trial.expected(values.iloc[newest]), amount[older].mean(), group[newest], seed)
    helps = judged["gain_low"] > 0
    why = f"on the newest {len(newest)} deals segments miss by {'less than' if helps else 'no less than'} the overall mean does"
    told |= {"judged": judged, "why": why}
    if not helps:
        return DealAmountModel(mean, told)
    final = _fit(specs, values, amount, lead, penalty)
    return replace(final, told={**told, "method": "segments", "penalty": penalty, "by": [s.name for s in specs]})


def later_columns(p: Floats, given: Mapping[str, Floats], amount: Floats | None) -> dict[str, Floats]:
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
    >>> {k: v.tolist() for k, v in later_columns(half, {"p_won_given_sql": half}, np.array([100.0])).items()}
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


def _fit(
    specs: Sequence[Feature], values: pd.DataFrame, amount: Floats, lead: NDArray[Any], penalty: float
) -> DealAmountModel:
    """Regress the logarithm on the attributes, shrunk, and scale the way back to what the deals brought."""
    encoder = _encoder(specs, values, lead)
    made, logs = encoder.linear(values), np.log(amount)
    level = float(logs.mean())
    with one_blas_thread():
        curvature = made.T @ made + penalty * np.eye(made.shape[1])
        effects = np.linalg.solve(curvature, made.T @ (logs - level))
        factor = float(amount.sum() / np.exp(level + made @ effects).sum())
    return DealAmountModel(float(amount.mean()), {}, encoder, tuple(effects.tolist()), level, factor)


def _encoder(specs: Sequence[Feature], values: pd.DataFrame, lead: NDArray[Any]) -> Encoder:
    """Make a column for each level that enough leads share, and of each number, by its logarithm where none is below 0."""
    levels: list[CategoryLevels] = []
    made: list[LinearColumn] = []
    ones = np.ones(len(values))
    for spec in specs:
        if spec.kind == "category":
            table = CategoryLevels.fit(spec.name, values[spec.name], np.zeros(len(values)), ones, lead)
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
    gain, low, high = classification.paired_difference(missed, amount, flat, said, group, seed)
    ratio = classification.bootstrap_by_group(lambda at: float(amount[at].sum() / said[at].sum()), group, seed)
    return {
        "deals": len(amount), "mae": missed(amount, said, ones), "mae_mean": missed(amount, flat, ones),
        "gain": gain, "gain_low": low, "gain_high": high,
        "observed_over_predicted": float(amount.sum() / said.sum()), "observed_over_predicted_low": ratio[0], "observed_over_predicted_high": ratio[1],
    }  # fmt: skip


# Questions that follow each other, judged end to end: P(sql) · P(won | sql) of open leads against what closed as won.


@dataclass(frozen=True)
class ChainEvaluation:
    """How the product of the probabilities did on open leads of which the end is known.

    Attributes
    ----------
    starts_at, ends_at : int
        The span of as_of, half-open; all that was fitted was known when it starts.
    rows, positives : int
        Snapshots, and those that went all the way within the horizons.
    auc, auc_low, auc_high : float
        Of the product.
    first_auc : float
        Of the first probability alone, on the same end.
    predicted, observed, observed_low, observed_high : float
        The mean of the product, and the share that came, with its 95% interval by cluster bootstrap over accounts.
    ece : float
        Expected calibration error of the product.
    calibration : tuple of CalibrationBin
        Predicted and observed, in bins of equal size.
    """

    starts_at: int
    ends_at: int
    rows: int
    positives: int
    auc: float
    auc_low: float
    auc_high: float
    first_auc: float
    predicted: float
    observed: float
    observed_low: float
    observed_high: float
    ece: float
    calibration: tuple[classification.CalibrationBin, ...]

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values, None for NaN."""
        record: dict[str, Any] = to_jsonable(asdict(self))
        return record

    @property
    def verdict(self) -> str:
        """Say whether what was said lies within what chance makes of what came."""
        if not self.observed_low <= self.predicted <= self.observed_high:
            return "predicted too much" if self.predicted > self.observed else "predicted too little"
        return "in line with what was observed"


def evaluate_stage_chain(
    y: Floats, first: Floats, product: Floats, weight: Floats, group: npt.NDArray[Any], span: tuple[int, int], seed: int
) -> ChainEvaluation:
    """Judge the product of probabilities.

    Parameters
    ----------
    y : array
        1 for rows that went all the way.
    first, product : arrays
        The first question's probability, and the product of all.
    span : (int, int)
        Where the rows' as_of lie.

    Examples
    --------
    >>> y, p = np.array([1.0, 0.0] * 20), np.array([0.6, 0.4] * 20)
    >>> made = evaluate_stage_chain(y, p, p * 0.5, np.ones(40), np.arange(40), (0, 9), seed=7)
    >>> made.rows, made.positives, made.auc, made.observed, made.verdict
    (40, 20, 1.0, 0.5, 'predicted too little')
    """
    seed = seed_of(seed, Stream.STAGE_CHAIN)
    low, high = classification.bootstrap_by_group(lambda at: float(np.average(y[at], weights=weight[at])), group, seed)
    auc = classification.bootstrap_by_group(lambda at: classification.auc(y[at], product[at], weight[at]), group, seed)
    return ChainEvaluation(
        *span, len(y), int(y.sum()), classification.auc(y, product, weight), *auc, classification.auc(y, first, weight),
        float(np.average(product, weights=weight)), float(np.average(y, weights=weight)), low, high,
        classification.expected_calibration_error(y, product, weight), tuple(classification.calibration_curve(y, product, weight)),
    )  # fmt: skip
