"""The section on families of features: how much worse the backtest gets when the model does without one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.report import say
from leadline.report.parts import COUNTED, Cell, Column, Folded, Section, Table, cell

__all__ = ["families"]

WORTH = "Feature-family ablation"
HOW = (
    "Each family is left out once; the same recipe is fitted on the rest, on every fold, and both are judged on the rows that "
    "neither was fitted on. Above 0, the model is worse without the family. Intervals are 95%, by cluster bootstrap over accounts, the same "
    "accounts for both; of twenty families that are worth nothing, one is told from 0 by chance. Families overlap: "
    "one within noise may tell much that the others tell too. Leaving out two at once is another question."
)


def families(record: Mapping[str, Any]) -> Section:
    """Say what is lost without each family, the dearest first."""
    told: Sequence[Mapping[str, Any]] | None = record.get("ablation")
    if told is None:
        return Section("worth", WORTH, "This run made no ablation.")
    if not told:
        return Section("worth", WORTH, "All features are of one family: without it, nothing is left to compare with.")
    ranked = sorted(told, key=lambda worth: -worth["logloss"] if say.known(worth["logloss"]) else float("inf"))
    columns = (
        Column("family"),
        Column("features", True),
        Column("log loss lost", True, "when left out"),
        Column("95% interval", True),
        Column("AUC lost", True, "when left out"),
        Column("95% interval", True),
        Column("verdict"),
    )
    table = Table("families", "Feature-family ablation, all folds", columns, tuple(map(_row, ranked)))
    return Section("worth", WORTH, _found(ranked), (table, Folded(COUNTED, (HOW,))))


def _found(ranked: Sequence[Mapping[str, Any]]) -> str:
    missed = [worth for worth in ranked if worth["verdict"] == "missed"]
    better = [worth["family"] for worth in ranked if worth["verdict"] == "better without"]
    if missed:
        first = missed[0]
        said = (
            f"Without {say.joined([worth['family'] for worth in missed])} the backtest is worse by more than noise; "
            f"without {first['family']} most, by {say.amount(first['logloss'], 4)} of log loss."
        )
    else:
        said = f"Of {len(ranked)} families none, left out alone, is missed by more than noise: the others tell what it tells."
    return f"{said} Without {say.joined(better)} it is better, by more than noise." if better else said


def _row(worth: Mapping[str, Any]) -> tuple[Cell, ...]:
    return (
        cell(worth["family"]),
        cell(say.count(worth["features"]), worth["features"]),
        cell(say.amount(worth["logloss"], 4, True), worth["logloss"]),
        cell(say.interval(worth["logloss_low"], worth["logloss_high"], 4), worth["logloss_low"]),
        cell(say.amount(worth["auc"], 3, True), worth["auc"]),
        cell(say.interval(worth["auc_low"], worth["auc_high"], 3), worth["auc_low"]),
        cell(worth["verdict"]),
    )
