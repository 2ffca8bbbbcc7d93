"""Who else ranked the backtest's rows, and what working the top of each list would have brought at its nights.

Each night of a fold's test is scored by the model of that fold, which was fitted on what was known when its test began.
The older folds chose the model's settings, so that the newest is told apart; closed-won is ripe on older nights alone.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from leadline.judge.nights import Nights, Terms
from leadline.judge.picking import listing_of
from leadline.judge.replaying import Past, replay
from leadline.model.peers import PEERS, beside
from leadline.pipeline.fitted import Fitted, own_rankings
from leadline.report import say
from leadline.streams import Stream, generator
from leadline.times import WEEK

__all__ = ["nights", "rankings"]

Floats = npt.NDArray[np.float64]


def rankings(fitted: Fitted) -> dict[str, Floats]:
    """Return what everybody said of the rows of `fitted.honest`, the model first; who said nothing of some isn't there."""
    made, honest = fitted.made, fitted.honest
    said = own_rankings(fitted)
    # Of a flat file only the order is known; its newest rows are the last.
    created = made.features.as_of.astype(np.float64) if made.labels.created_at is None else made.labels.created_at
    said["newest"] = np.nan_to_num(created, nan=-np.inf)[honest.row]
    return said | {who: p for who, p in _peers(fitted).items() if not np.isnan(p).any()}


def _peers(fitted: Fitted) -> dict[str, Floats]:
    """Fit the peers on the folds' training rows, and find what they said of each honest row."""
    config, honest = fitted.config, fitted.honest
    said = {who: np.full(len(honest.row), np.nan) for who in PEERS}
    if not len(honest.row):
        return {}
    folds = [(fold.train, fold.test) for fold in fitted.folds]
    # One thread: on a busy machine more of them wait for each other longer than they work.
    for fold in beside(fitted.made.features.specs, fitted.matrix, folds, generator(config.seed, Stream.NIGHTS)):
        place = np.full(len(fitted.matrix), -1)
        place[fold.row] = np.arange(len(fold.row))
        here = place[honest.row] >= 0
        for who in PEERS:
            said[who][here] = fold.said[who][place[honest.row[here]]]
    return said


def nights(fitted: Fitted, said: Mapping[str, Floats]) -> Nights:
    """Work the list at each past night by every ranking; a flat file has no nights, and says so."""
    config, made, honest, matrix = fitted.config, fitted.made, fitted.honest, fitted.matrix
    if config.is_flat:
        return Nights(reason="a flat file doesn't say when its rows were open")
    if not len(honest.row):
        return Nights(reason="no fold could be judged")
    rows, every = honest.row, config.snapshots.every
    step = WEEK if every is None else every.micros
    listing = listing_of(
        matrix.as_of[rows], matrix.lead[rows], matrix.weight[rows], config.horizon.micros,
        None if every is None else every.micros,
    )  # fmt: skip
    amount = None if made.labels.amount is None else made.labels.amount[rows] / 100
    outcome = config.outcome
    terms = Terms(say.stages(str(outcome.reaches)), str(every or "7d"), str(config.horizon), str(outcome.won_within))
    past = Past(
        listing, matrix.y[rows], made.labels.won[rows], amount, honest.judged, made.features.group()[rows], said,
        config.capacity.leads_per_week * step / WEEK, terms,
    )  # fmt: skip
    return replay(past, config.seed)
