"""More pictures as SVG shapes: shares with intervals, funnels, parts of a whole, lines by month, swarms and scatters.

Each returns width, height and shapes, for a `Chart` or a `Panel`. Nothing is told by colour alone: parts keep the legend's
order, lines have marks of their own, and the table beside a picture has every figure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from leadline.core.format import share
from leadline.report.charts.svg import (
    LEFT,
    ROW,
    SHORTEST_AXIS,
    WIDTH,
    Frame,
    axis_ticks,
    curve_shape,
    room_beside,
    round_place,
    shorten,
)
from leadline.report.parts import Shape

__all__ = [
    "HUES",
    "PARTS",
    "beeswarm_chart",
    "funnel_chart",
    "line_chart",
    "scatter_chart",
    "share_chart",
    "spark_line",
    "stacked_bars",
]

Picture: TypeAlias = tuple[int, int, tuple[Shape, ...]]
Line: TypeAlias = tuple[str, Sequence[float | None], int | None]

PARTS = 6
"""How many categories have a colour and a mark of their own; pool the rest."""

HUES = 5
"""How many steps a hue from low to high has."""

LEGEND = 20  # height of a legend's line
CELL, SPREAD = 3, 15.0  # of a swarm: how near points share a place, and how far they may be moved
MARKS = ("M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z", "M-4-4h8v8h-8z", "M0-5L5 4H-5z", "M0-5.5L5.5 0L0 5.5L-5.5 0z", "M-5-4H5L0 5z",
         "M-1.5-5h3v3.5H5v3H1.5V5h-3V1.5H-5v-3h3.5z")  # fmt: skip


def share_chart(
    rows: Sequence[tuple[str, float, float, float, str]],
    marks: Sequence[tuple[float, str]] = (),
    end: float | None = None,
) -> Picture:
    """Draw (label, share, low, high, share in words) as dots with intervals on a linear scale from 0, and named marks on it.

    Examples
    --------
    >>> _, height, shapes = share_chart([("web", 0.1, 0.05, 0.2, "10%")], [(0.15, "median")], end=0.2)
    >>> height, [s.at["cx"] for s in shapes if s.kind == "circle"], [s.words for s in shapes if s.words == "median"]
    (76, [240.0], ['median'])
    """
    top = end or max([0.01, *(high for _, _, _, high, _ in rows), *(value for value, _ in marks)])
    head = LEGEND if marks else 0
    height = head + max(len(rows), 1) * ROW

    def x(value: float) -> float:
        return round_place(8 + min(max(value, 0.0), top) / top * (WIDTH - 16))

    shapes: list[Shape] = []
    for value, words in marks:
        line: dict[str, str | float] = {"x1": x(value), "x2": x(value), "y1": head - 2, "y2": height, "class": "even"}
        shapes += [Shape("line", line), Shape("text", {"x": x(value), "y": 12, "class": "tick"}, words)]
    for n, (label, value, low, high, said) in enumerate(rows):
        y = head + n * ROW
        shapes.append(Shape("text", {"x": 0, "y": y + 14, "class": "label over"}, shorten(label, room_beside(said))))
        shapes.append(Shape("text", {"x": WIDTH, "y": y + 14, "class": "value over"}, said))
        shapes.append(Shape("line", {"x1": x(low), "x2": x(high), "y1": y + 25, "y2": y + 25, "class": "range part-1"}))
        shapes.append(Shape("circle", {"cx": x(value), "cy": y + 25, "r": 5, "class": "part-1"}))
    shapes += [
        Shape("text", {"x": x(value), "y": height + 16, "class": "tick"}, f"{100 * value:g}%")
        for value in axis_ticks(top)
    ]
    return WIDTH, height + 20, tuple(shapes)


def funnel_chart(rows: Sequence[tuple[str, float, str]]) -> Picture:
    """Draw (stage, count, count in words) as centred bars, each as wide as its count.

    Examples
    --------
    >>> _, _, shapes = funnel_chart([("lead", 200, "200"), ("mql", 50, "50 (25%)")])
    >>> [(s.at["x"], s.at["width"]) for s in shapes if s.kind == "rect"]
    [(0.0, 480.0), (180.0, 120.0)]
    """
    top = max((value for _, value, _ in rows), default=0.0) or 1.0
    shapes: list[Shape] = []
    for n, (label, value, said) in enumerate(rows):
        y, width = n * ROW, max(value / top * WIDTH, 1.0)
        shapes.append(Shape("text", {"x": 0, "y": y + 14, "class": "label"}, shorten(label, room_beside(said))))
        shapes.append(Shape("text", {"x": WIDTH, "y": y + 14, "class": "value"}, said))
        place: dict[str, str | float] = {
            "x": round_place((WIDTH - width) / 2),
            "y": y + 20,
            "width": round_place(width),
            "height": 12,
        }
        shapes.append(Shape("rect", {**place, "rx": 2, "class": "part-1"}))
    return WIDTH, max(len(rows), 1) * ROW, tuple(shapes)


def stacked_bars(rows: Sequence[tuple[str, Sequence[float], str]], names: Sequence[str]) -> Picture:
    """Draw (label, parts, parts in words) as bars of equal length, cut by each part's share, in the legend's order.

    Examples
    --------
    >>> _, _, shapes = stacked_bars([("web", [3, 1], "75% and 25%")], ["accepted", "rejected"])
    >>> [(s.at["width"], s.at["class"]) for s in shapes if s.kind == "rect"]
    [(359.0, 'part-1'), (119.0, 'part-2')]
    """
    legend, head = _legend(names)
    shapes: list[Shape] = list(legend)
    for n, (label, values, said) in enumerate(rows):
        y, x, total = head + n * ROW, 0.0, sum(values) or 1.0
        shapes.append(Shape("text", {"x": 0, "y": y + 14, "class": "label"}, shorten(label, room_beside(said))))
        shapes.append(Shape("text", {"x": WIDTH, "y": y + 14, "class": "value"}, said))
        for k, value in enumerate(values):
            width = value / total * WIDTH
            if width > 1:
                place: dict[str, str | float] = {
                    "x": round_place(x),
                    "y": y + 20,
                    "width": round_place(width - 1),
                    "height": 12,
                }
                shapes.append(Shape("rect", {**place, "class": f"part-{k % PARTS + 1}"}))
            x += width
    return WIDTH, head + max(len(rows), 1) * ROW, tuple(shapes)


def line_chart(months: Sequence[str], series: Sequence[Line], said: Callable[[float], str] | None = None) -> Picture:
    """Draw (name, one value a month, the month from which it is immature) as lines with marks; what is immature is dashed.

    Parameters
    ----------
    said : callable, optional
        A value on the upright axis in words; by default a share in percent.

    Examples
    --------
    >>> _, _, shapes = line_chart(["Jan", "Feb", "Mar"], [("web", [0.1, 0.2, None], 1)])
    >>> [s.at["class"] for s in shapes if s.kind == "path"]
    ['mark part-1', 'line part-1 censored', 'mark part-1', 'mark part-1']
    """
    legend, head = _legend([name for name, _, _ in series])
    values = [value for _, told, _ in series for value in told if value is not None]
    tell = said or (lambda value: share(value, 0))
    frame = Frame(max(len(months) - 1, 1), max([*values, 0.01]), "", "", lambda _: "", 240, tick_y=tell, head=head)
    every = max(1, -(-len(months) // 6))
    shapes = [*legend, *(shape for shape in frame.shapes if shape.words or shape.kind != "text")]
    for n in range(0, len(months), every):
        shapes.append(Shape("text", {"x": frame.x(n), "y": frame.height - 22, "class": "tick"}, months[n]))
    for k, (_, told, unripe) in enumerate(series):
        shapes += _line(frame, told, len(months) if unripe is None else unripe, k % PARTS)
    return WIDTH, frame.height, tuple(shapes)


def _line(frame: Frame, told: Sequence[float | None], unripe: int, kind: int) -> list[Shape]:
    """Draw a line in two parts, the ripe one and the dashed one, with its marks; it breaks where a month has no figure."""
    points = [(n, value) for n, value in enumerate(told) if value is not None]
    shapes = []
    for run in _runs(points):
        ripe, rest = [p for p in run if p[0] < unripe], [p for p in run if p[0] >= unripe]
        if len(ripe) > 1:
            shapes.append(curve_shape(frame, ripe, f"line part-{kind + 1}"))
        if rest and len(ripe[-1:] + rest) > 1:
            shapes.append(curve_shape(frame, [*ripe[-1:], *rest], f"line part-{kind + 1} censored"))
    return [*shapes, *(_mark(frame.x(x), frame.y(y), kind) for x, y in points)]


def spark_line(values: Sequence[float | None], recent: int) -> Picture:
    """Draw a small line without axes; from place `recent` on it is dashed: too new to be compared.

    Examples
    --------
    >>> width, height, shapes = spark_line([0.1, 0.2, 0.15, 0.05], 3)
    >>> width, height, [s.at["class"] for s in shapes if s.kind == "path"]
    (160, 36, ['line part-1', 'line part-1 censored'])
    """
    points = [(n, value) for n, value in enumerate(values) if value is not None]
    top = max((value for _, value in points), default=0.0) or 1.0
    step = 148 / max(len(values) - 1, 1)

    def at(n: int, value: float) -> tuple[float, float]:
        return round_place(6 + n * step), round_place(32 - value / top * 27)

    shapes: list[Shape] = []
    for run in _runs(points):
        for part, kind in (
            ([p for p in run if p[0] < recent], ""),
            ([p for p in run if p[0] >= recent - 1], " censored"),
        ):
            if len(part) > 1:
                path = "M" + "L".join(f"{x} {y}" for x, y in (at(*p) for p in part))
                shapes.append(Shape("path", {"d": path, "class": f"line part-1{kind}"}))
    last = next((p for p in reversed(points) if p[0] < recent), None)
    if last is not None:
        x, y = at(*last)
        shapes.append(Shape("circle", {"cx": x, "cy": y, "r": 3.5, "class": "part-1"}))
    return 160, 36, tuple(shapes)


def _runs(points: Sequence[tuple[int, float]]) -> list[list[tuple[int, float]]]:
    """Part points where a month is missing.

    Examples
    --------
    >>> _runs([(0, 0.1), (1, 0.2), (3, 0.1)])
    [[(0, 0.1), (1, 0.2)], [(3, 0.1)]]
    """
    runs: list[list[tuple[int, float]]] = []
    for n, value in points:
        if not runs or runs[-1][-1][0] != n - 1:
            runs.append([])
        runs[-1].append((n, value))
    return runs


def _mark(x: float, y: float, kind: int) -> Shape:
    return Shape("path", {"d": MARKS[kind], "transform": f"translate({x} {y})", "class": f"mark part-{kind + 1}"})


def _legend(names: Sequence[str]) -> tuple[list[Shape], int]:
    """Draw a legend in two columns; return its shapes and its height."""
    shapes = []
    for n, name in enumerate(names):
        x, y = (n % 2) * WIDTH / 2 + 6, (n // 2) * LEGEND + 8
        shapes.append(_mark(x, y, n % PARTS))
        shapes.append(Shape("text", {"x": x + 12, "y": y + 5, "class": "axis"}, shorten(name, 30)))
    return shapes, (len(names) + 1) // 2 * LEGEND + 4


def beeswarm_chart(rows: Sequence[tuple[str, Sequence[tuple[float, float | None]]]], x_words: str) -> Picture:
    """Draw rows of (label, points of (value, how high from 0 to 1)): a dot for each, beside one another where they meet.

    Examples
    --------
    >>> _, _, shapes = beeswarm_chart([("visits", [(-1.0, 0.0), (1.0, 1.0), (1.0, None)])], "effect on the score")
    >>> [(s.at["class"], s.at["d"]) for s in shapes if s.kind == "path"]
    [('dots h0', 'M472 31h0'), ('dots h1', 'M8 31h0'), ('dots h5', 'M472 34h0')]
    """
    values = [x for _, points in rows for x, _ in points]
    low, high = min([0.0, *values]), max([0.0, *values])
    high = high if high - low > SHORTEST_AXIS else low + 1.0
    span = high - low

    def x(value: float) -> float:
        return round_place(8 + (value - low) / span * (WIDTH - 16))

    row = 48
    height = max(len(rows), 1) * row
    shapes = [Shape("line", {"x1": x(0), "x2": x(0), "y1": 0, "y2": height, "class": "one"})]
    for n, (label, points) in enumerate(rows):
        shapes.append(Shape("text", {"x": 0, "y": n * row + 14, "class": "label over"}, shorten(label)))
        shapes += _dots(_beside([(round(x(value)), hue) for value, hue in points], n * row + 31))
    shapes += [
        Shape("text", {"x": x(value), "y": height + 12, "class": "tick"}, f"{value:+g}".replace("-", "−") if value else "0")
        for value in axis_ticks(high, low)
    ]  # fmt: skip
    shapes.append(Shape("text", {"x": WIDTH / 2, "y": height + 30, "class": "tick"}, x_words))
    return WIDTH, height + 36, tuple(shapes)


def _beside(points: Sequence[tuple[int, float | None]], middle: int) -> list[tuple[int, float, float | None]]:
    """Move points that share a place up and down, the lowest hue first, the nearer the more there are, so that all fit."""
    crowds: dict[int, list[tuple[int, float | None]]] = {}
    for x, hue in sorted(points, key=lambda point: (point[0], -1.0 if point[1] is None else point[1])):
        crowds.setdefault(x // CELL, []).append((x, hue))
    most = max((len(crowd) for crowd in crowds.values()), default=1)
    step = min(CELL, SPREAD / max(most // 2, 1))
    return [
        (x, round_place(middle + step * ((n + 1) // 2) * (1 if n % 2 else -1)), hue)
        for crowd in crowds.values()
        for n, (x, hue) in enumerate(crowd)
    ]


def _dots(points: Sequence[tuple[float, float, float | None]]) -> list[Shape]:
    """Draw dots, one path a hue: h1 is low, h5 high, h0 without."""
    by_hue: dict[int, list[str]] = {}
    for x, y, hue in points:
        kind = 0 if hue is None else 1 + min(int(max(hue, 0.0) * HUES), HUES - 1)
        by_hue.setdefault(kind, []).append(f"M{x:g} {y:g}h0")
    return [Shape("path", {"d": "".join(told), "class": f"dots h{kind}"}) for kind, told in sorted(by_hue.items())]


def scatter_chart(
    points: Sequence[tuple[float, float, float | None]],
    x_words: str,
    y_words: str,
    tick: Callable[[float], str] = "{:g}".format,
    tick_y: Callable[[float], str] = "{:g}".format,
) -> Picture:
    """Draw points of (value, effect, how high the other feature is from 0 to 1, or None) with a line at effect 0.

    Examples
    --------
    >>> _, _, shapes = scatter_chart([(0.0, -1.0, 0.0), (2.0, 1.0, 1.0)], "visits", "effect")
    >>> [s.at["d"] for s in shapes if s.at["class"] == "dots h5"]
    ['M464 12h0']
    """
    xs, ys = [p[0] for p in points] or [0.0], [p[1] for p in points] or [0.0]
    start = (min([0.0, *xs]), min([0.0, *ys]))
    frame = Frame(max([0.0, *xs]), max([0.0, *ys]), x_words, y_words, tick, 260, start, tick_y)
    zero = Shape("line", {"x1": LEFT, "x2": WIDTH, "y1": frame.y(0.0), "y2": frame.y(0.0), "class": "one"})
    return frame.drawn(zero, *_dots([(frame.x(x), frame.y(y), hue) for x, y, hue in points]))
