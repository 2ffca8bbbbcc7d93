"""What a command prints: results to stdout, progress to stderr, tables that fit 80 columns, colour only on a terminal."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from leadline.checks import Severity
from leadline.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from leadline.checks import Findings
    from leadline.judge.ablation import Worth
    from leadline.judge.backtest import Evaluation
    from leadline.ops.nightly import Night
    from leadline.pipeline import CheckResult, MonitorResult, Promotion, ReportResult, Told, TrainResult
    from leadline.pipeline.demo import DemoResult

__all__ = ["Console"]

SHOWN = (Severity.ERROR, Severity.WARNING, Severity.NOTE)
CAUSES = 10  # that `explain` prints one by one; --json has them all


class Console:
    """Prints what the commands found.

    Parameters
    ----------
    quiet : bool
        No progress.
    log : str
        Progress as `text` or as lines of `json`.
    as_json : bool
        Results as JSON.
    """

    def __init__(self, quiet: bool, log: str, as_json: bool) -> None:
        self._quiet, self._log, self._json = quiet, log, as_json
        self._began = time.monotonic()

    def progress(self, stage: str) -> None:
        """Tell a stage's name on stderr."""
        if self._quiet:
            return
        seconds = time.monotonic() - self._began
        if self._log == "json":
            print(
                json.dumps({"seconds": round(seconds, 3), "stage": stage}, ensure_ascii=False),
                file=sys.stderr,
                flush=True,
            )
        else:
            print(f"{seconds:7.1f}s  {stage}", file=sys.stderr, flush=True)

    def _warn(self, text: str) -> None:
        """Tell a warning on stderr, whether or not progress is told."""
        line = (
            json.dumps({"warning": text}, ensure_ascii=False) if self._log == "json" else f"leadline: warning: {text}"
        )
        print(line, file=sys.stderr, flush=True)

    def _say(self, text: str = "") -> None:
        print(text)

    def _as_json(self, record: Any) -> bool:
        if self._json:
            self._say(json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False))
        return self._json

    def _table(self, head: Sequence[str], rows: Sequence[Sequence[str]], wrap: int | None = None) -> None:
        """Print a table; a column named by `wrap` takes what room is left and breaks its lines."""
        from rich.box import SIMPLE
        from rich.console import Console as Rich
        from rich.table import Table

        width = None if sys.stdout.isatty() else 80
        table = Table(box=SIMPLE, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0))
        for n, name in enumerate(head):
            table.add_column(
                name, justify="left" if n == 0 or n == wrap else "right", overflow="fold", no_wrap=n != wrap
            )
        for row in rows:
            table.add_row(*row)
        Rich(width=width, highlight=False, markup=False).print(table)

    def checked(self, result: CheckResult, page: Path | None = None) -> None:
        """Print findings, and where their page is; errors end the command with exit code 65."""
        if not self._as_json(result.to_record()):
            if result.rows:
                self._say(f"known at {result.known_at}:" if result.known_at else "all rows, as none has a date:")
            for name, count in result.rows.items():
                self._say(f"{name:<14}{count:>12,} row{_s(count)}")
            c = result.counts
            if c.positive + c.negative + c.censored:
                self._say(
                    f"snapshots     {c.positive:>12,} positive, {c.negative:,} negative, {c.censored:,} unripe,\n"
                    f"{'':>26} {c.late:,} known late, {c.before:,} before observed_from"
                )
            self._found(result.findings)
            if page is not None:
                self._say(f"page: {page}")
        errors = result.findings.of(Severity.ERROR)
        if errors:
            raise DataError(f"{len(errors)} error{_s(len(errors))} found; expected none; mend what is told above")
        if not self._json:
            self._say("ready to train")

    def _found(self, findings: Findings) -> None:
        """Print findings as a table, the gravest first, then which checks couldn't look, and why."""
        shown = [f for severity in SHOWN for f in findings.of(severity)]
        rows = []
        for f in shown:
            todo = f"accepted: {f.accepted}" if f.accepted else f.fix
            rows.append([f.code, f.severity.value, f.subject, f"{f.seen}; expected {f.expected}", todo])
        self._lines(("code", "severity", "where", "found", "what to do"), rows, (0, 0, 2, 4, 3))
        unasked = [[f.code, f.subject, f.seen] for f in findings.of(Severity.NOT_APPLICABLE)]
        self._lines(("code", "where", "not applicable because"), unasked, (0, 2, 5))

    def _lines(self, head: Sequence[str], rows: Sequence[Sequence[str]], room: Sequence[int]) -> None:
        """Print a table of sentences, if there are any; columns with a share of the room break their lines."""
        if not rows:
            return
        from rich.box import SIMPLE
        from rich.console import Console as Rich
        from rich.table import Table

        table = Table(box=SIMPLE, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0), expand=True)
        for name, share in zip(head, room, strict=True):
            table.add_column(name, overflow="fold", no_wrap=not share, ratio=share or None)
        for row in rows:
            table.add_row(*row)
        Rich(width=None if sys.stdout.isatty() else 80, highlight=False, markup=False).print(table)
        self._say()

    def _findings(self, findings: Findings) -> None:
        for f in findings:
            if f.severity in (Severity.ERROR, Severity.WARNING):
                self._say(f"{f.code} {f.severity}: {f}{f' (accepted: {f.accepted})' if f.accepted else ''}")

    def trained(self, result: TrainResult) -> None:
        """Print the backtest, the drivers and where the model is."""
        record = {
            "name": result.name,
            "version": result.version,
            "alias": result.alias,
            "folder": str(result.folder),
            "run_id": result.run_id,
        }
        evaluation = result.evaluation.to_record()
        families = [worth.to_record() for worth in result.families]
        told = {"evaluation": evaluation, "families": families, "findings": result.findings.records()}
        if self._as_json({**record, **told}):
            return
        c = result.prepared.counts
        thinned = f" (thinned to {c.kept_negative:,}, weighted)" if c.thinned else ""
        self._say(
            f"{c.positive:,} positive and {c.negative:,} negative snapshots{thinned}; {c.censored:,} unripe and {c.late:,} known late, left out"
        )
        self._findings(result.findings)
        self._say()
        self._evaluation(result.evaluation)
        self._families(result.families)
        self._say("\nWhat moves scores (share of all contributions):")
        for d in result.drivers[:8]:
            way = "" if d.direction != d.direction else " ↑" if d.direction > 0 else " ↓"
            self._say(f"  {d.share:5.1%}{way or '  '}  {d.words}")
        self._say(
            f"\n{result.name} {result.version} is the {result.alias}: {result.folder} (MLflow run {result.run_id})"
        )

    def _evaluation(self, evaluation: Evaluation) -> None:
        rows = []
        for fold in evaluation.folds:
            for who, f in fold.figures.items():
                first = f"{fold.number}{'*' if fold.judged else ''}" if who == "model" else ""
                interval = f"{_number(f.auc)} ({_number(f.auc_low)}–{_number(f.auc_high)})"
                size = f"{fold.positives}/{fold.rows}" if first else ""
                rest = [_number(x) for x in (f.average_precision, f.brier, f.ece, f.won_auc)]
                rows.append([first, who, size, interval, rest[0], _number(f.lift_10, 2), *rest[1:]])
        self._table(["fold", "by", "positive", "AUC (95%)", "AP", "lift10", "Brier", "ECE", "won"], rows)
        self._say("* the newest fold, which chose nothing: quote this one; won: AUC on closed-won, where ripe")
        gap, low, high = evaluation.against_logistic
        if gap == gap:
            side = "below" if gap >= 0 else "above"
            interval = f"95%: {low:+.4f} to {high:+.4f}"
            self._say(f"log loss {abs(gap):.4f} {side} the regression's ({interval}; + is better)")

    def _families(self, worths: Sequence[Worth]) -> None:
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
        self._say("\nWhat is lost when a family of features is left out (all folds):")
        self._table(["family", "features", "log loss", "95%", "AUC", "verdict"], rows)

    def scored(self, result: Night) -> None:
        """Print where the scores are, and the tiers."""
        scores = result.scores
        tiers = {t: int((scores.tier == t).sum()) for t in sorted(set(scores.tier.tolist()))}
        record = {"leads": len(scores), "place": result.place, "tiers": tiers, "seconds": round(result.seconds, 3)}
        if not self._as_json({**record, "model": f"{scores.model_name} {scores.model_version}"}):
            shown = ", ".join(f"{n:,} in tier {t}" for t, n in tiers.items()) or "no lead is open"
            self._say(
                f"{len(scores):,} lead{_s(len(scores))} scored by {scores.model_name} {scores.model_version}: {shown}"
            )
            self._say(f"written to {result.place}")
        if result.warning:
            self._warn(result.warning)

    def explained(self, result: Told) -> None:
        """Print one lead's causes."""
        causes = [{"fact": fact, "effect": effect} for fact, effect in result.causes]
        record = {
            "as_of": result.as_of,
            "probability": result.probability,
            "tier": result.tier,
            "model": result.model,
            "base": result.base,
        }
        if self._as_json({**record, "lead_id": result.lead_id, "causes": causes}):
            return
        self._say(
            f"{result.lead_id} at {result.as_of}: {result.probability:.1%}, tier {result.tier}, by {result.model}"
        )
        for fact, effect in result.causes[:CAUSES]:
            if abs(effect) >= 0.01:
                self._say(f"  {effect:+.2f}  {fact}")
        rest = [effect for _, effect in result.causes[CAUSES:]]
        if rest:
            self._say(f"  {sum(rest):+.2f}  {len(rest)} smaller causes together")
        self._say("(effects on the log odds; +0.69 doubles the odds; all leads start from the same base)")

    def reported(self, result: ReportResult) -> None:
        """Print where the page is."""
        if not self._as_json({"page": str(result.page), "data": str(result.data)}):
            self._say(f"written to {result.page} (its figures: {result.data})")

    def promoted(self, result: Promotion) -> None:
        """Print the verdict."""
        verdict = result.verdict.to_record() if result.verdict else None
        if not self._as_json(
            {"name": result.name, "version": result.version, "former": result.former, "verdict": verdict}
        ):
            why = result.verdict.reason if result.verdict else "there was no champion to beat"
            self._say(f"{result.name} {result.version} is the champion now: {why}")

    def monitored(self, result: MonitorResult) -> None:
        """Print how past nights did, and the advice."""
        if self._as_json(result.to_record()):
            return
        self._say(
            f"{result.rows:,} scores of {result.nights} night{_s(result.nights)} are ripe at {result.as_of}, "
            f"{result.positives:,} positive; {result.unripe:,} not yet"
        )
        if result.rows:
            self._say(f"AUC {_number(result.auc)}, ECE {_number(result.ece)}")
            rows = [
                [t.tier, f"{t.rows:,}", f"{t.predicted:.1%}", f"{t.observed:.1%}", f"{t.low:.1%}–{t.high:.1%}"]
                for t in result.tiers
            ]
            self._table(["tier", "rows", "predicted", "observed", "95%"], rows)
        self._say(result.advice)

    def demo(self, result: DemoResult) -> None:
        """Print the demo's story, and what to open next."""
        sizes = {severity: len(result.checked.findings.of(severity)) for severity in SHOWN}
        self._say("The checks: " + ", ".join(f"{n} {severity}{_s(n)}" for severity, n in sizes.items()))
        self._say("\nThe model, trained on what was known four weeks before the end:")
        self.trained(result.trained)
        self._say("\nTonight:")
        self.scored(result.night)
        self._say(
            f"rank correlation with the world's true probabilities, which no model saw: {result.true_correlation:.2f}"
        )
        self._say("\nThe best lead, explained:")
        self.explained(result.told)
        self._say(
            f"\nOpen next:\n  {result.page}  what predicts conversion\n  {result.config}  the config, commented\n"
            f"  {result.night.place}  tonight's scores\n  {result.trained.folder}  the exported scorer\n"
            "  mlflow ui --backend-store-uri sqlite:///mlflow.db  the tracked run"
        )


def _s(n: int) -> str:
    return "" if n == 1 else "s"


def _number(value: float, digits: int = 3) -> str:
    return (
        "–"
        if value != value
        else f"{value:.{digits}f}".replace("0.", ".", 1)
        if 0 <= value < 1 and digits == 3
        else f"{value:.{digits}f}"
    )
