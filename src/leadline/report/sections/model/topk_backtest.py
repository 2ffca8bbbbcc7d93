"""The section on use: what working the top of the list would have brought, by the model and by each of its peers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.core import format
from leadline.evaluation.baselines import label
from leadline.report.parts import COUNTED, Cell, Collapsed, PageSection, PageTable, Part, TableColumn, cell
from leadline.report.text import drawn_units

__all__ = ["backtest_sentence", "hardest_rival", "lead_over", "topk_section"]

WON = 7  # the first column of what is of closed-won deals
TITLE = "Top-N backtest"


def topk_section(record: Mapping[str, Any]) -> PageSection:
    """Say how many leads got there, and what closed, had sales worked the top of the list at each past night."""
    told: Mapping[str, Any] | None = record.get("nights")
    if not told or not told.get("rankers"):
        why = record["nights_reason"]
        return PageSection("nights", TITLE, f"No top-N backtest: {why}.", tuple(_optimism(record)))
    sayers: Sequence[Mapping[str, Any]] = told["rankers"]
    ahead = {gap["by"]: gap for gap in told.get("model_minus_baseline") or []}
    what, terms = told["terms"]["what"], told["terms"]
    found = backtest_sentence(told)
    columns = (
        TableColumn("who ranks"),
        TableColumn(what, True, f"among those worked, within {format.duration(terms['within'])}"),
        TableColumn("95% interval", True),
        TableColumn("model is ahead by", True, what),
        TableColumn("its 95% interval", True),
        TableColumn("precision", True, f"share of those worked that become {what}"),
        TableColumn(f"newest fold: {what}", True),
        TableColumn("closed-won", True, f"within {format.duration(terms['won_within'])}"),
        TableColumn("95% interval", True),
        TableColumn("amount", True, "of closed-won deals"),
        TableColumn("model is ahead by", True, "closed-won"),
        TableColumn("its 95% interval", True),
    )
    rows = tuple(_row(w, ahead.get(w["by"], {})) for w in sayers)
    same = f"The same {format.count(told['nights'])} scoring dates, by all rankings"
    reached = PageTable("everybody", f"{same}: {what}", columns[:WON], tuple(row[:WON] for row in rows), 0)
    won = PageTable("everybody-won", f"{same}: closed-won", *_won(columns, rows), 0)
    parts: tuple[Part, ...] = (
        *_closed(ahead, what),
        reached,
        won,
        *_optimism(record),
        Collapsed(COUNTED, (_how(told, drawn_units(record)),)),
    )
    return PageSection("nights", TITLE, found, parts)


def backtest_sentence(told: Mapping[str, Any]) -> str:
    """Say what the model found, beside its hardest rival and current scoring rules, and whether its lead is proven (law 10)."""
    sayers = {w["by"]: w for w in told["rankers"]}
    what, mine, gap = told["terms"]["what"], told["rankers"][0], hardest_rival(told)
    said = (
        f"Working the top {format.decimal(told['per_night'], 1).removesuffix('.0')} leads at each of {format.count(told['nights'])} scoring dates, "
        f"the model finds {format.decimal(mine['sqls'], 0)} {what} ({format.share(mine['precision'])} of those worked, 95% interval "
        f"{format.interval(mine['sqls_low'], mine['sqls_high'], 0)})"
    )
    if gap is None:
        return f"{said}."
    named = [gap["by"], *(["points"] if "points" in sayers and gap["by"] != "points" else [])]
    others = format.join([f"{label(by)} {format.decimal(sayers[by]['sqls'], 0)}" for by in named])
    return f"{said}, {others}: {lead_over(gap, label(gap['by']), what)}."


def hardest_rival(told: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the difference to the baseline over which the model's lead is smallest; None without any."""
    gaps = [gap for gap in told.get("model_minus_baseline") or [] if format.is_number(gap["sqls"])]
    return min(
        gaps, key=lambda gap: (gap["sqls"], gap["sqls_low"] if format.is_number(gap["sqls_low"]) else 0.0), default=None
    )


def lead_over(gap: Mapping[str, Any], whom: str, what: str) -> str:
    """Say by how much the model is ahead, and whether that is proven.

    Examples
    --------
    >>> lead_over({"sqls": 6.0, "sqls_low": -6.0, "sqls_high": 11.0}, "current scoring rules", "SQLs")
    'its lead over current scoring rules, +6 SQLs (95% interval −6 to +11), isn’t proven'
    >>> lead_over({"sqls": 9.0, "sqls_low": 2.0, "sqls_high": 15.0}, "newest first", "SQLs")
    'it is ahead of newest first by +9 SQLs (95% interval +2 to +15), more than chance explains'
    """
    low, high = gap["sqls_low"], gap["sqls_high"]
    size = f"{format.decimal(gap['sqls'], 0, True)} {what} (95% interval {format.decimal(low, 0, True)} to {format.decimal(high, 0, True)})"
    if format.is_number(low) and low > 0:
        return f"it is ahead of {whom} by {size}, more than chance explains"
    if format.is_number(high) and high < 0:
        return f"it is behind {whom} by {size}, more than chance explains"
    return f"its lead over {whom}, {size}, isn’t proven" if gap["sqls"] > 0 else f"it isn’t ahead of {whom}: {size}"


def _won(
    columns: tuple[TableColumn, ...], rows: tuple[tuple[Cell, ...], ...]
) -> tuple[tuple[TableColumn, ...], tuple[tuple[Cell, ...], ...]]:
    """Return what is of closed-won deals, each row with its heading."""
    return (columns[0], *columns[WON:]), tuple((row[0], *row[WON:]) for row in rows)


def _row(w: Mapping[str, Any], gap: Mapping[str, Any]) -> tuple[Cell, ...]:
    return (
        cell(label(w["by"])),
        cell(format.decimal(w["sqls"], 0), w["sqls"]),
        cell(format.interval(w["sqls_low"], w["sqls_high"], 0), w["sqls_low"]),
        cell(format.decimal(gap.get("sqls"), 0, True), gap.get("sqls")),
        cell(format.interval(gap.get("sqls_low"), gap.get("sqls_high"), 0), gap.get("sqls_low")),
        cell(format.share(w["precision"]), w["precision"]),
        cell(format.decimal(w["newest_sqls"], 0), w["newest_sqls"]),
        cell(format.decimal(w["won"], 0), w["won"]),
        cell(format.interval(w["won_low"], w["won_high"], 0), w["won_low"]),
        cell(format.decimal(w["amount"], 0), w["amount"]),
        cell(format.decimal(gap.get("won"), 0, True), gap.get("won")),
        cell(format.interval(gap.get("won_low"), gap.get("won_high"), 0), gap.get("won_low")),
    )


def _closed(ahead: Mapping[str, Mapping[str, Any]], what: str) -> list[str]:
    """Warn where the model finds as many as a peer, or more, of which fewer close."""
    worse = [
        label(by)
        for by, gap in ahead.items()
        if format.is_number(gap["won_high"]) and gap["won_high"] < 0 and gap["sqls"] >= 0
    ]
    if not worse:
        return []
    return [
        f"Look at closed-won first: the model finds as many {what} as {format.join(worse)}, or more, but fewer of them close, by more than noise (LL309)."
    ]


def _how(told: Mapping[str, Any], drawn: str) -> str:
    terms, thinned = told["terms"], ""
    if told.get("thinned"):
        thinned = (
            " Negatives were thinned (snapshots.max): a row stands for several leads and takes their room. As a worked lead’s later rows "
            "are mostly not among those kept, some leads are worked again, so that counts are rather too low, for everybody; and as a "
            "win can’t be counted once a lead, closed-won isn’t told."
        )
    return (
        "Each date was scored by a model that was fitted on what was known when its fold began; the older folds also chose the "
        f"model’s settings, the newest ({format.count(told['newest_nights'], 'date')}) did not. A lead that was worked isn’t worked again within "
        f"{format.duration(terms['within'])}, as its outcome is still open; it counts once, for the date that picked it. Leads tied at "
        "the threshold share what room is left, as a random order would give on average. Closed-won and amounts are of the "
        f"{format.count(told['won_nights'], 'date')} that are {format.duration(terms['won_within'])} old or older. It counts what became of leads as they were "
        "worked then; whether sales would have made more of these leads, no past can tell. Intervals are 95%, by cluster "
        f"bootstrap over {drawn}, the same samples for all rankings.{thinned}"
    )


def _optimism(record: Mapping[str, Any]) -> list[str]:
    told: Mapping[str, Mapping[str, Any]] | None = record.get("optimism")
    if not told:
        return []
    drawn, forward = told["drawn"], told["forward"]
    return [
        f"Optimism: had leads been split at random, the same recipe would have shown AUC {format.decimal(drawn['auc'])} and lift "
        f"{format.decimal(drawn['lift_10'], 1)}; forward in time, as in use, it is {format.decimal(forward['auc'])} and "
        f"{format.decimal(forward['lift_10'], 1)} (95% intervals of the AUC {format.interval(drawn['auc_low'], drawn['auc_high'])} and "
        f"{format.interval(forward['auc_low'], forward['auc_high'])}; a lighter form of the recipe, both times)."
    ]
