"""`leadline recalibrate`: a new version whose calibration alone is refitted, on what has ripened since the model was made.

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
from leadline import metrics
from leadline.config import Config
from leadline.history.features import Features
from leadline.jsonable import to_jsonable
from leadline.judge.paired import difference
from leadline.model.baselines import log_odds
from leadline.model.level import Forward
from leadline.model.recalibration import recalibrated, with_calibrator
from leadline.model.scorer import Scorer
from leadline.ops import registry, tracking
from leadline.ops.registry import Bundle
from leadline.pipeline.asking import Progress, as_config, instant, said_instant, silent
from leadline.pipeline.placing import Placed, place_version, ready
from leadline.pipeline.prepare import Prepared, prepare
from leadline.pipeline.reference import reference
from leadline.pipeline.ripening import Ripened, ripened, unseen_from
from leadline.pipeline.scoring import find_model
from leadline.report.card import NAME, card

__all__ = ["Recalibration", "recalibrate"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
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
        What changed, and how both calibrations did on the newest ripe rows.
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
    config: Config | str | Path, as_of: str | int | None = None, model: str | None = None, progress: Progress = silent
) -> Recalibration:
    """Refit a model's calibration alone on what has ripened since it was made, as a new version.

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
        Too little has ripened, or the model answers another question.
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
    made = prepare(
        config, instant(config, as_of), progress, (bundle.specs, bundle.manifest["intents"], bundle.manifest["roles"])
    )
    since = unseen_from(config, bundle)
    ripe = ripened(config, made, since)
    ready(config)
    progress(f"calibrating on {len(ripe.rows):,} snapshots that became known since")
    rows = Rows.of(made, bundle, ripe.rows)
    scorer = with_calibrator(bundle.scorer, recalibrated(bundle.scorer, rows.forward))
    told = _told(bundle, rows, ripe, scorer, config.seed)
    line = bundle.scorer.calibrator.to_json()
    told["since"] = {
        "of": bundle.version,
        "unseen_from": since,
        "seen_to": int(rows.forward.as_of.max()),
        "calibrated": line,
    }
    progress("tracking and exporting")
    published = _publish(config, bundle, made, scorer, told)
    return Recalibration(config.name, *published, bundle.version, scorer, to_jsonable(told))


@dataclass(frozen=True)
class Rows:
    """Ripened rows, `at` being their numbers among all, as a calibrator is fitted on them."""

    at: Ints
    forward: Forward

    @classmethod
    def of(cls, made: Prepared, bundle: Bundle, at: Ints) -> Rows:
        """Compute the margins of some rows, by number."""
        return cls(at, forward_of(made, bundle.scorer, at))

    def take(self, rows: Ints) -> Forward:
        """Keep those with these numbers."""
        return self.forward.take(np.isin(self.at, rows))


def forward_of(made: Prepared, scorer: Scorer, at: Ints) -> Forward:
    """Return rows, by number, with a model's margins; accounts' rows go together."""
    asked, labels = cast("Features", made.asked), made.labels
    margin = scorer.margin(asked.values.iloc[at])
    return Forward(margin, labels.y[at], labels.weight[at], asked.as_of[at], labels.known_at[at], asked.group()[at])


def _told(bundle: Bundle, rows: Rows, ripe: Ripened, scorer: Scorer, seed: int) -> dict[str, Any]:
    """Judge both calibrations on the newest rows, the new one fitted on the older alone, and say what changed."""
    newest, every = rows.take(ripe.newer), rows.forward
    before = bundle.scorer.calibrator.probability(newest.margin)
    after = recalibrated(bundle.scorer, rows.take(ripe.older)).probability(newest.margin)
    gain = difference(newest.y, newest.weight, before, after, newest.lead, seed)
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


def _figures(rows: Forward, p: Floats) -> dict[str, float]:
    values = (
        metrics.log_loss(rows.y, p, rows.weight), metrics.expected_calibration_error(rows.y, p, rows.weight),
        float(np.average(p, weights=rows.weight)), float(np.average(rows.y, weights=rows.weight)),
    )  # fmt: skip
    return dict(zip(TOLD, values, strict=True))


def _publish(config: Config, bundle: Bundle, made: Prepared, scorer: Scorer, told: dict[str, Any]) -> Placed:
    """Track, register and export; what wasn't refitted is copied, so that it stays the same byte for byte."""
    known = str(said_instant(made.loaded.known_at, made.loaded.is_dated))
    record = {**bundle.record("record.json"), "known_at": known, "recalibration": to_jsonable(told)}
    texts = scorer.to_files()
    files = {name: data.decode() for name, data in bundle.files.items() if name not in KEPT}
    files |= {name: texts[name] for name in ("calibrator.json", "tiers.json")} | {NAME: card(record)}
    seen = reference(cast("Features", made.asked), made.labels.weight, scorer)

    def write(run: tracking.Run, folder: Path) -> None:
        manifest = {
            **bundle.manifest, "leadline": leadline.__version__, "known_at": known, "run_id": run.id, "config_hash": config.hash,
            "tiers": {"names": list(scorer.bands.names), "cuts": list(scorer.bands.cuts)}, "reference": seen,
            "recalibrated": {**told["since"], "trees_known_at": told["trees_known_at"]},
        }  # fmt: skip
        registry.write_bundle(folder, files, manifest, {"record.json": record})
        run.params({"recalibrated": bundle.version, "known_at": known, "config_hash": config.hash})
        run.metrics([
            *((f"recalibration.{side}.{name}", told[side][name], 0) for side in ("before", "after") for name in TOLD),
            *((f"recalibration.{name}", told[name], 0) for name in ("gain", "moved", "rows", "positives", "rate_now")),
        ])  # fmt: skip

    about = f"leadline model {bundle.version}, calibrated anew on what was known at {known}"
    return place_version(config, f"{config.name} recalibrated at {known}", about, bundle.specs, write)
