"""What the gate says of a single attribute that tells the outcomes apart too well (LL207, LL208, LL215)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from leadline.leakage import column_names, values
from leadline.leakage.evidence import Answer, CodedColumn, GateContext

__all__ = ["ASK", "REFUSE", "Separation", "measure_separation", "strong_undeclared", "too_strong", "unlike_others"]

ASK = 0.70
"""In a flat file a column above this must be declared: honest and leaked columns both lie there."""

REFUSE = 0.80  # dated tables: whole honest models before contact run from .63 to .85, a single attribute well below
TELL = 0.68  # dated tables: above this, and far above all other attributes together
APART = 0.08  # how far above
WHOLE = 0.88  # above this, it is no comfort that others reach as much: leaks come in company


@dataclass(frozen=True)
class Separation:
    """A column's separation beside what chance gives, its standard error, and what the other columns give together."""

    auc: float
    chance: float
    error: float
    others: float

    def above(self, bound: float) -> bool:
        """Whether it lies above a bound by more than noise and chance explain."""
        return self.auc > bound and self.auc - 2 * self.error > max(self.chance, bound - 0.08)

    def __str__(self) -> str:
        others = (
            f"all other attributes together give {self.others:.2f}"
            if np.isfinite(self.others)
            else "no other attribute is there"
        )
        return f"alone it tells the outcomes apart with AUC {self.auc:.2f} among leads of the same time ({others}; shuffled outcomes at most {self.chance:.2f})"


def measure_separation(
    column: CodedColumn, gate: GateContext, bound: float, plain_below: float, refused: frozenset[str] = frozenset()
) -> Separation | None:
    """Measure a column that lies above the bound; None for one that doesn't.

    It stands beside the others that don't lie above theirs and aren't refused: leaks would vouch for each other.
    """
    seen = gate.evidence
    place = seen.columns.index(column)
    auc = seen.alone[place]
    if not auc > bound:
        return None
    plain = [
        c.codes
        for n, c in enumerate(seen.columns)
        if n != place and not seen.alone[n] > plain_below and c.subject not in refused
    ]
    used, mine = seen.in_use(column)
    return Separation(auc, used.by_chance(mine.codes), used.error(auc), seen.together(plain))


def strong_undeclared(gate: GateContext) -> Iterator[Answer]:
    """Ask about a flat file's strong columns: refuse those above the bound that aren't declared known at creation."""
    if not gate.config.is_flat or gate.evidence.short:
        return
    for column in gate.evidence.columns:
        if gate.declared(column.attribute):
            continue
        said = measure_separation(column, gate, ASK, ASK)
        if said is not None and said.above(ASK):
            yield (
                column.subject, str(said), f"at most {ASK:.2f}, as the file doesn't say when it was written",
                f"if it was known when the lead was created, name it in tables.leads.known_at_creation: [{column.attribute.column}]; else name it in exclude",
                int(column.filled.sum()),
            )  # fmt: skip


def too_strong(gate: GateContext) -> Iterator[Answer]:
    """Refuse a dated table's attribute that alone separates as whole honest models don't."""
    for column, said in _strong(gate):
        if _refused(said):
            yield (
                column.subject, str(said), f"at most {REFUSE:.2f} for a single field fixed at creation", _dated_fix(column),
                int(column.filled.sum()),
            )  # fmt: skip


def unlike_others(gate: GateContext) -> Iterator[Answer]:
    """Tell a dated table's attribute that alone separates far better than all others together."""
    for column, said in _strong(gate):
        if not _refused(said) and said.above(TELL) and not said.others > said.auc - APART:
            yield (
                column.subject, str(said), "about as much as the others give", _dated_fix(column), int(column.filled.sum()),
            )  # fmt: skip


def _refused(said: Separation) -> bool:
    return said.above(REFUSE) and (said.auc > WHOLE or not said.others > said.auc - 0.05)


def _strong(gate: GateContext) -> Iterator[tuple[CodedColumn, Separation]]:
    seen = gate.evidence
    if gate.config.is_flat or seen.short or not any(auc > TELL for auc in seen.alone):
        return
    looks = (column_names.mutable_attribute, values.fill_follows, values.only_among_positives, values.states_outcome)
    refused = frozenset(answer[0] for look in looks for answer in look(gate))
    for column in seen.columns:
        if not gate.declared(column.attribute):
            said = measure_separation(column, gate, TELL, REFUSE, refused)
            if said is not None:
                yield column, said


def _dated_fix(column: CodedColumn) -> str:
    table = column.attribute.table
    return (
        f"drop it, give its history under tables.history, or name it in tables.{table}.known_at_creation "
        "if it was fixed when the lead was created and made without any outcome"
    )
