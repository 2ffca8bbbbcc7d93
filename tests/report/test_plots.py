"""Pictures: whatever the figures, the ink stays inside, every point is drawn, and no place is undefined."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.core.point_in_time import DAY
from leadline.report.charts import plots
from leadline.report.charts.plots import line_chart, share_chart
from leadline.report.charts.svg import day_strip, interval_chart
from leadline.report.parts import Shape

words = st.text(max_size=70)
share = st.floats(0, 1)
figure = st.floats(-1e4, 1e4, allow_nan=False)
hue = st.one_of(st.none(), share)
SLACK = 6.0  # a dot's radius


def inside(picture: tuple[int, int, tuple[Shape, ...]]) -> None:
    width, height, shapes = picture
    for shape in shapes:
        for name, value in shape.at.items():
            if isinstance(value, (int, float)):
                assert math.isfinite(value), (shape.kind, name)
                most = width if name in ("x", "x1", "x2", "cx", "width") else height
                assert -SLACK <= value <= most + SLACK, (shape.kind, name, value)
        if shape.kind == "rect":
            assert float(shape.at["x"]) + float(shape.at["width"]) <= width + 0.11
        if "dots" in str(shape.at["class"]):
            places = re.findall(r"M(-?[\d.]+) (-?[\d.]+)h0", str(shape.at["d"]))
            assert all(-SLACK <= float(x) <= width + SLACK and -SLACK <= float(y) <= height for x, y in places)


def dots(shapes: Any) -> int:
    return sum(str(s.at["d"]).count("h0") for s in shapes if "dots" in str(s.at["class"]))


@given(
    st.lists(st.tuples(words, share, share, share, words), max_size=6), st.lists(st.tuples(share, words), max_size=3)
)
def test_shares(rows: Any, marks: Any) -> None:
    told = [(label, value, min(low, high), max(low, high), said) for label, value, low, high, said in rows]
    inside(plots.share_chart(told, marks))
    assert sum(s.kind == "circle" for s in plots.share_chart(told, marks)[2]) == len(told)


@given(st.lists(st.tuples(words, st.integers(0, 10**9), words), max_size=6))
def test_funnels(rows: Any) -> None:
    inside(plots.funnel_chart(rows))
    widths = [float(s.at["width"]) for s in plots.funnel_chart(rows)[2] if s.kind == "rect"]
    assert [w for _, w in sorted(zip([r[1] for r in rows], widths, strict=True))] == sorted(widths)


@given(st.lists(st.tuples(words, st.lists(st.floats(0, 1e6), min_size=3, max_size=3), words), max_size=6))
def test_parts_of_a_whole_are_as_long_as_their_share(rows: Any) -> None:
    picture = plots.stacked_bars(rows, ["a", "b", "c"])
    inside(picture)
    assert sum(s.kind == "path" for s in picture[2]) == 3  # the legend's marks


@given(
    st.lists(
        st.tuples(
            words,
            st.lists(st.one_of(st.none(), share), min_size=5, max_size=5),
            st.one_of(st.none(), st.integers(0, 5)),
        ),
        max_size=6,
    )
)
def test_lines_have_a_mark_for_each_value_and_dash_what_is_immature(series: Any) -> None:
    picture = plots.line_chart(["Jan", "Feb", "Mar", "Apr", "May"], series)
    inside(picture)
    marks = [s for s in picture[2] if s.kind == "path" and str(s.at["class"]).startswith("mark")]
    assert len(marks) == len(series) + sum(v is not None for _, told, _ in series for v in told)
    ripe = [told for _, told, unripe in series if unripe is None]
    if len(ripe) == len(series):
        assert not [s for s in picture[2] if "censored" in str(s.at["class"])]


@given(st.lists(st.tuples(words, st.lists(st.tuples(figure, hue), max_size=30)), max_size=4))
def test_a_swarm_draws_every_point(rows: Any) -> None:
    picture = plots.beeswarm_chart(rows, "effect")
    inside(picture)
    assert dots(picture[2]) == sum(len(points) for _, points in rows)


@given(st.lists(st.tuples(figure, figure, hue), max_size=30))
def test_a_scatter_draws_every_point(points: Any) -> None:
    picture = plots.scatter_chart(points, "value", "effect")
    inside(picture)
    assert dots(picture[2]) == len(points)


@given(
    st.lists(
        st.tuples(words, st.lists(st.tuples(st.integers(-5, 40), st.integers(1, 999)), max_size=9), st.just("part-1")),
        max_size=5,
    ),
    st.lists(st.tuples(st.integers(0, 30), words), max_size=3),
)
def test_a_strip_draws_every_day(rows: Any, marks: Any) -> None:
    told = [(label, [(day * DAY, n) for day, n in days], kind) for label, days, kind in rows]
    picture = day_strip(told, 0, 30 * DAY, [(day * DAY, said) for day, said in marks])
    inside(picture)
    assert sum(s.kind == "circle" for s in picture[2]) == sum(len(days) for _, days, _ in rows)


def test_a_line_breaks_over_an_empty_month() -> None:
    _, _, shapes = line_chart(["Jan", "Feb", "Mar", "Apr", "May"], [("web", [0.1, 0.2, None, 0.1, 0.3], None)])
    lines = [str(s.at["d"]) for s in shapes if s.at.get("class") == "line part-1"]
    assert [d.count("L") for d in lines] == [1, 1]


@pytest.mark.parametrize("picture", [share_chart, interval_chart])
def test_a_long_name_ends_before_the_figure_beside_it(picture) -> None:
    _, _, shapes = picture([("n" * 180, 0.72, 0.7, 0.74, "72.0% of 1,234 leads")])
    label, value = (next(s.words for s in shapes if kind in str(s.at.get("class"))) for kind in ("label", "value"))
    assert label.endswith("…") and 8 * (len(label) + len(value)) < 480
