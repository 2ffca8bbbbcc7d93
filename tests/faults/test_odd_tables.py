"""Nights on tables that aren't as they were: the same scores, or one sentence that names what is wrong; never a guess."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml

from projects import NIGHT, Done, at

Change = Callable[[pa.Table], pa.Table]
SCORE = ["score", "demo.yaml", "--as-of", NIGHT, "--model", "models/demo/1", "--out", "o.parquet", "--force", "--quiet"]
COLUMNS = ["lead_id", "probability", "tier", "rank"]


@pytest.fixture(scope="module")
def place(tiny_trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of this module's own, whose tables a test changes and puts back."""
    import shutil

    folder = Path(shutil.copytree(tiny_trained, tmp_path_factory.mktemp("odd") / "home"))
    config = folder / "demo.yaml"
    config.write_text(config.read_text() + "\nnightly: {track: false}\n")
    return folder


def file_of(home: Path, name: str) -> Path:
    return home / "data" / ("events/all.parquet" if name == "events" else f"{name}.parquet")


@contextmanager
def changed(home: Path, name: str, change: Change) -> Iterator[None]:
    """Have a table changed inside the block."""
    path = file_of(home, name)
    before = path.read_bytes()
    pq.write_table(change(pq.read_table(path)), path)
    try:
        yield
    finally:
        path.write_bytes(before)


@contextmanager
def configured(home: Path, old: str, new: str) -> Iterator[None]:
    """Have the config changed inside the block."""
    config = home / "demo.yaml"
    before = config.read_text()
    assert old in before
    config.write_text(before.replace(old, new))
    try:
        yield
    finally:
        config.write_text(before)


def rows(home: Path) -> dict[str, list[object]]:
    return pq.read_table(home / "o.parquet", columns=COLUMNS).to_pydict()


@pytest.fixture(scope="module")
def scored(place: Path, run) -> dict[str, list[object]]:
    """The night on the tables as they were."""
    assert run(*SCORE, cwd=place).code == 0
    return rows(place)


def put(table: pa.Table, column: str, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    return table.set_column(table.schema.get_field_index(column), column, values)


def mapped(home: Path) -> list[tuple[str, str]]:
    """Each column that the config names."""
    found = []
    for table, section in yaml.safe_load((home / "demo.yaml").read_text())["tables"].items():
        for key, value in section.items():
            found += [(table, c) for c in (value if isinstance(value, list) else [value]) if key != "source"]
    assert len(found) >= 35
    return found


def renamed(table: pa.Table, column: str) -> pa.Table:
    return table.rename_columns([f"{n}_2" if n == column else n for n in table.column_names])


def dropped(table: pa.Table, column: str) -> pa.Table:
    return table.drop_columns([column])


def retyped(table: pa.Table, column: str) -> pa.Table:
    """Make words of times and numbers, and lists of words."""
    kind = table.schema.field(column).type
    if pa.types.is_string(kind):
        return put(table, column, pa.array([[value] for value in table[column].to_pylist()]))
    return put(table, column, pa.array(["soon"] * len(table)))


def check_refused(done: Done, words: str) -> None:
    assert done.code == 65, done.err
    assert words in done.err and "Traceback" not in done.err and done.out == ""


def try_columns(
    home: Path, run, trial, change: Callable[[pa.Table, str], pa.Table], columns: list[tuple[str, str]]
) -> None:
    for table, column in columns:
        with trial(f"a column {change.__name__}"), changed(home, table, lambda t, c=column: change(t, c)):
            check_refused(run(*SCORE, cwd=home), column)


def ones(home: Path) -> list[tuple[str, str]]:
    """The last column of each table."""
    return list(dict(mapped(home)).items())


def plain(home: Path) -> list[tuple[str, str]]:
    """All but attributes, of which any type may make a category."""
    config = yaml.safe_load((home / "demo.yaml").read_text())["tables"]
    return [(t, c) for t, c in mapped(home) if c not in config[t].get("attributes", [])]


def test_a_column_that_was_renamed_is_refused_by_name(place: Path, run, trial) -> None:
    try_columns(place, run, trial, renamed, mapped(place))


def test_a_column_that_is_gone_is_refused_by_name(place: Path, run, trial) -> None:
    try_columns(place, run, trial, dropped, ones(place))


def test_a_column_of_another_type_is_refused_by_name(place: Path, run, trial) -> None:
    try_columns(place, run, trial, retyped, [*dict(plain(place)).items(), ("leads", "lead_id"), ("events", "lead_id")])


@pytest.mark.long
@pytest.mark.parametrize("change", [dropped, retyped])
def test_each_column_that_is_gone_or_of_another_type_is_refused_by_name(place: Path, run, trial, change) -> None:
    try_columns(place, run, trial, change, mapped(place) if change is dropped else plain(place))


# Rows


def repeated(table: pa.Table) -> pa.Table:
    return pa.concat_tables([table, table.slice(0, len(table) // 3)])


def backwards(table: pa.Table) -> pa.Table:
    return table.take(pa.array(range(len(table) - 1, -1, -1)))


def late(table: pa.Table) -> pa.Table:
    """Acts of before that are only known from the night on."""
    more = table.slice(0, 500)
    more = put(more, "event_id", pa.array([f"X{n}" for n in range(500)]))
    return pa.concat_tables([table, put(more, "recorded_at", pa.array([at(NIGHT)] * 500, table["recorded_at"].type))])


def to_come(table: pa.Table) -> pa.Table:
    """Acts that are dated, and on record, years ahead."""
    far = pa.array([at("2031-01-01T00:00:00Z")] * 500, table["occurred_at"].type)
    more = put(put(table.slice(0, 500), "occurred_at", far), "recorded_at", far)
    return pa.concat_tables([table, put(more, "event_id", pa.array([f"X{n}" for n in range(500)]))])


def as_text(zone: str, form: str) -> Change:
    """Write the acts' times as text in a zone, across its changes of the clock."""
    from zoneinfo import ZoneInfo

    def write(table: pa.Table) -> pa.Table:
        for column in ("occurred_at", "recorded_at"):
            texts = [v.astimezone(ZoneInfo(zone)).strftime(form) for v in table[column].to_pylist()]
            if form.endswith("%z"):
                texts = [f"{t[:-2]}:{t[-2:]}" for t in texts]
            table = put(table, column, pa.array(texts))
        return table

    return write


def in_nanoseconds(table: pa.Table) -> pa.Table:
    for column in ("occurred_at", "recorded_at"):
        table = put(table, column, table[column].cast(pa.timestamp("ns", "Australia/Lord_Howe")))
    return table


SAME: dict[str, tuple[str, Change]] = {
    "events told twice": ("events", repeated), "leads told twice": ("leads", repeated), "stages told twice": ("stages", repeated),
    "events backwards": ("events", backwards), "leads backwards": ("leads", backwards), "stages backwards": ("stages", backwards),
    "late events": ("events", late), "events dated ahead": ("events", to_come),
    "times with New York's offsets": ("events", as_text("America/New_York", "%Y-%m-%dT%H:%M:%S.%f%z")),
    "times with Kathmandu's offsets": ("events", as_text("Asia/Kathmandu", "%Y-%m-%d %H:%M:%S.%f%z")),
    "times in nanoseconds of Lord Howe": ("events", in_nanoseconds),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_the_scores_are_the_same(name: str, place: Path, run, trial, scored) -> None:
    table, change = SAME[name]
    with trial("duplicated, shuffled, late, future-dated rows; zones"), changed(place, table, change):
        done = run(*SCORE, cwd=place)
        assert done.code == 0, done.err
        assert rows(place) == scored


def test_an_act_on_record_before_it_happened_is_refused(place: Path, run, trial) -> None:
    def early(table: pa.Table) -> pa.Table:
        long_ago = pa.scalar(at("2020-01-01T00:00:00Z"), table["recorded_at"].type)
        first = pa.array([n < 9 for n in range(len(table))])
        return put(table, "recorded_at", pc.if_else(first, long_ago, table["recorded_at"]))

    with trial("duplicated, shuffled, late, future-dated rows; zones"), changed(place, "events", early):
        check_refused(run(*SCORE, cwd=place), "LL106")


def test_one_key_with_two_contents_is_refused(place: Path, run, trial) -> None:
    def other(table: pa.Table) -> pa.Table:
        more = table.slice(0, 3)
        return pa.concat_tables([table, put(more, "event_type", pa.array(["another"] * 3))])

    with trial("duplicated, shuffled, late, future-dated rows; zones"), changed(place, "events", other):
        check_refused(run(*SCORE, cwd=place), "LL102")


def test_naive_times_in_a_zone_with_summer_time_count_as_they_do_in_utc(place: Path, run, trial, scored) -> None:
    """But for the hour that the clocks repeat, which nobody can tell apart: acts in it are left out."""
    local = as_text("Europe/Berlin", "%Y-%m-%d %H:%M:%S.%f")
    table = pq.read_table(file_of(place, "events"))
    for column in ("occurred_at", "recorded_at"):
        begin, end = (pa.scalar(at(f"2024-10-27T0{hour}:00:00Z"), table[column].type) for hour in (0, 2))
        inside = pc.and_(pc.greater_equal(table[column], begin), pc.less(table[column], end))
        table = table.filter(pc.invert(inside))
    with changed(place, "events", lambda _: table):
        assert run(*SCORE, cwd=place).code == 0
        expected = rows(place)
    with trial("duplicated, shuffled, late, future-dated rows; zones"):
        with (
            changed(place, "events", lambda _: local(table)),
            configured(place, "timezone: UTC", "timezone: Europe/Berlin"),
        ):
            done = run(*SCORE, cwd=place)
            assert done.code == 0, done.err
            assert rows(place) == expected
        with changed(place, "events", lambda _: local(table)), configured(place, "timezone: UTC\n", ""):
            check_refused(run(*SCORE, cwd=place), "LL104")


# Empty tables, columns of nulls, words that nobody knew


EMPTY = {
    "leads": "LL110",
    "events": "nightly.freshness",
    "stages": "LL402",
    "opportunities": "LL402",
    "accounts": "LL402",
    "merges": "LL402",
}
"""Tables, and what refuses them when they are empty: what training had and nobody has any more."""


@pytest.mark.parametrize("name", EMPTY)
def test_an_empty_table_is_refused(name: str, place: Path, run, trial) -> None:
    with trial("empty input"), changed(place, name, lambda t: t.slice(0, 0)):
        check_refused(run(*SCORE, cwd=place), EMPTY[name])


def test_no_file_at_all_and_a_file_of_no_bytes_are_refused(place: Path, run, trial) -> None:
    path = file_of(place, "leads")
    before = path.read_bytes()
    for code, spoil in ((66, path.unlink), (65, lambda: path.write_bytes(b""))):
        with trial("empty input"):
            spoil()
            done = run(*SCORE, cwd=place)
            assert done.code == code and "tables.leads.source" in done.sentence
            path.write_bytes(before)


NULLS = {
    ("leads", "lead_id"): "LL112", ("events", "event_id"): "LL112", ("accounts", "account_id"): "LL112", ("leads", "created_at"): "LL110",
    ("events", "occurred_at"): "nightly.freshness", ("leads", "account_id"): "LL407", ("leads", "source"): None, ("accounts", "employees"): None,
    ("opportunities", "amount"): None, ("opportunities", "closed_at"): None, ("stages", "reason"): None,
}  # fmt: skip


@pytest.mark.parametrize("column", NULLS, ids=".".join)
def test_a_column_of_nulls_is_refused_or_the_night_is_sound(column: tuple[str, str], place: Path, run, trial) -> None:
    name, field = column
    with (
        trial("a column of nulls"),
        changed(place, name, lambda t: put(t, field, pa.nulls(len(t), t.schema.field(field).type))),
    ):
        done = run(*SCORE, cwd=place)
        words = NULLS[column]
        if words:
            check_refused(done, words)
        else:
            assert done.code == 0, done.err
            assert all(0 < p < 1 for p in rows(place)["probability"])  # type: ignore[operator]


# Merged and converted leads


def merges(*pairs: tuple[str, str]) -> Change:
    def make(table: pa.Table) -> pa.Table:
        when = pa.array([at("2025-05-01T00:00:00Z")] * len(pairs), table["merged_at"].type)
        more = pa.table({"from_id": [a for a, _ in pairs], "into_id": [b for _, b in pairs], "merged_at": when})
        return pa.concat_tables([table, more.cast(table.schema)])

    return make


def test_a_chain_of_merges_leaves_its_end_and_a_circle_is_refused(place: Path, run, trial, scored) -> None:
    chain = [str(lead) for lead in scored["lead_id"][:4]]
    with trial("merged leads"), changed(place, "merges", merges(*itertools.pairwise(chain))):
        done = run(*SCORE, cwd=place)
        assert done.code == 0, done.err
        assert set(scored["lead_id"]) - set(rows(place)["lead_id"]) == set(chain[:-1])
    with trial("merged leads"), changed(place, "merges", merges((chain[0], chain[0]))):
        assert run(*SCORE, cwd=place).code == 0 and rows(place) == scored  # into itself: nothing happened
    for circle in (chain[:2], chain[:3]):
        with (
            trial("merged leads"),
            changed(place, "merges", merges(*zip(circle, [*circle[1:], circle[0]], strict=True))),
        ):
            check_refused(run(*SCORE, cwd=place), "LL116")


def test_a_lead_that_converted_is_scored_no_longer(place: Path, run, trial, scored) -> None:
    lead = str(scored["lead_id"][0])
    for stage in ("sql", "open", "closed_won", "disqualified"):

        def won(table: pa.Table, stage: str = stage) -> pa.Table:
            when = pa.array([at("2025-06-08T00:00:00Z")], table["changed_at"].type)
            row = {
                "lead_id": [lead],
                "stage": [stage],
                "changed_at": when,
                "recorded_at": when,
                "reason": pa.nulls(1, pa.string()),
            }
            return pa.concat_tables([table, pa.table(row).cast(table.schema)])

        with trial("converted leads"), changed(place, "stages", won):
            assert run(*SCORE, cwd=place).code == 0
            assert set(scored["lead_id"]) - set(rows(place)["lead_id"]) == {lead}
