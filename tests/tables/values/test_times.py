"""LL131 and LL132: how times are written where that isn't ISO 8601; found out where only one way fits, else asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from leadline.config.schema import Config, Engine, Query
from leadline.config.tables import Events
from leadline.core.checks import Finding
from leadline.core.point_in_time import parse_instant
from leadline.presets.profile import profile_table
from leadline.storage import Store, open_store
from leadline.tables.read import resolve, run_canonical, unreadable
from leadline.tables.schema import columns_of

TRUE = ["2024-03-04T08:05:00Z", "2024-12-25T14:10:00Z"]
"""The first could be a day in April, the second has a day over 12."""


@pytest.fixture
def store() -> Iterator[Store]:
    opened = open_store(Engine(threads=1, memory="500MB"))
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(
    store: Store, said: list[str], zone: str | None = "UTC", source: Any = "e.csv", times: Any = None
) -> tuple[list[int | None], list[Finding]]:
    Path("e.csv").write_text("id,lead,kind,when\n" + "".join(f'{n},L{n},a,"{at}"\n' for n, at in enumerate(said)))
    section = Events(source=source, key="id", lead="lead", type="kind", occurred_at="when", times=times)
    config = Config.model_construct(timezone=zone)
    columns = columns_of("events", section)
    there = store.read("raw_events", section.source, [c.source for c in columns])
    resolved, _ = resolve("events", columns, there)
    resolved, found = run_canonical("events", section, resolved, (), there, config, store)
    found = [*found, *unreadable("events", resolved, there, config, store, None)]
    return [row[0] for row in store.rows('SELECT occurred_at FROM all_events ORDER BY "row"')], found


WRITTEN = {
    "%d/%m/%Y": ["4/3/2024 08:05", "25/12/2024 14:10"],
    "%m/%d/%Y": ["03/04/2024 8:05 AM", "12/25/2024 2:10 PM"],
    "%d.%m.%Y": ["04.03.2024 08:05", "25.12.2024 14:10:00"],
    "%m/%d/%y": ["3/4/24, 08:05", "12/25/24, 14:10"],
    "%Y/%m/%d": ["2024/03/04 08:05", "2024/12/25 14:10"],
    "%Y-%m-%d": ["2024-03-04 08:05 AM", "2024-12-25 02:10 PM"],
    "%Y%m%d%H%M%S": ["20240304080500", "20241225141000"],
    "%d-%b-%Y": ["04-Mar-2024 08:05", "25-DEC-2024 14:10"],
    "%b %d %Y": ["Mar 4, 2024 8:05 AM", "Dec 25, 2024 2:10 PM"],
    "unix": ["1709539500", "1735135800.0"],
    "unix_ms": ["1709539500000", "1735135800000"],
    "excel": ["45355.3368055556", "45651.5902777778"],
}


@pytest.mark.parametrize("way", WRITTEN)
def test_the_one_way_that_fits_every_row_is_found_and_told(store: Store, way: str) -> None:
    made, found = read(store, [*WRITTEN[way], ""])
    assert made == [*map(parse_instant, TRUE), None]
    assert [(f.code, f.severity, f.rows) for f in found] == [("LL131", "note", 2)]
    assert "times: " in found[0].fix and "tables.events" in found[0].fix


@pytest.mark.parametrize("way", WRITTEN)
def test_the_config_says_it_and_nothing_is_told(store: Store, way: str) -> None:
    assert read(store, WRITTEN[way], times=way) == (list(map(parse_instant, TRUE)), [])
    assert read(store, [WRITTEN[way][0], TRUE[1]], times={"when": way}) == (list(map(parse_instant, TRUE)), [])


def test_a_wall_clock_is_the_configs_zones_and_a_count_is_not(store: Store) -> None:
    there = read(store, WRITTEN["%d/%m/%Y"], "America/New_York")[0]
    assert there[0] == parse_instant("2024-03-04T13:05:00Z")
    assert {f.code for f in read(store, WRITTEN["%d/%m/%Y"], None)[1]} == {"LL131", "LL104"}
    for way in ("unix", "unix_ms"):
        assert read(store, WRITTEN[way], "America/New_York")[0] == list(map(parse_instant, TRUE))
        assert {f.code for f in read(store, WRITTEN[way], None)[1]} == {"LL131"}


def test_days_that_may_be_months_are_asked_about_with_both_lines(store: Store) -> None:
    found = {f.code: f for f in read(store, ["03/04/2024", "05/06/2024"])[1]}
    assert found["LL132"].severity == "error" and found["LL132"].rows == 2
    assert '`times: "%d/%m/%Y"` if 03/04/2024 is in April' in found["LL132"].fix
    assert '`times: "%m/%d/%Y"` if 03/04/2024 is in March' in found["LL132"].fix
    made = read(store, ["03/04/2024", "05/06/2024"], times="%m/%d/%Y")
    assert made == ([parse_instant("2024-03-04"), parse_instant("2024-05-06")], [])


@pytest.mark.parametrize(
    "said",
    [
        [TRUE[0], "12/25/2024"],  # two ways in one column
        ["13/12/2024", "12/13/2024"],  # neither way fits all
        ["n/a", "yesterday"],
        ["1", "2"],
        ["2024-07-01 10:00 CST", "2024-07-01 11:00 CST"],
    ],
)
def test_what_no_one_way_reads_stays_an_error(store: Store, said: list[str]) -> None:
    assert {f.code for f in read(store, said)[1]} == {"LL105"}


def test_a_zones_letters_are_told_to_become_an_offset(store: Store) -> None:
    (found,) = read(store, ["2024-07-01 10:00 GMT", "2024-07-01 10:00:00 BST"])[1]
    assert (found.code, found.rows) == ("LL105", 1) and "write the zone as an offset such as +01:00" in found.fix


def test_a_source_that_sql_shapes_says_itself_what_its_times_are(store: Store) -> None:
    query = Query(query="SELECT * FROM read_csv('e.csv', all_varchar = true)")
    assert {f.code for f in read(store, WRITTEN["%d/%m/%Y"], source=query)[1]} == {"LL105"}
    assert read(store, WRITTEN["%d/%m/%Y"], source=query, times="%d/%m/%Y")[1] == []


@pytest.mark.parametrize("times", ["day first", "%H:%M", {"when": "epoch"}])
def test_a_way_that_names_no_day_is_refused(times: Any) -> None:
    with pytest.raises(ValidationError, match="expected a format such as"):
        Events(source="e.csv", lead="lead", type="kind", occurred_at="when", times=times)


@pytest.mark.parametrize("way", [way for way in WRITTEN if "%" in way and "%H" not in way])
def test_init_sees_that_a_column_holds_times(store: Store, way: str) -> None:
    Path("e.csv").write_text("id,when\n" + "".join(f'{n},"{at}"\n' for n, at in enumerate(WRITTEN[way])))
    columns = profile_table(store, "e", "e.csv").columns
    assert [(c.kind, c.naive) for c in columns] == [("whole", False), ("time", True)]
