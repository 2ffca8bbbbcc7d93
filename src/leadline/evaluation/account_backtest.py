"""Accounts judged as they are used: are their chances what was observed, and whom would working the top accounts have found?

Each night of a fold is judged by a model of accounts that was fitted on older folds, on labels known when the fold began; the
oldest fold, before which there is none, judges nothing. An account counts once, however many of its leads get there and
however many nights it stood on the list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.core.jsonable import to_jsonable
from leadline.core.point_in_time import WEEK
from leadline.core.rng import Stream, seed_of
from leadline.evaluation.topk_backtest import BacktestTerms, ReplayRows, TopKBacktest, run_topk_backtest
from leadline.evaluation.worklist import build_worklist
from leadline.metrics import classification
from leadline.model.account_model import FILE, AccountModel, AccountNights, fit_account_model

__all__ = ["AccountEvaluation", "PastAccounts", "evaluate_accounts", "forward_probabilities"]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

PEERS = {"best_lead": "best", "lead_sum": "total", "engaged_people": "engaged"}
"""What a list of accounts could be sorted by without a model of accounts, by the name in records."""


@dataclass(frozen=True)
class PastAccounts:
    """Accounts at past nights, by what models said of leads that they weren't fitted on; one entry an account and night.

    Attributes
    ----------
    nights : AccountNights
        Who, when, and what their leads' probabilities were.
    y : float64 array
        1 where at least one of the open leads got there within the horizon.
    fold : int64 array
        The fold's number, rising with time.
    known_at : int64 array
        When the label was known, in microseconds.
    newest : bool array
        Which entries are the newest fold's, in which nothing was chosen.
    share : float
        For how much an entry counts when a model is fitted: until its horizon is over, an account is asked the same again.
    """

    nights: AccountNights
    y: Floats
    fold: npt.NDArray[np.int64]
    known_at: npt.NDArray[np.int64]
    newest: Flags
    share: float = 1.0


@dataclass(frozen=True)
class AccountEvaluation:
    """What is to be said of accounts.

    Attributes
    ----------
    model : AccountModel or None
        The exported one; None where there is none, for `reason`.
    judged : mapping
        On the newest fold: account-nights, distinct accounts, predicted and observed with its interval, AUC of the model and of
        each peer, and by how much the model is ahead; intervals draw accounts again.
    calibration : tuple of CalibrationBin
        Predicted and observed, in bins of equal size.
    backtest : TopKBacktest
        What working the top accounts would have found, by the model and by each peer.
    reason : str
        Why there is no model, or "".
    """

    model: AccountModel | None = None
    judged: Mapping[str, Any] = field(default_factory=dict)
    calibration: tuple[classification.CalibrationBin, ...] = ()
    backtest: TopKBacktest = field(default_factory=TopKBacktest)
    reason: str = ""

    def files(self) -> dict[str, Any]:
        """Return the bundle's record of the model, by its file's name; nothing where there is no model."""
        return {} if self.model is None else {FILE: self.model.to_record()}

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        line = None
        if self.model is not None:
            line = {name: getattr(self.model, name) for name in ("intercept", "best", "together", "engaged")}
        record: dict[str, Any] = to_jsonable({
            "model": line, "judged": dict(self.judged) or None, "calibration": [asdict(b) for b in self.calibration],
            "backtest": self.backtest.to_record(), "backtest_reason": self.backtest.reason, "reason": self.reason,
        })  # fmt: skip
        return record


def forward_probabilities(past: PastAccounts) -> Floats:
    """Return what a model of older folds says of each entry; NaN where no older fold could be fitted.

    Examples
    --------
    >>> from leadline.model.account_model import gather_accounts
    >>> n = np.arange(80)
    >>> nights = gather_accounts(n.astype(str).astype(object), n // 40, np.full(80, 0.5))
    >>> past = PastAccounts(nights, n % 2 * 1.0, n // 40, n // 40, n >= 40)
    >>> forward_probabilities(past)[[0, 79]].round(2).tolist()
    [nan, 0.5]
    """
    said = np.full(len(past.y), np.nan)
    for number in np.unique(past.fold)[1:]:
        mine = past.fold == number
        older = (past.fold < number) & (past.known_at <= past.nights.night[mine].min())
        if len(np.unique(past.y[older])) == 2:
            model = fit_account_model(past.nights.take(older), past.y[older], past.share)
            said[mine] = model.probability(past.nights.take(mine))
    return said


def evaluate_accounts(
    past: PastAccounts, per_night: float, horizon: int, every: int | None, terms: BacktestTerms, seed: int
) -> AccountEvaluation:
    """Judge accounts on the newest fold, and work the top of the list at every night that can be judged; no model is set.

    Parameters
    ----------
    per_night : float
        How many accounts a night works.
    horizon, every : int, int or None
        As `build_worklist` takes them.
    terms : BacktestTerms
        What was asked, in words.

    Examples
    --------
    >>> from leadline.model.account_model import gather_accounts
    >>> n = np.arange(400)
    >>> nights = gather_accounts((n % 40).astype(str).astype(object), n // 40 * WEEK, (n % 4 + 1) / 10)
    >>> y = np.where(nights.best > 0.35, 1.0, 0.0)
    >>> past = PastAccounts(nights, y, nights.night // (5 * WEEK), nights.night, nights.night >= 5 * WEEK)
    >>> told = evaluate_accounts(past, 5, WEEK, WEEK, BacktestTerms(), seed=7)
    >>> told.judged["accounts"], told.judged["reached"], told.judged["auc"], [w.by for w in told.backtest.rankers][:2]
    (40, 10, 1.0, ['model', 'best_lead'])
    """
    p = forward_probabilities(past)
    known = np.isfinite(p)
    backtest = TopKBacktest(reason="no fold before the newest could fit a model of accounts")
    if known.any():
        backtest = _worked(past, p, known, per_night, horizon, every, terms, seed)
    newest = known & past.newest
    if len(np.unique(past.y[newest])) < 2:
        return AccountEvaluation(backtest=backtest)
    curve = tuple(classification.calibration_curve(past.y[newest], p[newest]))
    return AccountEvaluation(judged=_judged(past, p, newest, seed), calibration=curve, backtest=backtest)


def _said(past: PastAccounts, entries: Flags) -> dict[str, Floats]:
    """Return what each peer says; who knows nothing of some entries isn't there."""
    said = {name: getattr(past.nights, column)[entries] for name, column in PEERS.items()}
    return {name: values for name, values in said.items() if not np.isnan(values).any()}


def _worked(
    past: PastAccounts, p: Floats, known: Flags, per_night: float, horizon: int, every: int | None, terms: BacktestTerms, seed: int
) -> TopKBacktest:  # fmt: skip
    """Work the top accounts of each night by everybody's ranking."""
    who, y, number = past.nights.account[known], past.y[known], int(known.sum())
    listing = build_worklist(past.nights.night[known], who, np.ones(number), horizon, every or WEEK)
    said = {"model": p[known], **_said(past, known)}
    rows = ReplayRows(listing, y, np.full(number, np.nan), None, past.newest[known], who, said, per_night, terms)
    return run_topk_backtest(rows, seed_of(seed, Stream.ACCOUNTS))


def _judged(past: PastAccounts, p: Floats, newest: Flags, seed: int) -> dict[str, Any]:
    """Compare predicted and observed, and rank quality with each peer's, on the newest fold."""
    y, mine, who = past.y[newest], p[newest], past.nights.account[newest]
    draws = seed_of(seed, Stream.ACCOUNTS, 1)
    low, high = classification.bootstrap_by_group(lambda at: float(y[at].mean()), who, draws)
    auc_low, auc_high = classification.bootstrap_by_group(lambda at: classification.auc(y[at], mine[at]), who, draws)
    peers = {}
    for name, values in _said(past, newest).items():
        gap = classification.paired_difference(classification.auc, y, mine, values, who, draws)
        peers[name] = {"auc": classification.auc(y, values), "ahead": gap[0], "ahead_low": gap[1], "ahead_high": gap[2]}
    return {
        "account_nights": len(y), "accounts": len(set(who.tolist())), "reached": len(set(who[y > 0].tolist())),
        "predicted": float(mine.mean()), "observed": float(y.mean()), "observed_low": low, "observed_high": high,
        "independent": float(past.nights.together[newest].mean()),
        "auc": classification.auc(y, mine), "auc_low": auc_low, "auc_high": auc_high, "peers": peers,
    }  # fmt: skip
