"""The section on what moves scores: the model's drivers, the strongest first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from leadline.core import format
from leadline.report.charts import svg
from leadline.report.parts import COUNTED, Cell, Chart, Collapsed, PageSection, PageTable, TableColumn, cell
from leadline.report.text import drawn_units

__all__ = [
    "ablation_section",
    "direction_words",
    "drivers_section",
    "effect_shown",
    "stability_parts",
    "support_sentences",
]


# What the data supported: the rung of the small-data ladder, what snapshots are worth, pooled levels, steady drivers.


def support_sentences(record: Mapping[str, Any]) -> tuple[str, ...]:
    """Say what was fitted and why, and for how many independent snapshots the labelled ones count."""
    rung, sample, pooled = record.get("complexity"), record.get("sample"), record.get("rare_levels")
    said = [f"What was fitted: {rung['name']}. {rung['reason']}."] if rung else []
    fitted = (record.get("choice") or {}).get("words")
    said += [f"Fitted: {fitted}."] if fitted else []
    if sample:
        alone = drawn_units(record) == "leads"
        where = "" if alone else f" in {format.count(sample['accounts'], 'account')}"
        said.append(
            f"Snapshots of one lead{'' if alone else ', and leads of one account,'} are not independent: {format.count(sample['snapshots'], 'snapshot')} of "
            f"{format.count(sample['leads'], 'lead')}{where} tell as much as "
            f"{format.count(sample['effective'])} independent ones would, {format.count(sample['effective_positives'])} of them positive (a design effect of "
            f"{format.decimal(sample['design_effect'], 1)}). Intervals on this page draw whole {'leads' if alone else 'accounts, or leads that have none'}."
        )
    if pooled:
        parts = [f"{name} ({format.share(share)} of snapshots)" for name, share in pooled.items()]
        said.append(f"Levels that fewer than 20 leads share are pooled as “other”: {format.join(parts)}.")
    return tuple(said)


def stability_parts(record: Mapping[str, Any]) -> tuple[PageTable | str, ...]:
    """Say which drivers come back in refits on bootstrap samples of accounts; nothing where a record doesn't tell."""
    told: Mapping[str, Any] | None = record.get("stability")
    if not told or not told["drivers"]:
        return ()
    words = {d["group"]: d["words"] for d in record.get("drivers", [])}
    said = (
        f"Fitted again {format.count(told['refits'], 'time')} on bootstrap samples of {drawn_units(record)}, {format.decimal(told['comes_back'] * told['top'], 1)} of the "
        f"{format.count(told['top'])} strongest drivers are among the {format.count(told['top'])} strongest again. A driver whose rank runs over "
        "a wide range is one of several that tell much the same."
    )
    columns: Sequence[TableColumn] = (
        TableColumn("what"), TableColumn("least share", True), TableColumn("most", True), TableColumn("best rank", True), TableColumn("worst", True),
    )  # fmt: skip
    rows = tuple(_support_row(d, str(words.get(d["group"], d["group"]))) for d in told["drivers"])
    folded = "The range of each driver over the refits"
    return (
        said,
        PageTable(
            "steady",
            f"Drivers over refits on bootstrap samples of {drawn_units(record)}",
            tuple(columns),
            rows,
            folded=folded,
        ),
    )


def _support_row(driver: Mapping[str, Any], words: str) -> tuple[Cell, ...]:
    return (
        cell("days since it was created" if driver["group"] == "age" else words),
        cell(format.share(driver["share_low"]), driver["share_low"]),
        cell(format.share(driver["share_high"]), driver["share_high"]),
        cell(format.count(driver["rank_low"]), driver["rank_low"]),
        cell(format.count(driver["rank_high"]), driver["rank_high"]),
    )


MOVES = "Feature importance (mean |SHAP|)"

SHOWN = 15  # bars of a chart; its table has them all

MEANS = (
    "A driver is a group of features, such as one behaviour over all windows. Having events or a stage raises or lowers the score "
    "beyond what the other drivers say of the same lead: activity as such may lower it where its kinds raise it. Where a behaviour’s own "
    "lift surely goes the other way, other behaviours that go along with it explain it, and no direction is said. A number "
    "does so as it grows; a category, as job title, has no one direction."
)

Record = Mapping[str, Any]


def drivers_section(record: Record) -> PageSection:
    """Rank what moves scores."""
    ranked: Sequence[Record] = [d for d in record.get("drivers", []) if format.is_number(d.get("weight"))]
    if not ranked or not ranked[0]["weight"] > 0:
        return PageSection("moves", MOVES, "No feature matters: all leads get the same one.")
    first, effects = ranked[:5], record.get("drivers_direction", {})
    alone = Counter(
        f["group"] for f in record.get("features", [])
    )  # of many features, one's direction isn't the group's
    lifts = {f"behaviour:{b['name']}": b for b in (record.get("behaviours") or {}).get("behaviours", ())}
    ways = [
        effect_shown(effects.get(d["group"], d["direction"] if alone[d["group"]] < 2 else None), lifts.get(d["group"]))
        for d in ranked
    ]
    together = format.share(sum(d["share"] or 0 for d in first), 0)
    some = "" if len(ranked) < 6 else f"; the first five together hold {together}"
    found = (
        f"“{_words(ranked[0])}” matters most, with {format.share(ranked[0]['share'], 0)} of all contributions{some}."
    )
    return PageSection("moves", MOVES, found, (_chart(ranked, ways), MEANS, *stability_parts(record)))


def direction_words(direction: Any) -> str:
    """Say which way a driver moves scores.

    Examples
    --------
    >>> direction_words(0.2), direction_words(-0.1), direction_words(None)
    ('raises', 'lowers', '–')
    """
    return {"up": "raises", "down": "lowers", "flat": format.ABSENT}[_kind(direction)]


def effect_shown(effect: Any, lift: Record | None) -> Any:
    """Return which way something moves scores; None where its own lift surely goes the other way: others explain it.

    Examples
    --------
    >>> lift = {"low": 1.4, "high": 3.0}
    >>> effect_shown(0.1, lift), effect_shown(-0.1, lift), effect_shown(-0.1, None)
    (0.1, None, -0.1)
    """
    if lift is None or not format.is_number(effect):
        return effect
    more = format.is_number(lift["low"]) and lift["low"] > 1
    less = format.is_number(lift["high"]) and lift["high"] < 1
    return None if (more and effect < 0) or (less and effect > 0) else effect


def _chart(ranked: Sequence[Record], ways: Sequence[Any]) -> Chart:
    drawn = [
        (_words(d), d["weight"], format.share(d["share"]), _kind(one))
        for d, one in zip(ranked[:SHOWN], ways, strict=False)
    ]
    shows = (
        f"A bar for each of the {format.count(len(drawn), 'strongest driver')}, as long as its mean effect on scores; "
        "the colour tells whether it raises a score, lowers it, or neither can be said: the table has it in words."
    )
    return Chart("bars", MOVES, shows, *svg.bar_chart(drawn), _table(ranked, ways))


def _table(ranked: Sequence[Record], ways: Sequence[Any]) -> PageTable:
    columns = (
        TableColumn("what"),
        TableColumn("share of contributions", True),
        TableColumn("mean effect on the log odds", True, "of whatever sign, over leads"),
        TableColumn("having it, or more, … the score"),
    )
    rows = tuple(
        (
            cell(_words(d)),
            cell(format.share(d["share"]), d["share"]),
            cell(format.decimal(d["weight"], 3), d["weight"]),
            cell(direction_words(one), one),
        )
        for d, one in zip(ranked, ways, strict=True)
    )
    return PageTable("drivers", f"All {format.count(len(ranked), 'driver')}, the strongest first", columns, rows)


def _words(driver: Record) -> str:
    return "days since it was created" if driver["group"] == "age" else str(driver["words"])


def _kind(direction: Any) -> str:
    return "flat" if not format.is_number(direction) or direction == 0 else "up" if direction > 0 else "down"


# The section on families of features: how much worse the backtest gets when the model does without one.


WORTH = "Feature-family ablation"

HOW = (
    "Each family is left out once; the same recipe is fitted on the rest, on every fold, and both are judged on the rows that "
    "neither was fitted on. Above 0, the model is worse without the family. Intervals are 95%, by cluster bootstrap over {drawn}, the same "
    "{drawn} for both; of twenty families that are worth nothing, one is told from 0 by chance. Families overlap: "
    "one within noise may tell much that the others tell too. Leaving out two at once is another question."
)


def ablation_section(record: Mapping[str, Any]) -> PageSection:
    """Say what is lost without each family, the dearest first."""
    told: Sequence[Mapping[str, Any]] | None = record.get("ablation")
    if told is None:
        return PageSection("worth", WORTH, "This run made no ablation.")
    if not told:
        return PageSection(
            "worth", WORTH, "All features are of one family: without it, nothing is left to compare with."
        )
    ranked = sorted(told, key=lambda worth: -worth["logloss"] if format.is_number(worth["logloss"]) else float("inf"))
    columns = (
        TableColumn("family"),
        TableColumn("features", True),
        TableColumn("log loss lost", True, "when left out"),
        TableColumn("95% interval", True),
        TableColumn("AUC lost", True, "when left out"),
        TableColumn("95% interval", True),
        TableColumn("verdict"),
    )
    table = PageTable("families", "Feature-family ablation, all folds", columns, tuple(map(_ablation_row, ranked)))
    return PageSection(
        "worth", WORTH, _ablation_finding(ranked), (table, Collapsed(COUNTED, (HOW.format(drawn=drawn_units(record)),)))
    )


def _ablation_finding(ranked: Sequence[Mapping[str, Any]]) -> str:
    missed = [worth for worth in ranked if worth["verdict"] == "missed"]
    better = [worth["family"] for worth in ranked if worth["verdict"] == "better without"]
    if missed:
        first = missed[0]
        said = (
            f"Without {format.join([worth['family'] for worth in missed])} the backtest is worse by more than noise; "
            f"without {first['family']} most, by {format.decimal(first['logloss'], 4)} of log loss."
        )
    else:
        said = f"Of {len(ranked)} families none, left out alone, is missed by more than noise: the others tell what it tells."
    return f"{said} Without {format.join(better)} it is better, by more than noise." if better else said


def _ablation_row(worth: Mapping[str, Any]) -> tuple[Cell, ...]:
    return (
        cell(worth["family"]),
        cell(format.count(worth["features"]), worth["features"]),
        cell(format.decimal(worth["logloss"], 4, True), worth["logloss"]),
        cell(format.interval(worth["logloss_low"], worth["logloss_high"], 4), worth["logloss_low"]),
        cell(format.decimal(worth["auc"], 3, True), worth["auc"]),
        cell(format.interval(worth["auc_low"], worth["auc_high"], 3), worth["auc_low"]),
        cell(worth["verdict"]),
    )
