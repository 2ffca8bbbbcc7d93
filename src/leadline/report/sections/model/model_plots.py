"""The data scientist's pictures, folded away: a beeswarm, how effects depend on values, which features work together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.core import format
from leadline.report.charts import plots, svg
from leadline.report.parts import Cell, Chart, Collapsed, PageTable, Panel, Panels, Shape, TableColumn, cell

__all__ = ["model_plot_parts"]

WORDS = "For the data scientist: beeswarm, dependence and interactions of the model’s features"


def model_plot_parts(record: Mapping[str, Any]) -> tuple[Collapsed, ...]:
    """Draw them; nothing where a record doesn't tell, or nothing moves scores."""
    told: Mapping[str, Any] | None = record.get("pictures")
    if not told or not told["swarms"]:
        return ()
    parts: list[Chart | Panels | str] = [_swarm(told)]
    if told["dependences"]:
        parts.append(_dependence(told))
    if told["pairs"]:
        parts.append(_pairs(told))
    names = "Effects are exact contributions to the log odds (SHAP values); features have the names of the catalogue, and of explain."
    return (Collapsed(WORDS, (names, *parts)),)


def _swarm(told: Mapping[str, Any]) -> Chart:
    swarms: Sequence[Mapping[str, Any]] = told["swarms"]
    shows = (
        f"A dot for each of {format.count(told['drawn'], 'snapshot')}, spread over the newest: to the right where the feature raises the score, "
        "to the left where it lowers it; the hue tells how high the value is among them, from low to high, and grey is a category or no value."
    )
    columns = (
        TableColumn("feature"),
        TableColumn("mean effect", True, "of whatever sign"),
        TableColumn("effect of low values", True, "mean over the lowest third"),
        TableColumn("effect of high values", True, "mean over the highest third"),
    )
    table = PageTable("swarm-table", "Effects of the strongest features", columns, tuple(_swarm_row(s) for s in swarms))
    rows = [(str(s["feature"]), [(point[0], point[1]) for point in s["points"]]) for s in swarms]
    return Chart("swarm", "Beeswarm", shows, *plots.beeswarm_chart(rows, "effect on the log odds"), table)


def _swarm_row(swarm: Mapping[str, Any]) -> tuple[Cell, ...]:
    low = [effect for effect, rank in swarm["points"] if rank is not None and rank <= 1 / 3]
    high = [effect for effect, rank in swarm["points"] if rank is not None and rank >= 2 / 3]
    return (
        cell(str(swarm["feature"])),
        cell(format.decimal(swarm["strength"], 3), swarm["strength"]),
        *(_mean(side) for side in (low, high)),
    )


def _mean(effects: Sequence[float]) -> Cell:
    value = sum(effects) / len(effects) if effects else None
    return cell(format.decimal(value, 3, sign=True), value)


def _dependence(told: Mapping[str, Any]) -> Panels:
    curves: Sequence[Mapping[str, Any]] = told["dependences"]
    columns = (
        TableColumn("feature"),
        TableColumn("value"),
        TableColumn("snapshots", True),
        TableColumn("mean effect", True),
        TableColumn("middle half", True),
    )
    rows = tuple(
        (
            cell(str(c["feature"])), cell(_value(c["kind"], b)), cell(format.count(b["rows"]), b["rows"]),
            cell(format.decimal(b["mean"], 3, sign=True), b["mean"]), cell(format.interval(b["early"], b["late"], 3), b["early"]),
        )
        for c in curves
        for b in c["bins"]
    )  # fmt: skip
    table = PageTable(
        "dependence-table", f"Effects by value over {format.count(told['rows'], 'snapshot')}", columns, rows
    )
    shows = (
        "For the strongest number of each of the first drivers: the mean effect on the log odds by value, in bins of about as many snapshots, "
        "with a line for the middle half of them."
    )
    panels = tuple(Panel(f"{c['feature']}: {c['words']}", *_curve(c)) for c in curves)
    return Panels("dependence", "How effects depend on values", shows, panels, table)


def _value(kind: str, b: Mapping[str, Any]) -> str:
    """Say which values a bin holds."""
    if b["is_missing"]:
        return "never" if kind == "days" else "none"
    low, high = b["low"], b["high"]
    if not format.is_number(low):
        return f"up to {_short(high)}"
    return f"over {_short(low)}" if not format.is_number(high) else f"{_short(low)} to {_short(high)}"


def _short(value: float) -> str:
    return f"{value:,.3g}".replace("-", "−") if abs(value) < 1000 else format.decimal(value, 0)


def _curve(told: Mapping[str, Any]) -> tuple[int, int, tuple[Shape, ...]]:
    """Draw a dot for each bin's mean and a line for its middle half; bins stand in their order, alike far apart."""
    bins: Sequence[Mapping[str, Any]] = told["bins"]
    ends = [b[key] for b in bins for key in ("early", "late", "mean")]
    low, high = min([0.0, *ends]), max([0.0, *ends])
    frame = svg.Frame(
        len(bins) - 0.5, high, "", "effect", lambda _: "", 260, (-0.5, low), lambda v: f"{v:+g}".replace("-", "−") if v else "0"
    )  # fmt: skip
    shapes = [
        Shape(
            "line",
            {"x1": frame.x(-0.5), "x2": frame.x(len(bins) - 0.5), "y1": frame.y(0), "y2": frame.y(0), "class": "one"},
        )
    ]
    for n, b in enumerate(bins):
        x = frame.x(n)
        shapes.append(
            Shape(
                "line", {"x1": x, "x2": x, "y1": frame.y(b["early"]), "y2": frame.y(b["late"]), "class": "range part-1"}
            )
        )
        shapes.append(Shape("circle", {"cx": x, "cy": frame.y(b["mean"]), "r": 4, "class": "part-1"}))
        y = frame.height - 26 + 12 * (n % 2)  # in two lines, or neighbours would run into each other
        shapes.append(Shape("text", {"x": x, "y": y, "class": "tick"}, _tick(b)))
    return frame.drawn(*shapes)


def _tick(b: Mapping[str, Any]) -> str:
    """Say where a bin ends."""
    if b["is_missing"]:
        return "none"
    return f">{_short(b['low'])}" if not format.is_number(b["high"]) else f"≤{_short(b['high'])}"


def _pairs(told: Mapping[str, Any]) -> Chart:
    pairs: Sequence[Mapping[str, Any]] = told["pairs"]
    columns = (
        TableColumn("feature"),
        TableColumn("and"),
        TableColumn("mean effect together", True, "of whatever sign, beyond what each does alone"),
    )
    rows = tuple(
        (cell(str(p["one"])), cell(str(p["other"])), cell(format.decimal(p["strength"], 4), p["strength"]))
        for p in pairs
    )
    table = PageTable("pairs-table", "The pairs that work together most", columns, rows)
    drawn = [(f"{p['one']} × {p['other']}", p["strength"], format.decimal(p["strength"], 3), "flat") for p in pairs]
    shows = f"A bar for each pair's mean absolute interaction (SHAP interaction values of the trees) over {format.count(told['meeting'], 'snapshot')}."
    return Chart("pairs", "Which features work together", shows, *svg.bar_chart(drawn), table)
