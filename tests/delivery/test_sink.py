"""Where scores go: old or new, never half."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadline.core.files import locked
from leadline.delivery.folder_sink import finished_runs
from leadline.delivery.formats import csv_bytes
from leadline.delivery.past_scores import read_lead_history, read_past_runs
from leadline.delivery.sink import RunKey
from leadline.delivery.sink_urls import open_sink
from leadline.errors import DataError, OutputError, RetryError, UsageError
from nights import DAY, night, table
from projects import SOURCE

ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{SOURCE}:{Path(__file__).parents[1]}"}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("out", ["a.parquet", "deep/er/a.csv", "folder", None])
def test_the_same_rows_are_the_same_bytes(out: str | None) -> None:
    def content() -> dict[str, bytes]:
        place = Path(open_sink(out, "demo").write(table([0.5, 0.25]), night()))
        files = [place] if place.is_file() else sorted(place.iterdir())
        return {str(f): f.read_bytes() for f in files}

    assert content() == content()


def test_a_folder_has_a_partition_a_night() -> None:
    for as_of in (DAY, 2 * DAY):
        open_sink("out", "demo").write(table([0.5], as_of), night(as_of))
    assert [p.name for p in sorted(Path("out").glob("as_of=*"))] == [
        "as_of=1970-01-02T00-00-00Z",
        "as_of=1970-01-03T00-00-00Z",
    ]
    rows = pq.ParquetFile(next(Path("out").rglob("scores.parquet"))).read()
    assert rows.column_names == table([0.5]).column_names  # the partition's name takes no column away


def test_the_probability_before_is_that_of_the_newest_finished_night_of_the_same_model() -> None:
    sink = open_sink(None, "demo")
    for as_of, p in ((DAY, 0.1), (3 * DAY, 0.3), (2 * DAY, 0.2), (5 * DAY, 0.5)):
        sink.write(table([p], as_of), night(as_of))
    sink.write(table([0.9], 4 * DAY), night(4 * DAY, name="other"))
    assert sink.previous(5 * DAY, "demo").probability == {"L0": 0.3}
    assert sink.previous(3 * DAY, "demo").probability == {"L0": 0.2}
    assert sink.previous(DAY, "demo").probability == {}
    assert (sink.previous(3 * DAY, "demo").tier, sink.previous(DAY, "demo").tier) == ({"L0": "A"}, {})
    assert open_sink("file.csv", "demo").previous(5 * DAY, "demo").probability == {"L0": 0.3}


ACCOUNTS_OF = pa.table({"account_id": ["a", "b"], "probability": [0.5, 0.25]})


def test_the_accounts_of_the_night_before_are_found_with_its_leads() -> None:
    sink = open_sink(None, "demo")
    sink.write(table([0.1]), night(), {}, ACCOUNTS_OF)
    for place in (sink, open_sink("file.csv", "demo")):
        assert place.previous(2 * DAY, "demo").accounts == {"a": 0.5, "b": 0.25}
    sink.write(table([0.1], 2 * DAY), night(2 * DAY))
    assert sink.previous(3 * DAY, "demo").accounts == {}


@pytest.mark.parametrize("out", ["a.csv", "a.parquet"])
def test_a_file_has_its_accounts_beside_it_and_a_night_without_any_takes_them_away(out: str) -> None:
    sink, key = open_sink(out, "demo"), RunKey(DAY, True, "demo", "1")
    sink.write(table([0.1]), night(), {}, ACCOUNTS_OF)
    beside = Path(out.replace(".", ".accounts."))
    assert beside.is_file() and beside.stat().st_mode & 0o777 == 0o600 and sink.done(key) is not None
    beside.write_bytes(beside.read_bytes()[:-1])
    assert sink.done(key) is None  # it is written anew where its accounts are damaged
    sink.write(table([0.1]), night())
    assert not beside.exists() and sink.done(key) is not None
    beside.write_text("of somebody else")
    sink.write(table([0.1]), night())
    assert beside.read_text() == "of somebody else"


def test_records_of_past_nights_are_the_models_own_within_two_instants_the_newest_first() -> None:
    sink = open_sink(None, "demo")
    for as_of in (DAY, 3 * DAY, 2 * DAY, 5 * DAY):
        sink.write(table([0.1], as_of), night(as_of))
    sink.write(table([0.9], 4 * DAY), night(4 * DAY, name="other"))
    assert [r["as_of_value"] for r in sink.records(2 * DAY, 5 * DAY, "demo")] == [3 * DAY, 2 * DAY]
    assert len(open_sink("file.csv", "demo").records(0, 9 * DAY, "demo")) == 4


OLD_ROWS = (
    table([0.5, 0.25])
    .append_column("exploration", pa.array([False, True]))
    .append_column("override", pa.array(["C", None]))
)
"""A night as leadlines wrote it before its trailing columns had a clearer name."""


@pytest.mark.parametrize("out", ["a.parquet", "a.csv", None])
def test_a_night_with_old_columns_is_read_under_their_new_names(out: str | None) -> None:
    sink = open_sink(out, "demo")
    sink.write(OLD_ROWS, night())
    rows = sink.rows(RunKey(DAY, True, "demo", "1"))
    assert rows.column_names[-2:] == ["is_holdout", "tier_override"]
    assert (rows["is_holdout"].to_pylist(), rows["tier_override"].to_pylist()) == ([False, True], ["C", None])


def test_what_looks_at_past_nights_knows_the_old_columns() -> None:
    sink = open_sink(None, "demo")
    sink.write(OLD_ROWS.append_column("rank", pa.array([1, 2])), night())
    assert sink.previous(2 * DAY, "demo").override == {"L0": "C"}
    assert read_past_runs(Path("scores/demo"), "demo")[0]["is_holdout"].to_pylist() == [False, True]
    (told,) = read_lead_history(Path("scores/demo"), "demo", "L1", DAY)
    assert told["bars"] == {"A": 0.5}  # the lead that drew its tier sets no bar


def damages(place: Path) -> dict[str, tuple[Path, bytes | None]]:
    record = json.loads((place / "night.json").read_text())
    rows = (place / "scores.parquet").read_bytes()
    return {
        "rows cut short": (place / "scores.parquet", rows[:-20]),
        "a bit flipped": (place / "scores.parquet", rows[:99] + bytes([rows[99] ^ 4]) + rows[100:]),
        "rows gone": (place / "scores.parquet", None),
        "record gone": (place / "night.json", None),
        "record cut short": (place / "night.json", b'{"as_of_value": 1'),
        "record of no night": (place / "night.json", b"[]"),
        "record empty": (place / "night.json", b""),
        "record in no text": (place / "night.json", b"\xff\xfe\x00"),
        "record without an as_of": (
            place / "night.json",
            json.dumps({k: v for k, v in record.items() if k != "as_of_value"}).encode(),
        ),
    }


@pytest.mark.parametrize("name", [
    "rows cut short", "a bit flipped", "rows gone", "record gone", "record cut short", "record of no night", "record empty",
    "record in no text", "record without an as_of",
])  # fmt: skip
def test_a_damaged_night_is_passed_over(name: str) -> None:
    sink = open_sink(None, "demo")
    sink.write(table([0.1], DAY), night(DAY))
    place = Path(sink.write(table([0.2], 2 * DAY), night(2 * DAY)))
    path, data = damages(place)[name]
    path.unlink() if data is None else path.write_bytes(data)
    assert sink.previous(3 * DAY, "demo").probability == {"L0": 0.1}
    assert [p.name for p, _ in finished_runs(Path("scores/demo"))] == ["as_of=1970-01-02T00-00-00Z"]
    assert read_past_runs(Path("scores/demo"), "demo")[0]["probability"].to_pylist() == [0.1]


def test_no_scores_are_an_empty_night() -> None:
    for out in ("a.parquet", "a.csv", None):
        open_sink(out, "demo").write(table([]), night())
    assert pq.read_table("a.parquet").num_rows == 0
    assert Path("a.csv").read_text().count("\n") == 1
    assert len(read_past_runs(Path("scores/demo"), "demo")[0]) == 0
    assert len(list(finished_runs(Path("scores/demo")))) == 1


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), min_size=1, max_size=8))
def test_no_text_cell_of_a_csv_is_a_formula_and_none_is_lost(texts: list[str]) -> None:
    data = csv_bytes(pa.table({"reason_1": pa.array(texts, pa.string()), "p": [-0.5] * len(texts)}))
    rows = list(csv.reader(io.StringIO(data.decode(), newline="")))[1:]
    assert len(rows) == len(texts)
    for (cell, number), text in zip(rows, texts, strict=True):
        assert not cell.lstrip().startswith(("=", "+", "-", "@"))
        assert cell in (text, "'" + text) and number == "-0.5"


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@sum", "\t=1", "\r=1", " =1", "\n=1"])
def test_a_cell_that_a_spreadsheet_would_run_is_made_harmless(cell: str) -> None:
    rows = list(csv.reader(io.StringIO(csv_bytes(pa.table({"a": [cell]})).decode(), newline="")))
    assert rows[1] == ["'" + cell]


def test_missing_cells_stay_missing_and_instants_are_iso() -> None:
    rows = table([0.5])
    assert csv_bytes(rows.select(["account_id", "as_of"])).decode() == '"account_id","as_of"\n,"1970-01-02T00:00:00Z"\n'


@pytest.mark.parametrize("out", ["a.xlsx", "s3://bucket/a.parquet", "a.parquet.gz", "postgresql://u:hunter2@h/d"])
def test_what_leadline_does_not_write_is_a_usage_error_without_secrets(out: str) -> None:
    with pytest.raises(UsageError) as refusal:
        open_sink(out, "demo")
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("out", ["afile/a.csv", "afile/a.parquet", "afile/out", "adir.csv"])
def test_a_place_that_cannot_be_written_is_an_output_error(out: str) -> None:
    Path("afile").write_text("here already")
    Path("adir.csv").mkdir()
    sink = open_sink(out, "demo")
    with pytest.raises(OutputError, match="expected to be able to write there"), sink.lock():
        sink.write(table([0.5]), night())
    assert Path("afile").read_text() == "here already"


FILL = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
from nights import night, table
from leadline.delivery.sink_urls import open_sink
from leadline.errors import OutputError
try:
    open_sink(sys.argv[1], "demo").write(table([i / 9e5 for i in range(200_000)]), night())
except OutputError:
    sys.exit(73)
"""


@pytest.mark.parametrize("out", ["a.csv", "a.parquet", "folder"])
def test_when_the_disk_gives_out_the_old_output_stays(out: str) -> None:
    place = Path(open_sink(out, "demo").write(table([0.5]), night()))
    before = {p: p.read_bytes() for p in [place, *place.rglob("*")] if p.is_file()}
    done = subprocess.run([sys.executable, "-c", FILL, out], env=ENVIRONMENT, check=False)
    assert done.returncode == 73
    assert {p: p.read_bytes() for p in [place, *place.rglob("*")] if p.is_file()} == before


WRITE = """
from nights import night, table
from leadline.delivery.sink_urls import open_sink
print("ready", flush=True)
while True:
    for p in (0.25, 0.75):
        for out in ("a.csv", "a.parquet", "folder"):
            open_sink(out, "demo").write(table([p] * 20_000), night())
"""


@pytest.mark.parametrize("milliseconds", [3, 20, 50, 90, 140, 200, 270, 350])
def test_killed_in_the_middle_each_output_is_the_old_or_the_new(milliseconds: int) -> None:
    for out in ("a.csv", "a.parquet", "folder"):
        open_sink(out, "demo").write(table([0.25] * 20_000), night())
    process = subprocess.Popen([sys.executable, "-c", WRITE], stdout=subprocess.PIPE, env=ENVIRONMENT)
    assert process.stdout is not None and process.stdout.readline() == b"ready\n"
    try:
        process.wait(milliseconds / 1000)
    except subprocess.TimeoutExpired:
        process.kill()
    process.wait()
    process.stdout.close()
    whole = ({0.25: 20_000}, {0.75: 20_000})
    read = csv.DictReader(io.StringIO(Path("a.csv").read_text()))
    assert counted([float(row["probability"]) for row in read]) in whole
    assert counted(pq.read_table("a.parquet")["probability"].to_pylist()) in whole
    assert (
        counted(pq.ParquetFile(next(Path("folder").rglob("scores.parquet"))).read()["probability"].to_pylist()) in whole
    )
    open_sink("folder", "demo").write(table([0.5]), night())
    assert not list(Path("folder").rglob(".staging-*"))


def counted(values: list[float]) -> dict[float, int]:
    return {value: values.count(value) for value in set(values)}


@pytest.mark.parametrize("out", ["a.csv", "folder", None])
def test_the_second_writer_to_a_place_is_told_to_try_again(out: str | None) -> None:
    with (
        open_sink(out, "demo").lock(),
        pytest.raises(RetryError, match="another leadline run"),
        open_sink(out, "demo").lock(),
    ):
        pass


def test_a_lock_outlives_nobody(here: Path) -> None:
    code = "import sys, leadline.core.files as f, pathlib; c = f.locked(pathlib.Path('l')); c.__enter__(); print('held', flush=True); sys.stdin.read()"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT
    )
    assert process.stdout is not None and process.stdin is not None and process.stdout.readline() == b"held\n"
    with pytest.raises(RetryError), locked(here / "l"):
        pass
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()
    with locked(here / "l"):
        pass


def test_two_rows_of_a_lead_never_leave_the_night(trained_home) -> None:
    import dataclasses

    import numpy as np

    from leadline.delivery.batch import ScoredBatch, ScoringRequest
    from leadline.delivery.run_batch import run_scoring
    from leadline.registry.bundle import read_bundle
    from leadline.scoring.ranking import rank_leads

    made = trained_home[1].prepared.features
    bundle = read_bundle(trained_home[0] / "models" / "demo" / "1")
    few = type(made)(made.specs, made.lead_id[:3], made.account_id[:3], made.as_of[:3], made.values.iloc[:3])
    twice = dataclasses.replace(few, lead_id=np.array(["a", "a", "b"], dtype=object))
    order = ScoringRequest(bundle, DAY, True, open_sink("a.csv", "demo"))
    with pytest.raises(DataError, match="two rows"):
        run_scoring(order, lambda _: ScoredBatch(rank_leads(bundle.scorer, twice, DAY, True, "demo", "1")))
    assert not Path("a.csv").exists()
