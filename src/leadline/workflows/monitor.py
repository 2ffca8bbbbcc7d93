"""`monitor`: past nights joined with outcomes known now, and tonight's features with training's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.config.schema import Config
from leadline.core.files import write_text
from leadline.core.jsonable import to_jsonable
from leadline.core.point_in_time import format_instant, label_known_at, parse_instant, within_sql
from leadline.dataset import labels
from leadline.dataset.attribute_values import origin_attribute
from leadline.delivery.past_scores import read_past_runs
from leadline.errors import LeadlineError, MissingError, UsageError
from leadline.metrics import classification
from leadline.metrics.drift import bin_shares, psi, psi_by_chance
from leadline.monitoring.performance import (
    PastScores,
    acceptance_record,
    calibration_segments,
    conversion_by_band,
    holdout_comparison,
    predicted_vs_observed,
    ranking_performance,
)
from leadline.monitoring.reference import feature_drift
from leadline.monitoring.retrain_advice import FEWEST, Advice, enough_labels_at, retrain_or_wait
from leadline.registry.bundle import Bundle, resolve_bundle
from leadline.registry.tracking import is_absent, log_record
from leadline.report.text_monitor import Part, monitor_parts
from leadline.storage.dialect import literal
from leadline.tables import LoadedTables
from leadline.workflows.common import Progress, as_config, format_as_of, no_progress, open_tables, parse_as_of
from leadline.workflows.scoring.inputs import gather_inputs

__all__ = [
    "JoinedScores",
    "MonitorResult",
    "TierFigures",
    "drift_record",
    "evaluate_past_scores",
    "join_outcomes",
    "monitor",
    "write_page",
]


# How far the newest night's features and scores lie from those of training.


def drift_record(
    config: Config, bundle: Bundle, rows: Any, record: Mapping[str, Any], progress: Progress = no_progress
) -> dict[str, Any]:
    """Return the index (PSI) of each feature and of the score, the newest night against the newest quarter of training.

    Parameters
    ----------
    rows : pyarrow.Table
        Past nights' rows, the newest's among them.
    record : mapping
        The newest night's record.

    Returns
    -------
    dict
        `as_of`, `bound`, `score` and `features`, the farthest first, each with `psi`, `chance` (how large chance alone makes
        it) and whether it is `beyond` the bound and chance; or `why` nothing can be said.
    """
    spreads = bundle.manifest["reference"]["spreads"]
    if config.snapshots.after_creation is not None:
        return {
            "why": "with landmarks training looks at other ages than a night does, so their spreads can't be compared"
        }
    bound, as_of = config.nightly.drift.psi, int(record["as_of_value"])
    mine = rows.column("as_of").to_numpy(zero_copy_only=False) == as_of
    p = rows.column("probability").to_numpy(zero_copy_only=False)[mine]
    try:
        made = gather_inputs(config, bundle, as_of, progress=progress).made
    except LeadlineError as error:
        what = type(error).__name__.removesuffix("Error").lower()
        return {"why": f"the newest night's features can't be computed again now ({what})"}
    told = []
    for spec in made.specs:
        then = spreads["features"].get(spec.name)
        # Of a level, the rate at one time is one number, and moves with what is known: its spread isn't training's.
        if then is not None and len(made) and spec.aggregate != "rate":
            index, chance = feature_drift(spec, made.values[spec.name], then, spreads["rows"])
            told.append(_drift_row(spec.name, index, chance, bound) | {"words": spec.words})
    score = spreads["score"]
    index = psi(score["shares"], bin_shares(p, score["cuts"])) if len(p) else float("nan")
    whole = _drift_row("score", index, psi_by_chance(len(score["shares"]), len(p), spreads["rows"]), bound)
    told.sort(key=lambda d: (-d["psi"], d["name"]))
    return {"as_of": record["as_of"], "bound": bound, "leads": len(made), "score": whole, "features": told}


def _drift_row(name: str, index: float, chance: float, bound: float) -> dict[str, Any]:
    return {"name": name, "psi": index, "chance": chance, "beyond": bool(np.isfinite(index) and index > bound + chance)}


# Joining: past nights' rows with what came of them by now, as labels are made in training.


@dataclass(frozen=True)
class JoinedScores:
    """Past rows whose outcomes are known, and the others.

    Attributes
    ----------
    past : PastScores
        The rows whose outcomes are known.
    word, reason : object arrays
        With which stage word, and for what reason, each was rejected within the horizon; None where it wasn't.
    censored : int
        How many rows are censored; their
    unripe_p, ripens_at, unripe_lead : arrays
        probability, the instant at which they will be, and whose they are.
    """

    past: PastScores
    word: npt.NDArray[np.object_]
    reason: npt.NDArray[np.object_]
    censored: int
    unripe_p: npt.NDArray[np.float64]
    ripens_at: npt.NDArray[np.int64]
    unripe_lead: npt.NDArray[np.object_]


def join_outcomes(config: Config, loaded: LoadedTables, nights: Any) -> JoinedScores:
    """Join nights with outcomes as known at T.

    Parameters
    ----------
    nights : pyarrow.Table
        As `leadline.delivery.past_scores.read_past_runs` gives it.
    """
    store = loaded.store
    store.put("snapshots", nights.select(["lead_id", "account_id", "as_of"]))
    store.put("nights", nights)
    labels.label_dated(config, loaded)
    _rejected(config, loaded)
    attribute = origin_attribute(config, loaded, "source")
    source = "CAST(NULL AS VARCHAR)" if attribute is None else f"CAST(l.{attribute.name} AS {store.dialect.text})"
    rows = store.arrow(
        f"SELECT n.*, COALESCE(n.account_id, n.lead_id) AS whose, s.state, r.word, r.reason, {source} AS source "
        "FROM labelled AS s JOIN nights AS n ON n.lead_id = s.lead_id AND n.as_of = s.as_of "
        "LEFT JOIN lost AS r ON r.lead_id = s.lead_id AND r.as_of = s.as_of "
        "LEFT JOIN leads AS l ON l.lead_id = s.lead_id ORDER BY n.as_of, n.lead_id"
    )

    def texts(name: str) -> npt.NDArray[np.object_]:
        column = np.empty(rows.num_rows, dtype=object)
        column[:] = rows.column(name).to_pylist()
        return column

    state, lead, p = texts("state"), texts("lead_id"), rows.column("probability").to_numpy(zero_copy_only=False)
    as_of = rows.column("as_of").to_numpy(zero_copy_only=False).astype(np.int64)
    known, waits = (state == "positive") | (state == "negative"), state == "censored"
    past = PastScores(
        lead, texts("whose"), as_of, p, (state == "positive").astype(np.float64), texts("tier"), texts("model_version"),
        texts("source"), texts("is_holdout").astype(bool),
    ).take(known)  # fmt: skip
    ripens = label_known_at(as_of[waits], config.horizon, config.outcome.delay)
    return JoinedScores(
        past, texts("word")[known], texts("reason")[known], int(waits.sum()), p[waits], ripens, lead[waits]
    )


def _rejected(config: Config, loaded: LoadedTables) -> None:
    """Make ``lost(lead_id, as_of, word, reason)``: of each past row, the first rejection within the horizon."""
    store, words = loaded.store, config.words("rejected")
    text, stages = store.dialect.text, config.tables.stages
    if stages is None or not words:
        nothing = f"CAST(NULL AS {text}) AS word, CAST(NULL AS {text}) AS reason"
        store.run(
            f"CREATE OR REPLACE TABLE lost AS SELECT lead_id, as_of, {nothing} FROM snapshots WHERE lead_id IS NULL"
        )
        return
    reason = "t.reason" if stages.reason else f"CAST(NULL AS {text})"
    one_of = ", ".join(literal(word) for word in words)
    within = within_sql("t.changed_at", "s.as_of", config.horizon)
    store.run(
        "CREATE OR REPLACE TABLE lost AS SELECT lead_id, as_of, word, reason FROM ("
        f"SELECT s.lead_id, s.as_of, LOWER(t.stage) AS word, {reason} AS reason, "
        "ROW_NUMBER() OVER (PARTITION BY s.lead_id, s.as_of ORDER BY t.changed_at, t.recorded_at, t.stage) AS nth "
        f"FROM snapshots AS s JOIN stages AS t ON t.lead_id = s.lead_id WHERE LOWER(t.stage) IN ({one_of}) AND {within}) AS r WHERE nth = 1"
    )


# What a monitor found, as a value: its figures, its lines, its record and its page.


@dataclass(frozen=True)
class TierFigures:
    """One tier of past nights: how many, what was predicted, what came, with a 95% interval."""

    tier: str
    rows: int
    predicted: float
    observed: float
    low: float
    high: float


@dataclass(frozen=True)
class MonitorResult:
    """How past scores did.

    Attributes
    ----------
    as_of : str
        T.
    nights, rows, positives, censored : int
        Finished nights with known outcomes, their rows, the positives among them, and censored rows.
    auc, ece, predicted, observed : float
        Over all rows with known outcomes; NaN where it isn't defined.
    tiers : list of TierFigures
        The same by tier.
    advice : str
        One line: whether to retrain, and why.
    told : mapping
        All else, as `to_record` has it: leads, intervals, segments, bands, versions, drift, acceptance, the holdout.
    """

    as_of: str
    nights: int
    rows: int
    positives: int
    censored: int
    auc: float
    ece: float
    predicted: float
    observed: float
    tiers: list[TierFigures]
    advice: str
    told: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"MonitorResult({self.rows} labeled rows of {self.nights} nights; {self.advice})"

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values."""
        first = {name: value for name, value in asdict(self).items() if name != "told"}
        record: dict[str, Any] = to_jsonable({**first, **self.told})
        return record

    def parts(self) -> list[Part]:
        """Say it in lines and tables of 80 columns."""
        return monitor_parts(self.to_record())


def write_page(result: MonitorResult, place: Path) -> Path:
    """Write it as one self-contained page, and return where.

    Raises
    ------
    OutputError
        The page can't be written.
    """
    from leadline.report.pages.monitor import monitor_page

    write_text(place, monitor_page(result.to_record()))
    return place


def monitor(
    config: Config | str | Path, as_of: str | int | None = None, progress: Progress = no_progress
) -> MonitorResult:
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
    when = parse_as_of(config, as_of)
    rows, records = read_past_runs(Path("scores") / config.name, config.name, when)
    if rows.num_rows == 0:
        raise MissingError(
            f"scores/{config.name}: no finished night{'' if when is None else f' by {format_instant(when)}'}; "
            "expected one that `leadline score` wrote; score first"
        )
    with open_tables(config, when, progress) as loaded:
        ripe = join_outcomes(config, loaded, rows)
    known = str(format_as_of(loaded.known_at, True))
    bundle, notes = _bundle(config, records[0])
    drift = drift_record(config, bundle, rows, records[0], progress) if bundle is not None else {"why": notes[0]}
    result = evaluate_past_scores(config, known, ripe, records, bundle, drift, notes)
    return _logged(config, result, progress)


def evaluate_past_scores(
    config: Config,
    as_of: str,
    ripe: JoinedScores,
    records: Sequence[Mapping[str, Any]],
    bundle: Bundle | None = None,
    drift: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
) -> MonitorResult:
    """Evaluate rows with known outcomes; `records` are the nights', the newest first."""
    past, flattered = _without_trained_after(ripe.past, records)
    best = _best(past, bundle)
    newest = str(records[0].get("model_version")) if records else ""
    segments = calibration_segments(past, best, config.seed)
    whole, ours, drifted = ranking_performance(past), past.take(past.version == newest), drift or {}
    now = _in_use(ours, past)
    advice = _advised(config, now, ripe, _backtest(config, bundle), drifted, bool(flattered), best)
    exploring = holdout_comparison(past, best)
    lost = acceptance_record(ripe.past, ripe.word, ripe.reason, config.words("rejected"))
    told = {
        **whole, "leads": whole["leads"], "positive_leads": len(np.unique(past.lead[past.y == 1].astype(str))),
        "flattered": flattered, "action": advice.action, "because": advice.because, "judged_version": now[1],
        "segments": segments.to_record() if segments else None, "bands": conversion_by_band(past),
        "versions": [{"version": v, **ranking_performance(past.take(past.version == v))} for v in _names(past.version)],
        "drift": drifted, "accepted": lost, "exploration": exploring, "name": config.name,
        "moved": records[0].get("moved") if records else None,
        "notes": [*notes, *([f"nights by a model that was trained after them, which flatters it: {flattered}"] if flattered else [])],
    }  # fmt: skip
    return MonitorResult(
        as_of, len(np.unique(past.as_of)), len(past), int(past.y.sum()), ripe.censored, whole["auc"],
        classification.expected_calibration_error(past.y, past.p), whole["predicted"], whole["observed"], _tiers(past), advice.line,
        {name: value for name, value in told.items() if name not in ("rows", "positives", "auc", "predicted", "observed")},
    )  # fmt: skip


def _tiers(past: PastScores) -> list[TierFigures]:
    told = ((tier, predicted_vs_observed(past.take(past.tier == tier))) for tier in _names(past.tier))
    return [TierFigures(t, s["rows"], s["predicted"], s["observed"], s["low"], s["high"]) for t, s in told]


def _names(values: Any) -> list[str]:
    return sorted({str(value) for value in values}, key=lambda v: (len(v), v))


def _without_trained_after(past: PastScores, records: Sequence[Mapping[str, Any]]) -> tuple[PastScores, int]:
    """Leave out nights by a model that was trained after them, where there are others; return how many of them are judged."""
    late = {r["as_of_value"] for r in records if _is_trained_after(r)}
    mine = np.isin(past.as_of, np.array(sorted(late), dtype=np.int64))
    return (past.take(~mine), 0) if (~mine).any() else (past, len(np.unique(past.as_of[mine])))


def _is_trained_after(record: Mapping[str, Any]) -> bool:
    known = record.get("model_known_at")
    return known is not None and parse_instant(str(known)) > record["as_of_value"]


def _best(past: PastScores, bundle: Bundle | None) -> str:
    return bundle.scorer.bands.names[0] if bundle is not None else min(_names(past.tier), default="")


def _in_use(ours: PastScores, past: PastScores) -> tuple[PastScores, str]:
    """Judge the version in use where enough of its nights have known outcomes, else all versions."""
    if len(np.unique(ours.lead[ours.y == 1].astype(str))) >= FEWEST:
        return ours, str(ours.version[0])
    return past, "all"


def _advised(
    config: Config,
    now: tuple[PastScores, str],
    ripe: JoinedScores,
    then: Mapping[str, Any] | None,
    drift: Mapping[str, Any],
    flattered: bool,
    best: str,
) -> Advice:
    past = now[0]
    segments = calibration_segments(past, best, config.seed)
    verdict = segments.overall.verdict if segments is not None else "too few to say"
    have = len(np.unique(past.lead[past.y == 1].astype(str)))
    ripens = enough_labels_at(have, ripe.unripe_p, ripe.ripens_at, ripe.unripe_lead)
    beyond = [d["name"] for d in drift.get("features", ()) if d["beyond"]]
    beyond = (["the score"] if drift.get("score", {}).get("beyond") else []) + beyond
    return retrain_or_wait(ranking_performance(past), verdict, have, None if flattered else then, beyond, ripens)


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
        return resolve_bundle(f"models:/{config.name}/{version}", config.tracking.uri, config.signing_key), []
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
