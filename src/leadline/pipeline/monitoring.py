"""`monitor`: past nights joined with outcomes that are ripe now."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from leadline import metrics
from leadline.config import Config
from leadline.errors import MissingError, UsageError
from leadline.history import labels
from leadline.judge.backtest import plain
from leadline.judge.sample import clustering
from leadline.ops.nightly import read_nights
from leadline.pipeline.asking import Progress, as_config, instant, said_instant, silent
from leadline.tables import load, open_store

__all__ = ["MonitorResult", "TierFigures", "monitor"]

FEWEST = 20  # ripe positives below which nothing is said of a model's strength
DRIFT = 1.25  # times that observed may differ from predicted before retraining is advised


@dataclass(frozen=True)
class TierFigures:
    """One tier of past nights: how many, what was predicted, what came, with a 95% interval."""

    tier: str
    rows: int
    predicted: float
    observed: float
    low: float
    high: float


@dataclass(frozen=True)
class MonitorResult:
    """How past scores did.

    Attributes
    ----------
    nights, rows, positives, unripe : int
        Finished nights with ripe rows, those rows, the positives among them, and rows not ripe yet.
    auc, ece, predicted, observed : float
        Over all ripe rows; NaN where it isn't defined.
    tiers : list of TierFigures
        The same by tier.
    advice : str
        One line: whether to retrain, and why.
    """

    as_of: str
    nights: int
    rows: int
    positives: int
    unripe: int
    auc: float
    ece: float
    predicted: float
    observed: float
    tiers: list[TierFigures]
    advice: str

    def __repr__(self) -> str:
        return f"MonitorResult({self.rows} ripe rows of {self.nights} nights; {self.advice})"

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        record: dict[str, Any] = plain(asdict(self))
        return record


def monitor(config: Config | str | Path, as_of: str | int | None = None, progress: Progress = silent) -> MonitorResult:
    """Join the nights in ``scores/NAME/`` with outcomes known at as_of.

    Raises
    ------
    UsageError
        The config is of a flat file, whose outcomes have no dates.
    MissingError
        There is no finished night.

    Examples
    --------
    >>> monitor("no-such.yaml")
    Traceback (most recent call last):
    ...
    leadline.errors.MissingError: config no-such.yaml: no such file; expected a YAML config; `leadline init DIR` writes one to fill in
    """
    config = as_config(config)
    if config.is_flat:
        raise UsageError(
            "monitor: a flat file's outcomes have no dates; expected dated tables; judge it by `leadline train` instead"
        )
    when = instant(config, as_of)
    past = read_nights(Path("scores") / config.name)
    if past.num_rows == 0:
        raise MissingError(
            f"scores/{config.name}: no finished night; expected one that `leadline score` wrote; score first"
        )
    store = open_store(config.engine)
    try:
        progress("reading tables")
        loaded = load(config, store, when)
        store.put("snapshots", past.select(["lead_id", "account_id", "as_of"]))
        store.put("nights", past)
        labels.label_dated(config, loaded)
        rows = store.arrow(
            "SELECT n.as_of, n.probability, n.tier, l.state, COALESCE(n.account_id, n.lead_id) AS whose FROM labelled AS l JOIN nights AS n ON n.lead_id = l.lead_id AND n.as_of = l.as_of "
            "ORDER BY n.as_of, n.lead_id"
        )
    finally:
        store.close()
    state = np.asarray(rows.column("state").to_pylist(), dtype=object)
    ripe = (state == "positive") | (state == "negative")
    y = (state[ripe] == "positive").astype(np.float64)
    p = rows.column("probability").to_numpy(zero_copy_only=False)[ripe]
    tier = np.asarray(rows.column("tier").to_pylist(), dtype=object)[ripe]
    whose = np.asarray(rows.column("whose").to_pylist(), dtype=object)[ripe]
    nights = len(np.unique(rows.column("as_of").to_numpy(zero_copy_only=False)[ripe]))
    return judge(str(said_instant(loaded.known_at, True)), nights, y, p, tier, int((state == "censored").sum()), whose)


def judge(as_of: str, nights: int, y: Any, p: Any, tier: Any, unripe: int, whose: Any = None) -> MonitorResult:
    """Compare what was predicted with what came; `whose` account a row is widens the intervals as far as its rows are alike."""
    whose = np.arange(len(y)) if whose is None else whose
    predicted, observed = (float(p.mean()), float(y.mean())) if len(y) else (float("nan"), float("nan"))
    tiers = []
    for name in sorted(set(tier.tolist())):
        mine = tier == name
        bin_ = metrics.calibration_curve(y[mine], p[mine], bins=1, effect=clustering(y[mine], whose[mine]))[0]
        tiers.append(TierFigures(name, int(mine.sum()), bin_.mean_p, bin_.rate, bin_.low, bin_.high))
    return MonitorResult(
        as_of, nights, len(y), int(y.sum()), unripe, metrics.auc(y, p), metrics.expected_calibration_error(y, p),
        predicted, observed, tiers, advise(predicted, observed, int(y.sum()), len(y)),
    )  # fmt: skip


def advise(predicted: float, observed: float, positives: int, rows: int) -> str:
    """Say in one line whether to retrain.

    Examples
    --------
    >>> advise(0.10, 0.20, 100, 500)
    'retrain: 20.0% came where 10.0% was predicted'
    >>> advise(0.10, 0.11, 5, 45)
    'too early to say: 5 positives are ripe, and it takes 20'
    """
    if positives < FEWEST:
        return f"too early to say: {positives} positives are ripe, and it takes {FEWEST}"
    noise = 2 * (observed * (1 - observed) / rows) ** 0.5
    if abs(observed - predicted) > noise and not 1 / DRIFT < observed / predicted < DRIFT:
        return f"retrain: {observed:.1%} came where {predicted:.1%} was predicted"
    return f"no need to retrain: {observed:.1%} came where {predicted:.1%} was predicted"
