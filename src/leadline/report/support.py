"""What the data supported: the rung of the small-data ladder, what snapshots are worth, pooled levels, steady drivers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.report import say
from leadline.report.parts import Cell, Column, Table, cell

__all__ = ["steady", "supported"]


def supported(record: Mapping[str, Any]) -> tuple[str, ...]:
    """Say what was fitted and why, and for how many independent snapshots the labelled ones count."""
    rung, sample, pooled = record.get("complexity"), record.get("sample"), record.get("rare_levels")
    said = [f"What was fitted: {rung['name']}. {rung['reason']}."] if rung else []
    fitted = (record.get("choice") or {}).get("words")
    said += [f"Fitted: {fitted}."] if fitted else []
    if sample:
        where = f" in {say.count(sample['accounts'], 'account')}" if sample["accounts"] != sample["leads"] else ""
        said.append(
            f"Snapshots of one lead, and leads of one account, are not independent: {say.count(sample['snapshots'], 'snapshot')} of "
            f"{say.count(sample['leads'], 'lead')}{where} tell as much as "
            f"{say.count(sample['effective'])} independent ones would, {say.count(sample['effective_positives'])} of them positive (a design effect of "
            f"{say.amount(sample['design_effect'], 1)}). Intervals on this page draw whole accounts, or leads that have none."
        )
    if pooled:
        parts = [f"{name} ({say.share(share)} of snapshots)" for name, share in pooled.items()]
        said.append(f"Levels that fewer than 20 leads share are pooled as “other”: {say.joined(parts)}.")
    return tuple(said)


def steady(record: Mapping[str, Any]) -> tuple[Table | str, ...]:
    """Say which drivers come back in refits on bootstrap samples of accounts; nothing where a record doesn't tell."""
    told: Mapping[str, Any] | None = record.get("stability")
    if not told or not told["drivers"]:
        return ()
    words = {d["group"]: d["words"] for d in record.get("drivers", [])}
    said = (
        f"Fitted again {say.count(told['refits'], 'time')} on bootstrap samples of accounts, {say.amount(told['comes_back'] * told['top'], 1)} of the "
        f"{say.count(told['top'])} strongest drivers are among the {say.count(told['top'])} strongest again. A driver whose rank runs over "
        "a wide range is one of several that tell much the same."
    )
    columns: Sequence[Column] = (
        Column("what"), Column("least share", True), Column("most", True), Column("best rank", True), Column("worst", True),
    )  # fmt: skip
    rows = tuple(_row(d, str(words.get(d["group"], d["group"]))) for d in told["drivers"])
    folded = "The range of each driver over the refits"
    return (
        said,
        Table("steady", "Drivers over refits on bootstrap samples of accounts", tuple(columns), rows, folded=folded),
    )


def _row(driver: Mapping[str, Any], words: str) -> tuple[Cell, ...]:
    return (
        cell("days since it was created" if driver["group"] == "age" else words),
        cell(say.share(driver["share_low"]), driver["share_low"]),
        cell(say.share(driver["share_high"]), driver["share_high"]),
        cell(say.count(driver["rank_low"]), driver["rank_low"]),
        cell(say.count(driver["rank_high"]), driver["rank_high"]),
    )
