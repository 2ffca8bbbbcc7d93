"""What `train` prints: the backtest, the top-N backtest, the thresholds, the drivers, and where the model is."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill, wrap
from typing import TYPE_CHECKING, Any

from leadline.cli.output import Printer, format_figure
from leadline.core.checks import Severity
from leadline.core.jsonable import to_jsonable
from leadline.core.privacy import MIN_GROUP_SIZE
from leadline.metrics import intervals

if TYPE_CHECKING:
    from leadline.core.checks import Findings
    from leadline.evaluation.ablation import FamilyAblation
    from leadline.evaluation.backtest import BacktestResult
    from leadline.evaluation.segments import Segments
    from leadline.workflows.training.evaluate import ModelEvaluation
    from leadline.workflows.training.tiers import TierSummary
    from leadline.workflows.training.train import TrainResult

__all__ = ["UNJUDGED", "TrainingScreen", "fit_foot", "fit_head", "fit_record"]


DRIVERS = {False: 5, True: 8}  # how many are printed, by whether all is asked for


class TrainingScreen(Printer):
    """Prints what training found."""

    def trained(self, result: TrainResult, verbose: bool = False) -> None:
        """Print the backtest, the drivers and where the model is; `verbose` prints all that was found."""
        if self._as_json(self.training_record(result)):
            return
        judged, c = result.judgement, result.prepared.counts
        thinned = f" (thinned to {c.kept_negative:,}, weighted)" if c.thinned else ""
        self._say(
            f"{c.positive:,} positive and {c.negative:,} negative snapshots{thinned}; {c.censored:,} censored and {c.late:,} recorded after as_of, left out"
        )
        for line in [*(fit_head(result) if verbose else ()), *tuned_lines(result)]:
            self._say(line)
        self._findings(result.findings)
        self._say()
        self._evaluation(result.evaluation, verbose)
        if verbose:
            self._families(result.families)
        self._stages(result)
        self._nights(judged, verbose)
        if verbose:
            self._capacity(judged.capacity)
            self._segments(judged.segments)
        self._say("\nFeature importance (mean |SHAP|, share of the sum):")
        for d in result.drivers[: DRIVERS[verbose]]:
            way = "" if d.direction != d.direction else " ↑" if d.direction > 0 else " ↓"
            self._say(f"  {d.share:5.1%}{way or '  '}  {d.words}")
        for line in fit_foot(result, verbose):
            self._say(line)
        self._say(
            f"\n{result.name} {result.version} is the {result.alias}: {result.folder} (MLflow run {result.run_id})"
        )
        if self._config:
            self._say(f"next: leadline score {self._config} --leads NEW_ROWS.csv")

    def training_record(self, result: TrainResult) -> dict[str, Any]:
        """Return what training found as plain JSON values."""

        record = {
            "name": result.name,
            "version": result.version,
            "alias": result.alias,
            "folder": str(result.folder),
            "run_id": result.run_id,
        }
        evaluation = result.evaluation.to_record()
        families = [worth.to_record() for worth in result.families]
        told: dict[str, Any] = {"evaluation": evaluation, "ablation": families, "findings": result.findings.records()}
        told |= {"nights": result.judgement.nights.to_record()}
        told |= {"optimism": result.judgement.optimism.to_record() if result.judgement.optimism else None}
        told |= {"segments": result.judgement.segments.to_record() if result.judgement.segments else None}
        stages = result.judgement.stages
        told |= {"stages": stages.to_record()} if stages else {}
        told |= fit_record(result)
        return self._with_config({**record, **told})

    def _findings(self, findings: Findings) -> None:
        for f in findings:
            if f.severity in (Severity.ERROR, Severity.WARNING):
                said = f"{f.code} {f.severity}: {f}{f' (accepted: {f.accepted})' if f.accepted else ''}"
                self._say(fill(said, 80, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False))

    def _evaluation(self, evaluation: BacktestResult, verbose: bool) -> None:
        """Print the folds: everybody in the newest, and, unless all is asked for, the model alone in those that chose it."""
        from leadline.evaluation.baselines import short
        from leadline.evaluation.metrics import METRICS, every_metric

        if not evaluation.folds:
            self._say(UNJUDGED)
            return
        _, *others = (metric for metric in (every_metric() if verbose else METRICS) if metric.heading)
        rows = []
        for fold in evaluation.folds:
            for who, f in fold.figures.items():
                if who != "model" and not (verbose or fold.judged):
                    continue
                first = f"{fold.number}{'*' if fold.judged else ''}" if who == "model" else ""
                interval = f"{format_figure(f.auc)} ({format_figure(f.auc_low)}–{format_figure(f.auc_high)})"
                size = f"{fold.positives}/{fold.rows}" if first else ""
                told = f.values()
                rest = [format_figure(told[metric.key], min(metric.digits, 3)) for metric in others]
                rows.append([first, short(who), size, interval, *rest])
        self._table(["fold", "by", "positive", "AUC (95%)", *(metric.heading for metric in others)], rows)
        self._say(
            "* the newest fold, which chose nothing: quote this one; lift: of the best tenth; won: AUC on closed-won"
        )
        gap = evaluation.against["logistic"].log_loss
        side = "below" if gap.value >= 0 else "above"
        self._say(
            f"log loss {abs(gap.value):.4f} {side} the regression's (95%: {gap.low:+.4f} to {gap.high:+.4f}; + is better)"
        )
        soon = evaluation.next_auc
        if soon is not None:
            ends = f"{format_figure(soon.low)}–{format_figure(soon.high)}"
            self._say(f"AUC to expect in the next period (95%): {ends}; how much folds differ is added")

    def _families(self, worths: Sequence[FamilyAblation]) -> None:
        """Print what is lost when each family of features is left out, the dearest first."""
        if not worths:
            return
        rows = [
            [
                w.family, str(w.features), f"{w.logloss:+.4f}", f"{w.logloss_low:+.4f} to {w.logloss_high:+.4f}",
                f"{w.auc:+.3f}", w.verdict,
            ]
            for w in sorted(worths, key=lambda w: -w.logloss)
        ]  # fmt: skip
        self._say("\nFeature-family ablation (loss when left out, all folds):")
        self._table(["family", "features", "log loss", "95%", "AUC", "verdict"], rows)

    def _nights(self, told: ModelEvaluation, verbose: bool) -> None:
        """Print what working the top of the list would have brought, and how much a random split flatters."""
        from leadline.evaluation import robustness, topk_backtest

        flattery = robustness.optimism_lines(told.optimism) if verbose else ()
        for line in ("", *topk_backtest.topk_lines(told.nights), *flattery):
            self._say(line)

    def _stages(self, result: TrainResult) -> None:
        """Print what the downstream stages give."""
        from leadline.report.text import later_stage_lines

        stages = result.judgement.stages
        for line in later_stage_lines(None if stages is None else stages.to_record()):
            self._say(line)

    def _capacity(self, told: TierSummary) -> None:
        """Print what half to double the capacity brings, and how steady the tiers are."""
        from leadline.report.text import HEAD, KEY, capacity_rows, capacity_sentences

        if told.cuts:
            self._say("\nHalf to double the capacity, in the newest fold:")
            self._table(HEAD, capacity_rows([vars(c) for c in told.cuts]))
            self._say(fill(KEY, 80))
        record = told.to_record()
        if record["own"]:
            self._say(f"\nBy {record['by']}, each at its own capacity:")
            self._table([str(record["by"]), *HEAD], capacity_rows(record["own"], "name"))
        for line in capacity_sentences(record):
            self._say(fill(line, 80))

    def _segments(self, found: Segments | None) -> None:
        """Say whether probabilities hold as a whole, and in each segment."""
        from leadline.report.text import lines

        for line in lines(found.to_record()) if found else ():
            self._say(line)


# What the terminal says of the model complexity, the sample and the drivers' stability.


UNJUDGED = "No fold could be judged, so nothing is known of how good the model is."


def fit_record(result: TrainResult) -> dict[str, Any]:
    """Return the same as plain JSON values."""
    rung, judged, place = result.fitted.rung, result.judgement, result.out_of_fold
    return {
        "choice": to_jsonable(result.fitted.honest.choice),
        "tuned": to_jsonable(result.fitted.tuned.to_record()) if result.fitted.tuned else None,
        "complexity": rung.to_record() if rung else None,
        "sample": judged.sample.to_record() if judged.sample else None,
        "stability": judged.stability.to_record() if judged.stability else None,
        "out_of_fold": str(place) if place else None,
    }


def fit_head(result: TrainResult) -> list[str]:
    """Say what the snapshots are worth, and what was therefore fitted."""
    from leadline.model.fitting import selection
    from leadline.workflows.training.refits import rare_level_shares

    rung, told_sample = result.fitted.rung, result.judgement.sample
    said = list(intervals.sample_lines(told_sample)) if told_sample else []
    said += [f"{rung.name}: {rung.reason}"] if rung else []
    fitted = selection.said(result.fitted.honest.choice)
    said += [f"fitted: {fitted}"] if fitted else []
    rare = rare_level_shares(result.fitted)
    if rare:
        parts = ", ".join(f"{name} {share:.1%}" for name, share in rare.items())
        said.append(f"levels that fewer than {MIN_GROUP_SIZE} leads share are pooled as other, of snapshots: {parts}")
    return [line for text in said for line in wrap(text, 80)]


def tuned_lines(result: TrainResult) -> list[str]:
    """Say what a search for a recipe found, where one was asked for."""
    found = result.fitted.tuned
    return wrap(f"tuned: {found.words()}", 80) if found is not None and found.trials else []


def fit_foot(result: TrainResult, verbose: bool) -> list[str]:
    """Say how stable the drivers are, and where the out-of-fold predictions lie."""
    from leadline.evaluation import robustness

    said = [f"  {line}" for line in robustness.stability_lines(result.judgement.stability)] if verbose else []
    said += [] if result.drivers else ["  nothing: every lead gets the base rate"]
    return [*said, *([f"\nout-of-fold predictions: {result.out_of_fold}"] if result.out_of_fold and verbose else [])]
