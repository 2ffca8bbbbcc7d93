"""Levels that give the outcome away: those that exist among positives only, and those that state an outcome."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from leadline.judge.apart import Floats
from leadline.judge.columns import FEWEST, Answer, Column, Evidence, Gate
from leadline.judge.fill import COMMON, PURE, fill_of
from leadline.judge.sayings import could_be_an_answer, tells_of_the_past, written_by_sales
from leadline.privacy import MIN_GROUP_SIZE

__all__ = ["only_among_positives", "states_outcome"]

HELD = 0.25  # of all positives, in levels without a negative
SURE, OPEN, MOSTLY = 0.95, 0.25, 0.6  # one way; what their time expects of those that are lost; of the filled rows
SHOWN = 3  # levels named; each is shared by at least 20 leads
SAID, APART = (
    0.05,
    4.0,
)  # share of the filled rows; standard errors between what such levels reach and what their time expects
LEAST = 0.56  # AUC below which even such levels tell little


def only_among_positives(gate: Gate) -> Iterator[Answer]:
    """Refuse a column of which many values exist among positives only, or nearly all values settle the outcome."""
    seen = gate.evidence
    if seen.short or seen.y.mean() > COMMON:
        return
    for column in seen.columns:
        rows, won = _counts(column, seen)
        shared = (rows >= MIN_GROUP_SIZE) & ~_empty(column, len(rows))
        pure = shared & (won >= PURE * rows)
        held = float(won[pure].sum()) / seen.positives
        fill = fill_of(column, seen)
        what = "levels" if column.words else "ranges"
        if held >= HELD and rows[pure].sum() >= FEWEST and not (fill is not None and fill.only):
            others = 1 - float(won[pure].sum() / rows[pure].sum())
            yield (
                column.subject, f"{int(pure.sum())} {what} that hold {held:.0%} of the positive leads have hardly anybody else in them: {others:.1%} others", "values that both outcomes share",
                _fix(gate, column, "LL210"), int(rows[pure].sum()),
            )  # fmt: skip
        elif settled := _settled(column, seen, shared):
            yield (
                column.subject, f"{settled:.0%} of the filled rows have {what} of which at least {SURE:.0%} end one way, some all but won and others all but lost",
                "values of which some leads end either way", _fix(gate, column, "LL210"), int(column.filled.sum()),
            )  # fmt: skip


def _settled(column: Column, seen: Evidence, shared: npt.NDArray[np.bool_]) -> float:
    """Share of the filled rows in levels that nearly all end one way, where both ways are there; else 0."""
    rows, won = _counts(column, seen)
    expected = np.bincount(column.codes, seen.expected, len(rows))
    up = float(rows[shared & (won >= SURE * rows)].sum())
    down = float(rows[shared & (won <= (1 - SURE) * rows) & (expected >= OPEN * rows)].sum())
    filled = max(int(column.filled.sum()), 1)
    return (up + down) / filled if min(up, down) >= 0.1 * filled and up + down >= MOSTLY * filled else 0.0


def states_outcome(gate: Gate) -> Iterator[Answer]:
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
                f"words said at creation, and near {seen.y.mean():.0%} positive", _fix(gate, column, "LL211", " if it was all said before the lead came in, as of an earlier campaign,"), int(rows[telling].sum()),
            )  # fmt: skip


def _counts(column: Column, seen: Evidence) -> tuple[Floats, Floats]:
    size = int(column.codes.max(initial=0)) + 1
    rows: Floats = np.bincount(column.codes, minlength=size).astype(np.float64)
    won: Floats = np.bincount(column.codes, seen.y, size).astype(np.float64)
    return rows, won


def _levels(number: int) -> str:
    return "one level," if number == 1 else f"{number} levels,"


def _empty(column: Column, size: int) -> npt.NDArray[np.bool_]:
    """Which codes say nothing."""
    empty: npt.NDArray[np.bool_] = np.bincount(column.codes, column.filled.astype(np.float64), size) == 0
    return empty


def _fix(gate: Gate, column: Column, code: str, when: str = "") -> str:
    history = "" if gate.config.is_flat else "give its history under tables.history, "
    return f"drop it, {history}or{when} accept {code} with a reason for {column.attribute.column}"
