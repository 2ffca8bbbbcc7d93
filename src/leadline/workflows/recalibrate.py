"""`leadline recalibrate`: a new version whose calibration alone is refitted, on outcomes known since the model was made.

Trees, regression and encoder stay as they are, byte for byte, so the ranking stays, too. The rows are computed by the
same path as training's, with the model's own features.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

import leadline
from leadline.config.schema import Config
from leadline.core.jsonable import to_jsonable
from leadline.dataset.splits import Fold
from leadline.errors import DataError
from leadline.features.build import FeatureTable
from leadline.metrics import classification
from leadline.metrics.bootstrap import log_loss_difference
from leadline.model.calibration.base_rate_drift import ForwardRows
from leadline.model.calibration.recalibrate import refit_calibrator, with_calibrator
from leadline.model.fitting.logistic import log_odds
from leadline.model.scorer import Scorer
from leadline.monitoring.reference import reference_record
from leadline.registry import tracking
from leadline.registry.bundle import Bundle, write_bundle
from leadline.report.card.card import NAME, model_card
from leadline.workflows.common import Progress, as_config, format_as_of, no_progress, parse_as_of
from leadline.workflows.scoring.explain import find_model
from leadline.workflows.training.prepare import TrainingData, prepare_training
from leadline.workflows.training.publish import PublishedVersion, publish_version, require_registry

__all__ = ["EACH", "FEWEST", "NewlyLabeled", "Recalibration", "newly_labeled", "recalibrate", "unseen_from"]


# Outcomes known since a model was made: snapshots whose labels it can't have seen, parted into older and newer ones.


Ints = npt.NDArray[np.int64]

FEWEST = 30

"""Positive leads whose outcomes must be known: fewer leave the base rate itself uncertain by more than a third."""

EACH = 10

"""Positive (and negative) leads among the older rows and among the newer: below ten a rate is uncertain by 60%."""

POINTS = 60  # places tried for the cut between older and newer rows


@dataclass(frozen=True)
class NewlyLabeled:
    """Row numbers of what became known since.

    Attributes
    ----------
    rows : int64 array
        All of them.
    older, newer : int64 arrays
        Those whose labels were known when the newer ones begin, and these.
    starts_at : int
        The newer ones' first as_of.
    """

    rows: Ints
    older: Ints
    newer: Ints
    starts_at: int

    def fold(self, made: TrainingData) -> Fold:
        """Return the newer rows as a fold's test, with all that was known before them as its training."""
        known = (made.labels.known_at <= self.starts_at) & (made.features.as_of < self.starts_at)
        return Fold(np.flatnonzero(known), self.newer, self.starts_at, int(made.features.as_of[self.newer].max()) + 1)


def unseen_from(config: Config, bundle: Bundle) -> int:
    """Return the first as_of whose label the bundle can't have seen.

    Raises
    ------
    DataError
        The bundle of a flat file doesn't say which rows it saw.
    """
    again: Mapping[str, Any] = bundle.manifest.get("recalibrated") or {}
    known = parse_as_of(config, bundle.manifest["known_at"])
    if not config.is_flat:
        # A label may have been wrong when the model was made, and right since: that row was trained on, too.
        return int(known or 0) - config.horizon.micros - config.outcome.delay.micros + 1
    if known is not None:
        return known
    if again:
        return int(again["seen_to"]) + 1
    folds = bundle.record("record.json")["evaluation"]["folds"]
    if not folds:
        raise DataError(
            f"model {bundle.name} {bundle.version}: its record doesn't say which rows it saw; expected a model with a backtest; train again"
        )
    return int(folds[-1]["ends_at"]) + 1


def newly_labeled(config: Config, made: TrainingData, since: int) -> NewlyLabeled:
    """Part the rows from `since` on so that the older tell as much as the newer, as near as can be.

    The newer rows begin after the older ones' labels were known, as a fold's test does.

    Raises
    ------
    DataError
        Too few outcomes are known; it says how much is needed.
    """
    as_of, known_at = made.features.as_of, made.labels.known_at
    rows = np.flatnonzero(as_of >= since)
    found = _leads(made, rows, 1.0)
    if min(found, _leads(made, rows, 0.0)) < FEWEST:
        raise DataError(
            f"recalibrate: {found} leads with a positive outcome became known since the model was made; "
            f"expected at least {FEWEST}, and as many without; wait, or train anew"
        )
    best: tuple[int, NewlyLabeled] | None = None
    every = np.unique(as_of[rows])
    for start in np.unique(every[np.linspace(0, len(every) - 1, min(POINTS, len(every))).astype(np.int64)]):
        older = rows[(known_at[rows] <= start) & (as_of[rows] < start)]
        newer = rows[as_of[rows] >= start]
        least = min(_leads(made, part, side) for part in (older, newer) for side in (1.0, 0.0))
        if best is None or least > best[0]:
            best = least, NewlyLabeled(rows, older, newer, int(start))
    if best is None or best[0] < EACH:
        raise DataError(
            f"recalibrate: {found} leads with a positive outcome became known since the model was made, but at most {best[0] if best else 0} on "
            f"each side of any date, one horizon apart, to fit on and to judge by; expected at least {EACH}; wait, or train anew"
        )
    return best[1]


def _leads(made: TrainingData, rows: Ints, side: float) -> int:
    """Count distinct leads among the rows of one outcome."""
    return len(np.unique(made.features.lead_id[rows[made.labels.y[rows] == side]].astype(str)))


Floats = npt.NDArray[np.float64]

KEPT = ("manifest.json", "record.json", "SHA256SUMS")  # written anew; every other file is copied

TOLD = ("log_loss", "ece", "predicted", "observed")


@dataclass(frozen=True)
class Recalibration:
    """A model calibrated anew.

    Attributes
    ----------
    name, version, alias : str
        The registered model, and whether it is the champion or a challenger.
    folder : Path
        Where the bundle lies.
    run_id : str
        The MLflow run.
    of : str
        The version whose trees and regression it keeps.
    scorer : Scorer
        The model.
    record : mapping
        What changed, and how both calibrations did on the newest known rows.
    """

    name: str
    version: str
    alias: str
    folder: Path
    run_id: str
    of: str
    scorer: Scorer
    record: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"Recalibration({self.name} {self.version} ({self.alias}) of {self.of} in {self.folder})"

    def lines(self) -> list[str]:
        """Say what changed, for people."""
        told, before, after = self.record, self.record["before"], self.record["after"]
        return [
            f"{told['rows']:,} snapshots ({told['positives']:,} positive) became known since {self.name} {self.of} was made",
            f"rate {told['rate_then']:.1%} when it was made, {told['rate_now']:.1%} since; the log odds move by {told['moved']:+.2f}",
            f"newest {told['judged']:,}: {after['observed']:.1%} observed; {before['predicted']:.1%} predicted before, {after['predicted']:.1%} after",
            f"log loss {before['log_loss']:.4f} before, {after['log_loss']:.4f} after (gain {told['gain']:+.4f}, 95%: {told['gain_low']:+.4f} to {told['gain_high']:+.4f})",
            f"calibration error {before['ece']:.4f} before, {after['ece']:.4f} after",
        ]


def recalibrate(
    config: Config | str | Path,
    as_of: str | int | None = None,
    model: str | None = None,
    progress: Progress = no_progress,
) -> Recalibration:
    """Refit a model's calibration alone on outcomes known since it was made, as a new version.

    Parameters
    ----------
    config : Config or path
        The config that the model was trained with.
    as_of : str or int, optional
        T; by default the newest recorded time in the table that holds the outcome.
    model : str, optional
        Which model; the champion by default.

    Raises
    ------
    DataError
        Too few outcomes are known, or the model answers another question.
    ConfigError, MissingError, RetryError, OutputError
        As the message says; nothing is half-written.

    Examples
    --------
    >>> recalibrate("no-such.yaml")
    Traceback (most recent call last):
    ...
    leadline.errors.MissingError: config no-such.yaml: no such file; expected a YAML config; `leadline init DIR` writes one to fill in
    """
    config = as_config(config, progress)
    bundle = find_model(config, model)
    made = prepare_training(
        config,
        parse_as_of(config, as_of),
        progress,
        (bundle.specs, bundle.manifest["intents"], bundle.manifest["roles"]),
    )
    since = unseen_from(config, bundle)
    ripe = newly_labeled(config, made, since)
    require_registry(config)
    progress(f"calibrating on {len(ripe.rows):,} snapshots that became known since")
    rows = RecalibrationRows.of(made, bundle, ripe.rows)
    scorer = with_calibrator(bundle.scorer, refit_calibrator(bundle.scorer, rows.forward))
    told = _calibration_change(bundle, rows, ripe, scorer, config.seed)
    line = bundle.scorer.calibrator.to_json()
    told["since"] = {
        "of": bundle.version,
        "unseen_from": since,
        "seen_to": int(rows.forward.as_of.max()),
        "calibrated": line,
    }
    progress("tracking and exporting")
    published = _publish(config, bundle, made, scorer, told)
    return Recalibration(config.name, *published[:4], bundle.version, scorer, to_jsonable(told))


@dataclass(frozen=True)
class RecalibrationRows:
    """Ripened rows, `at` being their numbers among all, as a calibrator is fitted on them."""

    at: Ints
    forward: ForwardRows

    @classmethod
    def of(cls, made: TrainingData, bundle: Bundle, at: Ints) -> RecalibrationRows:
        """Compute the margins of some rows, by number."""
        return cls(at, forward_of(made, bundle.scorer, at))

    def take(self, rows: Ints) -> ForwardRows:
        """Keep those with these numbers."""
        return self.forward.take(np.isin(self.at, rows))


def forward_of(made: TrainingData, scorer: Scorer, at: Ints) -> ForwardRows:
    """Return rows, by number, with a model's margins; accounts' rows go together."""
    asked, labels = cast("FeatureTable", made.asked), made.labels
    margin = scorer.margin(asked.values.iloc[at])
    return ForwardRows(margin, labels.y[at], labels.weight[at], asked.as_of[at], labels.known_at[at], asked.group()[at])


def _calibration_change(
    bundle: Bundle, rows: RecalibrationRows, ripe: NewlyLabeled, scorer: Scorer, seed: int
) -> dict[str, Any]:
    """Judge both calibrations on the newest rows, the new one fitted on the older alone, and say what changed."""
    newest, every = rows.take(ripe.newer), rows.forward
    before = bundle.scorer.calibrator.probability(newest.margin)
    after = refit_calibrator(bundle.scorer, rows.take(ripe.older)).probability(newest.margin)
    gain = log_loss_difference(newest.y, newest.weight, before, after, newest.lead, seed)
    center = np.array([float(np.average(every.margin, weights=every.weight))])
    old, new = bundle.scorer.calibrator, scorer.calibrator
    moved = log_odds(new.probability(center)) - log_odds(old.probability(center))
    folds = bundle.record("record.json")["evaluation"]["folds"]
    return {
        "of": bundle.version, "trees_known_at": trees_known_at(bundle), "rows": len(every.y), "positives": int(every.y.sum()),
        "slope": {"then": old.slope, "now": new.slope}, "shift": {"then": old.shift, "now": new.shift}, "moved": float(moved[0]),
        "rate_then": folds[-1]["base_rate"] if folds else float("nan"), "rate_now": float(np.average(every.y, weights=every.weight)),
        "fitted_on": len(ripe.older), "judged": len(newest.y), "before": _figures(newest, before), "after": _figures(newest, after),
        "gain": gain.value, "gain_low": gain.low, "gain_high": gain.high,
    }  # fmt: skip


def trees_known_at(bundle: Bundle) -> Any:
    """Return what was known when a bundle's trees were fitted."""
    again = bundle.manifest.get("recalibrated")
    return again["trees_known_at"] if again else bundle.manifest["known_at"]


def _figures(rows: ForwardRows, p: Floats) -> dict[str, float]:
    values = (
        classification.log_loss(rows.y, p, rows.weight), classification.expected_calibration_error(rows.y, p, rows.weight),
        float(np.average(p, weights=rows.weight)), float(np.average(rows.y, weights=rows.weight)),
    )  # fmt: skip
    return dict(zip(TOLD, values, strict=True))


def _publish(
    config: Config, bundle: Bundle, made: TrainingData, scorer: Scorer, told: dict[str, Any]
) -> PublishedVersion:
    """Track, register and export; what wasn't refitted is copied, so that it stays the same byte for byte."""
    known = str(format_as_of(made.loaded.known_at, made.loaded.is_dated))
    record = {**bundle.run_record, "known_at": known, "recalibration": to_jsonable(told)}
    texts = scorer.to_files()
    files: dict[str, str | bytes] = {name: data for name, data in bundle.files.items() if name not in KEPT}
    files |= {name: texts[name] for name in ("calibrator.json", "tiers.json")} | {NAME: model_card(record)}
    seen = reference_record(cast("FeatureTable", made.asked), made.labels.weight, scorer)

    def write(run: tracking.MlflowRun, folder: Path) -> None:
        manifest = {
            **bundle.manifest, "leadline": leadline.__version__, "known_at": known, "run_id": run.id, "config_hash": config.hash,
            "tiers": {"names": list(scorer.bands.names), "cuts": list(scorer.bands.cuts)}, "reference": seen,
            "recalibrated": {**told["since"], "trees_known_at": told["trees_known_at"]},
        }  # fmt: skip
        write_bundle(folder, files, manifest, {"record.json": record}, config.signing_key)
        run.params({"recalibrated": bundle.version, "known_at": known, "config_hash": config.hash})
        run.metrics([
            *((f"recalibration.{side}.{name}", told[side][name], 0) for side in ("before", "after") for name in TOLD),
            *((f"recalibration.{name}", told[name], 0) for name in ("gain", "moved", "rows", "positives", "rate_now")),
        ])  # fmt: skip

    about = f"leadline model {bundle.version}, calibrated anew on what was known at {known}"
    return publish_version(config, f"{config.name} recalibrated at {known}", about, bundle.specs, write)
