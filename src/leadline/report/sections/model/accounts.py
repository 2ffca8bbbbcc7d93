"""The section on accounts: what working the top accounts would have found, and whether their chances were what was observed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.core import format
from leadline.evaluation.baselines import label
from leadline.report.parts import COUNTED, Cell, Collapsed, PageSection, PageTable, Part, TableColumn, cell
from leadline.report.sections.model.topk_backtest import hardest_rival, lead_over

__all__ = ["accounts_section", "accounts_sentence", "calibration_sentence"]

TITLE = "Accounts"


def accounts_section(record: Mapping[str, Any]) -> PageSection | None:
    """Say how accounts rank and whether their chances hold; nothing for a flat file, or where an older leadline trained."""
    told: Mapping[str, Any] | None = record.get("accounts")
    if told is None or record.get("known_at") is None:
        return None
    found = accounts_sentence(told)
    parts: list[Part] = [calibration_sentence(told)] if told["judged"] else []
    if told["backtest"]:
        parts += [_rankings(told["backtest"])]
    if told["judged"]:
        parts += [_ranks(told["judged"])]
    if told["calibration"]:
        parts += [_bins(told["calibration"])]
    return PageSection("accounts", TITLE, found, (*parts, Collapsed(COUNTED, (_how(told),))) if parts else ())


def accounts_sentence(told: Mapping[str, Any]) -> str:
    """Say what working the top accounts would have found, beside the hardest rival, or why that isn't known."""
    if told["reason"]:
        return f"No account is scored: {told['reason']}."
    nights: Mapping[str, Any] | None = told["backtest"]
    if not nights:
        return f"Accounts are scored, but couldn’t be judged: {told['backtest_reason']}."
    mine, gap, what = nights["rankers"][0], hardest_rival(nights), nights["terms"]["what"]
    said = (
        f"Working the top {format.decimal(nights['per_night'], 1).removesuffix('.0')} accounts at each of {format.count(nights['nights'])} scoring dates "
        f"finds {format.decimal(mine['sqls'], 0)} {what} ({format.share(mine['precision'])} of those worked)"
    )
    if gap is None:
        return f"{said}."
    other = next(w for w in nights["rankers"] if w["by"] == gap["by"])
    return f"{said}, {label(gap['by'])} {format.decimal(other['sqls'], 0)}: {lead_over(gap, label(gap['by']), 'accounts')}."


def calibration_sentence(told: Mapping[str, Any]) -> str:
    """Say what was predicted of accounts in the newest fold and what was observed, and what independence would have said."""
    seen = told["judged"]
    inside = (
        format.is_number(seen["observed_low"]) and seen["observed_low"] <= seen["predicted"] <= seen["observed_high"]
    )
    holds = "within" if inside else "outside"
    return (
        f"In the newest fold {format.share(seen['predicted'])} was predicted of {format.count(seen['accounts'], 'account')} each week and "
        f"{format.share(seen['observed'])} observed, {holds} its 95% interval {format.shares(seen['observed_low'], seen['observed_high'])}; multiplying their leads’ chances as "
        f"if these were independent would have predicted {format.share(seen['independent'])}."
    )


def _rankings(nights: Mapping[str, Any]) -> PageTable:
    """Lay out what each ranking would have found."""
    ahead = {gap["by"]: gap for gap in nights["model_minus_baseline"]}
    what, within = nights["terms"]["what"], format.duration(nights["terms"]["within"])
    columns = (
        TableColumn("accounts ranked by"), TableColumn(what, True, f"among those worked, within {within}, each once"), TableColumn("95% interval", True),
        TableColumn("model is ahead by", True), TableColumn("its 95% interval", True), TableColumn("precision", True), TableColumn("newest fold", True, what),
    )  # fmt: skip
    rows = tuple(_row(w, ahead.get(w["by"], {})) for w in nights["rankers"])
    return PageTable(
        "account-rankings",
        f"The same {format.count(nights['nights'])} scoring dates, by all rankings",
        columns,
        rows,
        0,
    )


def _row(w: Mapping[str, Any], gap: Mapping[str, Any]) -> tuple[Cell, ...]:
    return (
        cell(label(w["by"])),
        cell(format.decimal(w["sqls"], 0), w["sqls"]),
        cell(format.interval(w["sqls_low"], w["sqls_high"], 0), w["sqls_low"]),
        cell(format.decimal(gap.get("sqls"), 0, True), gap.get("sqls")),
        cell(format.interval(gap.get("sqls_low"), gap.get("sqls_high"), 0), gap.get("sqls_low")),
        cell(format.share(w["precision"]), w["precision"]),
        cell(format.decimal(w["newest_sqls"], 0), w["newest_sqls"]),
    )


def _ranks(seen: Mapping[str, Any]) -> PageTable:
    """Lay out AUC in the newest fold, by the model and each peer."""
    columns = (
        TableColumn("accounts ranked by"),
        TableColumn("AUC", True),
        TableColumn("model is ahead by", True),
        TableColumn("its 95% interval", True),
    )
    mine = (
        cell(label("model")),
        cell(
            f"{format.decimal(seen['auc'], 3)} ({format.interval(seen['auc_low'], seen['auc_high'], 3)})", seen["auc"]
        ),
    )
    rows = [(*mine, cell(format.ABSENT), cell(format.ABSENT))]
    for by, peer in seen["peers"].items():
        rows.append((
            cell(label(by)), cell(format.decimal(peer["auc"], 3), peer["auc"]), cell(format.decimal(peer["ahead"], 3, True), peer["ahead"]),
            cell(format.interval(peer["ahead_low"], peer["ahead_high"], 3), peer["ahead_low"]),
        ))  # fmt: skip
    return PageTable("account-auc", "AUC on accounts in the newest fold", columns, tuple(rows), 0)


def _bins(bins: Sequence[Mapping[str, Any]]) -> PageTable:
    """Lay out predicted and observed in bins of equal size."""
    columns = (
        TableColumn("predicted", True),
        TableColumn("observed", True),
        TableColumn("95% interval", True),
        TableColumn("account-weeks", True),
    )
    rows = tuple(
        (cell(format.share(b["mean_p"]), b["mean_p"]), cell(format.share(b["rate"]), b["rate"]), cell(format.shares(b["low"], b["high"]), b["low"]), cell(format.count(b["count"]), b["count"]))
        for b in bins
    )  # fmt: skip
    return PageTable(
        "account-calibration",
        "Predicted and observed, counted by account and scoring date",
        columns,
        rows,
        None,
        "predicted and observed, in bins",
    )


def _how(told: Mapping[str, Any]) -> str:
    return (
        "An account’s chance is that at least one of its open leads gets there within the horizon: a small regression on the best lead’s log odds, on those of all leads together "
        "and on the people engaged, none of which may lower it. Each fold’s accounts are scored by a model of older folds, on outcomes known when the fold began; the oldest "
        "fold judges nothing. An account that was worked isn’t worked again within the horizon, and counts once however many of its leads got there. Intervals are 95%, by cluster "
        "bootstrap over accounts, the same samples for all rankings. Accounts of which no lead was open then aren’t counted, nor leads without an account."
    )
