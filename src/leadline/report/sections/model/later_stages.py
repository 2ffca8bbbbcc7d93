"""The section on the downstream stages: who goes on, whether it holds end to end, and what deals bring."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from leadline.core import format
from leadline.report.parts import PageSection, PageTable, TableColumn, cell
from leadline.report.text import drawn_units

__all__ = ["later_stage_sections"]

TITLE = "Multi-stage conversion and deal value"
HOW = (
    "Each later stage is asked, with what was known at the same date, of the leads that reached the one before it, so the "
    "probabilities multiply to that of going all the way. End to end, all models were fitted again on what was known before the "
    "cohort begins, and their product is compared with what was observed. Intervals are 95%, by cluster bootstrap over {drawn}. Expected value is "
    "that product times the expected amount; amounts are in the unit of the source."
)


def later_stage_sections(record: Mapping[str, Any]) -> tuple[PageSection, ...]:
    """Return the section, or nothing where the config asks one question only."""
    told = record.get("stages")
    if not told:
        return ()
    columns = (
        TableColumn("stage"),
        TableColumn("leads that were asked", True),
        TableColumn("snapshots that went on", True),
        TableColumn("AUC", True, "newest fold"),
        TableColumn("its interval", True),
        TableColumn("ECE", True),
        TableColumn("what was fitted, and why"),
    )
    rows = tuple(_row(step) for step in told["steps"])
    table = PageTable("stages", "Each downstream stage, on its own leads", columns, rows)
    parts: list[PageTable | str] = [table, *_value(told), HOW.format(drawn=drawn_units(record))]
    return (PageSection("stages", TITLE, _finding_stages(told), tuple(parts)),)


def _finding_stages(told: Mapping[str, Any]) -> str:
    """Say how the product of the probabilities did."""
    made = told["chain"]
    if made is None:
        return f"The stages together could not be judged: {told['chain_why']}."
    return (
        f"Of {format.count(made['rows'])} snapshots of open leads, {format.share(made['predicted'], 2)} were predicted to go all the way and "
        f"{format.share(made['observed'], 2)} did ({format.share(made['observed_low'], 2)} to {format.share(made['observed_high'], 2)}); the product ranks them "
        f"with an AUC of {format.decimal(made['auc'], 3)} ({format.interval(made['auc_low'], made['auc_high'], 3)}), the first stage’s probability alone "
        f"with {format.decimal(made['first_auc'], 3)}."
    )


def _row(step: Mapping[str, Any]) -> tuple[Any, ...]:
    folds = step["evaluation"]["folds"]
    m: Mapping[str, Any] = folds[-1]["figures"]["model"] if folds else {}
    return (
        cell(f"{step['reaches']} within {step['within']} of {step['given']}"),
        cell(format.count(step["leads"]), step["leads"]),
        cell(format.count(step["snapshots"]["positive"]), step["snapshots"]["positive"]),
        cell(format.decimal(m.get("auc"), 3), m.get("auc")),
        cell(format.interval(m.get("auc_low"), m.get("auc_high"), 3), m.get("auc_low")),
        cell(format.decimal(m.get("ece"), 4), m.get("ece")),
        cell(step["why"]),
    )


def _value(told: Mapping[str, Any]) -> Iterator[str]:
    """Say what won deals bring, and how well the estimate did."""
    made = told["value"]
    if made is None:
        yield f"There is no expected value: {told['value_why']}."
        return
    how = "by their attributes" if made["method"] == "segments" else "at the overall mean for everybody"
    yield (
        f"{format.count(made['deals'])} won deals brought {format.decimal(made['mean'], 0)} on average "
        f"({format.interval(made['mean_low'], made['mean_high'], 0)}); amounts are expected {how}: {made['why']}."
    )
    judged = made.get("judged")
    if judged:
        yield (
            f"On the newest {format.count(judged['deals'])} deals, estimates by attributes miss by {format.decimal(judged['mae'], 0)} on average and the "
            f"overall mean by {format.decimal(judged['mae_mean'], 0)} (difference {format.interval(judged['gain_low'], judged['gain_high'], 0)}); observed amounts were "
            f"{format.decimal(judged['observed_over_predicted'])} times what was predicted ({format.interval(judged['observed_over_predicted_low'], judged['observed_over_predicted_high'])})."
        )
