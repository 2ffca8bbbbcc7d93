"""`monitor`: past nights joined with outcomes that are ripe now, and tonight's features with training's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from leadline import metrics
from leadline.config import Config
from leadline.errors import LeadlineError, MissingError, UsageError
from leadline.judge.monitor import Past, bands, held_out, held_segments, share_of, strength
from leadline.judge.monitor_accepted import accepted
from leadline.judge.monitor_advice import FEWEST, Advice, advise, enough_at
from leadline.ops.past import read_past
from leadline.ops.registry import Bundle, resolve
from leadline.ops.tracking import is_absent, log_record
from leadline.pipeline.asking import Progress, as_config, instant, said_instant, silent
from leadline.pipeline.drifting import drifts
from leadline.pipeline.joining import Ripe, ripe_rows
from leadline.pipeline.monitored import MonitorResult, TierFigures, write_page
from leadline.pipeline.reading import reading
from leadline.times import format_instant, parse_instant

__all__ = ["MonitorResult", "TierFigures", "judge", "monitor", "write_page"]


def monitor(config: Config | str | Path, as_of: str | int | None = None, progress: Progress = silent) -> MonitorResult:
    """Join the nights in ``scores/NAME/`` with outcomes known at as_of, and compare the newest night with training.

    Raises
    ------
    UsageError
        The config is of a flat file, whose outcomes have no dates.
    MissingError
        There is no finished night.

    Examples
    --------
    >>> monitor("no-such.yaml")
    Traceback (most recent call last):
    ...
    leadline.errors.MissingError: config no-such.yaml: no such file; expected a YAML config; `leadline init DIR` writes one to fill in
    """
    config = as_config(config, progress)
    if config.is_flat:
        raise UsageError(
            "monitor: a flat file's outcomes have no dates; expected dated tables; judge it by `leadline train` instead"
        )
    when = instant(config, as_of)
    rows, records = read_past(Path("scores") / config.name, config.name, when)
    if rows.num_rows == 0:
        raise MissingError(
            f"scores/{config.name}: no finished night{'' if when is None else f' by {format_instant(when)}'}; "
            "expected one that `leadline score` wrote; score first"
        )
    with reading(config, when, progress) as loaded:
        ripe = ripe_rows(config, loaded, rows)
    known = str(said_instant(loaded.known_at, True))
    bundle, notes = _bundle(config, records[0])
    drift = drifts(config, bundle, rows, records[0], progress) if bundle is not None else {"why": notes[0]}
    result = judge(config, known, ripe, records, bundle, drift, notes)
    return _logged(config, result, progress)


def judge(
    config: Config,
    as_of: str,
    ripe: Ripe,
    records: Sequence[Mapping[str, Any]],
    bundle: Bundle | None = None,
    drift: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
) -> MonitorResult:
    """Judge ripe rows; `records` are the nights', the newest first."""
    past, flattered = _honest(ripe.past, records)
    best = _best(past, bundle)
    newest = str(records[0].get("model_version")) if records else ""
    segments = held_segments(past, best, config.seed)
    whole, ours, drifted = strength(past), past.take(past.version == newest), drift or {}
    now = _in_use(ours, past)
    advice = _advised(config, now, ripe, _backtest(config, bundle), drifted, bool(flattered), best)
    exploring = held_out(past, best)
    lost = accepted(ripe.past, ripe.word, ripe.reason, config.words("rejected"))
    told = {
        **whole, "leads": whole["leads"], "positive_leads": len(np.unique(past.lead[past.y == 1].astype(str))),
        "flattered": flattered, "action": advice.action, "because": advice.because, "judged_version": now[1],
        "segments": segments.to_record() if segments else None, "bands": bands(past),
        "versions": [{"version": v, **strength(past.take(past.version == v))} for v in _names(past.version)],
        "drift": drifted, "accepted": lost, "exploration": exploring, "name": config.name,
        "notes": [*notes, *([f"nights by a model that was trained after them, which flatters it: {flattered}"] if flattered else [])],
    }  # fmt: skip
    return MonitorResult(
        as_of, len(np.unique(past.as_of)), len(past), int(past.y.sum()), ripe.censored, whole["auc"],
        metrics.expected_calibration_error(past.y, past.p), whole["predicted"], whole["observed"], _tiers(past), advice.line,
        {name: value for name, value in told.items() if name not in ("rows", "positives", "auc", "predicted", "observed")},
    )  # fmt: skip


def _tiers(past: Past) -> list[TierFigures]:
    told = ((tier, share_of(past.take(past.tier == tier))) for tier in _names(past.tier))
    return [TierFigures(t, s["rows"], s["predicted"], s["observed"], s["low"], s["high"]) for t, s in told]


def _names(values: Any) -> list[str]:
    return sorted({str(value) for value in values}, key=lambda v: (len(v), v))


def _honest(past: Past, records: Sequence[Mapping[str, Any]]) -> tuple[Past, int]:
    """Leave out nights by a model that was trained after them, where there are others; return how many of them are judged."""
    late = {r["as_of_value"] for r in records if _knew(r)}
    mine = np.isin(past.as_of, np.array(sorted(late), dtype=np.int64))
    return (past.take(~mine), 0) if (~mine).any() else (past, len(np.unique(past.as_of[mine])))


def _knew(record: Mapping[str, Any]) -> bool:
    known = record.get("model_known_at")
    return known is not None and parse_instant(str(known)) > record["as_of_value"]


def _best(past: Past, bundle: Bundle | None) -> str:
    return bundle.scorer.bands.names[0] if bundle is not None else min(_names(past.tier), default="")


def _in_use(ours: Past, past: Past) -> tuple[Past, str]:
    """Judge the version in use where enough of its nights are ripe, else all versions."""
    if len(np.unique(ours.lead[ours.y == 1].astype(str))) >= FEWEST:
        return ours, str(ours.version[0])
    return past, "all"


def _advised(
    config: Config,
    now: tuple[Past, str],
    ripe: Ripe,
    then: Mapping[str, Any] | None,
    drift: Mapping[str, Any],
    flattered: bool,
    best: str,
) -> Advice:
    past = now[0]
    segments = held_segments(past, best, config.seed)
    verdict = segments.overall.verdict if segments is not None else "too few to say"
    have = len(np.unique(past.lead[past.y == 1].astype(str)))
    ripens = enough_at(have, ripe.unripe_p, ripe.ripens_at, ripe.unripe_lead)
    beyond = [d["name"] for d in drift.get("features", ()) if d["beyond"]]
    beyond = (["the score"] if drift.get("score", {}).get("beyond") else []) + beyond
    return advise(strength(past), verdict, have, None if flattered else then, beyond, ripens)


def _backtest(config: Config, bundle: Bundle | None) -> dict[str, Any] | None:
    """Return the newest fold's AUC with its interval; None where it can't be compared with nights."""
    if bundle is None or config.snapshots.after_creation is not None or "record.json" not in bundle.files:
        return None  # with landmarks the backtest looks at other ages than a night
    folds = (bundle.record("record.json").get("evaluation") or {}).get("folds") or []
    figures = folds[-1].get("figures", {}).get("model", {}) if folds else {}
    told = {name: figures.get(name) for name in ("auc", "auc_low", "auc_high")}
    return None if None in told.values() else told


def _bundle(config: Config, record: Mapping[str, Any]) -> tuple[Bundle | None, list[str]]:
    """Find the model of the newest night; without it there is no drift, and no backtest to compare with."""
    version = str(record["model_version"])
    try:
        return resolve(f"models:/{config.name}/{version}", config.tracking.uri), []
    except LeadlineError as error:
        what = type(error).__name__.removesuffix("Error").lower()
        return None, [
            f"the newest night's model, version {version}, can't be read ({what}): no drift, no backtest beside"
        ]


def _logged(config: Config, result: MonitorResult, progress: Progress) -> MonitorResult:
    """Log it to MLflow as a run of its own; trouble there is told, as the figures stand."""
    if not config.nightly.track or is_absent(config.tracking.uri):
        return result
    progress("logging the monitor")
    record = result.to_record()
    drift = record["drift"]
    flat = {
        name: record[name]
        for name in ("nights", "rows", "positives", "censored", "auc", "ece", "predicted", "observed")
    }
    flat |= {
        "drift_score": (drift.get("score") or {}).get("psi"),
        "drifted_features": sum(d["beyond"] for d in drift.get("features", ())),
    }
    flat |= {f"observed_{t['tier']}": t["observed"] for t in record["tiers"]}
    if record["exploration"]:
        flat["auc_exploration"] = record["exploration"]["holdout"]["auc"]
    figures = [(name, float(value), 0) for name, value in flat.items() if value is not None]
    tags = {"leadline.monitor": result.as_of, "monitor.action": record["action"]}
    try:
        log_record(
            config.tracking.uri, config.experiment, f"monitor {result.as_of}", {"monitor.json": record}, tags, figures
        )
    except LeadlineError as error:
        told = {**result.told, "notes": [*result.told["notes"], f"not logged to MLflow ({error})"]}
        return MonitorResult(**{**vars(result), "told": told})
    return result
