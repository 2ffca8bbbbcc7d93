"""How much speaks for a column's being written after the outcome: one score of all the evidence, with its reasons (LL218, LL219)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from leadline.core.checks import Finding, Severity
from leadline.leakage import column_names, separation
from leadline.leakage.evidence import Answer, CodedColumn, GateContext
from leadline.leakage.values import measure_fill

__all__ = ["Suspicion", "after_the_fact", "measure_suspicion", "most_suspect"]

SHOWN = 3

ASK, PART = 0.65, 0.20
"""In a flat file a column is asked about from this score on, where two kinds of evidence have a part in it."""


@dataclass(frozen=True)
class Suspicion:
    """A column's evidence: from 0, for nothing, to 1.

    Attributes
    ----------
    subject : str
        Where it points.
    parts : tuple of (float, str)
        What each kind of evidence says, from 0 to 1, and in words.

    Examples
    --------
    >>> seen = Suspicion("leads.budget", ((0.5, "AUC 0.72 alone"), (0.2, "filled unlike"), (0.0, "nothing")))
    >>> round(seen.score, 2), str(seen)
    (0.6, 'leads.budget 0.60 (AUC 0.72 alone, filled unlike)')
    """

    subject: str
    parts: tuple[tuple[float, str], ...]

    @property
    def score(self) -> float:
        """All parts together, as if each were independent evidence."""
        return 1 - float(np.prod([1 - part for part, _ in self.parts]))

    def __str__(self) -> str:
        told = [words for part, words in sorted(self.parts, key=lambda p: -p[0]) if part > 0.05] or [self.parts[0][1]]
        return f"{self.subject} {self.score:.2f} ({', '.join(told)})"


def measure_suspicion(column: CodedColumn, gate: GateContext) -> Suspicion:
    """Put together how well a column separates, whether its fill follows the outcome, and what its name says."""
    seen, name = gate.evidence, column.attribute.column
    alone = seen.alone[seen.columns.index(column)]
    strength = float(np.clip((alone - 0.55) / 0.40, 0, 1)) if np.isfinite(alone) else 0.0
    fill = measure_fill(column, seen)
    follows = float(np.clip((fill.auc - 0.52) / 0.30, 0, 1)) if fill is not None and np.isfinite(fill.auc) else 0.0
    named = next((weight for says, weight in NAMES if says(name)), 0.0)
    filled = (
        f"filled for {fill.positive:.0%} of the positive leads and {fill.negative:.0%} of the others" if fill else ""
    )
    parts = (
        (strength, f"AUC {alone:.2f} alone"),
        (follows, filled),
        (named, "named as what is written while a lead is worked"),
    )
    return Suspicion(column.subject, parts)


NAMES = (
    (column_names.is_mutable, 0.8), (column_names.is_elapsed, 0.7), (column_names.is_counted, 0.5), (column_names.is_rescored, 0.5),
)  # fmt: skip
"""What a name says, and how much that weighs."""


def after_the_fact(gate: GateContext) -> Iterator[Finding]:
    """Ask about numbers named as what is measured over a lead's life, and in a flat file where several kinds of evidence add up."""
    named = set()
    for a in gate.judged:
        if (
            a.kind == "number"
            and column_names.is_elapsed(a.column)
            and not column_names.is_mutable(a.column)
            and not gate.declared(a)
        ):
            named.add(f"{a.table}.{a.column}")
            yield Finding(
                "LL218", Severity.ERROR if gate.config.is_flat else Severity.WARNING, f"{a.table}.{a.column}",
                "has the name of what is measured over a lead's life, up to its end: elapsed time, changes of stage, or shares of time", "what was known when the lead was created",
                _fix(a.table, a.column), 0,
            )  # fmt: skip
    if not gate.config.is_flat or gate.evidence.short:
        return
    seen = gate.evidence
    for column in seen.columns:
        said = measure_suspicion(column, gate)
        if seen.alone[seen.columns.index(column)] > separation.ASK:
            continue  # LL208 asks
        several = sum(part >= PART for part, _ in said.parts) > 1
        if several and said.score >= ASK and said.subject not in named and not gate.declared(column.attribute):
            yield Finding(
                "LL218", Severity.ERROR, said.subject, f"much speaks for its being written after the outcome: {str(said).removeprefix(said.subject).strip()}",
                f"less than {ASK:.2f} where two kinds of evidence add up", _fix(column.attribute.table, column.attribute.column), int(column.filled.sum()),
            )  # fmt: skip


def _fix(table: str, column: str) -> str:
    return f"if it was known when the lead was created, name it in tables.{table}.known_at_creation: [{column}]; else name it in exclude"


def most_suspect(gate: GateContext) -> Iterator[Answer]:
    """Tell the columns of which most speaks for their being written after the outcome, declared ones apart."""
    asked = [measure_suspicion(c, gate) for c in gate.evidence.columns if not gate.declared(c.attribute)]
    top = sorted(asked, key=lambda s: (-s.score, s.subject))[:SHOWN]
    if top:
        yield (
            "attributes", f"evidence of being written after the outcome, from 0 to 1: {'; '.join(map(str, top))}", "columns that were filled in when the lead came in",
            "look at these first: when is each written, and by whom?", 0,
        )  # fmt: skip
