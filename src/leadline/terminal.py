"""What a command prints: results to stdout, progress to stderr, tables that fit 80 columns, colour only on a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from leadline.checks import Severity
from leadline.errors import DataError
from leadline.telling import Telling

if TYPE_CHECKING:
    from pathlib import Path

    from leadline.checks import Findings
    from leadline.errors import PromotionRefused
    from leadline.judge.ablation import Worth
    from leadline.judge.backtest import Evaluation
    from leadline.judge.segments import Segments
    from leadline.ops.night import Night
    from leadline.pipeline import (
        CheckResult,
        Forgotten,
        MonitorResult,
        Promotion,
        Recalibration,
        ReportResult,
        Told,
        TrainResult,
    )
    from leadline.pipeline.backfilling import Rehearsal
    from leadline.pipeline.demo import DemoResult
    from leadline.pipeline.judging import Judgement
    from leadline.pipeline.tiering import Tiering

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
        self._log, self._json = log, as_json
        self.progress = Telling(quiet, log)

    @property
    def run_id(self) -> str:
        """Names this run, in its log and in what it writes."""
        return self.progress.run_id

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
        from leadline.pipeline import fit_words

        record = {
            "name": result.name,
            "version": result.version,
            "alias": result.alias,
            "folder": str(result.folder),
            "run_id": result.run_id,
        }
        evaluation = result.evaluation.to_record()
        families = [worth.to_record() for worth in result.families]
        told: dict[str, Any] = {"evaluation": evaluation, "families": families, "findings": result.findings.records()}
        told |= {"nights": result.judgement.nights.to_record()}
        told |= {"optimism": result.judgement.optimism.to_record() if result.judgement.optimism else None}
        told |= {"segments": result.judgement.segments.to_record() if result.judgement.segments else None}
        stages = result.judgement.stages
        told |= {"stages": stages.to_record()} if stages else {}
        told |= fit_words.told(result)
        if self._as_json({**record, **told}):
            return
        c = result.prepared.counts
        thinned = f" (thinned to {c.kept_negative:,}, weighted)" if c.thinned else ""
        self._say(
            f"{c.positive:,} positive and {c.negative:,} negative snapshots{thinned}; {c.censored:,} unripe and {c.late:,} known late, left out"
        )
        for line in fit_words.head(result):
            self._say(line)
        self._findings(result.findings)
        self._say()
        self._evaluation(result.evaluation)
        self._families(result.families)
        self._stages(result)
        self._nights(result.judgement)
        self._capacity(result.judgement.capacity)
        self._segments(result.judgement.segments)
        self._say("\nWhat moves scores (share of all contributions):")
        for d in result.drivers[:8]:
            way = "" if d.direction != d.direction else " ↑" if d.direction > 0 else " ↓"
            self._say(f"  {d.share:5.1%}{way or '  '}  {d.words}")
        for line in fit_words.foot(result):
            self._say(line)
        self._say(
            f"\n{result.name} {result.version} is the {result.alias}: {result.folder} (MLflow run {result.run_id})"
        )

    def _evaluation(self, evaluation: Evaluation) -> None:
        from leadline.pipeline.fit_words import UNJUDGED

        if not evaluation.folds:
            self._say(UNJUDGED)
            return
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

    def _nights(self, told: Judgement) -> None:
        """Print what working the top of the list would have brought, and how much a random split flatters."""
        from leadline.judge import nights, optimism

        for line in ("", *nights.lines(told.nights), *optimism.lines(told.optimism)):
            self._say(line)

    def _stages(self, result: TrainResult) -> None:
        """Print what the questions that follow the first give."""
        from leadline.judge.following_words import lines

        stages = result.judgement.stages
        for line in lines(None if stages is None else stages.to_record()):
            self._say(line)

    def _capacity(self, told: Tiering) -> None:
        """Print what half to double the capacity brings, and how steady the tiers are."""
        from textwrap import fill

        from leadline.judge.capacity_words import HEAD, KEY, rows, sentences

        if told.cuts:
            self._say("\nHalf to double the capacity, in the newest fold:")
            self._table(HEAD, rows([vars(c) for c in told.cuts]))
            self._say(fill(KEY, 80))
        record = told.to_record()
        if record["own"]:
            self._say(f"\nBy {record['by']}, each at its own capacity:")
            self._table([str(record["by"]), *HEAD], rows(record["own"], "name"))
        for line in sentences(record):
            self._say(fill(line, 80))

    def _segments(self, found: Segments | None) -> None:
        """Say whether probabilities hold as a whole, and in each segment."""
        for line in found.lines if found else ():
            self._say(line)

    def scored(self, result: Night) -> None:
        """Print where the scores are, and the tiers."""
        if not self._as_json(result.to_record()):
            for line in result.lines():
                self._say(line)
        for text in result.warnings:
            self.progress.warn(text)

    def backfilled(self, results: Iterator[Night]) -> None:
        """Print each night of several as soon as it is in place."""
        records, said = [], set[str]()
        for result in results:
            records.append(result.to_record())
            if not self._json:
                self._say(f"{result.record['as_of']}  " + "; ".join(result.lines()))
            for text in result.warnings:
                if text not in said:  # once for all nights
                    self.progress.warn(text)
                said.add(text)
        self._as_json(records)

    def rehearsed(self, results: Iterator[Rehearsal]) -> None:
        """Print what would be done."""
        records = []
        for result in results:
            records.append(result.to_record())
            if not self._json:
                self._say(result.line())
            for text in result.warnings:
                self.progress.warn(text)
        self._as_json(records)

    def explained(self, result: Told) -> None:
        """Print one lead's causes."""
        from leadline.judge.following_words import told_value

        causes = [{"fact": fact, "effect": effect} for fact, effect in result.causes]
        record = {
            "as_of": result.as_of,
            "probability": result.probability,
            "tier": result.tier,
            "model": result.model,
            "base": result.base,
        }
        if self._as_json({**record, **result.later, "lead_id": result.lead_id, "causes": causes}):
            return
        self._say(
            f"{result.lead_id} at {result.as_of}: {result.probability:.1%}, tier {result.tier}, by {result.model}"
        )
        for line in told_value(result.later):
            self._say(line)
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
        """Print the decision."""
        if not self._as_json(result.decision.to_record()):
            self._say(f"{result.name} {result.version} is the champion now: {result.decision.reason}")
            self._say(f"the decision: {result.record.with_suffix('.md')}")

    def refused(self, refusal: PromotionRefused) -> None:
        """Print the decision as JSON, where that is asked for; the sentence follows on stderr."""
        if refusal.decision is not None:
            self._as_json(refusal.decision)

    def recalibrated(self, result: Recalibration) -> None:
        """Print what changed, and where the model is."""
        record = {name: str(getattr(result, name)) for name in ("name", "version", "alias", "folder", "run_id", "of")}
        if self._as_json({**record, "recalibration": result.record}):
            return
        for line in result.lines():
            self._say(line)
        self._say(
            f"\n{result.name} {result.version} is the {result.alias}: {result.folder} (MLflow run {result.run_id})"
        )

    def monitored(self, result: MonitorResult, page: Path | None = None) -> None:
        """Print how past nights did, the advice, and where the page is."""
        if self._as_json(result.to_record()):
            return
        for part in result.parts():
            self._say(part) if isinstance(part, str) else self._table(*part)
        if page is not None:
            self._say(f"page: {page}")

    def forgot(self, result: Forgotten) -> None:
        """Print what went, and which models knew it."""
        if not self._as_json(result.to_record()):
            for line in result.lines():
                self._say(line)

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
