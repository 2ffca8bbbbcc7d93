"""Folds of a config's snapshots: as many and as long as the history carries, and what to say where it carries fewer."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from leadline.checks import Finding, Findings, Severity
from leadline.config import Config
from leadline.history import folds as folding
from leadline.history.folds import Fold
from leadline.history.labels import Labels
from leadline.model.ladder import REGRESSION
from leadline.pipeline.prepare import Prepared
from leadline.times import Horizon

__all__ = ["lay", "lay_folds"]

SHARE = 0.2  # of a flat file's rows in each test, where the config gives no share


def lay_folds(config: Config, made: Prepared) -> tuple[tuple[Fold, ...], Findings]:
    """Lay the folds of prepared data; where the history is too short for the config's test span, a shorter one is taken,
    and said. With too few positive leads for a regression there may be none: nothing is judged then, and that is said.

    Raises
    ------
    DataError
        Not even one fold can be tested, though there are leads enough for a model that has to be judged; or the history
        is shorter than the horizon.
    """
    folds, said = lay(config, made.features.as_of, made.labels, made.counts.positive_leads)
    said.raise_errors()
    return folds, said


def lay(
    config: Config, as_of: npt.NDArray[np.int64], labels: Labels, positive_leads: int = REGRESSION
) -> tuple[tuple[Fold, ...], Findings]:
    """Lay the folds of labelled snapshots; fewer or shorter ones than asked are a warning (LL124).

    None at all is an error where there are leads enough for a regression, since a model that nothing can judge isn't to
    be trusted, and where no outcome was known before the newest snapshot, as in a history that a migration stamped. Else
    it is a warning: of the base rate and the points rules next to nothing is fitted.
    """
    asked = config.backtest.test
    if config.is_flat:
        share = asked if isinstance(asked, float) else SHARE
        folds = folding.make_flat(as_of, labels, config.backtest.folds, share)
        length = None
    else:
        length = asked if isinstance(asked, Horizon) else Horizon.parse("56d")
        folds = ()
        for cut in (1, 2, 4, 8):
            length = Horizon(asked.micros // cut) if isinstance(asked, Horizon) else length
            folds = folding.make_dated(as_of, labels, config.backtest.folds, length.micros)
            if folds:
                break
    if not folds:
        return (), Findings((_none(as_of, labels, positive_leads),))
    folding.check(folds, as_of, labels, config.horizon.micros)
    if len(folds) == config.backtest.folds and (length is None or length == asked):
        return folds, Findings()
    span = f" of {length}" if length is not None else ""
    wanted = f" of {asked}" if length is not None else ""
    return folds, Findings((Finding(
        "LL124", Severity.WARNING, "backtest", f"the history carries {len(folds)} folds{span}, not {config.backtest.folds}{wanted}",
        "as many as asked", "nothing to do; more history gives more folds",
    ),))  # fmt: skip


def _none(as_of: npt.NDArray[np.int64], labels: Labels, positive_leads: int) -> Finding:
    """Say that no fold can be laid: too few positives may go on unjudged, a history without a test may not."""
    few = folding.FEWEST
    fix = "give more history, or make `within`, `backtest.test` or `backtest.folds` smaller"
    seen = f"no fold has {few['training']} positives before its test and {few['test']} in it"
    if not bool(np.any(labels.known_at <= as_of.max())):
        seen = "no fold can be laid: not one outcome was known before the newest snapshot, so the past holds no test"
    elif positive_leads < REGRESSION:
        return Finding("LL124", Severity.WARNING, "backtest", f"{seen}, so nothing is judged", "at least one fold", fix)
    return Finding("LL124", Severity.ERROR, "backtest", seen, "at least one fold", fix)
