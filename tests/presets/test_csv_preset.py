"""The csv preset: what it guesses of the demo world's exports, of flat files and of what can't be guessed; never a row's value."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import projects
from leadline.config.load import parse_config
from leadline.config.schema import Config
from leadline.core.checks import Severity
from leadline.core.format import yaml_list, yaml_scalar
from leadline.errors import LeadlineError, UsageError
from leadline.presets import PRESETS, propose, write_proposal
from leadline.presets.csv.flat_file import model_name
from leadline.presets.proposal import Proposal
from leadline.workflows.check import check
from leadline.workflows.common import open_tables, parse_as_of
from leadline.workflows.config_from_file import leak_reason
from projects import CANARY


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory, demo_tables: projects.Tables) -> Path:
    """The demo world as an export of CSV files, the events in one for each year; and the same as Parquet beside it."""
    folder = tmp_path_factory.mktemp("exports")
    projects.settle(folder, demo_tables)
    (folder / "crm").mkdir()
    for name, table in demo_tables.items():
        if name == "events":
            years = pc.year(table["occurred_at"])
            for year in pc.unique(years).to_pylist():
                pa.csv.write_csv(table.filter(pc.equal(years, year)), folder / "crm" / f"events_{year}.csv")
        else:
            pa.csv.write_csv(table, folder / "crm" / f"{name}.csv")
    return folder


@pytest.fixture(scope="module")
def proposal(exports: Path) -> Proposal:
    """What is proposed for these exports."""
    with projects.inside(exports):
        return propose("csv", "crm", Path("mine"), leak_reason)


def given_tables(config: Config) -> dict[str, dict[str, object]]:
    """Each table's keys but its source and its attributes."""
    return {
        name: table.model_dump(by_alias=True, exclude={"source", "attributes", "max_clock_skew"}, exclude_none=True)
        for name, table in config.tables.given().items()
    }


def test_the_demos_exports_are_guessed_as_the_demos_config_maps_them_and_give_the_same_rows(
    exports: Path, proposal: Proposal
) -> None:
    with projects.inside(exports):
        mine = parse_config(proposal.config)
        demo = parse_config((exports / "demo.yaml").read_text("utf-8"))
        theirs, guessed = given_tables(demo), given_tables(mine)
        for name, keys in theirs.items():
            assert guessed[name].items() >= keys.items() - {("exclude", ())}, name
        assert str(mine.tables.events.source) == "crm/events_*.csv"
        assert {stage: list(words) for stage, words in mine.stages.items()} == {
            s: list(w) for s, w in demo.stages.items()
        }
        assert (mine.outcome.reaches, str(mine.outcome.within)) == (demo.outcome.reaches, str(demo.outcome.within))
        assert not {"lead_status", "owner", "last_activity_date"} & set(mine.tables.leads.attributes)
        assert set(demo.tables.leads.attributes) <= set(mine.tables.leads.attributes)

        # The same rows, read as guessed: whatever is made of them is the same.
        leads = mine.tables.leads.model_copy(update={"attributes": demo.tables.leads.attributes})
        same = {name: table for name, table in mine.tables.given().items() if name in theirs} | {"leads": leads}
        config = demo.model_copy(update={"tables": demo.tables.model_copy(update=same)})
        with (
            open_tables(demo, parse_as_of(demo, projects.KNOWN_AT)) as one,
            open_tables(config, parse_as_of(demo, projects.KNOWN_AT)) as other,
        ):
            assert one.rows == other.rows and one.fingerprints == other.fingerprints
            assert one.attributes == other.attributes


def test_every_guess_stands_in_the_config_with_what_speaks_for_it(proposal: Proposal) -> None:
    for guess in proposal.guesses:
        if guess.what.startswith("tables.") and not guess.what.endswith("attributes"):
            assert re.search(rf"{guess.what.rsplit('.', 1)[1]}: \S+ {re.escape(guess.remark)}", proposal.config), (
                guess.what
            )
    said = "\n".join([proposal.config, *map(str, proposal.guesses), *proposal.found, *proposal.warnings])
    assert CANARY not in said and "not sure" in said


def test_it_is_written_beside_nothing_that_stands_there(proposal: Proposal, tmp_path: Path) -> None:
    place = write_proposal(tmp_path, proposal)
    assert place.read_text("utf-8") == proposal.config
    with pytest.raises(LeadlineError, match="stands there already"):
        write_proposal(tmp_path, proposal)


def flat(folder: Path, columns: dict[str, list[object]], name: str = "leads.csv") -> str:
    pa.csv.write_csv(pa.table(columns), folder / name)
    return str(folder / name)


def columns(rows: int = 60) -> dict[str, list[object]]:
    return {
        "id": [f"a{n}" for n in range(rows)], "signup date": [f"2024-01-{1 + n % 28:02d}" for n in range(rows)],
        "source": ["ads", "web"] * (rows // 2), "Won": ["yes", "no", "no"] * (rows // 3), "name": [f"{CANARY} {n}" for n in range(rows)],
    }  # fmt: skip


def test_one_file_with_an_outcome_is_a_flat_file(tmp_path: Path) -> None:
    proposal = propose("csv", flat(tmp_path, columns()), tmp_path, leak_reason)
    config = parse_config(proposal.config)
    leads = config.tables.leads
    assert config.is_flat and (config.outcome.column, config.outcome.positive) == ("Won", "yes")
    assert (leads.key, config.snapshots.order_by, leads.exclude) == ("id", "signup date", ("name",))
    assert proposal.warnings and CANARY not in proposal.config
    found = check(config.model_copy(update={"timezone": "UTC"})).findings
    assert "LL101" not in {f.code for f in found.of(Severity.ERROR)}


def test_without_a_date_or_a_number_the_files_order_stands_in_and_is_told(tmp_path: Path) -> None:
    there = {name: values for name, values in columns().items() if name not in ("signup date", "id")}
    proposal = propose("csv", flat(tmp_path, there), tmp_path, leak_reason)
    config = parse_config(proposal.config)
    assert (config.snapshots.order_by, config.tables.leads.key) == ("row", "row")
    assert {g.what for g in proposal.guesses if not g.sure} == {"snapshots.order_by", "tables.leads.key"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"Won": ["x", "y", "z"] * 20}, "no column is named and filled like an outcome"),
        ({"Won": ["won", "yes", "no"] * 20}, "no column is named and filled like an outcome"),
    ],
)
def test_an_outcome_that_cannot_be_told_is_asked_for(
    tmp_path: Path, change: dict[str, list[object]], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        propose("csv", flat(tmp_path, {**columns(), **change}), tmp_path, leak_reason)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda f: "nowhere", "no such folder or file"),
        (lambda f: str(f), "no data file"),
        (lambda f: str(f / "crm.duckdb"), "not there"),
    ],
)  # fmt: skip
def test_what_is_no_export_is_told(tmp_path: Path, make, words: str) -> None:
    with pytest.raises(LeadlineError, match=words):
        propose("csv", make(tmp_path), tmp_path, leak_reason)


def test_a_folder_whose_leads_hold_the_outcome_themselves_is_a_flat_file(tmp_path: Path) -> None:
    flat(tmp_path, columns(), "leads.csv")
    pq.write_table(pa.table({"company_id": ["c1", "c2"]}), tmp_path / "companies.parquet")
    proposal = propose("csv", str(tmp_path), tmp_path, leak_reason)
    assert parse_config(proposal.config).is_flat
    assert [line.rpartition(" ")[2] for line in proposal.found] == ["accounts", "leads"]


def test_a_folder_without_outcomes_says_what_it_needs(tmp_path: Path) -> None:
    there = {name: values for name, values in columns().items() if name != "Won"}
    flat(tmp_path, there, "leads.csv")
    flat(tmp_path, {"lead_id": ["a1"] * 30, "type": ["view"] * 30, "at": ["2024-01-01 10:00"] * 30}, "events.csv")
    with pytest.raises(LeadlineError, match="expected stage changes or opportunities"):
        propose("csv", str(tmp_path), tmp_path, leak_reason)


def test_an_unknown_preset_is_met_with_the_closest() -> None:
    with pytest.raises(UsageError, match="did you mean `hubspot`"):
        propose("hubspt", "x", Path())
    with pytest.raises(UsageError, match=f"expected one of {', '.join(PRESETS)}"):
        propose("sap", "x", Path())


def test_a_hostile_columns_name_adds_nothing_to_the_config(tmp_path: Path) -> None:
    hostile = ["id\nseed: 99", 'x"] # \x1b[31m', "tables: {}", "a: &b"]
    there = {**columns(), **{name: [f"{name}{n}" for n in range(60)] for name in hostile}}
    pq.write_table(pa.table(there), tmp_path / "leads.parquet")
    proposal = propose("csv", str(tmp_path / "leads.parquet"), tmp_path, leak_reason)
    config = parse_config(proposal.config)
    assert config.seed == 7 and set(hostile) <= {config.tables.leads.key, *config.tables.leads.exclude}
    assert all(line.isprintable() for line in [*proposal.config.splitlines(), *map(str, proposal.guesses)])


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=30))
def test_any_column_name_reads_back_from_the_yaml(name: str) -> None:
    assert yaml.safe_load(f"a: {yaml_scalar(name)} # said")["a"] == name
    assert yaml.safe_load(f"a: {yaml_list([name, 'b'])}")["a"] == [name, "b"]


@given(st.text(max_size=80))
def test_any_file_gives_a_models_name(name: str) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9-]{0,62}", model_name(name))
