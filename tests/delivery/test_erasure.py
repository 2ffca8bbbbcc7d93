"""Purging: a forgotten lead's rows go from every kind of file, others' rows stay as they were, and a rerun finishes."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leadline.config.scoring import Deliver
from leadline.core.files import read_json, write_bytes
from leadline.delivery import erasure
from leadline.delivery.changes import CHANGES, HANDOFFS, new_top_leads, score_changes
from leadline.delivery.crm_files import crm_files
from leadline.delivery.folder_sink import (
    NIGHT,
    PART,
    accounts_beside,
    finished_runs,
    open_file,
    partition_name,
    write_partition,
)
from leadline.delivery.formats import csv_bytes, line_bytes, parquet_bytes
from leadline.delivery.sink import RunKey
from leadline.delivery.sink_urls import open_sink
from leadline.errors import DataError
from leadline.scoring.accounts import ACCOUNTS
from leadline.scoring.previous_scores import PreviousScores
from leadline.tables.tombstones import FILE, read_tombstones
from nights import DAY, night, table

GONE = "L1"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def has(lead: str | None) -> bool:
    return lead == GONE


def written(place: Path, as_of: int = DAY) -> Path:
    """A night with all that lies beside it."""
    rows = table([0.5, 0.4, 0.3], as_of)
    rows = rows.append_column("rank", pa.array([1, 2, 3])).append_column("reason_1", pa.array(["x", "y", "z"]))
    handed = list(new_top_leads(rows, PreviousScores(), "A", None))
    delta = score_changes(rows, PreviousScores(0, {"L2": 0.9, "L9": 0.1}, {"L2": "A"}), 0.01)
    files = {PART: parquet_bytes(rows), HANDOFFS: line_bytes(handed), CHANGES: parquet_bytes(delta)}
    record = {
        **night(as_of),
        "leads": 3,
        "handoffs": 3,
        "tiers": {"A": 3},
        "mean_probability": 0.4,
        "changes": {"new": 2},
    }
    return write_partition(place, files, record)


def leads(file: Path) -> list[str]:
    if file.suffix == ".jsonl":
        return [json.loads(line)["lead_id"] for line in file.read_text().splitlines()]
    return pq.ParquetFile(file).read().column("lead_id").to_pylist()


def test_a_night_loses_the_lead_everywhere_and_stays_finished() -> None:
    place = written(Path("scores/demo"))
    untouched = written(Path("scores/demo"), 2 * DAY)
    before = {p: p.read_bytes() for p in untouched.iterdir()}
    assert erasure.purge_folder(Path("scores/demo"), lambda lead: lead == "nobody") == (0, 0)
    assert {p: p.read_bytes() for p in untouched.iterdir()} == before
    assert erasure.purge_folder(Path("scores/demo"), has) == (2, 2)
    for part in (place, untouched):
        assert [leads(part / name) for name in (PART, HANDOFFS, CHANGES)] == [
            ["L0", "L2"],
            ["L0", "L2"],
            ["L0", "L2", "L9"],
        ]
        record = read_json(part / NIGHT)
        assert (record["leads"], record["handoffs"], record["tiers"], record["forgotten"]) == (2, 2, {"A": 2}, 1)
        assert record["mean_probability"] == pytest.approx(0.4)
        assert record["changes"] == {"gone": 1, "moved": 1, "new": 1}
    assert len(list(finished_runs(Path("scores/demo")))) == 2
    once = {p: p.read_bytes() for p in Path("scores").rglob("*") if p.is_file()}
    assert erasure.purge_folder(Path("scores/demo"), has) == (0, 0)
    assert {p: p.read_bytes() for p in Path("scores").rglob("*") if p.is_file()} == once


def test_a_night_that_isnt_finished_goes_whole() -> None:
    place = written(Path("scores/demo"))
    (place / NIGHT).unlink()
    assert erasure.purge_folder(Path("scores/demo"), has) == (0, 0)
    assert not place.exists()


def test_a_single_file_and_its_record_are_mended_also_after_a_death_between_them() -> None:
    for name, data in (("a.csv", csv_bytes(table([0.5, 0.4]))), ("b.parquet", parquet_bytes(table([0.5, 0.4])))):
        path = Path(name)
        sink = open_file(path, Path("scores/demo"))
        sink.write(table([0.5, 0.4]), night())
        assert path.read_bytes() == data
        key = type("K", (), {"as_of": DAY, "model": "demo", "version": "1"})()
        assert erasure.purge_file(path, has) == 1 and sink.done(key) is not None  # type: ignore[arg-type]
        after = path.read_bytes()
        write_bytes(path, data)  # a run that died when the record was written, and the rows weren't
        assert erasure.purge_file(path, has) == 1 and path.read_bytes() == after
        assert sink.done(key) is not None and erasure.purge_file(path, has) == 0  # type: ignore[arg-type]
    assert erasure.purge_file(Path("none.csv"), has) == 0


def test_files_for_other_systems_lose_the_line_and_nothing_else() -> None:
    rows = table([0.5, 0.4, 0.3]).append_column("reason_1", pa.array(['two\n"lines", and', "its own\r\n", "x"]))
    plans = [Deliver(to="hubspot", folder="out/hub"), Deliver(to="handoffs", folder="out/hook"), Deliver(to="salesforce", folder="out/none")]  # fmt: skip
    files, count = crm_files("hubspot", rows, fields={"probability": "P", "reason_1": "Why"})
    write_partition(Path("out/hub"), files, {**night(), "to": "hubspot", "rows": count})
    write_partition(
        Path("out/hook"),
        {HANDOFFS: line_bytes([{"lead_id": GONE}, {"lead_id": "L2"}])},
        {**night(), "to": "handoffs", "rows": 2},
    )
    assert erasure.purge_deliveries(plans, has) == (2, 2)
    place = Path("out/hub") / partition_name(DAY, True)
    wanted, _ = crm_files(
        "hubspot", rows.filter(pa.array([True, False, True])), fields={"probability": "P", "reason_1": "Why"}
    )
    assert (place / "leads-001.csv").read_bytes() == wanted["leads-001.csv"]
    assert read_json(place / NIGHT)["rows"] == 2
    assert erasure.purge_deliveries(plans, has) == (0, 0)


def test_an_id_that_was_made_harmless_for_spreadsheets_is_found() -> None:
    rows = table([0.5, 0.4]).set_column(0, "lead_id", pa.array(["=L0", "L1"]))
    write_bytes(Path("a.csv"), csv_bytes(rows))
    assert erasure.purge_file(Path("a.csv"), lambda lead: lead == "=L0") == 1
    write_bytes(Path("other.csv"), b"name,what\nL1,not of scores\n")
    assert erasure.purge_file(Path("other.csv"), has) == 0


def test_the_list_keeps_what_was_said_first_and_holds_no_id() -> None:
    first = erasure.add_tombstones({"lead-one@example.com": {"models": {"demo": {"1": "yes"}}}})
    text = FILE.read_text()
    again = erasure.add_tombstones({"lead-one@example.com": {"models": {"demo": {"1": "no"}}}})
    assert FILE.read_text() == text and "example" not in text and "lead-one" not in text
    more = erasure.add_tombstones({"L2": {}})
    assert (len(first), len(again), len(more)) == (1, 1, 2) and more.salt == first.salt == read_tombstones().salt
    assert all(more.has(lead) for lead in ("lead-one@example.com", "L2")) and not more.has("L3")


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"salt": "a", "leads": [1]}', '{"salt": "a", "leads": {"x": 1}}'])
def test_a_damaged_list_stops_every_read(content: str) -> None:
    write_bytes(FILE, content.encode())
    with pytest.raises(DataError, match="list of forgotten leads can't be read"):
        read_tombstones()


def test_what_is_kept_of_the_log_goes() -> None:
    write_bytes(Path(".leadline/fold/one/rows.parquet"), b"x")
    erasure.purge_event_cache()
    assert not list(Path(".leadline/fold").glob("*"))


def firms(p: tuple[float, ...] = (0.6, 0.3)) -> pa.Table:
    """Two accounts; L1, who is to be forgotten, is in the first, which is led by another, L0."""
    stamp = pa.array([DAY] * len(p), pa.int64()).cast(pa.timestamp("us", "UTC"))
    names = {"account_id": ["=acme", "=globex"], "best_lead_id": ["L0", "L2"], "tier": ["A", "B"]}
    return pa.table({**{name: pa.array(v) for name, v in names.items()}, "as_of": stamp, "probability": pa.array(p)})


def housed() -> pa.Table:
    """Three leads with accounts of which a spreadsheet would make formulas."""
    rows = table([0.5, 0.4, 0.3])
    place = rows.schema.get_field_index("account_id")
    return rows.set_column(place, "account_id", pa.array(["=acme", "=acme", "=globex"]))


@pytest.mark.parametrize("out", [None, "a.csv", "b.parquet"])
def test_the_row_of_an_account_to_which_the_lead_belonged_goes_with_it(out: str | None) -> None:
    sink = open_sink(out, "demo")
    record = {**night(), "leads": 3, "tiers": {"A": 3}, "accounts": {"accounts": 2, "tiers": {"A": 1, "B": 1}}}
    place = Path(sink.write(housed(), record, {}, firms()))
    file = place / ACCOUNTS if out is None else accounts_beside(place)
    assert file.stat().st_mode & 0o777 == 0o600 and sink.done(RunKey(DAY, True, "demo", "1")) is not None
    gone = erasure.purge_folder(place.parent, has)[0] if out is None else erasure.purge_file(place, has)
    assert gone == 1
    assert "acme" not in (left := file.read_text() if out == "a.csv" else str(pq.ParquetFile(file).read().to_pylist()))
    assert "globex" in left
    assert (done := sink.done(RunKey(DAY, True, "demo", "1"))) is not None  # its hashes are those of what stands
    if out is None:
        assert done["accounts"] == {"accounts": 1, "tiers": {"B": 1}}


def test_an_account_whose_best_lead_is_forgotten_goes_though_the_leads_row_is_gone_already() -> None:
    write_partition(Path("s"), {PART: parquet_bytes(table([0.5])), ACCOUNTS: parquet_bytes(firms())}, night())
    assert erasure.purge_folder(Path("s"), lambda lead: lead == "L2") == (1, 1)
    (place,) = Path("s").glob("as_of=*")
    assert pq.ParquetFile(place / ACCOUNTS).read().column("account_id").to_pylist() == ["=acme"]
