"""The kept log: what is kept of each file of events gives what reading all of them gives, whatever happens to it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from cached_logs import asked, config, little, write
from examples import examples
from leadline.config.schema import Config
from leadline.core import files
from leadline.errors import LeadlineError
from leadline.features import catalog
from leadline.features.build import FeatureTable
from leadline.tables import LoadedTables, tombstones
from oracle import DAY, Rules
from small_crm import HALF, LAST, START, Run, World, arrow, put, rules, same, worlds

instants = st.one_of(
    st.integers(20, LAST + 30).map(lambda k: START + k * HALF),
    st.integers(START + 10 * DAY, START + 50 * DAY),
    st.integers(LAST + 50, LAST + 200).map(lambda k: START + k * HALF),  # so late that all lies before every window
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One working directory for all examples of a law; each keeps under a name of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("kept"))
        patch.setattr(catalog, "MIN_GROUP_SIZE", 1)
        yield Path.cwd()


def answer(run: Run) -> tuple[Any, ...]:
    """All that a load says of its tables, but for the key, which nobody reads once it is checked."""
    loaded: LoadedTables = run.loaded
    rows = run.store.rows('SELECT "row", lead_id, behaviour, occurred_at, recorded_at FROM events ORDER BY ALL')
    return loaded.rows, loaded.findings, loaded.fingerprints, loaded.known_at, loaded.sources, rows


def load(conf: Config, known_at: int | None = None) -> tuple[tuple[Any, ...] | str, str]:
    """What a load gives, or the sentence with which it ends; and what it says of the kept log."""
    try:
        with Run(conf, known_at) as run:
            return answer(run), run.loaded.log.note
    except LeadlineError as error:
        return str(error), ""


def parts(home: Path) -> list[Path]:
    return sorted(home.glob(".leadline/fold/*/*/part.json"))


@settings(max_examples=examples(15))
@given(
    world=worlds(),
    ruled=rules(),
    seed=st.integers(0, 99),
    nights=st.lists(instants, min_size=2, max_size=3).map(sorted),
)
def test_a_log_that_grows_gives_what_reading_all_of_it_gives(
    place: Path, world: World, ruled: Rules, seed: int, nights: list[int]
) -> None:
    """Files arrive night by night, in no order of time; a night may be asked again later, and the newest row for T."""
    folder = place / "data"
    for old in folder.glob("events-*"):
        old.unlink()
    put(world, folder)
    rng, rows, seen = random.Random(seed), list(world["events"]), 0
    if seed % 3:  # else a row may stand in two files, and all of them are read
        rows = list({r["event_id"]: r for r in rows}.values())
    rng.shuffle(rows)
    for n, as_of in enumerate(nights):
        upto = len(rows) if n == len(nights) - 1 else rng.randint(seen, len(rows))
        batch = rows[seen:upto]
        if seed % 3 == 1:  # some stand there again, recorded at another time or not at all
            batch += [
                {**r, "recorded_at": rng.choice([None, r["occurred_at"] + k * HALF])} for k, r in enumerate(batch[::2])
            ]
            rng.shuffle(batch)
        pq.write_table(arrow("events", batch), folder / f"events-{rng.randint(0, 999)}-{n}.parquet")
        seen = upto
        compare(ruled, folder, None if rng.random() < 0.2 else as_of)


def compare(ruled: Rules, folder: Path, known_at: int | None) -> None:
    """Hold a load with what is kept, and the features of its night and of its past, against a load without."""
    given = []
    for keep in (False, True):
        try:
            with Run(config(ruled, folder, keep), known_at) as run:
                assert run.loaded.log.shelf is None or keep
                event("kept" if run.loaded.log.shelf is not None else "whole")
                night = run.night(run.loaded.known_at)
                counts, told, made = run.train()
                given.append((answer(run), night, counts, told.y.tolist(), made))
        except LeadlineError as error:
            given.append((str(error),))
    assert [len(g) for g in given] in ([1, 1], [5, 5])
    for one, two in zip(*given, strict=True):
        same(one, two) if isinstance(one, FeatureTable) else equal(one, two)


def equal(one: Any, two: Any) -> None:
    assert one == two


def test_a_new_file_is_added_to_what_is_kept(home: Path) -> None:
    world = little()
    write(world, home / "data")
    conf = config(asked(), home / "data", keep=True)
    assert load(conf)[1] == "events: 0 of 2 files kept from before"
    assert load(conf)[1] == "events: 2 of 2 files kept from before"
    row = {**world["events"][0], "event_id": "E-new", "occurred_at": START + 4 * DAY}
    pq.write_table(arrow("events", [row]), home / "data" / "events-2.parquet")
    assert load(conf)[1] == "events: 2 of 3 files kept from before"
    assert load(conf)[0] == load(config(asked(), home / "data", keep=False))[0]


def test_a_file_that_changed_is_read_again_and_one_that_went_is_forgotten(home: Path) -> None:
    world = little()
    write(world, home / "data")
    conf = config(asked(), home / "data", keep=True)
    load(conf)
    changed = [{**r, "type": "select"} for r in world["events"][0::2]]
    pq.write_table(arrow("events", changed), home / "data" / "events-0.parquet")
    whole = config(asked(), home / "data", keep=False)
    assert load(conf) == (load(whole)[0], "events: 1 of 2 files kept from before")
    (home / "data" / "events-1.parquet").unlink()
    assert load(conf) == (load(whole)[0], "events: 1 of 1 files kept from before")
    assert len(parts(home)) == 1


@pytest.mark.parametrize(
    "harm", ["rows cut", "rows foreign", "record cut", "record changed", "rows gone", "a file for a folder"]
)
def test_what_is_damaged_is_read_again(home: Path, harm: str) -> None:
    write(little(), home / "data")
    conf = config(asked(), home / "data", keep=True)
    expected = load(conf)[0]
    said = parts(home)[0]
    rows = said.with_name("rows.parquet")
    if harm == "rows cut":
        rows.write_bytes(rows.read_bytes()[:-9])
    elif harm == "rows foreign":
        pq.write_table(pq.read_table(rows).slice(1), rows)
    elif harm == "record cut":
        said.write_bytes(said.read_bytes()[:40])
    elif harm == "record changed":
        said.write_text(said.read_text().replace('"rows": 3', '"rows": 9'))
    elif harm == "rows gone":
        rows.unlink()
    else:
        files.discard(said.parent)
        said.parent.write_text("not a folder")
    assert load(conf) == (expected, "events: 1 of 2 files kept from before")
    assert load(conf) == (expected, "events: 2 of 2 files kept from before")


@pytest.mark.parametrize("known", ['{"parts": [], "seal": "x"}', "[]", "", '{"parts": ["a"]}'])
def test_what_is_foreign_about_keys_isnt_believed(home: Path, known: str) -> None:
    write(little(), home / "data")
    conf = config(asked(), home / "data", keep=True)
    expected = load(conf)[0]
    next(home.glob(".leadline/fold/*/unique.json")).write_text(known)
    assert load(conf)[0] == expected


def test_a_key_in_two_files_makes_the_load_read_everything(home: Path) -> None:
    world = little()
    write(world, home / "data")
    conf, whole = (config(asked(), home / "data", keep) for keep in (True, False))
    load(conf)
    pq.write_table(arrow("events", [world["events"][0]]), home / "data" / "events-2.parquet")
    ours, note = load(conf)
    assert note == "no kept log of events: a key repeats in two files; reading all of it"
    assert ours == load(whole)[0] and "LL103" in [f.code for f in ours[1]]
    pq.write_table(arrow("events", [{**world["events"][0], "type": "select"}]), home / "data" / "events-2.parquet")
    ours, note = load(conf)
    assert "a key repeats" in note
    assert ours == load(whole)[0] and "LL102" in [f.code for f in ours[1]]


def test_a_row_that_comes_twice_in_a_file_is_kept_and_counts_once(home: Path) -> None:
    world = little()
    world["events"] += [{**r, "recorded_at": r["occurred_at"] + k * DAY} for r in world["events"][:3] for k in (1, 40)]
    write(world, home / "data", cuts=1)
    conf, whole = (config(asked(), home / "data", keep) for keep in (True, False))
    for known_at, copies in ((START + 21 * DAY, 3), (START + 60 * DAY, 6)):  # before and after all copies were known
        expected = load(whole, known_at)[0]
        assert load(conf, known_at)[0] == expected and expected[0]["events"] == 6
        assert [f.rows for f in expected[1] if f.code == "LL103"] == [copies]
    assert load(conf)[1] == "events: 1 of 1 files kept from before"


def test_a_key_of_two_contents_in_a_file_makes_the_load_read_everything(home: Path) -> None:
    world = little()
    world["events"].append({**world["events"][0], "type": "select"})
    write(world, home / "data", cuts=1)
    ours, note = load(config(asked(), home / "data", keep=True))
    assert note == "no kept log of events: a key stands on rows with different content; reading all of it"
    assert ours == load(config(asked(), home / "data", keep=False))[0] and "LL102" in [f.code for f in ours[1]]


def test_merges_are_followed_in_what_is_kept(home: Path) -> None:
    world = little(12)
    world["merges"] = [{"from_id": "L1", "into_id": "L0", "merged_at": START + 25 * DAY}]
    write(world, home / "data")
    conf, whole = (config(asked(), home / "data", keep) for keep in (True, False))
    for known_at in (START + 22 * DAY, START + 30 * DAY, START + 60 * DAY):
        assert load(conf, known_at)[0] == load(whole, known_at)[0]
    assert load(conf)[1] == "events: 2 of 2 files kept from before"
    with Run(conf, START + 60 * DAY) as run:
        assert run.store.rows("SELECT COUNT(*) FROM events WHERE lead_id = 'L0'") == [
            (12,)
        ]  # its own, and those of both


def test_whoever_was_merged_with_a_forgotten_lead_goes_from_what_is_kept(home: Path) -> None:
    world = little(12)
    world["leads"].append({**world["leads"][0], "lead_id": "L2"})
    world["events"].append({**world["events"][0], "event_id": "E99", "lead_id": "L2"})
    world["stages"].append({**world["stages"][0], "lead_id": "L2"})
    world["merges"] = [{"from_id": "L1", "into_id": "L0", "merged_at": START + 25 * DAY}]
    write(world, home / "data")
    conf, whole = (config(asked(), home / "data", keep) for keep in (True, False))
    load(conf)
    files.write_json(tombstones.FILE, {"salt": "s", "leads": {tombstones.Tombstones("s").hash("L1"): {}}})
    for _ in range(2):
        assert load(conf, START + 60 * DAY)[0] == load(whole, START + 60 * DAY)[0]
    with Run(conf, START + 60 * DAY) as run:
        assert run.store.rows("SELECT DISTINCT lead_id FROM events") == [("L2",)]


def test_files_of_other_types_are_read_together(home: Path) -> None:
    write(little(), home / "data")
    naive = arrow("events", little()["events"]).slice(0, 1).drop_columns(["event_id"]).to_pylist()[0]
    import pyarrow as pa

    row = {
        "event_id": ["E99"],
        "lead_id": ["L0"],
        "type": ["blog"],
        "occurred_at": [naive["occurred_at"].replace(tzinfo=None)],
        "recorded_at": [None],
    }
    schema = pa.schema([("event_id", pa.string()), ("lead_id", pa.string()), ("type", pa.string()), ("occurred_at", pa.timestamp("us")), ("recorded_at", pa.timestamp("us", "UTC"))])  # fmt: skip
    pq.write_table(pa.table(row, schema=schema), home / "data" / "events-2.parquet")
    conf, whole = (config(asked(), home / "data", keep) for keep in (True, False))
    ours, note = load(conf)
    assert note == "no kept log of events: its files differ in their columns' types; reading all of it"
    assert ours == load(whole)[0]


def test_what_a_check_refuses_is_refused_as_ever(home: Path) -> None:
    world = little()
    world["events"][0]["event_id"] = None
    write(world, home / "data")
    conf, whole = (config(asked(), home / "data", keep) for keep in (True, False))
    ours, note = load(conf)
    assert note == "no kept log of events: a file has rows without a key; reading all of it"
    assert ours == load(whole)[0] and "LL112" in [f.code for f in ours[1]]
    assert not list(home.glob(".leadline/fold/*/*/rows.parquet")) or len(parts(home)) == 2


def test_csv_is_kept_too_with_its_zeros_and_zones(home: Path) -> None:
    world = little()
    for n, row in enumerate(world["events"]):
        row["event_id"] = f"00{n}"
    write(world, home / "data")
    for n in range(2):
        pc.write_csv(arrow("events", world["events"][n::2]), home / "data" / f"events-{n}.csv")
    source = {"source": str(home / "data" / "events-*.csv")}
    conf, whole = (config(asked(), home / "data", keep, **source) for keep in (True, False))
    assert load(conf)[0] == load(whole)[0]
    ours, note = load(conf)
    assert (ours, note) == (load(whole)[0], "events: 2 of 2 files kept from before")


def test_another_run_at_the_same_time_reads_everything(home: Path) -> None:
    write(little(), home / "data")
    conf = config(asked(), home / "data", keep=True)
    expected = load(conf)[0]
    lock = next(home.glob(".leadline/fold/*/.lock"))
    with files.locked(lock):
        assert load(conf) == (expected, "the kept log of events can't be used now (retry); reading all of it")


def test_a_place_that_cant_be_written_costs_nothing_but_time(home: Path) -> None:
    write(little(), home / "data")
    (home / ".leadline").write_text("a file where a folder should be")
    ours, note = load(config(asked(), home / "data", keep=True))
    assert note == "the kept log of events can't be used now (output); reading all of it"
    assert ours == load(config(asked(), home / "data", keep=False))[0]


def test_what_isnt_made_of_files_isnt_kept(home: Path) -> None:
    write(little(), home / "data")
    query = {"source": {"query": f"SELECT * FROM read_parquet('{home / 'data' / 'events-*.parquet'}')"}}
    _, note = load(config(asked(), home / "data", keep=True, **query))
    assert note == "no kept log of events: its source is a query; reading all of it"
    assert not (home / ".leadline").exists()


def test_small_sources_are_kept_only_when_told(home: Path) -> None:
    write(little(), home / "data")
    conf = config(asked(), home / "data", keep=True)
    unsaid = conf.model_copy(update={"engine": conf.engine.model_copy(update={"cache_events": None})})
    assert load(unsaid)[1] == "" and not (home / ".leadline").exists()
