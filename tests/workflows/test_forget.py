"""`leadline forget` as a user runs it: the lead is in no output, no later read brings it back, and it is said who knew it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forked import Forks
from leadline import forget, load_config, score
from leadline.core.files import locked
from leadline.errors import MissingError, RetryError, UsageError
from leadline.tables import load, open_store
from leadline.tables.tombstones import FILE
from leadline.workflows.forget import read_leads
from leadline.workflows.training.predictions import BACKTESTS
from projects import NIGHT, Tables

MODEL = "models/demo/1"


@pytest.fixture
def quiet(home: Path) -> Path:
    """The home without tracking of nights, with files for others and a holdout."""
    more = "nightly: {track: false, changed: true, deliver: [{to: hubspot, folder: out/hub}]}\nexploration: 20%\n"
    with (home / "demo.yaml").open("a") as stream:
        stream.write(more)
    return home


def judged() -> str:
    """A lead that is open tonight and has out-of-fold predictions."""
    known = set(pq.ParquetFile(BACKTESTS / "demo" / "1.parquet").read().column("lead_id").to_pylist())
    return next(lead for lead in rows().column("lead_id").to_pylist() if lead in known)


def rows() -> pa.Table:
    return pq.ParquetFile(next(Path("scores/demo").glob("as_of=*/scores.parquet"))).read()


def mentions(lead: str, apart: tuple[str, ...] = ("data",)) -> list[str]:
    """Every file that names a lead; Parquet is read, as what it holds is compressed."""
    found = []
    for path in Path().rglob("*"):
        if path.is_file() and path.parts[0] not in apart:
            text = path.read_bytes()
            if path.suffix == ".parquet":
                text = json.dumps(pq.ParquetFile(path).read().to_pylist(), default=str).encode()
            if lead.encode() in text:
                found.append(str(path))
    return found


def test_a_forgotten_lead_is_nowhere_and_never_comes_back(quiet: Path) -> None:
    score("demo.yaml", NIGHT, MODEL)
    lead, before = judged(), rows()
    assert len(mentions(lead)) >= 4  # scores, changes, files for others, predictions
    told = forget("demo.yaml", [lead])
    assert mentions(lead) == []
    assert told.models == {"1": {"yes": 1}} and (told.leads, told.records, told.in_tables) == (1, 1, 1)
    assert told.purged["scores/demo"] == told.purged["deliveries"] == 1 and told.purged["backtests/demo"] > 0
    after = rows()
    keep = pa.array([name != lead for name in before.column("lead_id").to_pylist()])
    assert after.equals(before.filter(keep))
    stood = {p: p.read_bytes() for p in Path().rglob("*") if p.is_file() and p.parts[0] != "data"}
    again = forget("demo.yaml", [lead])
    assert again.models == told.models and not any(again.purged.values())
    assert {p: p.read_bytes() for p in Path().rglob("*") if p.is_file() and p.parts[0] != "data"} == stood
    said: list[str] = []
    score("demo.yaml", NIGHT, MODEL, again=True, progress=said.append)
    assert lead not in rows().column("lead_id").to_pylist() and mentions(lead) == []
    assert "1 forgotten lead left out, with all rows of theirs" in said


def test_the_lists_beside_a_report_are_purged_wherever_the_page_is(quiet: Path) -> None:
    from leadline import report

    for page in ("reports/demo.html", "elsewhere/page.html"):
        told = report("demo.yaml", page, MODEL)
        assert told.lists and {path.stat().st_mode & 0o777 for path in told.lists} == {0o600}
    lead = told.lists[0].read_text().splitlines()[1].split(",")[0].strip('"')
    assert len(mentions(lead)) >= 3  # both lists, and what they are made of
    gone = forget("demo.yaml", [lead])
    assert mentions(lead) == [] and gone.purged["lists beside the report"] == 2
    told.lists[0].unlink()
    assert not any(forget("demo.yaml", [lead]).purged.values()), "a list that was moved away stops nothing"


def test_every_table_is_read_without_it_and_others_rows_stay(quiet: Path, demo_tables: Tables) -> None:
    lead = str(demo_tables["events"]["lead_id"][0])
    config = load_config("demo.yaml")

    def counts() -> tuple[dict[str, int], dict[str, int], int]:
        with open_store(config.engine) as store:  # type: ignore[attr-defined]
            loaded = load(config, store)
            named = ("leads", "events", "stages", "opportunities", "history")
            mine = {t: int(store.rows(f"SELECT COUNT(*) FROM {t} WHERE lead_id = '{lead}'")[0][0]) for t in named}
            return mine, loaded.rows, loaded.forgotten

    mine, every, none = counts()
    assert mine["leads"] == 1 and mine["events"] > 0 and none == 0
    forget(config, [lead])
    left, rest, gone = counts()
    assert not any(left.values()) and gone == 1
    assert rest == {table: n - mine.get(table, 0) for table, n in every.items()}


def test_who_was_merged_with_it_goes_too(quiet: Path, demo_tables: Tables) -> None:
    one, other = (str(demo_tables["merges"][name][0]) for name in ("from_id", "into_id"))
    score("demo.yaml", NIGHT, MODEL)
    told = forget("demo.yaml", [one])
    assert told.records >= 2 and mentions(other) == []
    with open_store(load_config("demo.yaml").engine) as store:  # type: ignore[attr-defined]
        load(load_config("demo.yaml"), store)
        assert store.rows(f"SELECT COUNT(*) FROM leads WHERE lead_id IN ('{one}', '{other}')") == [(0,)]
        assert store.rows(f"SELECT COUNT(*) FROM merges WHERE '{other}' IN (from_id, into_id)") == [(0,)]


def test_a_model_can_have_known_only_leads_whose_outcomes_were_ripe(quiet: Path, demo_tables: Tables) -> None:
    leads = demo_tables["leads"].sort_by("created_at")
    old, new = (str(leads["lead_id"][n]) for n in (0, -1))
    for path in (BACKTESTS / "demo").glob("*.parquet"):
        path.unlink()
    assert forget("demo.yaml", [old]).models == {"1": {"maybe": 1}}
    assert forget("demo.yaml", [new]).models == {"1": {"no": 1}}
    assert forget("demo.yaml", ["never-there"]).models == {"1": {"unknown": 1}}
    Path("data/leads.parquet").unlink()
    told = forget("demo.yaml", ["another"])
    assert told.in_tables is None and told.models == {"1": {"unknown": 1}} and "can't be read now" in told.notes[0]


def test_while_a_night_is_written_the_list_is_made_and_the_next_call_purges(quiet: Path) -> None:
    score("demo.yaml", NIGHT, MODEL)
    lead = judged()
    with locked(Path("scores/demo/.lock")), pytest.raises(RetryError):
        forget("demo.yaml", [lead])
    assert FILE.exists() and mentions(lead) != []
    assert forget("demo.yaml", [lead]).models["1"] == {"yes": 1} and mentions(lead) == []


def test_what_is_kept_of_the_log_is_made_again_without_it(quiet: Path, demo_tables: Tables) -> None:
    config = load_config("demo.yaml")
    tables = config.tables.model_copy(update={"merges": None})
    config = config.model_copy(
        update={"engine": config.engine.model_copy(update={"cache_events": True}), "tables": tables}
    )
    lead = str(demo_tables["events"]["lead_id"][0])
    first = {key: n for n, key in reversed(list(enumerate(demo_tables["events"]["event_id"].to_pylist())))}
    once = demo_tables["events"].take(pa.array(sorted(first.values())))  # a key that repeats isn't kept
    pq.write_table(once, "data/events/all.parquet")

    def kept() -> list[str]:
        with open_store(config.engine) as store:  # type: ignore[attr-defined]
            loaded = load(config, store)
            assert loaded.log.tables == ("events",)
            return [str(r[0]) for r in store.rows("SELECT DISTINCT lead_id FROM events")]

    assert lead in kept() and mentions(lead) != []
    forget(config, [lead])
    assert lead not in kept() and mentions(lead) == []


def test_the_command_tells_counts_and_never_the_id(quiet: Path, forking: Forks) -> None:
    score("demo.yaml", NIGHT, MODEL)
    lead, other = rows().column("lead_id").to_pylist()[:2]
    Path("gone.txt").write_text(f"{lead}\n\n {other} \n")
    done = forking("forget", "demo.yaml", "--leads", "gone.txt", "--lead", lead, "--log", "json", cwd=quiet)
    assert done.code == 0 and "2 leads forgotten; the tables have 2 of them" in done.out
    assert not any(name in done.out + done.err for name in (lead, other))
    assert mentions(lead, ("data", "gone.txt")) == []


def test_what_cant_be_forgotten_is_said(quiet: Path, flat_like: Any) -> None:
    for nothing in ([], ["", "  "]):
        with pytest.raises(UsageError, match="no id"):
            forget("demo.yaml", nothing)
    with pytest.raises(MissingError, match="an id in each line"):
        read_leads(Path("none.txt"))
    with pytest.raises(UsageError, match="rows of this file have no ids"):
        forget(flat_like, ["1"])


@pytest.fixture
def flat_like() -> Any:
    from leadline.config.schema import Config

    return Config.model_validate({
        "version": 1, "name": "flat", "tables": {"leads": {"source": "a.csv", "key": "row"}},
        "outcome": {"column": "c", "positive": 1}, "snapshots": {"order_by": "row"},
    })  # fmt: skip


def test_a_flat_file_is_read_without_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from leadline.config.schema import Config

    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text("id,n,c\n" + "".join(f"R{n},{n},{n % 2}\n" for n in range(40)))
    config = Config.model_validate({
        "version": 1, "name": "flat", "tables": {"leads": {"source": "a.csv", "key": "id", "attributes": ["n"]}},
        "outcome": {"column": "c", "positive": 1}, "snapshots": {"order_by": "n"},
    })  # fmt: skip
    told = forget(config, ["R7"])
    assert told.in_tables is None and told.models == {}
    with open_store(config.engine) as store:  # type: ignore[attr-defined]
        loaded = load(config, store)
        assert loaded.forgotten == 1 and loaded.rows == {"leads": 39}
        assert store.rows("SELECT COUNT(*) FROM leads WHERE lead_id = 'R7'") == [(0,)]
