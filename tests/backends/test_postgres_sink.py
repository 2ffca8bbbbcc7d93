"""Scores in a real PostgreSQL table."""

from __future__ import annotations

import threading
import uuid
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow as pa
import pytest

from leadline.delivery.postgres_sink import forget_rows
from leadline.delivery.sink import RunKey
from leadline.delivery.sink_urls import open_sink
from leadline.errors import OutputError, RetryError, UsageError

DAY = 86_400_000_000


def scores(p: list[float], as_of: int = DAY, version: str = "1", dated: bool = True) -> pa.Table:
    n = len(p)
    moments = pa.array([as_of] * n, pa.int64())
    return pa.table({
        "lead_id": pa.array([f"L{i}" for i in range(n)], pa.string()), "probability": pa.array(p, pa.float64()),
        "as_of": moments.cast(pa.timestamp("us", "UTC")) if dated else moments,
        "model_name": pa.array(["demo"] * n, pa.string()), "model_version": pa.array([version] * n, pa.string()),
    })  # fmt: skip


def night(as_of: int = DAY, version: str = "1", dated: bool = True) -> dict[str, object]:
    return {"as_of_value": as_of, "is_dated": dated, "model_name": "demo", "model_version": version}


def to(uri: str, table: str) -> str:
    return f"{uri}{'&' if '?' in uri else '?'}table={table}"


def rows(uri: str, query: str) -> list[tuple[object, ...]]:
    import adbc_driver_postgresql.dbapi as postgres

    with postgres.connect(uri) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    return f"t{uuid.uuid4().hex[:8]}"


def test_a_night_written_again_takes_its_own_place(postgres_uri: str, table: str) -> None:
    sink = open_sink(to(postgres_uri, table), "demo")
    sink.write(scores([0.1, 0.2]), night())
    sink.write(scores([0.7], 2 * DAY), night(2 * DAY))
    sink.write(scores([0.3, 0.4, 0.5]), night())
    told = rows(postgres_uri, f"SELECT probability FROM {table} ORDER BY as_of, probability")
    assert told == [(0.3,), (0.4,), (0.5,), (0.7,)]


def test_a_night_with_nobody_left_takes_the_place_of_its_rows(postgres_uri: str, table: str) -> None:
    sink = open_sink(to(postgres_uri, table), "demo")
    sink.write(scores([0.1, 0.2]), night())
    sink.write(scores([]), night())
    assert rows(postgres_uri, f"SELECT COUNT(*) FROM {table}") == [(0,)]


def test_another_version_of_the_model_has_rows_of_its_own(postgres_uri: str, table: str) -> None:
    sink = open_sink(to(postgres_uri, table), "demo")
    sink.write(scores([0.1]), night())
    sink.write(scores([0.2], version="2"), night(version="2"))
    assert rows(postgres_uri, f"SELECT COUNT(*) FROM {table}") == [(2,)]


def test_the_night_before_is_found_in_the_table(postgres_uri: str, table: str) -> None:
    sink = open_sink(to(postgres_uri, table), "demo")
    assert sink.previous(DAY, "demo").probability == {}
    for as_of, p in ((DAY, 0.1), (2 * DAY, 0.2)):
        sink.write(scores([p], as_of), night(as_of))
    sink.write(scores([0.25], 2 * DAY, "10"), night(2 * DAY, "10"))
    sink.write(scores([0.21], 2 * DAY, "9"), night(2 * DAY, "9"))
    assert sink.previous(3 * DAY, "demo").probability == {"L0": 0.25}  # by the newest version
    assert sink.previous(2 * DAY, "demo").probability == {"L0": 0.1}
    assert sink.previous(3 * DAY, "other").probability == {}


def firms(chance: dict[str, float], as_of: int = DAY, version: str = "1") -> pa.Table:
    n = len(chance)
    return pa.table({
        "account_id": pa.array([*chance], pa.string()), "as_of": pa.array([as_of] * n, pa.int64()).cast(pa.timestamp("us", "UTC")),
        "probability": pa.array([*chance.values()], pa.float64()), "best_lead_id": pa.array([f"L{i}" for i in range(n)], pa.string()),
        "grade": pa.array([None] * n, pa.string()), "engaged_people": pa.array([None] * n, pa.int64()),
        "model_name": pa.array(["demo"] * n, pa.string()), "model_version": pa.array([version] * n, pa.string()),
    })  # fmt: skip


def test_accounts_stand_in_a_table_beside_and_go_with_their_night(postgres_uri: str, table: str) -> None:
    sink = open_sink(to(postgres_uri, table), "demo")
    told = f"SELECT account_id, probability FROM {table}_accounts ORDER BY as_of, account_id"
    sink.write(scores([0.1, 0.2]), night(), {}, firms({"a": 0.5, "b": 0.2}))
    sink.write(scores([0.1, 0.2]), night(), {}, firms({"b": 0.3}).append_column("trend", pa.array([0.1])))
    sink.write(scores([0.7], 2 * DAY), night(2 * DAY), {}, firms({"c": 0.9}, 2 * DAY))
    assert rows(postgres_uri, told) == [("b", 0.3), ("c", 0.9)]
    assert sink.previous(2 * DAY, "demo").accounts == {"b": 0.3}
    assert sink.retire is not None and sink.retire("demo", 2 * DAY) == 1
    assert rows(postgres_uri, told) == [("c", 0.9)]
    sink.write(scores([0.7], 2 * DAY), night(2 * DAY))  # nobody has an account any more
    assert rows(postgres_uri, told) == []
    assert sink.previous(3 * DAY, "demo").accounts == {}


def test_a_forgotten_lead_takes_the_rows_of_its_accounts_along(postgres_uri: str, table: str) -> None:
    where = to(postgres_uri, table)
    housed = scores([0.1, 0.2, 0.3]).append_column("account_id", pa.array(["a", "b", None]))
    open_sink(where, "demo").write(housed, night(), {}, firms({"a": 0.5, "b": 0.2, "c": 0.1}))
    assert forget_rows(where, "demo", ["L1", "L2"]) == 2  # L1 is of b; L2 leads c in the table
    assert rows(postgres_uri, f"SELECT account_id FROM {table}_accounts") == [("a",)]


def test_records_of_past_nights_are_those_within_two_instants_the_newest_first(postgres_uri: str, table: str) -> None:
    sink = open_sink(to(postgres_uri, table), "demo")
    assert sink.records(0, 9 * DAY, "demo") == []
    for as_of in (DAY, 3 * DAY, 2 * DAY, 5 * DAY):
        sink.write(scores([0.1], as_of), night(as_of))
    assert [r["as_of_value"] for r in sink.records(2 * DAY, 5 * DAY, "demo")] == [3 * DAY, 2 * DAY]
    assert sink.records(0, 9 * DAY, "other") == []


def test_the_tiers_of_the_night_before_are_found_in_the_table(postgres_uri: str, table: str) -> None:
    sink = open_sink(to(postgres_uri, table), "demo")
    for as_of, tiers in ((DAY, ["B", "B"]), (2 * DAY, ["A", "C"])):
        sink.write(scores([0.4, 0.1], as_of).append_column("tier", pa.array(tiers)), night(as_of))
    assert sink.previous(3 * DAY, "demo").tier == {"L0": "A", "L1": "C"}
    assert sink.previous(2 * DAY, "demo").tier == {"L0": "B", "L1": "B"}
    assert sink.previous(DAY, "demo").tier == {}


def test_a_flat_files_nights_are_numbers(postgres_uri: str, table: str) -> None:
    sink = open_sink(to(postgres_uri, table), "demo")
    for as_of, p in ((12, 0.1), (30, 0.2), (12, 0.3)):
        sink.write(scores([p], as_of, dated=False), night(as_of, dated=False))
    assert rows(postgres_uri, f"SELECT as_of, probability FROM {table} ORDER BY as_of") == [(12, 0.3), (30, 0.2)]
    assert sink.previous(30, "demo").probability == {"L0": 0.3}


def test_a_table_of_another_schema_and_an_odd_name_is_quoted(postgres_uri: str, table: str) -> None:
    sink = open_sink(to(postgres_uri, f"public.{table}%22%3B-- x"), "demo")
    for _ in range(2):
        sink.write(scores([0.1]), night())
    assert rows(postgres_uri, f'SELECT COUNT(*) FROM "{table}"";-- x"') == [(1,)]


def test_readers_see_all_rows_of_a_night_or_none(postgres_uri: str, table: str) -> None:
    sink = open_sink(to(postgres_uri, table), "demo")
    sink.write(scores([0.0] * 400), night())
    done = threading.Event()
    failures: list[BaseException] = []

    def write() -> None:
        try:
            for n in range(12):
                sink.write(scores([float(n % 2)] * 400), night())
        except BaseException as error:  # noqa: BLE001 (told below)
            failures.append(error)
        finally:
            done.set()

    writer = threading.Thread(target=write)
    writer.start()
    seen = set()
    while not done.is_set():
        seen.update(rows(postgres_uri, f"SELECT COUNT(*), COUNT(DISTINCT probability) FROM {table}"))
    writer.join()
    assert not failures
    assert seen == {(400, 1)}


def test_two_machines_at_once_do_not_double_a_night(postgres_uri: str, table: str) -> None:
    open_sink(to(postgres_uri, table), "demo").write(scores([0.5]), night())
    failures: list[BaseException] = []

    def write() -> None:
        try:
            for _ in range(6):
                open_sink(to(postgres_uri, table), "demo").write(scores([0.1] * 50), night())
        except BaseException as error:  # noqa: BLE001 (told below)
            failures.append(error)

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert not failures
    assert rows(postgres_uri, f"SELECT COUNT(*) FROM {table}") == [(50,)]


def test_a_refusal_leaves_the_old_rows_and_shows_neither_rows_nor_password(postgres_uri: str, table: str) -> None:
    sink = open_sink(to(postgres_uri, table), "demo")
    sink.write(scores([0.1]), night())
    wrong = scores([0.2, 0.3]).set_column(0, "lead_id", pa.array(["Canary Zq17"] * 2))
    with pytest.raises(OutputError, match="SQLSTATE") as refusal:
        sink.write(wrong, night())
    assert "Canary" not in str(refusal.value)
    assert rows(postgres_uri, f"SELECT probability FROM {table}") == [(0.1,)]


def test_a_row_has_one_place_by_lead_night_and_model(postgres_uri: str, table: str, execute) -> None:
    open_sink(to(postgres_uri, table), "demo").write(scores([0.1]), night())
    with pytest.raises(Exception, match="duplicate key"):
        execute(f"INSERT INTO {table} SELECT * FROM {table}")
    key = f"SELECT attname FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey) WHERE indrelid = '{table}'::regclass AND indisprimary ORDER BY 1"
    assert [row[0] for row in rows(postgres_uri, key)] == ["as_of", "lead_id", "model_name", "model_version"]


def test_rows_are_updated_in_place_and_those_of_leads_that_are_gone_go(postgres_uri: str, table: str, execute) -> None:
    sink = open_sink(to(postgres_uri, table), "demo")
    sink.write(scores([0.1, 0.2, 0.3]), night())
    execute(f"ALTER TABLE {table} ADD COLUMN note text")  # a column of the user's own survives
    execute(f"UPDATE {table} SET note = 'called' WHERE lead_id = 'L1'")
    sink.write(scores([0.4, 0.5]), night())
    told = rows(postgres_uri, f"SELECT lead_id, probability, note FROM {table} ORDER BY lead_id")
    assert told == [("L0", 0.4, None), ("L1", 0.5, "called")]


def test_the_view_shows_each_models_newest_night(postgres_uri: str, table: str) -> None:
    sink = open_sink(to(postgres_uri, table), "demo")
    view = f"SELECT lead_id, probability FROM {table}_latest ORDER BY lead_id"
    sink.write(scores([0.2, 0.3], 2 * DAY), night(2 * DAY))
    sink.write(scores([0.1], DAY), night(DAY))  # an older night, later
    assert rows(postgres_uri, view) == [("L0", 0.2), ("L1", 0.3)]
    sink.write(scores([0.9], 2 * DAY, "2"), night(2 * DAY, "2"))
    assert rows(postgres_uri, view) == [("L0", 0.9)]
    sink.write(scores([], 3 * DAY, "2"), night(3 * DAY, "2"))
    assert rows(postgres_uri, view) == []


def test_a_night_is_done_when_its_record_stands_and_reads_back(postgres_uri: str, table: str) -> None:
    sink = open_sink(to(postgres_uri, table), "demo")
    key = RunKey(DAY, True, "demo", "1")
    assert sink.done(key) is None
    ranked = scores([0.1, 0.2]).append_column("rank", pa.array([2, 1]))
    sink.write(ranked, {**night(), "config_hash": "h", "leads": 2})
    record = sink.done(key)
    assert record is not None and record["config_hash"] == "h"
    assert sink.done(RunKey(DAY, True, "demo", "2")) is None
    assert sink.rows(key)["lead_id"].to_pylist() == ["L1", "L0"]


def test_a_table_that_stood_before_gets_the_key_and_the_columns_that_it_lacks(
    postgres_uri: str, table: str, execute
) -> None:
    execute(
        f"CREATE TABLE {table} (lead_id text, probability double precision, as_of timestamptz, model_name text, model_version text)"
    )
    execute(f"INSERT INTO {table} VALUES ('L0', 0.5, '1970-01-02T00:00:00Z', 'demo', '1')")
    sink = open_sink(to(postgres_uri, table), "demo")
    assert sink.previous(2 * DAY, "demo").probability == {"L0": 0.5}
    tiered = scores([0.7], 2 * DAY).append_column("tier", pa.array(["A"]))
    sink.write(tiered, night(2 * DAY))
    told = rows(postgres_uri, f"SELECT probability, tier FROM {table} ORDER BY as_of")
    assert told == [(0.5, None), (0.7, "A")]
    before = sink.previous(3 * DAY, "demo")
    assert (before.as_of, dict(before.tier)) == (2 * DAY, {"L0": "A"})


def by_hand(p: list[float], as_of: int, tiers: list[str | None], name: str = "tier_override") -> pa.Table:
    rows = scores(p, as_of).append_column("rank", pa.array(range(len(p)), pa.int64()))
    return rows.append_column("tier", pa.array(["B"] * len(p))).append_column(name, pa.array(tiers, pa.string()))


def test_a_table_with_a_column_by_its_old_name_is_read_by_it_and_goes_on_being_filled(
    postgres_uri: str, table: str
) -> None:
    sink = open_sink(to(postgres_uri, table), "demo")
    sink.write(by_hand([0.5, 0.4], DAY, ["A", "C"], "override"), night())
    assert sink.previous(2 * DAY, "demo").override == {"L0": "A", "L1": "C"}
    sink.write(by_hand([0.5, 0.4], 2 * DAY, [None, "D"]), night(2 * DAY))
    told = f"SELECT override, tier_override FROM {table}{{}} ORDER BY as_of, lead_id"
    assert rows(postgres_uri, told.format("")) == [("A", None), ("C", None), (None, None), ("D", "D")]
    assert rows(postgres_uri, told.format("_latest")) == [(None, None), ("D", "D")]
    assert sink.previous(2 * DAY, "demo").override == {"L0": "A", "L1": "C"}
    assert sink.previous(3 * DAY, "demo").override == {"L1": "D"}
    sink.write(by_hand([0.5, 0.4], DAY, [None, "C"]), night())  # scored once more: nothing of the old column stays
    assert sink.previous(2 * DAY, "demo").override == {"L1": "C"}
    found = sink.rows(RunKey(DAY, True, "demo", "1"))
    assert "override" not in found.column_names and found["tier_override"].to_pylist() == [None, "C"]


def test_old_nights_go_and_the_newest_stays(postgres_uri: str, table: str) -> None:
    sink = open_sink(to(postgres_uri, table), "demo")
    for day in (1, 2, 3):
        sink.write(scores([0.1], day * DAY), night(day * DAY))
    assert sink.retire is not None
    assert sink.retire("demo", 3 * DAY) == 2 and sink.retire("other", 9 * DAY) == 0
    assert sink.retire("demo", 99 * DAY) == 0
    assert rows(postgres_uri, f"SELECT COUNT(*) FROM {table}") == [(1,)]
    assert rows(postgres_uri, f"SELECT COUNT(*) FROM {table}_nights") == [(1,)]


def test_a_name_that_postgresql_would_cut_is_refused(postgres_uri: str) -> None:
    with pytest.raises(UsageError, match="too long"):
        open_sink(to(postgres_uri, "t" * 60), "demo")


def test_a_server_that_is_not_there_is_told_without_the_password(postgres_uri: str, table: str) -> None:
    assert urlsplit(postgres_uri).scheme == "postgresql"
    sink = open_sink(f"postgresql://someone:hunter2@127.0.0.1:9/db?table={table}", "demo")
    assert "hunter2" not in sink.shown
    with pytest.raises(RetryError, match="can't be reached") as refusal:
        sink.write(scores([0.2]), night())
    assert "hunter2" not in str(refusal.value) and "someone" not in str(refusal.value)
    assert refusal.value.__suppress_context__


def test_the_second_run_to_a_table_is_told_to_try_again(postgres_uri: str, table: str) -> None:
    sink = open_sink(to(postgres_uri, table), "demo")
    with sink.lock(), pytest.raises(RetryError), open_sink(to(postgres_uri, table), "demo").lock():
        pass


def test_forgotten_leads_rows_of_a_model_go_in_every_night(postgres_uri: str, table: str) -> None:
    from leadline.delivery.postgres_sink import forget_rows

    out = to(postgres_uri, table)
    assert forget_rows(out, "demo", ["L1"]) == 0
    for as_of in (DAY, 2 * DAY):
        open_sink(out, "demo").write(scores([0.3, 0.2, 0.1], as_of), night(as_of))
    assert forget_rows(out, "other", ["L1"]) == 0
    assert forget_rows(out, "demo", ["L1", "never", "'; DROP TABLE"]) == 2
    assert rows(postgres_uri, f"SELECT lead_id, COUNT(*) FROM {table} GROUP BY 1 ORDER BY 1") == [("L0", 2), ("L2", 2)]
    assert forget_rows(out, "demo", ["L1"]) == 0


def test_what_moved_is_a_text_column_and_the_night_before_tells_its_version(postgres_uri: str, table: str) -> None:
    sink = open_sink(to(postgres_uri, table), "demo")
    sink.write(scores([0.1]), night())  # of an older leadline, without the column
    before = sink.previous(2 * DAY, "demo")
    assert before.version == "1" and before.contributions is None
    ranked = scores([0.2, 0.3], 2 * DAY, "2").append_column("rank", pa.array([1, 2]))
    told = ranked.append_column(
        "change", pa.array(["up from 10% to 20%: scored by model 2 instead of 1", None], pa.string())
    )
    sink.write(told, night(2 * DAY, "2"))
    kept = rows(
        postgres_uri, f"SELECT change, pg_typeof(change)::text FROM {table} WHERE model_version = '2' ORDER BY lead_id"
    )
    assert kept == [("up from 10% to 20%: scored by model 2 instead of 1", "text"), (None, "text")]
    read = sink.rows(RunKey(2 * DAY, True, "demo", "2"))
    assert read.column("change").to_pylist() == told.column("change").to_pylist()
