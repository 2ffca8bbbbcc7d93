"""Instants, lengths and boundaries: the Python and the SQL form of each rule say the same."""

from __future__ import annotations

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.core.point_in_time import (  # fmt: skip
    DAY,
    EARLIEST,
    LATEST,
    Horizon,
    Window,
    calendar_grid,
    format_instant,
    has_label,
    label_known_at,
    parse_instant,
    reached_within,
    span_sql,
    state_sql,
    visible,
    visible_sql,
)
from leadline.errors import UsageError

near = st.integers(-5, 5)
CONNECTION = duckdb.connect()


def sql(expression: str) -> object:
    return CONNECTION.execute(f"SELECT {expression}").fetchall()[0][0]


@given(st.integers(EARLIEST, LATEST))
def test_an_instant_written_is_read_back(micros: int) -> None:
    assert parse_instant(format_instant(micros)) == micros


@given(near, near, near)
def test_the_clock_rule_in_sql_is_the_clock_rule(occurred: int, recorded: int, as_of: int) -> None:
    here = bool(visible(np.array([occurred]), np.array([recorded]), as_of)[0])
    row = f"(SELECT {{'occurred_at': {occurred}, 'recorded_at': {recorded}}} AS e)"
    assert (
        CONNECTION.execute(f"SELECT {visible_sql('e', str(as_of))} FROM {row}").fetchall()[0][0]
        is here
        is (occurred < as_of and recorded < as_of)
    )


@given(near, near, st.integers(0, 4))
def test_a_window_looks_where_its_sql_looks(instant: int, as_of: int, length: int) -> None:
    window = Window.before(as_of, Horizon(length))
    assert window.contains(instant) is (
        bool(sql(span_sql(str(instant), str(as_of), Horizon(length)))) and instant < as_of
    )


@given(near, st.one_of(st.none(), near), st.integers(1, 4), st.integers(0, 2), near, near)
def test_the_label_in_sql_is_the_label(
    as_of: int, reached: int | None, horizon: int, delay: int, until: int, start: int
) -> None:
    state = sql(
        state_sql(
            str(as_of),
            "NULL::BIGINT" if reached is None else str(reached),
            Horizon(horizon),
            Horizon(delay),
            until,
            start,
        )
    )
    when = np.array([np.nan if reached is None else float(reached)])
    ripe = bool(has_label(np.array([as_of]), Horizon(horizon), Horizon(delay), until)[0])
    positive = bool(reached_within(when, np.array([as_of]), Horizon(horizon))[0])
    if reached is not None and reached < as_of:
        assert state == "late"
    elif as_of < start:
        assert state == "before"
    else:
        assert state == ("censored" if not ripe else "positive" if positive else "negative")
    assert ripe is (label_known_at(as_of, Horizon(horizon), Horizon(delay)) <= until)


@given(st.integers(-400, 20_000), st.integers(0, 60), st.integers(1, 30))
def test_a_calendar_grid_stands_still_wherever_it_is_looked_at_from(first: int, length: int, every: int) -> None:
    grid = calendar_grid(first * DAY, (first + length) * DAY, Horizon(every * DAY))
    assert all(first * DAY <= t <= (first + length) * DAY and (t - 4 * DAY) % (every * DAY) == 0 for t in grid)
    assert grid == [
        t for t in calendar_grid((first - 50) * DAY, (first + length) * DAY, Horizon(every * DAY)) if t >= first * DAY
    ]


@given(st.integers(1, 999_999), st.sampled_from("mhdw"))
def test_a_length_written_is_read_back(count: int, unit: str) -> None:
    horizon = Horizon.parse(f"{count}{unit}")
    assert horizon.micros == count * {"m": 60, "h": 3600, "d": 86400, "w": 604800}[unit] * 1_000_000
    text = str(horizon)
    assert len(text[:-1]) > 6 or Horizon.parse(text) == horizon


@pytest.mark.parametrize("text", ["", "30", "d", "-3d", "3.5d", "30 days", "1e3d", "9999999d", "30s", "³d", "none"])
def test_what_is_no_length_of_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a length of time"):
        Horizon.parse(text)


@pytest.mark.parametrize("text", ["", "today", "2024-13-01", "2024", "01/02/2024", "2024-05-01T25:00", "infinity"])
def test_what_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not ISO 8601"):
        parse_instant(text)
