"""A strip of days: who did something when, a dot a day, larger where more was done, and marks for what else happened."""

from __future__ import annotations

import math
from collections.abc import Sequence

from leadline.report.draw import ROW, WIDTH, at, short
from leadline.report.parts import Shape
from leadline.report.say import instant
from leadline.times import DAY

__all__ = ["strip"]

LEAST, MOST = 2.5, 8.0  # radius of a day with one act, and of one with many
HEAD = 22  # room for the marks' words


def strip(
    rows: Sequence[tuple[str, Sequence[tuple[int, int]], str]],
    start: int,
    end: int,
    marks: Sequence[tuple[int, str]] = (),
) -> tuple[int, int, tuple[Shape, ...]]:
    """Draw (label, (day, how many acts) …, class) as rows of dots from `start` to `end`, all in microseconds.

    Examples
    --------
    >>> _, height, shapes = strip([("this lead", [(0, 1), (9 * DAY, 4)], "part-1")], 0, 10 * DAY, [(5 * DAY, "MQL")])
    >>> height, [(s.at["cx"], s.at["r"]) for s in shapes if s.kind == "circle"]
    (82, [(8.0, 2.5), (425.6, 5.0)])
    """
    span = max(end - start, 1)
    height = HEAD + max(len(rows), 1) * ROW

    def x(instant: int) -> float:
        return at(8 + (min(max(instant, start), end) - start) / span * (WIDTH - 16))

    shapes: list[Shape] = []
    for moment, words in marks:
        line: dict[str, str | float] = {"x1": x(moment), "x2": x(moment), "y1": HEAD - 4, "y2": height, "class": "even"}
        shapes += [Shape("line", line), Shape("text", {"x": x(moment), "y": 14, "class": _anchor(x(moment))}, words)]
    for n, (label, days, kind) in enumerate(rows):
        y = HEAD + n * ROW
        shapes.append(Shape("line", {"x1": 8, "x2": WIDTH - 8, "y1": y + 24, "y2": y + 24, "class": "grid"}))
        shapes.append(Shape("text", {"x": 0, "y": y + 13, "class": "label over"}, short(label)))
        for day, times in days:
            r = at(min(LEAST * math.sqrt(times), MOST))
            shapes.append(Shape("circle", {"cx": x(day), "cy": y + 24, "r": r, "class": kind}))
    for share in (0.0, 0.5, 1.0):
        moment = int(start + share * span)
        place: dict[str, str | float] = {"x": x(moment), "y": height + 18, "class": _anchor(x(moment))}
        shapes.append(Shape("text", place, instant(moment // DAY * DAY)))
    return WIDTH, height + 24, tuple(shapes)


def _anchor(x: float) -> str:
    """Keep words at the edges inside the picture."""
    return "tick first" if x < 50 else "tick last" if x > WIDTH - 50 else "tick"
