"""Who ranks leads: the model and the baselines it is held against, with the words for each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = [
    "ACCOUNTS",
    "BASE_RATE",
    "CARD",
    "RANKERS",
    "SAYERS",
    "Baseline",
    "has_probabilities",
    "in_order",
    "label",
    "short",
]


@dataclass(frozen=True)
class Baseline:
    """The model, or what it is held against.

    Attributes
    ----------
    key : str
        Its name in records and in MLflow.
    label : str
        What people read.
    short : str
        What stands in a terminal's narrow column, or "": the key does.
    is_probability : bool
        Whether it gives probabilities; what only ranks has no Brier score, ECE or log loss.
    """

    key: str
    label: str
    short: str = ""
    is_probability: bool = True


RANKERS = (
    Baseline("model", "the model"),
    Baseline("points", "current scoring rules", is_probability=False),
    Baseline("newest", "newest first", is_probability=False),
    Baseline("logistic", "logistic regression"),
    Baseline("lightgbm", "LightGBM (defaults)"),
    Baseline("naive_bayes", "naive Bayes (Odoo)", "Bayes"),
    Baseline("random", "random order", is_probability=False),
)
"""In the order of tables; `random` is what a random order brings on average."""

CARD = Baseline("card", "the scorecard", is_probability=False)
"""Stands in the comparison of scorecards alone."""

BASE_RATE = Baseline("base_rate", "base rate alone", "base rate")
"""The rate of the training rows, given to every lead: it ranks nobody, and stands in the table of folds alone."""

ACCOUNTS = (
    Baseline("best_lead", "the best lead’s score"),
    Baseline("lead_sum", "the sum of lead scores", is_probability=False),
    Baseline("engaged_people", "people engaged", is_probability=False),
)
"""What accounts could be sorted by without a model of accounts."""

SAYERS = tuple(ranker.key for ranker in RANKERS)
_ORDER = (SAYERS[0], *(ranker.key for ranker in ACCOUNTS), *SAYERS[1:])
_BY_KEY = {ranker.key: ranker for ranker in (*RANKERS, CARD, BASE_RATE, *ACCOUNTS)}


def label(key: str) -> str:
    """Return the words for who ranked; an unknown key stays as it is.

    Examples
    --------
    >>> label("newest"), label("challenger")
    ('newest first', 'challenger')
    """
    return _BY_KEY[key].label if key in _BY_KEY else key


def in_order(keys: Iterable[str]) -> list[str]:
    """Sort keys as tables do; unknown ones come last.

    Examples
    --------
    >>> in_order(["challenger", "logistic", "model"])
    ['model', 'logistic', 'challenger']
    """
    return sorted(keys, key=lambda key: (*_ORDER, key).index(key))


def short(key: str) -> str:
    """Return the word for a narrow column.

    Examples
    --------
    >>> short("naive_bayes"), short("model")
    ('Bayes', 'model')
    """
    return _BY_KEY[key].short or key if key in _BY_KEY else key


def has_probabilities(key: str) -> bool:
    """Tell whether who ranked also gives probabilities.

    Examples
    --------
    >>> has_probabilities("model"), has_probabilities("points")
    (True, False)
    """
    return key not in _BY_KEY or _BY_KEY[key].is_probability
