"""`features` and `splits`: what a training learns from, for models of one's own in scikit-learn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from leadline.config.schema import Config
from leadline.core.checks import Severity
from leadline.dataset import labels
from leadline.dataset.labels import Labels
from leadline.dataset.splits import Fold
from leadline.errors import DataError
from leadline.features import build, catalog
from leadline.workflows.common import Progress, behaviour_intents, no_progress, parse_as_of
from leadline.workflows.config_from_file import config_for
from leadline.workflows.training.prepare import CheckedData, check_data, drop_constant_features, plan_folds

__all__ = ["ForwardSplits", "features", "splits"]

Ints = npt.NDArray[np.int64]


def features(
    config: Config | str | Path | Any,
    as_of: str | int | None = None,
    progress: Progress = no_progress,
    *,
    outcome: str | None = None,
    positive: str | None = None,
    order_by: str | None = None,
    tables: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Compute what a training learns from: a row for each labeled snapshot, sorted by as_of and lead.

    Returns
    -------
    DataFrame
        `lead_id`, `account_id` and `as_of` (the keys), `label` (1 or 0), `weight` (how many snapshots the row stands for), and
        the features: numbers with NaN for missing, and categories. `frame.attrs["features"]` lists the features.

    Parameters
    ----------
    config, as_of, outcome, positive, order_by, tables
        As in `train`.

    Raises
    ------
    ConfigError, MissingError, DataError, UsageError
        As a training says it, the leak gate's refusals among them.

    Examples
    --------
    >>> features("no-such.yaml")
    Traceback (most recent call last):
    ...
    leadline.errors.MissingError: config no-such.yaml: no such file; expected a YAML config; `leadline init DIR` writes one to fill in
    """
    config = config_for(config, progress, outcome, positive, order_by, None, tables)
    with _labeled(config, as_of, progress) as (seen, known):
        progress("computing features")
        specs = catalog.list_features(config, seen.loaded)
        every = build.compute_features(seen.loaded, specs, behaviour_intents(config), config.roles)
    made = drop_constant_features(every, specs)
    when = pd.to_datetime(made.as_of, unit="us", utc=True) if seen.loaded.is_dated else made.as_of
    keys = {"lead_id": made.lead_id, "account_id": made.account_id, "as_of": when}
    told = {"label": known.y.astype(np.int64), "weight": known.weight}
    texts = {spec.name: "category" for spec in made.specs if spec.kind == "category"}
    frame = pd.concat([pd.DataFrame(keys | told), made.values.astype(texts)], axis=1)
    frame.attrs["features"] = [spec.name for spec in made.specs]
    return frame


def splits(
    config: Config | str | Path | Any,
    as_of: str | int | None = None,
    progress: Progress = no_progress,
    *,
    outcome: str | None = None,
    positive: str | None = None,
    order_by: str | None = None,
    tables: Mapping[str, Any] | None = None,
) -> ForwardSplits:
    """Lay the folds of a training over the rows that `features` gives, as `cv` of scikit-learn.

    Each trains on labels that were known when its test begins; the newest is the last.

    Parameters
    ----------
    config, as_of, outcome, positive, order_by, tables
        As in `features`.

    Raises
    ------
    ConfigError, MissingError, DataError, UsageError
        As a training says it; or the history carries no fold.

    Examples
    --------
    >>> splits("no-such.yaml")
    Traceback (most recent call last):
    ...
    leadline.errors.MissingError: config no-such.yaml: no such file; expected a YAML config; `leadline init DIR` writes one to fill in
    """
    config = config_for(config, progress, outcome, positive, order_by, None, tables)
    with _labeled(config, as_of, progress) as (seen, known):
        rows = seen.loaded.store.arrow("SELECT as_of FROM snapshots ORDER BY as_of, lead_id").column("as_of").to_numpy()
    folds, found = plan_folds(config, rows, known, seen.counts.positive_leads)
    found.raise_errors()
    if not folds:
        raise DataError("\n".join(str(finding) for finding in found.of(Severity.WARNING)))
    return ForwardSplits(folds, len(rows))


@dataclass(frozen=True)
class ForwardSplits:
    """Folds that go forward in time, as scikit-learn takes them: ``cross_val_score(model, X, y, cv=splits)``.

    Attributes
    ----------
    folds : tuple of Fold
        Oldest first.
    rows : int
        How many rows they are laid over.

    Examples
    --------
    >>> halves = ForwardSplits((Fold(np.arange(2), np.arange(2, 4), 0, 1),), 4)
    >>> halves.get_n_splits(), [(train.tolist(), test.tolist()) for train, test in halves.split(range(4))]
    (1, [([0, 1], [2, 3])])
    >>> next(halves.split(range(3)))
    Traceback (most recent call last):
    ...
    leadline.errors.DataError: splits: 3 rows; expected the 4 rows of leadline.features, in their order; give these
    """

    folds: tuple[Fold, ...] = field(repr=False)
    rows: int

    def split(self, X: Any = None, y: Any = None, groups: Any = None) -> Iterator[tuple[Ints, Ints]]:
        """Yield each fold's training and test rows, by their places."""
        given = self.rows if X is None else X.shape[0] if hasattr(X, "shape") else len(X)
        if given != self.rows:
            raise DataError(
                f"splits: {given} rows; expected the {self.rows} rows of leadline.features, in their order; give these"
            )
        for fold in self.folds:
            yield fold.train, fold.test

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return how many folds there are."""
        return len(self.folds)


@contextmanager
def _labeled(config: Config, as_of: str | int | None, progress: Progress) -> Iterator[tuple[CheckedData, Labels]]:
    """Read the tables as a training does; yield what the checks let pass, and the labels of its snapshots."""
    with check_data(config, parse_as_of(config, as_of), progress) as seen:
        seen.findings.raise_errors()
        yield seen, labels.fetch_labels(config, seen.loaded)
