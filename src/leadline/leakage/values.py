"""Values that follow the outcome: fields filled in once a lead is won or lost (LL209, LL214), and levels that state it (LL210, LL211)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from leadline.core.privacy import MIN_GROUP_SIZE
from leadline.leakage.evidence import FEWEST, Answer, CodedColumn, Evidence, Floats, GateContext
from leadline.leakage.vocabulary import could_be_an_answer, tells_of_the_past, written_by_sales

__all__ = [
    "PURE",
    "FillRates",
    "fill_differs",
    "fill_follows",
    "measure_fill",
    "only_among_positives",
    "states_outcome",
]

PURE = 0.98

"""Share of one outcome from which values are said to exist for it only."""

FOLLOWS, DIFFERS = 0.75, 0.60  # AUC of being filled: .75 is 80% against 30%, .60 is 60% against 40%

FROM_WON, FROM_LOST = 0.05, 0.25  # share of the outcome's leads that such values hold

RARE = 0.5  # of the leads: what nearly all have, others have by chance

COMMON = 0.60  # with a higher base rate, purity says little


@dataclass(frozen=True)
class FillRates:
    """How a column is filled: its rate among positives and negatives, and what that tells of the outcome.

    `only` is ``positive`` or ``negative`` where values exist for that outcome only, else nothing.
    """

    positive: float
    negative: float
    auc: float
    error: float
    only: str
    rows: int

    @property
    def follows(self) -> bool:
        """Whether filling it in looks like a consequence of the outcome."""
        return bool(self.only) or (self.auc >= FOLLOWS and self.auc - 3 * self.error > FOLLOWS - 0.10)

    @property
    def differs(self) -> bool:
        """Whether it is filled in more for one outcome than a form would be."""
        return self.auc >= DIFFERS and self.auc - 3 * self.error > 0.53

    def __str__(self) -> str:
        only = (
            f"; values exist for {self.only} outcomes only" if self.only else f" (AUC of being filled {self.auc:.2f})"
        )
        return f"filled for {self.positive:.1%} of the positive leads and {self.negative:.1%} of the others{only}"


def measure_fill(column: CodedColumn, seen: Evidence) -> FillRates | None:
    """Measure how a column is filled, over all time or, where that tells more, while it is in use; None for always or never."""
    whole = _measured(column, seen)
    if whole is None or whole.follows:
        return whole
    used, mine = seen.in_use(column)
    newer = _measured(mine, used) if used is not seen else None
    return replace(newer, rows=whole.rows) if newer is not None and (newer.follows or newer.differs) else whole


def _measured(column: CodedColumn, seen: Evidence) -> FillRates | None:
    filled = column.filled
    rows = int(filled.sum())
    if rows in (0, len(filled)):
        return None
    auc = seen.apart(filled.astype(np.int64))
    up, down = float(filled[seen.y == 1].mean()), float(filled[seen.y == 0].mean())
    return FillRates(up, down, auc, seen.error(auc), _only(filled, seen, up, down), rows)


def _only(filled: npt.NDArray[np.bool_], seen: Evidence, up: float, down: float) -> str:
    rows, won = int(filled.sum()), float(seen.y[filled].sum())
    expected = float(seen.expected[filled].sum())
    if rows >= FEWEST and won >= PURE * rows and expected <= COMMON * rows and up >= FROM_WON:
        return "positive"
    if expected >= FEWEST and won <= (1 - PURE) * expected and down >= FROM_LOST:
        return "negative"
    return ""


def fill_follows(gate: GateContext) -> Iterator[Answer]:
    """Refuse a column that is filled in as a consequence of the outcome, and those filled in only where such a one is."""
    fills = list(_fills(gate))
    follows = [(column, fill) for column, fill in fills if fill.follows and not _by_form(column, gate)]
    refused = {column.subject for column, _ in follows}
    for column, fill in follows:
        yield (column.subject, str(fill), "about as many for both, as a form asks", _fill_fix(gate, column), fill.rows)
    for column, fill in fills:
        rare = [c for c, f in follows if f.rows < RARE * len(c.codes) and column.subject not in refused]
        within = [
            c for c in rare if fill.rows >= MIN_GROUP_SIZE and (column.filled & c.filled).sum() >= PURE * fill.rows
        ]
        if within:
            seen = f"filled for {fill.rows} leads, nearly all of which have {within[0].attribute.column}, whose fill follows the outcome"
            yield (column.subject, seen, "values for leads of every kind", _fill_fix(gate, column), fill.rows)


def fill_differs(gate: GateContext) -> Iterator[Answer]:
    """Tell a column that is filled in clearly more often for one outcome."""
    for column, fill in _fills(gate):
        if fill.differs and not fill.follows and not _by_form(column, gate):
            yield (
                column.subject, str(fill), "about as many for both", "make sure that nobody fills it in while working the lead, or drop it", fill.rows,
            )  # fmt: skip


def _by_form(column: CodedColumn, gate: GateContext) -> bool:
    """Whether a column declared known at creation, such as the form, settles alone whether this one is filled in."""
    filled = column.filled
    for other in gate.evidence.columns:
        if other is column or not other.words or not other.filled.all() or not gate.declared(other.attribute):
            continue  # what is empty itself for some could follow the outcome as well
        rows = np.bincount(other.codes)
        share = np.bincount(other.codes, filled) / np.maximum(rows, 1)
        if rows[(share >= PURE) | (share <= 1 - PURE)].sum() >= PURE * len(filled):
            return True
    return False


def _fills(gate: GateContext) -> Iterator[tuple[CodedColumn, FillRates]]:
    if not gate.evidence.short:
        account = () if gate.evidence.account is None else (gate.evidence.account,)
        for column in (*gate.evidence.columns, *account):
            fill = measure_fill(column, gate.evidence)
            if fill is not None:
                yield column, fill


def _fill_fix(gate: GateContext, column: CodedColumn) -> str:
    history = "" if gate.config.is_flat else "give its history under tables.history, "
    return f"drop it, {history}or accept LL209 with a reason for {column.attribute.column}"


# Levels that give the outcome away: those that exist among positives only, and those that state an outcome.


HELD = 0.25  # of all positives, in levels without a negative

SURE, OPEN, MOSTLY = 0.95, 0.25, 0.6  # one way; what their time expects of those that are lost; of the filled rows

SHOWN = 3  # levels named; each is shared by at least 20 leads

SAID, APART = (
    0.05,
    4.0,
)  # share of the filled rows; standard errors between what such levels reach and what their time expects

LEAST = 0.56  # AUC below which even such levels tell little


def only_among_positives(gate: GateContext) -> Iterator[Answer]:
    """Refuse a column of which many values exist among positives only, or nearly all values settle the outcome."""
    seen = gate.evidence
    if seen.short or seen.y.mean() > COMMON:
        return
    for column in seen.columns:
        rows, won = _counts(column, seen)
        shared = (rows >= MIN_GROUP_SIZE) & ~_empty(column, len(rows))
        pure = shared & (won >= PURE * rows)
        held = float(won[pure].sum()) / seen.positives
        fill = measure_fill(column, seen)
        what = "levels" if column.words else "ranges"
        if held >= HELD and rows[pure].sum() >= FEWEST and not (fill is not None and fill.only):
            others = 1 - float(won[pure].sum() / rows[pure].sum())
            yield (
                column.subject, f"{int(pure.sum())} {what} that hold {held:.0%} of the positive leads have hardly anybody else in them: {others:.1%} others", "values that both outcomes share",
                _level_fix(gate, column, "LL210"), int(rows[pure].sum()),
            )  # fmt: skip
        elif settled := _settled_share(column, seen, shared):
            yield (
                column.subject, f"{settled:.0%} of the filled rows have {what} of which at least {SURE:.0%} end one way, some all but won and others all but lost",
                "values of which some leads end either way", _level_fix(gate, column, "LL210"), int(column.filled.sum()),
            )  # fmt: skip


def _settled_share(column: CodedColumn, seen: Evidence, shared: npt.NDArray[np.bool_]) -> float:
    """Share of the filled rows in levels that nearly all end one way, where both ways are there; else 0."""
    rows, won = _counts(column, seen)
    expected = np.bincount(column.codes, seen.expected, len(rows))
    up = float(rows[shared & (won >= SURE * rows)].sum())
    down = float(rows[shared & (won <= (1 - SURE) * rows) & (expected >= OPEN * rows)].sum())
    filled = max(int(column.filled.sum()), 1)
    return (up + down) / filled if min(up, down) >= 0.1 * filled and up + down >= MOSTLY * filled else 0.0


def states_outcome(gate: GateContext) -> Iterator[Answer]:
    """Refuse a column whose levels read as an outcome or a follow-up, and behave so."""
    seen = gate.evidence
    if seen.short:
        return
    for column in seen.columns:
        if not column.words or tells_of_the_past(column.attribute.column):
            continue
        rows, won = _counts(column, seen)
        said = np.array([bool(w) and written_by_sales(w) for w in column.words])[: len(rows)]
        said = np.pad(said, (0, len(rows) - len(said))) & (rows >= MIN_GROUP_SIZE)
        expected = np.bincount(column.codes, seen.expected, len(rows))
        spread = np.sqrt(np.maximum(np.bincount(column.codes, seen.expected * (1 - seen.expected), len(rows)), 1e-9))
        telling = said & (np.abs(won - expected) / spread > APART) & ((won >= 1.4 * expected) | (won <= 0.6 * expected))
        if telling.sum() == 1 and could_be_an_answer(column.words[int(np.argmax(telling))]):
            continue
        share = rows[telling].sum() / max(int(column.filled.sum()), 1)
        if telling.sum() and share >= SAID and seen.apart(column.codes) >= LEAST:
            order = np.argsort(-rows * telling, kind="stable")[: min(SHOWN, int(telling.sum()))]
            named = ", ".join(f"'{column.words[c][:40]}' ({won[c] / rows[c]:.0%} positive)" for c in order)
            yield (
                column.subject, f"{_levels(int(telling.sum()))} on {share:.0%} of the filled rows, read as an outcome, a follow-up or a judgement of sales: {named}",
                f"words said at creation, and near {seen.y.mean():.0%} positive", _level_fix(gate, column, "LL211", " if it was all said before the lead came in, as of an earlier campaign,"), int(rows[telling].sum()),
            )  # fmt: skip


def _counts(column: CodedColumn, seen: Evidence) -> tuple[Floats, Floats]:
    size = int(column.codes.max(initial=0)) + 1
    rows: Floats = np.bincount(column.codes, minlength=size).astype(np.float64)
    won: Floats = np.bincount(column.codes, seen.y, size).astype(np.float64)
    return rows, won


def _levels(number: int) -> str:
    return "one level," if number == 1 else f"{number} levels,"


def _empty(column: CodedColumn, size: int) -> npt.NDArray[np.bool_]:
    """Which codes say nothing."""
    empty: npt.NDArray[np.bool_] = np.bincount(column.codes, column.filled.astype(np.float64), size) == 0
    return empty


def _level_fix(gate: GateContext, column: CodedColumn, code: str, when: str = "") -> str:
    history = "" if gate.config.is_flat else "give its history under tables.history, "
    return f"drop it, {history}or{when} accept {code} with a reason for {column.attribute.column}"
