"""The model card on use: the top-N backtest at the config's capacity, the table of thresholds, and the downstream stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.judge.rankers import label
from leadline.report import say
from leadline.report.card_worth import with_interval
from leadline.report.markdown import table, text

__all__ = ["later", "used"]

Record = Mapping[str, Any]


def used(record: Record) -> list[str]:
    """Tell what the top of the list would have brought, and what half to double the capacity would."""
    parts = [*_nights(record), *_cuts(record)]
    return ["## As it will be used", *parts] if parts else []


def _nights(record: Record) -> list[str]:
    told: Record | None = record.get("nights")
    if not told:
        reason = record.get("nights_reason")
        return [f"No top-N backtest: {text(reason).rstrip('.')}."] if reason else []
    what = say.outcomes(record.get("outcome") or {})
    rows = [
        [
            label(s["by"]), say.amount(s["worked"], 0), with_interval(s, "sqls", 1), say.share(s["precision"]),
            with_interval(s, "won", 1), say.amount(s["amount"], 0),
        ]
        for s in told["rankers"]
    ]  # fmt: skip
    heads = ["list by", "leads worked", f"{what} found (95%)", "precision", "closed-won (95%)", "amount won"]
    said = (
        f"At each of {say.count(told['nights'], 'scoring date')} all open leads were ranked by what was known then, and the best "
        f"{say.amount(told['per_night'], 1)} were worked."
    )
    ahead = [
        [label(s["by"]), with_interval(s, "sqls", 1), with_interval(s, "won", 1)]
        for s in told.get("model_minus_baseline") or []
    ]
    heads_ahead = ["the model minus", f"{what} (95%)", "closed-won (95%)"]
    return [said, table(heads, rows), table(heads_ahead, ahead) if ahead else ""]


def _cuts(record: Record) -> list[str]:
    cuts: Sequence[Record] = record.get("capacity") or []
    if not cuts:
        return []
    rows = [
        [
            say.amount(c["leads_per_week"], 1), say.share(c["probability"], 2), say.share(c["precision"]), say.share(c["recall"]),
            say.amount(c["expected"]),
        ]
        for c in cuts
    ]  # fmt: skip
    heads = ["leads a week", "threshold", "precision", "recall", f"{say.outcomes(record.get('outcome') or {})} a week"]
    return ["Half to double the capacity, in the newest fold:", table(heads, rows, ">>>>>")]


def later(record: Record) -> list[str]:
    """Tell of the downstream stages; nothing where there are none."""
    steps: Sequence[Record] = (record.get("stages") or {}).get("steps") or []
    if not steps:
        return []
    rows = []
    for step in steps:
        folds = (step.get("evaluation") or {}).get("folds") or []
        m: Record = folds[-1]["figures"]["model"] if folds else {}
        auc = with_interval(m, "auc", 3)
        counts = step.get("snapshots") or {}
        rows.append([
            f"{step['given']} to {step['reaches']}", say.count(step.get("leads")), say.count(counts.get("positive")), auc,
            say.amount(m.get("ece"), 4), str(step.get("why") or say.ABSENT),
        ])  # fmt: skip
    heads = ["stage", "leads", "positive", "AUC (95%)", "ECE", "why not more"]
    return ["## Downstream stages", table(heads, rows, "<>>>><")]
