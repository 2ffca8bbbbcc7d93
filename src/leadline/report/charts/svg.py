"""Where the ink goes: bars, intervals and curves as SVG shapes, coloured by the page's style alone.

Labels stand above their bars, not beside them, so that a chart reads the same on a phone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from leadline.core.format import date_text
from leadline.core.point_in_time import DAY
from leadline.report.parts import Shape

__all__ = [
    "BOTTOM",
    "LEFT",
    "RIGHT",
    "ROW",
    "SHORTEST_AXIS",
    "TOP",
    "WIDTH",
    "Frame",
    "axis_ticks",
    "bar_chart",
    "curve_shape",
    "day_strip",
    "interval_chart",
    "room_beside",
    "round_place",
    "shorten",
]

WIDTH = 480

ROW = 36  # of a bar with its label above

LEFT, RIGHT, TOP, BOTTOM = 48, 16, 12, 44

SHORTEST_AXIS = 1e-9  # an axis shorter than that has no room for figures


def bar_chart(rows: Sequence[tuple[str, float, str, str]]) -> tuple[int, int, tuple[Shape, ...]]:
    """Draw horizontal bars of (label, value, value in words, class); return width, height and shapes.

    Examples
    --------
    >>> width, height, shapes = bar_chart([("visits", 2.0, "67%", "up"), ("calls", 1.0, "33%", "down")])
    >>> [s.at["width"] for s in shapes if s.kind == "rect"]
    [480.0, 240.0]
    """
    top = max((value for _, value, _, _ in rows), default=0.0) or 1.0
    shapes: list[Shape] = []
    for n, (label, value, said, kind) in enumerate(rows):
        y = n * ROW
        shapes.append(Shape("text", {"x": 0, "y": y + 15, "class": "label"}, shorten(label, room_beside(said))))
        shapes.append(Shape("text", {"x": WIDTH, "y": y + 15, "class": "value"}, said))
        shapes.append(
            Shape(
                "rect",
                {"x": 0, "y": y + 21, "width": round_place(value / top * WIDTH), "height": 9, "rx": 2, "class": kind},
            )
        )
    return WIDTH, max(len(rows), 1) * ROW, tuple(shapes)


def interval_chart(rows: Sequence[tuple[str, float, float, float, str]]) -> tuple[int, int, tuple[Shape, ...]]:
    """Draw (label, value, low, high, value in words) as dots with their intervals on a log scale, each with a mark at 1."""
    ends = [v for _, value, low, high, _ in rows for v in (value, low, high) if v > 0]
    low_end, high_end = min([*ends, 0.8]), max([*ends, 1.25])
    span = math.log(high_end / low_end)

    def x(value: float) -> float:
        return round_place(8 + math.log(max(value, low_end) / low_end) / span * (WIDTH - 16))

    height = max(len(rows), 1) * ROW
    shapes: list[Shape] = []
    for n, (label, value, low, high, said) in enumerate(rows):
        y = n * ROW
        kind = "up" if low > 1 else "down" if high < 1 else "flat"
        shapes.append(Shape("line", {"x1": x(1), "x2": x(1), "y1": y + 19, "y2": y + 31, "class": "one"}))
        shapes.append(Shape("text", {"x": 0, "y": y + 14, "class": "label"}, shorten(label, room_beside(said))))
        shapes.append(Shape("text", {"x": WIDTH, "y": y + 14, "class": "value"}, said))
        shapes.append(
            Shape("line", {"x1": x(low), "x2": x(high), "y1": y + 25, "y2": y + 25, "class": f"range {kind}"})
        )
        shapes.append(Shape("circle", {"cx": x(value), "cy": y + 25, "r": 5, "class": kind}))
    for value in (v for v in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50) if low_end <= v <= high_end):
        shapes.append(Shape("text", {"x": x(value), "y": height + 16, "class": "tick"}, f"{value:g}×"))
    return WIDTH, height + 22, tuple(shapes)


class Frame:
    """A plot's frame: from figures to places, with its axes drawn; `head` is room for a legend above it.

    Examples
    --------
    >>> frame = Frame(0.2, 0.2, "predicted", "observed", str)
    >>> frame.x(0.0), frame.x(0.2), frame.y(0.2)
    (48.0, 464.0, 12.0)
    >>> Frame(2.0, 1.0, "days", "effect", str, start=(-2.0, -1.0)).y(0.0)
    144.0
    """

    def __init__(
        self,
        x_end: float,
        y_end: float,
        x_words: str,
        y_words: str,
        tick: Callable[[float], str],
        height: int = 320,
        start: tuple[float, float] = (0.0, 0.0),
        tick_y: Callable[[float], str] | None = None,
        head: int = 0,
    ) -> None:
        self.x_start, self.y_start = start
        self.x_end = x_end if x_end - self.x_start > SHORTEST_AXIS else self.x_start + 1.0
        self.y_end = y_end if y_end - self.y_start > SHORTEST_AXIS else self.y_start + 1.0
        self.width, self.height, self.top = WIDTH, height + head, TOP + head
        shapes = []
        for value in axis_ticks(self.y_end, self.y_start):
            y = self.y(value)
            shapes.append(Shape("line", {"x1": LEFT, "x2": WIDTH - RIGHT, "y1": y, "y2": y, "class": "grid"}))
            shapes.append(Shape("text", {"x": LEFT - 6, "y": y + 4, "class": "value tick-y"}, (tick_y or tick)(value)))
        for value in axis_ticks(self.x_end, self.x_start):
            shapes.append(
                Shape("text", {"x": self.x(value), "y": self.height - BOTTOM + 18, "class": "tick"}, tick(value))
            )
        shapes.append(Shape("text", {"x": (LEFT + WIDTH - RIGHT) / 2, "y": self.height - 6, "class": "tick"}, x_words))
        shapes.append(Shape("text", {"x": LEFT + 6, "y": self.top + 10, "class": "axis over"}, y_words))
        self.shapes: list[Shape] = shapes

    def x(self, value: float) -> float:
        """Return where a figure lies across."""
        share = (value - self.x_start) / (self.x_end - self.x_start)
        return round_place(LEFT + share * (WIDTH - LEFT - RIGHT))

    def y(self, value: float) -> float:
        """Return where a figure lies upright."""
        share = (value - self.y_start) / (self.y_end - self.y_start)
        return round_place(self.height - BOTTOM - share * (self.height - BOTTOM - self.top))

    def drawn(self, *more: Shape) -> tuple[int, int, tuple[Shape, ...]]:
        """Return width, height and all shapes."""
        return self.width, self.height, (*self.shapes, *more)


def curve_shape(frame: Frame, points: Sequence[tuple[float, float]], kind: str) -> Shape:
    """Draw a line through points.

    Examples
    --------
    >>> curve_shape(Frame(1, 1, "", "", str), [(0, 0), (1, 1)], "line").at["d"]
    'M48.0 276.0L464.0 12.0'
    """
    return Shape("path", {"d": "M" + "L".join(f"{frame.x(x)} {frame.y(y)}" for x, y in points), "class": kind})


def axis_ticks(end: float, start: float = 0.0) -> list[float]:
    """Return round figures from `start` to `end`, three to six of them.

    Examples
    --------
    >>> axis_ticks(1.0), axis_ticks(0.17), axis_ticks(1.0, -0.5)
    ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [0.0, 0.05, 0.1, 0.15], [-0.5, 0.0, 0.5, 1.0])
    """
    span = end - start
    unit = 10.0 ** math.floor(math.log10(span)) if span > 0 else 1.0
    step = next(s * unit for s in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0) if span / (s * unit) <= 5.001)
    return [round(n * step, 12) for n in range(math.ceil(start / step - 1e-9), int(end / step + 1e-9) + 1)]


def round_place(place: float) -> float:
    """Round a place in a picture to a tenth of a pixel.

    Examples
    --------
    >>> round_place(12.3456)
    12.3
    """
    return round(float(place), 1)


def shorten(text: str, most: int = 52) -> str:
    """Cut a label that has no room; its table has it whole.

    Examples
    --------
    >>> shorten("a" * 60)[-2:], shorten("a")
    ('a…', 'a')
    """
    return text if len(text) <= most else text[: most - 1] + "…"


def room_beside(said: str) -> int:
    """Return how many letters of a label fit on the line on which a figure stands at the right.

    Examples
    --------
    >>> room_beside("72.0%"), room_beside("x" * 100)
    (52, 8)
    """
    return max(min(WIDTH // 8 - len(said) - 2, 52), 8)


# A strip of days: who did something when, a dot a day, larger where more was done, and marks for what else happened.


LEAST, MOST = 2.5, 8.0  # radius of a day with one act, and of one with many

HEAD = 22  # room for the marks' words


def day_strip(
    rows: Sequence[tuple[str, Sequence[tuple[int, int]], str]],
    start: int,
    end: int,
    marks: Sequence[tuple[int, str]] = (),
) -> tuple[int, int, tuple[Shape, ...]]:
    """Draw (label, (day, how many acts) …, class) as rows of dots from `start` to `end`, all in microseconds.

    Examples
    --------
    >>> _, height, shapes = day_strip([("this lead", [(0, 1), (9 * DAY, 4)], "part-1")], 0, 10 * DAY, [(5 * DAY, "MQL")])
    >>> height, [(s.at["cx"], s.at["r"]) for s in shapes if s.kind == "circle"]
    (82, [(8.0, 2.5), (425.6, 5.0)])
    """
    span = max(end - start, 1)
    height = HEAD + max(len(rows), 1) * ROW

    def x(instant: int) -> float:
        return round_place(8 + (min(max(instant, start), end) - start) / span * (WIDTH - 16))

    shapes: list[Shape] = []
    for moment, words in marks:
        line: dict[str, str | float] = {"x1": x(moment), "x2": x(moment), "y1": HEAD - 4, "y2": height, "class": "even"}
        shapes += [Shape("line", line), Shape("text", {"x": x(moment), "y": 14, "class": _anchor(x(moment))}, words)]
    for n, (label, days, kind) in enumerate(rows):
        y = HEAD + n * ROW
        shapes.append(Shape("line", {"x1": 8, "x2": WIDTH - 8, "y1": y + 24, "y2": y + 24, "class": "grid"}))
        shapes.append(Shape("text", {"x": 0, "y": y + 13, "class": "label over"}, shorten(label)))
        for day, times in days:
            r = round_place(min(LEAST * math.sqrt(times), MOST))
            shapes.append(Shape("circle", {"cx": x(day), "cy": y + 24, "r": r, "class": kind}))
    for part in (0.0, 0.5, 1.0):
        moment = int(start + part * span)
        place: dict[str, str | float] = {"x": x(moment), "y": height + 18, "class": _anchor(x(moment))}
        shapes.append(Shape("text", place, date_text(moment // DAY * DAY)))
    return WIDTH, height + 24, tuple(shapes)


def _anchor(x: float) -> str:
    """Keep words at the edges inside the picture."""
    return "tick first" if x < 50 else "tick last" if x > WIDTH - 50 else "tick"
