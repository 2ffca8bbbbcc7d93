"""Hostile text in data, names and arguments: nothing of it is run, nothing leaves its place, and the outputs are sound."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from projects import NIGHT

TEXTS = [
    "=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(1)", "\t=1+1", "\r=1+1", "<script>alert(1)</script>", "</td><img src=x onerror=alert(1)>",
    "'; DROP TABLE leads; --", '"; DROP TABLE leads; --', "') OR 1=1 --", "${HOME}", "{{ 7*7 }}", "%s%n", "../../../etc/passwd", "/etc/passwd",
    "C:\\Windows\\win.ini", "a\x00b", "a\x1b[31mred", "a\x7f\x08b", "\u202egnp.exe", "\ufeffbom", "line\nbreak", 'quote"comma,semi;', "é" * 5000,
    "x" * 1_000_000,
]  # fmt: skip
# As ids: what begins or ends with a blank is read without it, and two would then be one.
IDS = [text if text.strip() == text else f"lead {n}" for n, text in enumerate(TEXTS)]
SCORE = ["score", "demo.yaml", "--as-of", NIGHT, "--model", "models/demo/1", "--force", "--quiet", "--out"]


def put(table: pa.Table, column: str, values: list[object]) -> pa.Table:
    return table.set_column(
        table.schema.get_field_index(column), column, pa.array(values, table.schema.field(column).type)
    )


def named(home: Path) -> dict[str, str]:
    """Give leads hostile ids, through every table; return each one's former id."""
    first = pq.read_table(home / "before.parquet")["lead_id"].to_pylist()[: len(IDS)]
    names = dict(zip(first, IDS, strict=True))
    for place in ("leads", "stages", "opportunities", "history", "events/all"):
        path = home / f"data/{place}.parquet"
        table = pq.read_table(path)
        ids = [names.get(lead, lead) for lead in table["lead_id"].to_pylist()]
        pq.write_table(put(table, "lead_id", ids), path)
    return {new: old for old, new in names.items()}


@pytest.fixture(scope="module")
def hostile(tiny_trained: Path, tmp_path_factory: pytest.TempPathFactory, run) -> tuple[Path, dict[str, str]]:
    """A home whose leads, acts, titles, campaigns and reasons are hostile, and its scores as they were before."""
    home = Path(shutil.copytree(tiny_trained, tmp_path_factory.mktemp("hostile") / "home"))
    config = home / "demo.yaml"
    config.write_text(
        config.read_text()
        + "\nnightly: {track: false, levels: warn, drift: ignore, deliver: [{to: hubspot, folder: sent}]}\n"
    )
    assert run(*SCORE, "before.parquet", cwd=home).code == 0
    names = named(home)
    leads = pq.read_table(home / "data/leads.parquet")
    for column in ("job_title", "country", "campaign"):
        leads = put(
            leads, column, [TEXTS[n % len(TEXTS)] if n % 3 else v for n, v in enumerate(leads[column].to_pylist())]
        )
    pq.write_table(leads, home / "data/leads.parquet")
    events = pq.read_table(home / "data/events/all.parquet")
    extra = put(events.slice(0, len(TEXTS)), "event_type", list(TEXTS))
    extra = put(extra, "event_id", [f"{text[:2000]}!" for text in IDS])
    pq.write_table(pa.concat_tables([events, extra]), home / "data/events/all.parquet")
    stages = pq.read_table(home / "data/stages.parquet")
    stages = put(stages, "reason", [TEXTS[n % len(TEXTS)] for n in range(len(stages))])
    pq.write_table(stages, home / "data/stages.parquet")
    return home, names


@pytest.fixture(autouse=True)
def long_cells() -> Iterator[None]:
    """Python's reader of CSV takes cells of 131,072 characters by default; ours hold a megabyte."""
    before = csv.field_size_limit(4_000_000)
    yield
    csv.field_size_limit(before)


def outside(home: Path) -> set[str]:
    return {p.name for p in home.parent.iterdir()}


@pytest.mark.parametrize("out", ["o.csv", "o.parquet", "folder"])
def test_hostile_leads_score_as_they_did_under_another_name(out: str, hostile, run, trial) -> None:
    home, names = hostile
    before = pq.read_table(home / "before.parquet")
    expected = dict(zip(before["lead_id"].to_pylist(), before["probability"].to_pylist(), strict=True))
    around = outside(home)
    with trial("hostile text: ids, titles, acts, reasons"):
        done = run(*SCORE, out, cwd=home)
        assert done.code == 0, done.err[:2000]
        assert not any(text in done.out + done.err for text in TEXTS if len(text) > 3)
        assert not re.search(r"[\x00\x1b\x7f]", done.out + done.err)
    assert outside(home) == around
    if out == "o.csv":
        with (home / out).open(newline="", encoding="utf-8") as stream:
            found = list(csv.DictReader(stream))
        assert len(found) == len(expected)
        for text in IDS:
            with trial("hostile text: a cell of a CSV"):
                (row,) = [r for r in found if r["lead_id"] in (text, f"'{text}")]
                assert float(row["probability"]) == expected[names[text]]
        cells = {
            cell for row in found for name, cell in row.items() if name not in ("probability", "previous_probability")
        }
        assert not [cell for cell in cells if re.match(r"\s*[=+\-@]", cell)]
    else:
        place = home / out if out.endswith("parquet") else next((home / out).glob("as_of=*")) / "scores.parquet"
        rows = pq.ParquetFile(place).read()
        for lead, p in zip(rows["lead_id"].to_pylist(), rows["probability"].to_pylist(), strict=True):
            assert p == expected[names.get(lead, lead)]
    handed = [line for path in home.rglob("handoffs.jsonl") for line in path.read_bytes().decode().split("\n") if line]
    assert all(json.loads(line)["lead_id"] for line in handed)


def test_crm_files_of_hostile_leads_hold_no_formula(hostile, run, trial) -> None:
    home, _ = hostile
    with trial("hostile text: files for a CRM"):
        done = run(*SCORE, "folder", cwd=home)
        assert done.code == 0, done.err[:2000]
        for path in home.glob("sent/*/*.csv"):
            with path.open(newline="", encoding="utf-8") as stream:
                cells = [cell for row in csv.reader(stream) for cell in row if not re.fullmatch(r"-?[\d.e-]+", cell)]
            assert cells and not [cell for cell in cells if re.match(r"\s*[=+\-@]", cell)]


def explain(home: Path, run, trial, texts: list[str]) -> None:
    for text in texts:
        words = [
            "explain",
            "demo.yaml",
            f"--lead={text}",
            "--as-of",
            NIGHT,
            "--model",
            "models/demo/1",
            "--json",
            "--quiet",
        ]
        with trial("hostile text: --lead"):
            done = run(*words, cwd=home)
            assert done.code == 0, done.err
            assert json.loads(done.out)["lead_id"] == text


def test_a_hostile_lead_is_explained_and_nothing_of_it_is_run(hostile, run, trial) -> None:
    explain(
        hostile[0], run, trial, ["=cmd|' /C calc'!A0", "'; DROP TABLE leads; --", "../../../etc/passwd", "a\x1b[31mred"]
    )


@pytest.mark.long
def test_each_hostile_lead_is_explained_and_nothing_of_it_is_run(hostile, run, trial) -> None:
    explain(hostile[0], run, trial, [t for t in IDS if "\x00" not in t and len(t) < 100_000])


def test_arguments_that_climb_out_are_refused_and_write_nothing(tiny_home: Path, run, trial) -> None:
    around = outside(tiny_home)
    tries = [
        (["score", "demo.yaml", "--as-of", "../../x"], 2), (["score", "demo.yaml", "--as-of", "2025-06-09'; --"], 2),
        (["score", "demo.yaml", "--as-of", NIGHT, "--model", "models:/../../x/1"], 2),
        (["score", "demo.yaml", "--as-of", NIGHT, "--model", "../../../etc"], 66),
        (["explain", "demo.yaml", "--lead", "../../x", "--as-of", NIGHT], 66),
        (["promote", "demo.yaml", "--version", "../../x"], None), (["sql", "demo.yaml", "--dialect", "../../x"], 2),
    ]  # fmt: skip
    for words, code in tries:
        with trial("hostile text: arguments"):
            done = run(*words, cwd=tiny_home)
            assert done.code == code or (code is None and done.code in (2, 66)), (words, done.err)
            assert "Traceback" not in done.err and outside(tiny_home) == around


@pytest.mark.parametrize(
    "name", ["../up", "a/b", "/etc", "demo;x", "demo\nx", "..", "A", "a" * 64, "демо", "a'b"], ids=ascii
)
def test_a_name_that_is_more_than_a_name_is_a_bad_config(name: str, tiny_home: Path, run, trial) -> None:
    config = tiny_home / "demo.yaml"
    config.write_text(config.read_text().replace("name: demo", f"name: {json.dumps(name)}", 1))
    with trial("hostile text: the model's name"):
        done = run("train", "demo.yaml", cwd=tiny_home)
        assert done.code == 78 and "name" in done.err and "Traceback" not in done.err
        assert {p.name for p in (tiny_home / "models").iterdir()} == {"demo"}


COLUMNS = ['x"; DROP TABLE leads; --', "x'; --", "SELECT", "a b", "é", "x)", "{x}", "x\\", "%", '""', "row"]


def name_columns(home: Path, run, trial, names: list[str]) -> None:
    path, config = home / "data/events/all.parquet", home / "demo.yaml"
    assert run(*SCORE, "before.csv", cwd=home).code == 0
    table, text = pq.read_table(path), config.read_text()
    for name in names:
        pq.write_table(table.rename_columns([name if n == "event_type" else n for n in table.column_names]), path)
        config.write_text(text.replace("type: event_type", f"type: {json.dumps(name)}"))
        with trial("hostile text: a column's name"):
            done = run(*SCORE, "after.csv", cwd=home)
            assert done.code == 0, done.err
            assert (home / "after.csv").read_bytes() == (home / "before.csv").read_bytes()


def test_a_columns_hostile_name_is_a_name(tiny_home: Path, run, trial) -> None:
    name_columns(tiny_home, run, trial, COLUMNS[:3])


@pytest.mark.long
def test_each_hostile_name_of_a_column_is_a_name(tiny_home: Path, run, trial) -> None:
    name_columns(tiny_home, run, trial, COLUMNS)
