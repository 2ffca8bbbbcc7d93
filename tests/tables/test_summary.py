"""The summary of what was read: equal to what pandas counts, the same through JSON, and without a value of the tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import projects
from leadline import load_config
from leadline.tables.summary import InputSummary, summarize
from leadline.workflows.common import open_tables, parse_as_of

T = projects.NIGHT


@pytest.fixture(scope="module")
def seen(demo_tables: projects.Tables, tmp_path_factory: pytest.TempPathFactory) -> InputSummary:
    folder = tmp_path_factory.mktemp("summary")
    projects.settle(folder, demo_tables)
    with projects.inside(folder):
        config = load_config("demo.yaml")
        with open_tables(config, parse_as_of(config, T)) as loaded:
            told = summarize(config, loaded)
    assert told is not None
    return told


def known(demo_tables: projects.Tables, name: str) -> pd.DataFrame:
    """The table as known at T, without rows that repeat another."""
    frame = projects.cut(demo_tables, T)[name].to_pandas()
    return frame.drop_duplicates(["event_id"]) if name == "events" else frame


@pytest.mark.parametrize("name", ["leads", "stages", "events"])
def test_rows_by_week_and_day_are_those_that_pandas_counts(
    seen: InputSummary, demo_tables: projects.Tables, name: str
) -> None:
    frame, table = known(demo_tables, name), seen.tables[name]
    clock = frame[projects.CLOCKS[name][0]]
    days = (clock - pd.Timestamp(0, tz="UTC")).dt.days
    assert table.rows == len(frame)
    merged = sum(table.weeks.values()) - len(
        frame
    )  # a survivor has the rows of the record that was merged into it, too
    assert 0 <= merged <= 0.01 * len(frame)
    by_week = (days // 7).value_counts().to_dict()
    assert set(table.weeks) == set(by_week) and all(table.weeks[w] >= n for w, n in by_week.items())
    assert table.newest == int(days.max()) * 86_400_000_000
    assert max(table.days) == int(days.max())


def test_rows_join_and_words_are_counted(seen: InputSummary, demo_tables: projects.Tables) -> None:
    assert seen.tables["events"].joined == seen.tables["events"].keyed
    assert seen.tables["leads"].joined == seen.tables["leads"].keyed
    stages = known(demo_tables, "stages")["stage"].value_counts()
    assert seen.tables["stages"].words["rejected"][0] >= stages["disqualified"]
    assert seen.tables["stages"].words[""] == (0, 0) and seen.tables["accounts"].newest is None
    ended = known(demo_tables, "stages").query("stage == 'disqualified'")["lead_id"].nunique()
    assert ended <= seen.stages["rejected"][0] <= 1.02 * ended


def test_it_is_the_same_through_json_and_holds_no_value_of_the_tables(seen: InputSummary) -> None:
    text = json.dumps(seen.to_record())
    assert InputSummary.from_record(json.loads(text)) == seen
    assert projects.CANARY not in text and "L0000" not in text and len(text) < 50_000


@pytest.mark.parametrize("record", [None, {}, {"tables": 3}, {"tables": {"leads": {"weeks": {"x": 1}}}, "stages": {}}])
def test_what_is_no_summary_is_none(record: Any) -> None:
    assert InputSummary.from_record(record) is None


def test_ids_join_whatever_blanks_stand_around_them(demo_tables: projects.Tables, tmp_path: Path) -> None:
    import pyarrow.compute as pc

    events = demo_tables["events"]
    place = events.schema.get_field_index("lead_id")
    padded = pc.binary_join_element_wise("\t", events["lead_id"], "\u00a0 \r\n", "")
    projects.settle(tmp_path, {**demo_tables, "events": events.set_column(place, "lead_id", padded)})
    with projects.inside(tmp_path):
        config = load_config("demo.yaml")
        with open_tables(config, parse_as_of(config, T)) as loaded:
            table = summarize(config, loaded).tables["events"]  # type: ignore[union-attr]
    assert table.joined == table.keyed and table.keyed[0] > 0
