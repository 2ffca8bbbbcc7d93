"""The first half of training: tables → snapshots → labels → features."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from leadline.checks import Finding, Findings, Severity, run
from leadline.config import Config
from leadline.errors import DataError
from leadline.history import catalog, features, following, labels, named, snapshots
from leadline.history.features import Features
from leadline.history.following import Following
from leadline.history.labels import Counts, Labels
from leadline.history.spec import Feature, kinds_of
from leadline.judge import cohorts, leaks
from leadline.judge.points import points
from leadline.model.ladder import REGRESSION
from leadline.pipeline import beside
from leadline.pipeline.asking import Progress, intents, silent
from leadline.pipeline.beside import Beside
from leadline.pipeline.mutation import future_moves
from leadline.pipeline.reading import reading
from leadline.pipeline.ruling import ruled
from leadline.tables import Loaded

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Examined", "Prepared", "examine", "prepare"]


@dataclass(frozen=True)
class Prepared:
    """Labelled snapshots with their features, ready for folds and fitting.

    Attributes
    ----------
    loaded : Loaded
        The tables; their store is closed.
    counts : Counts
        How many snapshots there were of each kind.
    features, labels : Features, Labels
        Row by row, sorted by (as_of, lead_id).
    points : float64 array or None
        Current scoring rules, where the config has rules.
    findings : Findings
        What the checks saw; no error among them.
    asked : Features or None
        A bundle's own features of the same rows, where they were asked for.
    by : object array or None
        Each row's value of `capacity.by`, where the config has one.
    following : Following or None
        Labels of the downstream stages, where `outcome` is a list.
    ruled : Features or None
        What current scoring rules ask of, row by row: all that the lowest rung scores by.
    beside : Beside or None
        What the report's sections ask of the tables; None for a flat file, and where a bundle's features were asked for.
    """

    loaded: Loaded
    counts: Counts
    features: Features
    labels: Labels
    points: npt.NDArray[np.float64] | None
    findings: Findings
    asked: Features | None = None
    by: npt.NDArray[np.object_] | None = None
    following: Following | None = None
    ruled: Features | None = None
    beside: Beside | None = None


@dataclass(frozen=True)
class Examined:
    """The tables with their snapshots labelled, and all that the checks saw, errors included."""

    loaded: Loaded
    counts: Counts
    findings: Findings


@contextmanager
def examine(
    config: Config, known_at: int | None, progress: Progress = silent, kinds: Mapping[str, str] | None = None
) -> Iterator[Examined]:
    """Read the tables, run every check that needs no model, and label the snapshots; the store closes at the end.

    Raises
    ------
    DataError
        The tables can't be read as tables; its `findings` say why.
    """
    with reading(config, known_at, progress, kinds) as loaded:
        found = loaded.findings + leaks.before_training(config, loaded) + run(cohorts.OF_SAMPLES, (config, loaded))
        found.accept(config.leaks.accept).raise_errors()
        progress("taking snapshots")
        number = snapshots.for_training(config, loaded)
        counts = labels.attach(config, loaded)
        found += Findings(tuple(_enough(config, number, counts)))
        yield Examined(loaded, counts, found.accept(config.leaks.accept))


def prepare(
    config: Config,
    known_at: int | None,
    progress: Progress = silent,
    ask: tuple[tuple[Feature, ...], Mapping[str, str], Mapping[str, Sequence[str]]] | None = None,
) -> Prepared:
    """Compute features and labels of the past, as known at T.

    Parameters
    ----------
    ask : specs, intents and roles, optional
        A bundle's: its features are computed beside those of the catalogue.

    Raises
    ------
    DataError
        A check found an error that the config doesn't accept, or there is nothing to learn from.
    """
    kinds = kinds_of(ask[0]) if ask is not None else None
    with examine(config, known_at, progress, kinds) as seen:
        seen.findings.raise_errors()
        counts, loaded = seen.counts, seen.loaded
        progress(f"computing features of {counts.positive + counts.kept_negative:,} snapshots")
        specs, aside = catalog.catalogue(config, loaded), beside.specs(config) if ask is None else ()
        made = features.build(loaded, (*specs, *catalog.rule_specs(config), *aside), intents(config), config.roles)
        today = points(config, made.values) if config.rules else None
        asked = features.build(loaded, *ask) if ask is not None else None
        by = named.values(loaded, config.capacity.by)
        known, found = labels.fetch(config, loaded), seen.findings
        after = (
            following.fetch(config, loaded, known, made, config.roles) if config.outcome.then and ask is None else None
        )
        besides = beside.gather(config, loaded, made) if ask is None else None
        if ask is None:
            found += future_moves(config, loaded, specs).accept(config.leaks.accept)
            found.raise_errors()
        return Prepared(
            loaded,
            counts,
            _useful(made, specs),
            known,
            today,
            found,
            asked,
            by=by,
            following=after,
            ruled=ruled(config, made),
            beside=besides,
        )


def _enough(config: Config, snapshots_made: int, counts: Counts) -> list[Finding]:
    """Say whether there is something to learn from."""
    labelled = counts.positive + counts.negative
    if not labelled:
        why = f"{snapshots_made} snapshots, {counts.censored} of them censored, {counts.late} recorded after as_of, {counts.before} before observed_from"
        fix = "choose a later --as-of or a shorter horizon"
        return [
            Finding(
                "LL122",
                Severity.ERROR,
                "outcome",
                f"no labelled snapshot ({why})",
                "positive and negative ones",
                fix,
            )
        ]
    if counts.positive == 0 or counts.negative == 0:
        kind = "negative" if counts.positive == 0 else "positive"
        fix = "check outcome.positive" if config.is_flat else "check `stages:`, `outcome:` and that leads join stages"
        return [
            Finding(
                "LL123",
                Severity.ERROR,
                "outcome",
                f"all {labelled} labelled snapshots are {kind}",
                "both outcomes",
                fix,
                labelled,
            )
        ]
    if counts.positive_leads < REGRESSION:
        one = counts.positive_leads == 1
        return [Finding(
            "LL122", Severity.WARNING, "outcome", f"{counts.positive_leads} lead{'' if one else 's'} with a positive outcome",
            f"at least {REGRESSION} for a regression", "give more history, a longer horizon, or a commoner outcome; until then the base rate and the points rules score",
            counts.positive_leads,
        )]  # fmt: skip
    return []


def _useful(made: Features, specs: tuple[Feature, ...]) -> Features:
    """Leave out features that say nothing here: the same everywhere, or the same as an earlier one."""
    seen: set[bytes] = set()
    names = []
    for spec in specs:
        column = made.values[spec.name]
        if spec.kind == "category":
            if column.nunique(dropna=False) > 1:
                names.append(spec.name)
            continue
        numbers = column.to_numpy(dtype=np.float64)
        digest = numbers.tobytes()
        finite = numbers[np.isfinite(numbers)]
        varies = finite.size > 0 and (finite.size < numbers.size or np.ptp(finite) > 0)
        if varies and digest not in seen:
            seen.add(digest)
            names.append(spec.name)
    if not names:
        raise DataError(
            "features: none differs between snapshots; expected events or attributes that vary; name some in the config"
        )
    return made.keep(names)
