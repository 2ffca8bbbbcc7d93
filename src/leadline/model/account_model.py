"""Accounts: the chance that at least one of an account's open leads gets there, fitted on past nights of whole accounts.

The leads of an account share its budget, its buyers and its timing, so they don't succeed or fail by themselves, and multiplying
their probabilities promises too much or too little. A small regression on account-nights says how much of what they would
add up to is to be believed: its inputs are the best lead, what all leads would give if they were independent, and how many
people of the account are engaged. No coefficient may be below 0, so that an account never falls because a lead joins it,
becomes likelier, or somebody more of it acts. Where there is little to learn from, it stays near independence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from leadline.core.parallel import one_blas_thread
from leadline.errors import DataError
from leadline.model.fitting.logistic import log_odds, sigmoid
from leadline.model.tiers import Tiers

__all__ = ["FILE", "AccountModel", "AccountNights", "fit_account_model", "gather_accounts"]

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]

FILE = "accounts.json"
"""The bundle's file that holds the model of accounts."""

PRIOR = np.array([0.0, 0.0, 1.0, 0.0])
"""Intercept, best lead, all leads together, people engaged: what independence would say."""

SPREAD = 1.0  # the prior's standard deviation of each coefficient: as loud as a few dozen account-nights
SURE = 1e-9  # a lead is never more certain than this
MARKS = 100


@dataclass(frozen=True)
class AccountNights:
    """Accounts with open leads at one night or several; one entry an account and night.

    Attributes
    ----------
    account : object array
        Which.
    night : int64 array
        When, as it was given.
    best, together : float64 arrays
        The best lead's probability, and that of at least one lead if leads were independent.
    total : float64 array
        The sum of its leads' probabilities.
    leads : int64 array
        How many of its leads are open.
    engaged : float64 array
        How many of its people acted lately; NaN where that isn't known.
    first : int64 array
        The number of its best lead's row among those that were given; of equals the earliest.
    of_row : int64 array
        For each row that was given, the number of its entry here; -1 for a lead without an account.
    """

    account: npt.NDArray[np.object_]
    night: Ints
    best: Floats
    together: Floats
    total: Floats
    leads: Ints
    engaged: Floats
    first: Ints
    of_row: Ints

    def __len__(self) -> int:
        return len(self.account)

    def reached(self, y: Floats) -> Floats:
        """Return for each entry the greatest value that one of its rows has, such as whether any lead got there."""
        found = np.full(len(self), -np.inf)
        mine = self.of_row >= 0
        np.maximum.at(found, self.of_row[mine], y[mine])
        return found

    def take(self, entries: npt.NDArray[np.bool_]) -> AccountNights:
        """Return some entries, without what tells of the rows that they were made of."""
        none = np.empty(0, dtype=np.int64)
        return AccountNights(
            self.account[entries], self.night[entries], self.best[entries], self.together[entries], self.total[entries],
            self.leads[entries], self.engaged[entries], none, none,
        )  # fmt: skip


def gather_accounts(
    account: npt.NDArray[np.object_], night: Ints, p: Floats, engaged: Floats | None = None
) -> AccountNights:
    """Gather leads' rows by account and night; leads without an account form none.

    Parameters
    ----------
    account : object array
        Each row's account, or None.
    night : int64 array
        Each row's night.
    p : float64 array
        Each lead's probability.
    engaged : float64 array, optional
        How many people of the row's account acted lately.

    Examples
    --------
    >>> who = np.array(["b", None, "a", "b"], dtype=object)
    >>> told = gather_accounts(who, np.zeros(4, dtype=np.int64), np.array([0.5, 0.9, 0.1, 0.5]))
    >>> told.account.tolist(), told.leads.tolist(), told.together.round(2).tolist(), told.first.tolist()
    (['a', 'b'], [1, 2], [0.1, 0.75], [2, 0])
    """
    import pandas as pd

    rows = np.flatnonzero(account != None)  # noqa: E711
    code, names = pd.factorize(account[rows], sort=True)
    at, moment = np.unique(night[rows], return_inverse=True)
    key, entry = np.unique(moment.astype(np.int64) * max(len(names), 1) + code, return_inverse=True)
    n, mine = len(key), np.clip(p[rows], SURE, 1 - SURE)
    order = np.lexsort((np.arange(len(rows)), -mine, entry))
    starts = np.searchsorted(entry[order], np.arange(n))
    first = order[starts]
    acted = np.full(n, np.nan)
    if engaged is not None and n:
        acted = np.maximum.reduceat(engaged[rows][order], starts)
    of_row = np.full(len(account), -1, dtype=np.int64)
    of_row[rows] = entry
    together = -np.expm1(np.bincount(entry, np.log1p(-mine), n))
    return AccountNights(
        np.asarray(names, dtype=object)[key % max(len(names), 1)] if n else np.empty(0, dtype=object),
        at[key // max(len(names), 1)].astype(np.int64) if n else np.empty(0, dtype=np.int64),
        mine[first], together, np.bincount(entry, mine, n).astype(np.float64), np.bincount(entry, minlength=n).astype(np.int64), acted,
        rows[first], of_row,
    )  # fmt: skip


@dataclass(frozen=True)
class AccountModel:
    """The chance of an account, its tiers and its score; plain numbers, none below 0 but the intercept.

    Attributes
    ----------
    intercept, best, together, engaged : float
        Of the regression: what nothing, the best lead's log odds, those of all leads together, and log(1 + people engaged) add.
    tiers : Tiers
        The accounts' tiers.
    marks : tuple of float
        Probabilities that a hundredth more of past account-nights lay below; they make the score.
    told : mapping
        What a night needs to know of the training: plain JSON values.

    Examples
    --------
    >>> one = gather_accounts(np.array(["a", "a"], dtype=object), np.zeros(2, dtype=np.int64), np.array([0.5, 0.5]))
    >>> AccountModel(0.0, 0.0, 1.0, 0.0).probability(one).round(9).tolist()
    [0.75]
    >>> AccountModel(0.0, -0.1, 1.0, 0.0)
    Traceback (most recent call last):
    ...
    leadline.errors.DataError: accounts: a coefficient below 0; expected none, as no lead more makes an account worse; train again
    """

    intercept: float
    best: float
    together: float
    engaged: float
    tiers: Tiers = field(default_factory=Tiers)
    marks: tuple[float, ...] = ()
    told: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not all(number >= 0 for number in (self.best, self.together, self.engaged)):
            raise DataError(
                "accounts: a coefficient below 0; expected none, as no lead more makes an account worse; train again"
            )

    def probability(self, nights: AccountNights) -> Floats:
        """Return each account's chance that at least one of its open leads gets there."""
        line = np.array([self.intercept, self.best, self.together, self.engaged])
        return sigmoid((_inputs(nights) * line).sum(axis=1))

    def score(self, p: Floats) -> Ints:
        """Return whole points from 0 to 100: the share of past account-nights below, those that are equal counting half."""
        marks = np.array(self.marks)
        below, reached = (np.searchsorted(marks, p, side=side) for side in ("left", "right"))
        return np.asarray((below + reached) // 2, dtype=np.int64)

    def fitted_to(self, p: Floats, tiers: Tiers, told: Mapping[str, Any]) -> AccountModel:
        """Return the same with tiers, and with a score by the spread of past probabilities."""
        marks = np.quantile(p, (np.arange(MARKS) + 0.5) / MARKS, method="inverted_cdf") if len(p) else np.empty(0)
        return replace(self, tiers=tiers, marks=tuple(marks.tolist()), told=told)

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        line = {name: getattr(self, name) for name in ("intercept", "best", "together", "engaged")}
        return {**line, "tiers": self.tiers.to_record(), "marks": [*self.marks], **self.told}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> AccountModel:
        """Read what `to_record` wrote.

        Examples
        --------
        >>> made = AccountModel(-0.1, 0.2, 0.7, 0.0, marks=(0.1, 0.2), told={"specs": []})
        >>> AccountModel.from_record(made.to_record()) == made
        True
        """
        rest = {name: value for name, value in record.items() if name not in cls.__dataclass_fields__}
        line = {name: float(record[name]) for name in ("intercept", "best", "together", "engaged")}
        return cls(**line, tiers=Tiers.from_record(record["tiers"]), marks=tuple(record["marks"]), told=rest)


def fit_account_model(nights: AccountNights, y: Floats, share: float = 1.0) -> AccountModel:
    """Fit the regression by maximum likelihood, shrunk towards independence, with no coefficient below 0.

    Parameters
    ----------
    nights : AccountNights
        Past nights, by what models said of leads that they weren't fitted on.
    y : float64 array
        1 where at least one of the entry's leads got there.
    share : float
        For how much an entry counts: less than 1 where the nights of an account ask nearly the same question again.

    Raises
    ------
    DataError
        All are of one kind.

    Examples
    --------
    >>> who, p = np.arange(2000).astype(str).astype(object), np.tile([0.1, 0.5], 1000)
    >>> nights = gather_accounts(who, np.zeros(2000, dtype=np.int64), p)
    >>> y = np.zeros(len(nights))
    >>> y[np.flatnonzero(nights.best > 0.3)[:250]] = y[np.flatnonzero(nights.best < 0.3)[:50]] = 1.0
    >>> sorted(set(fit_account_model(nights, y).probability(nights).round(2).tolist()))
    [0.05, 0.25]
    >>> fit_account_model(nights, np.zeros(2000))
    Traceback (most recent call last):
    ...
    leadline.errors.DataError: accounts: 2,000 past account-nights of one kind; expected some that got there and some that didn't; give more history
    """
    from scipy.optimize import minimize

    if len(np.unique(y)) < 2:
        raise DataError(
            f"accounts: {len(y):,} past account-nights of one kind; expected some that got there and some that didn't; give more history"
        )
    x = _inputs(nights)

    def loss(line: Floats) -> tuple[float, Floats]:
        margin, off = x @ line, (line - PRIOR) / SPREAD**2
        value = share * float(np.sum(np.logaddexp(0.0, margin) - y * margin)) + 0.5 * float(off @ (line - PRIOR))
        return value, share * ((sigmoid(margin) - y) @ x) + off

    bounds = [(None, None), *[(0.0, None)] * 3]
    with one_blas_thread():
        found = minimize(
            loss,
            PRIOR,
            jac=True,
            method="L-BFGS-B",
            bounds=bounds,
            options={"ftol": 1e-14, "gtol": 1e-8, "maxiter": 500},
        )
    intercept, best, together, engaged = found.x.tolist()
    return AccountModel(intercept, best, together, engaged)


def _inputs(nights: AccountNights) -> Floats:
    """Return the regression's columns; people engaged count as none where they aren't known."""
    people = np.log1p(np.nan_to_num(nights.engaged))
    return np.column_stack([np.ones(len(nights)), log_odds(nights.best), log_odds(nights.together), people])
