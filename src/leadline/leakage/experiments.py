"""Leaks by experiment, once trained: the split is drawn, a driver is left out, colleagues are set apart (LL304–LL306).

No file or table is read here: what must compute features or fit a recipe again comes as a value or as a callable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from leadline.core.checks import Check, Finding, Severity
from leadline.core.rng import Stream, generator
from leadline.evaluation.backtest import FoldPredictions, ModelMetrics, compute_metrics
from leadline.evaluation.robustness import Optimism, random_split
from leadline.explanation.drivers import Driver
from leadline.metrics import classification

__all__ = ["AFTER_TRAINING", "ExperimentData", "random_split"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

OPTIMISM = 0.10  # AUC that a random split may give above the forward one: seasons and new sources explain less
DROP, SOME_DROP = 0.10, 0.05  # AUC that one driver may carry alone
HONEST = 0.85  # honest AUCs before contact end about here
FEWEST = 5  # positives below which a figure says nothing
REPEATS = 200
TRIED = 2  # drivers left out, one at a time


@dataclass(frozen=True)
class ExperimentData:
    """What the experiments after training look at; arrays have one entry a row of the matrix.

    Attributes
    ----------
    y, weight, lead, account, group
        The label; how many snapshots a row stands for; whose (account may be None); what intervals resample.
    train, test : array of int
        The newest fold's rows.
    said : float array
        What the model said of the test's rows.
    drivers : sequence of Driver
        Feature importance (mean |SHAP|), the strongest first.
    attributes : mapping of str to str
        Of the groups that are one attribute, where it stands: ``leads.source``.
    known : frozenset of str
        Those among them that the config declares known at creation.
    refit : callable
        Takes training rows, test rows and groups; returns the test's margins by a lighter form of the recipe: with all
        features, then without each of the groups.
    seed : int
        For the drawn split and the bootstraps.
    reason : str
        Why no experiment is run, or "".
    """

    y: Floats
    weight: Floats
    lead: npt.NDArray[np.object_]
    account: npt.NDArray[np.object_]
    group: npt.NDArray[np.object_]
    train: Ints
    test: Ints
    said: Floats
    drivers: Sequence[Driver]
    attributes: Mapping[str, str]
    known: frozenset[str]
    refit: Callable[[Ints, Ints, Sequence[str]], Sequence[Floats]]
    seed: int
    reason: str = ""

    @cached_property
    def fitted(self) -> tuple[Floats, dict[str, Floats]]:
        """Fit the lighter recipe forward, once for all: the test's margins, and those without each driver tried."""
        groups = self.left_out()
        whole, *others = self.refit(self.train, self.test, groups)
        return whole, dict(zip(groups, others, strict=True))

    @cached_property
    def optimism(self) -> Optimism | None:
        """Fit the lighter recipe on a random split by lead, too; None where nothing is fitted, or positives are too few."""
        if self.reason:
            return None
        random = generator(self.seed, Stream.RANDOM_SPLIT)
        train, test = random_split(self.lead, len(self.train), len(self.test), random)
        if min(self.y[train].sum(), self.y[test].sum()) < FEWEST or not 0 < self.y[train].mean() < 1:
            return None
        drawn, (forward, _) = self.refit(train, test, [])[0], self.fitted
        return Optimism(self._figures(test, drawn), self._figures(self.test, forward))

    def _figures(self, rows: Ints, p: Floats) -> ModelMetrics:
        nothing = np.full(len(rows), np.nan)
        judged = FoldPredictions(self.y[rows], self.weight[rows], nothing, self.group[rows], {})
        return compute_metrics(judged, p, self.seed, probabilities=False)

    def auc(self, rows: Ints, p: Floats) -> float:
        """Return the AUC of scores of some rows."""
        return classification.auc(self.y[rows], p, self.weight[rows])

    def interval(self, rows: Ints, p: Floats) -> tuple[float, float]:
        """Return its 95% interval by a bootstrap over accounts."""
        y, w = self.y[rows], self.weight[rows]
        return classification.bootstrap_by_group(
            lambda at: classification.auc(y[at], p[at], w[at]), self.group[rows], self.seed, REPEATS
        )

    def left_out(self) -> list[str]:
        """Return the groups worth leaving out: the strongest driver, and the strongest attribute."""
        strongest = [d.group for d in self.drivers[:1]]
        strongest += [d.group for d in self.drivers if d.group in self.attributes][:1]
        return list(dict.fromkeys(strongest))[:TRIED]


def split_optimism(context: ExperimentData) -> Iterator[Finding]:
    """Tell how much better a random split by lead would look than the forward one; above a bound, warn."""
    told = context.optimism
    if told is None:
        yield _not_applicable("LL304", "the drawn split has too few positives")
        return
    there, here = told.drawn, told.forward
    far = told.gap > OPTIMISM and there.auc_low > here.auc_high
    yield Finding(
        "LL304", Severity.WARNING if far else Severity.NOTE, "newest fold",
        f"optimism {told.gap:+.3f}: AUC {there.auc:.3f} ({there.auc_low:.3f} to {there.auc_high:.3f}) where leads are split at random, {here.auc:.3f} ({here.auc_low:.3f} to {here.auc_high:.3f}) where time splits them",
        f"at most {OPTIMISM} more", "quote the forward figure; look for what ties leads of one time or account together" if far else "nothing to do; quote the forward figure",
    )  # fmt: skip


def one_driver(context: ExperimentData) -> Iterator[Finding]:
    """Refuse, or tell, a single driver that carries too much of the score."""
    whole, without = context.fitted
    full = context.auc(context.test, whole)
    for group, margin in without.items():
        where = context.attributes.get(group)
        gap, low, high = classification.paired_difference(
            classification.auc, context.y[context.test], whole, margin, context.group[context.test], context.seed,
            context.weight[context.test], REPEATS,
        )  # fmt: skip
        if not (gap > SOME_DROP and low > 0) or (where is None and gap <= DROP):
            continue
        refused = where is not None and gap > DROP and full > HONEST
        severity = Severity.NOTE if where in context.known else Severity.ERROR if refused else Severity.WARNING
        words = next(d.words for d in context.drivers if d.group == group)
        yield Finding(
            "LL305", severity, where or f"driver “{words}”",
            f"AUC falls from {full:.3f} to {full - gap:.3f} without it (by {gap:.3f}, 95%: {low:.3f} to {high:.3f})",
            f"no single driver to carry more than {DROP if where is None else SOME_DROP}",
            _what_to_do(where, context.known),
        )  # fmt: skip


def _what_to_do(where: str | None, known: frozenset[str]) -> str:
    if where is None:
        return "make sure that it isn't written after contact, or dated back"
    if where in known:
        return "nothing to do: it is declared known_at_creation"
    return "if it is written, or worked out, after the outcome, drop it or give its history; else declare it known_at_creation, or accept LL305 with the reason"


def shared_accounts(context: ExperimentData) -> Iterator[Finding]:
    """Tell how many test rows have colleagues in training, and the figures without them."""
    account = context.account
    if all(a is None for a in account):
        yield _not_applicable("LL306", "no lead names an account")
        return
    trained = {a: n for a, n in _leads_by_account(account[context.train], context.lead[context.train]).items() if a}
    shared = np.array(
        [bool(trained.get(account[row], frozenset()) - {context.lead[row]}) for row in context.test], dtype=bool
    )
    if not shared.any():
        return
    apart = context.test[~shared]
    figure = "too few others to say what they are worth"
    if context.y[apart].sum() >= FEWEST:
        low, high = context.interval(apart, context.said[~shared])
        figure = f"AUC {context.auc(apart, context.said[~shared]):.3f} ({low:.3f} to {high:.3f}) without them, {context.auc(context.test, context.said):.3f} with them"
    yield Finding(
        "LL306", Severity.NOTE, "newest fold",
        f"{int(shared.sum()):,} of {len(shared):,} test rows have another lead of their account in training; {figure}",
        "figures that agree", "nothing to do where they agree; else quote the one without them for accounts that are new", int(shared.sum()),
    )  # fmt: skip


def _leads_by_account(account: npt.NDArray[np.object_], lead: npt.NDArray[np.object_]) -> dict[object, set[object]]:
    found: dict[object, set[object]] = {}
    for a, who in zip(account, lead, strict=True):
        found.setdefault(a, set()).add(who)
    return found


def _not_applicable(code: str, reason: str) -> Finding:
    return Finding(code, Severity.NOT_APPLICABLE, "newest fold", reason, "", "")


AFTER_TRAINING: tuple[Check[ExperimentData], ...] = (
    Check(
        "LL304", "random against forward", Severity.WARNING, split_optimism,
        "a random split lets the model learn from the test's own weeks and accounts, which no night can", lambda c: c.reason,
    ),
    Check(
        "LL305", "one driver carries the score", Severity.ERROR, one_driver,
        "what is known before contact is many weak hints; one that decides alone was mostly written after the outcome", lambda c: c.reason,
    ),
    Check(
        "LL306", "accounts on both sides", Severity.NOTE, shared_accounts,
        "colleagues of one account are alike, so figures on them tell less of accounts that are new", lambda c: c.reason,
    ),
)  # fmt: skip
