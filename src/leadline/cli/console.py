"""What each command prints, one method a command; `output.py` has how."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any

from leadline.cli.output import Printer, plural_s
from leadline.cli.render_training import TrainingScreen
from leadline.core.checks import Severity
from leadline.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from leadline.core.checks import Findings
    from leadline.delivery.batch import ScoringRun
    from leadline.errors import PromotionRefused
    from leadline.presets.proposal import Proposal
    from leadline.workflows.check import CheckResult
    from leadline.workflows.config_from_file import DataFileConfig
    from leadline.workflows.demo import DemoResult
    from leadline.workflows.forget import Forgotten
    from leadline.workflows.monitor import MonitorResult
    from leadline.workflows.promote import Promotion
    from leadline.workflows.recalibrate import Recalibration
    from leadline.workflows.report import ReportResult
    from leadline.workflows.retrain import Retraining
    from leadline.workflows.scoring.backfill import DryRun
    from leadline.workflows.scoring.explain import LeadExplanation
    from leadline.workflows.scoring.on_demand import LeadScores

__all__ = ["ConfigScreen", "Console"]


# What `init` and a data file in a config's place print: the config, what was guessed and how sure, and what is missing.


class ConfigScreen(Printer):
    """Prints configs that were guessed."""

    def pointed(self, found: DataFileConfig) -> None:
        """Print the config that a data file got, and warn of what was guessed and of what it can't protect against."""
        self._config = str(found.config)
        if not self._json:
            self._say(f"the config, {'written to' if found.proposal else 'as it stands in'} {found.config}:\n")
            self._say("\n".join(f"  {line}".rstrip() for line in found.text.splitlines()) + "\n")
        for text in found.warnings:
            self.progress.warn(text)

    def proposed(self, place: Path, proposal: Proposal | None) -> None:
        """Print where a config was written, what was found, and what was guessed with how sure it is."""
        if self._as_json({"config": str(place), "proposal": None if proposal is None else proposal.to_record()}):
            return
        for line in () if proposal is None else proposal.found:
            self._say(line)
        if proposal is not None and proposal.guesses:
            self._say("\nguessed (the config says so beside each line):")
            for guess in proposal.guesses:
                self._say(fill(str(guess), 80, initial_indent="  ", subsequent_indent="      "))
        for text in () if proposal is None else proposal.warnings:
            self._say(fill(f"warning: {text}", 80, subsequent_indent="  "))
        for name in () if proposal is None else proposal.files:
            self._say(f"written: {place.parent / name}")
        self._say(f"written: {place}")
        self._say(f"next: mend what is marked <— in it, then `leadline check {place}`")


SHOWN = (Severity.ERROR, Severity.WARNING, Severity.NOTE)

CAUSES = 10  # that `explain` prints one by one; --json has them all


class Console(ConfigScreen, TrainingScreen):
    """Prints what the commands found; made as `leadline.cli.output.Printer` is."""

    def checked(self, result: CheckResult, page: Path | None = None) -> None:
        """Print findings, and where their page is; errors end the command with exit code 65."""
        if not self._as_json(self._with_config(_with_page(result.to_record(), page))):
            if result.rows:
                self._say(f"known at {result.known_at}:" if result.known_at else "all rows, as none has a date:")
            for name, count in result.rows.items():
                self._say(f"{name:<14}{count:>12,} row{plural_s(count)}")
            c = result.counts
            if c.positive + c.negative + c.censored:
                self._say(
                    f"snapshots     {c.positive:>12,} positive, {c.negative:,} negative, {c.censored:,} censored,\n"
                    f"{'':14}{c.late:>12,} recorded after as_of, {c.before:,} before observed_from"
                )
            self._found(result.findings)
            if page is not None:
                self._say(f"page: {page}")
        errors = result.findings.of(Severity.ERROR)
        if errors:
            refusal = DataError(
                f"{len(errors)} error{plural_s(len(errors))} found; expected none; mend what is told above"
            )
            refusal.findings = result.findings
            raise refusal
        if not self._json:
            self._say("ready to train")

    def _found(self, findings: Findings) -> None:
        """Print findings as a table, the gravest first, then which checks couldn't look, and why."""
        shown = [f for severity in SHOWN for f in findings.of(severity)]
        rows = []
        for f in shown:
            todo = f"accepted: {f.accepted}" if f.accepted else f.fix
            # A name cut in two is hard to read.
            where = f.subject.replace(".", ".\n", 1) if len(f.subject) > 12 else f.subject
            rows.append([f.code, f.severity.value, where, f"{f.seen}; expected {f.expected}", todo])
        self._lines(("code", "severity", "where", "found", "what to do"), rows, (0, 0, 2, 4, 3))
        unasked = [[f.code, f.subject, f.seen] for f in findings.of(Severity.NOT_APPLICABLE)]
        self._lines(("code", "where", "not applicable because"), unasked, (0, 2, 5))

    def scored(self, result: ScoringRun) -> None:
        """Print where the scores are, and the tiers."""
        if not self._as_json(result.to_record()):
            for line in result.lines():
                self._say(line)
        for text in result.warnings:
            self.progress.warn(text)

    def scored_leads(self, result: LeadScores) -> None:
        """Print the scores of a few leads, the best first, and who has none."""
        record = result.to_record()
        if self._as_json(record):
            return
        for row in record["scores"]:
            more = [f"{name} {row[name]}" for name in ("score", "grade") if row[name] is not None]
            said = ", ".join([f"{row['probability']:.1%}", f"tier {row['tier']}", *more])
            self._say(f"{row['lead_id']} at {record['as_of']}: {said}, by {record['model']}")
            for reason in row["reasons"]:
                self._say(f"  {reason}")
        for lead in record["unknown"]:
            self._say(f"{lead}: no such lead is known at that time")
        for told in record["left_out"]:
            self._say(f"{told['lead_id']}: {told['why']}")

    def backfilled(self, results: Iterator[ScoringRun]) -> None:
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

    def rehearsed(self, results: Iterator[DryRun]) -> None:
        """Print what would be done."""
        records = []
        for result in results:
            records.append(result.to_record())
            if not self._json:
                self._say(result.line())
            if not self._json and result.checks and len(records) == 1:  # the same for each night
                rows = [[c["code"], c["title"], c["verdict"], c["limit"]] for c in result.checks]
                self._lines(("code", "input check", "verdict", "limit"), rows, (0, 2, 0, 4))
            for text in result.warnings:
                self.progress.warn(text)
        self._as_json(records)

    def explained_several(self, results: Sequence[LeadExplanation]) -> None:
        """Print several leads' causes as a CSV: a row for each cause."""
        import pyarrow as pa

        from leadline.delivery.formats import csv_bytes

        if self._as_json([_lead_record(result) for result in results]):
            return
        rows = [row for result in results for row in _cause_rows(result)]
        self._say(csv_bytes(pa.Table.from_pylist(rows)).decode().rstrip("\n"))

    def explained(self, result: LeadExplanation, page: Path | None = None) -> None:
        """Print one lead's causes, and where the page is."""
        from leadline.report.text import expected_value_lines

        if self._as_json(_with_page(_lead_record(result), page)):
            return
        self._say(
            f"{result.lead_id} at {result.as_of}: {result.probability:.1%}, tier {result.tier}, by {result.model}"
        )
        told = {"score": "score {}", "grade": "grade {}", "fit_score": "fit {}", "engagement_score": "engagement {}"}
        said = [words.format(result.grades[name]) for name, words in told.items() if name in result.grades]
        if said:
            self._say(f"{', '.join(said)} (from 0 to 100: 80 is above four in five earlier leads)")
        if result.change is not None:
            self._say(f"since the night before: {result.change}")
        for line in expected_value_lines(result.later):
            self._say(line)
        for fact, effect in result.causes[:CAUSES]:
            if abs(effect) >= 0.01:
                self._say(f"  {effect:+.2f}  {fact}")
        rest = [effect for _, effect in result.causes[CAUSES:]]
        if rest:
            self._say(f"  {sum(rest):+.2f}  {len(rest)} smaller causes together")
        self._say("(effects on the log odds; +0.69 doubles the odds; all leads start from the same base)")
        if page is not None:
            self._say(f"page: {page}")

    def reported(self, result: ReportResult) -> None:
        """Print where the page is."""
        if self._as_json(
            {
                "page": str(result.page),
                "data": str(result.data),
                "points": [str(path) for path in result.points],
                "lists": [str(path) for path in result.lists],
            }
        ):
            return
        self._say(f"written to {result.page} (its figures: {result.data})")
        if result.points:
            self._say(f"scorecard: {', '.join(str(path) for path in result.points)}")
        if result.lists:
            self._say(f"leads to act on (they are named): {', '.join(str(path) for path in result.lists)}")

    def promoted(self, result: Promotion) -> None:
        """Print the decision."""
        if not self._as_json(result.decision.to_record()):
            self._say(f"{result.name} {result.version} is the champion now: {result.decision.reason}")
            self._say(f"the decision: {result.record.with_suffix('.md')}")

    def refused(self, refusal: PromotionRefused) -> None:
        """Print the decision as JSON, where that is asked for; the sentence follows on stderr."""
        if refusal.decision is not None:
            self._as_json(refusal.decision)

    def retrained(self, result: Retraining) -> None:
        """Print what a retraining came to, and where its page and record are."""
        if self._as_json(result.to_record()):
            return
        made = "" if result.version is None else f"{result.name} {result.version}: "
        self._say(f"{made}{result.outcome}: {result.reason}")
        if result.champion is not None:
            self._say(f"the champion: {result.name} {result.champion}")
        if result.page is not None:
            self._say(f"its page: {result.page}")
        self._say(f"the record: {result.record}")

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
        if self._as_json(_with_page(result.to_record(), page)):
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

    def demo(self, result: DemoResult, verbose: bool = False) -> None:
        """Print the demo's story, and what to open next."""
        if self._as_json(self._demo_record(result)):
            return
        sizes = {severity: len(result.checked.findings.of(severity)) for severity in SHOWN}
        self._say("The checks: " + ", ".join(f"{n} {severity}{plural_s(n)}" for severity, n in sizes.items()))
        self._say("\nThe model, trained on what was known four weeks before the end:")
        self.trained(result.trained, verbose)
        self._say("\nTonight:")
        self.scored(result.night)
        self._say(
            f"rank correlation with the world's true probabilities, which no model saw: {result.true_correlation:.2f}"
        )
        if verbose:
            self._say("\nThe best lead, explained:")
            self.explained(result.told)
        self._say(
            f"\nOpen next:\n  {result.page}  what predicts conversion\n  {result.config}  the config, commented\n"
            f"  {result.night.place}  tonight's scores\n  {result.trained.folder}  the exported scorer\n"
            "  mlflow ui --backend-store-uri sqlite:///mlflow.db  the tracked run"
        )

    def _demo_record(self, result: DemoResult) -> dict[str, Any]:
        """Return the demo's story as plain JSON values, what each command gave under its name."""
        return {
            "config": str(result.config),
            "page": str(result.page),
            "check": result.checked.to_record(),
            "train": self.training_record(result.trained),
            "score": result.night.to_record(),
            "explain": _lead_record(result.told),
            "true_correlation": result.true_correlation,
        }

    def spelt(self, dialect: str, text: str) -> None:
        """Print the features' statement."""
        if not self._as_json({"dialect": dialect, "sql": text}):
            self._say(text)


def _cause_rows(result: LeadExplanation) -> list[dict[str, Any]]:
    """Return a row for each cause that moves the log odds by a hundredth or more."""
    head = {"lead_id": result.lead_id, "as_of": result.as_of, "probability": result.probability, "tier": result.tier}
    head |= {name: result.grades.get(name) for name in ("score", "grade")} | {"model": result.model}
    return [{**head, "cause": fact, "effect": effect} for fact, effect in result.causes if abs(effect) >= 0.01]


def _lead_record(result: LeadExplanation) -> dict[str, Any]:
    """Return one lead's score and its causes as plain JSON values."""
    causes = [{"fact": fact, "effect": effect} for fact, effect in result.causes]
    record = {name: getattr(result, name) for name in ("as_of", "probability", "tier", "model", "base", "change")}
    return {**record, **result.grades, **result.later, "lead_id": result.lead_id, "causes": causes}


def _with_page(record: dict[str, Any], page: Path | None) -> dict[str, Any]:
    """Say in a record where its page is, if one was written."""
    return record if page is None else {**record, "page": str(page)}
