"""The presets for HubSpot and Salesforce over files: what they read, what they say is missing, and what they refuse."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import vendor_worlds
from forked import Forks
from leadline import presets
from leadline.config.load import parse_config
from leadline.config.schema import Config
from leadline.core.point_in_time import parse_instant
from leadline.errors import DataError, LeadlineError, MissingError, OutputError, RetryError, UsageError
from leadline.presets.proposal import Proposal
from leadline.presets.source_url import fill_variables, without_credentials
from leadline.storage import open_store
from leadline.storage.catalog import SourceCatalog, list_relations
from leadline.tables.read import canonical_sql, resolve, unreadable
from leadline.tables.schema import columns_of
from small_crm import Run
from vendor_worlds import Tables

VENDORS = ("hubspot", "salesforce")


@pytest.fixture(scope="module")
def world() -> Tables:
    made = vendor_worlds.world()
    return {**made, "events": made["events"].slice(0, 6_000)}  # enough to look at


@pytest.fixture(scope="module")
def shaped(world: Tables) -> dict[str, Tables]:
    return {v: vendor_worlds.shaped(v, world) for v in VENDORS}


@pytest.fixture(scope="module")
def base(world: Tables) -> dict[str, Tables]:
    return {v: vendor_worlds.base(v, world) for v in VENDORS}


@pytest.fixture(scope="module")
def few(shaped: dict[str, Tables]) -> dict[str, Tables]:
    """The head of each table: enough to look at."""
    return {v: {name: t.slice(0, 200) for name, t in tables.items()} for v, tables in shaped.items()}


@pytest.fixture(scope="module")
def whole(few: dict[str, Tables], tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, ...]]:
    """What is said of a source that has every table."""
    return {v: propose(v, few[v], tmp_path_factory.mktemp(v)).warnings for v in VENDORS}


def propose(vendor: str, tables: Tables, folder: Path, csv: bool = False) -> Proposal:
    vendor_worlds.into_files(folder / "data", tables, csv)
    return presets.propose(vendor, str(folder / "data"), folder)


def runs(proposal: Proposal, folder: Path) -> Config:
    """Load the proposed config and run each of its SQL files; return the config."""
    presets.write_proposal(folder, proposal)
    config = parse_config(proposal.config)
    contents = list_relations(str(folder / "data"))
    for name, text in proposal.files.items():
        assert contents.rows(f"SELECT COUNT(*) FROM (\n{text}) AS t"), name
    assert {f"sql/{t}.sql" for t in config.tables.given()} == set(proposal.files)
    return config


def loaded(text: str) -> tuple[dict[str, int], dict[str, str]]:
    with Run(parse_config(text)) as run:
        assert not [f for f in run.loaded.findings if f.severity == "error"]
        return run.loaded.rows, run.loaded.fingerprints


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_folder_of_parquet_gives_the_demos_own_tables(
    vendor: str, shaped: dict[str, Tables], base: dict[str, Tables], tmp_path: Path
) -> None:
    proposal = propose(vendor, shaped[vendor], tmp_path)
    presets.write_proposal(tmp_path, proposal)
    own = vendor_worlds.own_config(proposal.config, tmp_path / "own", base[vendor])
    assert loaded(proposal.config) == loaded(own)


def camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def test_salesforces_own_csv_export_gives_the_same(
    shaped: dict[str, Tables], base: dict[str, Tables], tmp_path: Path
) -> None:
    """`LeadHistory.csv` with `CreatedDate`: as its data export spells them, all of it text."""
    spelled = {
        camel(name): table.rename_columns([camel(c) for c in table.column_names])
        for name, table in shaped["salesforce"].items()
    }
    proposal = propose("salesforce", spelled, tmp_path, csv=True)
    presets.write_proposal(tmp_path, proposal)
    own = vendor_worlds.own_config(proposal.config, tmp_path / "own", base["salesforce"])
    assert loaded(proposal.config) == loaded(own)


REACHED = (
    "SELECT r.lead_id, MIN(r.reached_at) FROM reached AS r JOIN leads AS l ON l.lead_id = r.lead_id "
    "WHERE r.rung >= 2 GROUP BY r.lead_id ORDER BY r.lead_id"
)


@pytest.mark.parametrize("vendor", VENDORS)
def test_the_config_without_a_source_reads_the_same_people(
    vendor: str, shaped: dict[str, Tables], base: dict[str, Tables], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor_worlds.into_files(tmp_path / "data", shaped[vendor])
    monkeypatch.chdir(tmp_path)
    text = presets.preset_text(vendor)
    with Run(parse_config(text)) as run:
        assert not [f for f in run.loaded.findings if f.severity == "error"]
        rows = run.loaded.rows
        people = run.store.rows(REACHED)
    (tmp_path / "crm").mkdir()
    proposal = presets.propose(vendor, "data", tmp_path / "crm")
    presets.write_proposal(tmp_path / "crm", proposal)
    with Run(parse_config(proposal.config)) as run:
        for table in ("leads", "accounts", "opportunities", "merges", "touches"):
            assert rows[table] == run.loaded.rows[table], table
        assert people and people == run.store.rows(REACHED)
        of_leads = "SELECT COUNT(*) FROM events AS e JOIN leads AS l ON l.lead_id = e.lead_id"
        events = run.store.rows(of_leads)
    with Run(parse_config(text)) as run:
        assert events == run.store.rows(of_leads)


MISSING = [
    ("hubspot", "contact_property_history", "history", "a sync overwrites contacts"),
    ("hubspot", "email_event", "", "email_event isn't there: e-mail opens and clicks don't count"),
    ("hubspot", "contact_form_submission", "", "forms, the strongest sign of intent"),
    ("hubspot", "form", "", "forms go by the page's title"),
    ("hubspot", "company", "accounts", "industry and size of a lead's company don't count"),
    ("hubspot", "deal", "opportunities", "what deals brought"),
    ("hubspot", "deal_contact", "", "no deal can be laid to a lead"),
    ("hubspot", "deal_stage", "", "close date stands for the day"),
    ("hubspot", "deal_pipeline_stage", "", "only stages named closedwon and closedlost are known"),
    ("hubspot", "engagement_contact", "touches", "how fast sales answers can't be told"),
    ("salesforce", "lead_history", "history", "of the ladder only conversions have a date"),
    ("salesforce", "campaign_member", "events", "nothing that leads did counts"),
    ("salesforce", "campaign", "", "a webinar and a trade fair count as one"),
    ("salesforce", "account", "accounts", "industry and size of a lead's company don't count"),
    ("salesforce", "opportunity", "opportunities", "what became of conversions"),
    ("salesforce", "opportunity_history", "", "CloseDate stands for the day"),
    ("salesforce", "opportunity_contact_role", "", "only opportunities made by the conversion itself"),
    ("salesforce", "task", "touches", "how fast sales answers can't be told"),
]


@pytest.mark.parametrize(("vendor", "gone", "left_out", "said"), MISSING)
def test_what_is_missing_is_told_with_its_cost_and_its_cure(
    vendor: str,
    gone: str,
    left_out: str,
    said: str,
    few: dict[str, Tables],
    whole: dict[str, tuple[str, ...]],
    tmp_path: Path,
) -> None:
    tables = {name: t for name, t in few[vendor].items() if name != gone}
    if gone == "contact_property_history":
        dates = tables["contact"]["property_createdate"]
        column = "property_hs_lifecyclestage_salesqualifiedlead_date"
        tables["contact"] = tables["contact"].append_column(column, dates)
    proposal = propose(vendor, tables, tmp_path)
    told = [w for w in proposal.warnings if said in w]
    assert len(told) == 1
    assert re.search(r"; [^;]*\b(add|switch)\b", told[0]), "it says how to get it"
    assert not [w for w in whole[vendor] if said in w]
    config = runs(proposal, tmp_path)
    if left_out:
        assert getattr(config.tables, left_out) is None
        assert re.search(rf"^  # {left_out}: left out, as ", proposal.config, re.MULTILINE)


def test_without_history_nothing_that_changes_is_an_attribute(few: dict[str, Tables], tmp_path: Path) -> None:
    tables = {name: t for name, t in few["salesforce"].items() if name != "lead_history"}
    config = runs(propose("salesforce", tables, tmp_path), tmp_path)
    assert config.tables.leads.attributes == ("lead_source",)
    assert config.tables.history is None and config.words("mql") == ()
    assert config.words("sql") == ("converted",)


def test_untracked_fields_of_salesforce_are_told_and_unused(few: dict[str, Tables], tmp_path: Path) -> None:
    tables = dict(few["salesforce"])
    kept = [f == "leadConverted" or f == "Country" for f in tables["lead_history"]["field"].to_pylist()]
    tables["lead_history"] = tables["lead_history"].filter(pa.array(kept))
    proposal = propose("salesforce", tables, tmp_path)
    assert parse_config(proposal.config).tables.leads.attributes == ("lead_source", "country")
    assert [w for w in proposal.warnings if "tells nothing of Title, Status, Owner: MQL and rejected" in w]
    assert "'Open" not in proposal.files["sql/stages.sql"]


def contacts(**more: list[object]) -> pa.Table:
    day = pa.array([f"2024-01-0{n} 10:00" for n in range(1, 4)])
    return pa.table({"Record ID": ["1", "2", "3"], "Create Date": day, "Original Source": ["a", "b", "c"], **more})


def test_hubspots_own_export_by_its_labels(tmp_path: Path) -> None:
    table = contacts(**{"Became a Sales Qualified Lead Date": ["2024-02-01 10:00", None, None]})
    vendor_worlds.into_files(tmp_path / "data", {"hubspot-crm-exports-all-contacts-2024-03-01": table}, csv=True)
    proposal = presets.propose("hubspot", str(tmp_path / "data"), tmp_path)
    config = runs(proposal, tmp_path)
    assert set(config.tables.given()) == {"leads", "stages"}
    contents = list_relations(str(tmp_path / "data"))
    rows = contents.rows(
        f"SELECT lead_id, stage, CAST(changed_at AS VARCHAR) FROM ({proposal.files['sql/stages.sql']}) AS s"
    )
    assert rows == [("1", "salesqualifiedlead", "2024-02-01 10:00")]  # as exported: the zone is the config's to say


WALL = {"Became a Sales Qualified Lead Date": ["2024-02-01 10:00", None, None]}


def test_times_without_a_zone_are_asked_about_and_follow_the_configs(tmp_path: Path) -> None:
    vendor_worlds.into_files(tmp_path / "data", {"contacts": contacts(**WALL)}, csv=True)
    proposal = presets.propose("hubspot", str(tmp_path / "data"), tmp_path)
    presets.write_proposal(tmp_path, proposal)
    asked = [g for g in proposal.guesses if g.what == "timezone"]
    assert [g.sure for g in asked] == [False] and "contacts.Create Date" in asked[0].why
    assert re.search(r"(?m)^timezone: UTC # <—", proposal.config)
    config = parse_config(proposal.config.replace("timezone: UTC", "timezone: America/New_York"))
    with Run(config) as run:
        assert run.store.rows("SELECT MIN(created_at) FROM leads") == [(parse_instant("2024-01-01T15:00:00Z"),)]
    with (
        pytest.raises(DataError, match=r"(?s)LL104 leads.*LL104 stages"),
        Run(parse_config(re.sub("(?m)^timezone.*$", "", proposal.config))),
    ):
        pass


def test_times_with_a_zone_raise_no_question(few: dict[str, Tables], tmp_path: Path) -> None:
    for csv in (False, True):
        proposal = propose("salesforce", few["salesforce"], tmp_path / str(csv), csv=csv)
        assert not [g for g in proposal.guesses if g.what == "timezone"]


def test_parquet_files_with_and_without_a_zone_are_refused(tmp_path: Path) -> None:
    (tmp_path / "contacts").mkdir()
    for name, zone in (("a", "UTC"), ("b", None)):
        at = pa.array([datetime(2024, 1, 1)], pa.timestamp("us", zone))
        pq.write_table(pa.table({"Record ID": [name], "Create Date": at}), tmp_path / "contacts" / f"{name}.parquet")
    with pytest.raises(DataError, match="'Create Date' has a time zone in some files and none in others"):
        presets.propose("hubspot", str(tmp_path), tmp_path)


def test_dates_that_are_none_are_an_error_and_never_nothing(tmp_path: Path) -> None:
    table = contacts(**{"Became a Sales Qualified Lead Date": ["2024-02-01 10:00", "03/14/2024 02:10 PM", None]})
    vendor_worlds.into_files(tmp_path / "data", {"contacts": table}, csv=True)
    proposal = presets.propose("hubspot", str(tmp_path / "data"), tmp_path)
    presets.write_proposal(tmp_path, proposal)
    config = parse_config(proposal.config)
    columns = columns_of("stages", config.tables.stages)
    with open_store(config.engine) as store:  # type: ignore[attr-defined]
        there = store.read("raw_stages", config.tables.stages.source, [])
        resolved, _ = resolve("stages", columns, there)
        store.run(canonical_sql("stages", resolved, (), there, config))
        assert [(f.code, f.rows) for f in unreadable("stages", resolved, there, config, store, None)] == [("LL105", 1)]


def test_a_csv_file_with_a_line_that_does_not_fit_is_refused_by_name_and_at_night(tmp_path: Path) -> None:
    vendor_worlds.into_files(tmp_path / "data", {"contacts": contacts(**WALL)}, csv=True)
    proposal = presets.propose("hubspot", str(tmp_path / "data"), tmp_path)
    presets.write_proposal(tmp_path, proposal)
    file = tmp_path / "data" / "contacts.csv"
    file.write_text(file.read_text() + "4,2024-01-04 10:00,a,b,,,\n")
    with pytest.raises(DataError, match=r"contacts\.csv, line 5: \d cells, expected 4"):
        presets.propose("hubspot", str(tmp_path / "data"), tmp_path)
    with (
        pytest.raises(DataError, match=r"tables.leads.source: .*contacts\.csv, line 5"),
        Run(parse_config(proposal.config)),
    ):
        pass


def test_a_table_in_history_mode_counts_by_its_active_rows(few: dict[str, Tables], tmp_path: Path) -> None:
    tables = dict(few["salesforce"])
    lead = tables["lead"]
    old = lead.append_column("_fivetran_active", pa.array([False] * lead.num_rows))
    new = lead.append_column("_fivetran_active", pa.array([True] * lead.num_rows))
    proposal = propose("salesforce", tables, tmp_path / "plain")
    tables["lead"] = pa.concat_tables([old, new])
    moded = propose("salesforce", tables, tmp_path / "moded")
    for place, found in (("plain", proposal), ("moded", moded)):
        count = list_relations(str(tmp_path / place / "data")).rows(
            f"SELECT COUNT(*) FROM ({found.files['sql/leads.sql']}) AS t"
        )
        assert count == [(sum(not d for d in lead["is_deleted"].to_pylist()) + _merged(lead),)]


def _merged(lead: pa.Table) -> int:
    return sum(m is not None for m in lead["master_record_id"].to_pylist())


HOSTILE = "x'); DROP TABLE t; --\n\"${HOME}"


def test_hostile_names_and_words_stay_words(few: dict[str, Tables], tmp_path: Path) -> None:
    tables = dict(few["hubspot"])
    tables["contact"] = tables["contact"].append_column(HOSTILE, pa.array([1] * tables["contact"].num_rows))
    tables["form"] = tables["form"].set_column(
        1, "name", pa.array([f"{HOSTILE}{n}" for n in range(tables["form"].num_rows)])
    )
    history = tables["contact_property_history"]
    word = pa.array(
        [
            HOSTILE if n == "lifecyclestage" else v
            for n, v in zip(history["name"].to_pylist(), history["value"].to_pylist(), strict=True)
        ]
    )
    tables["contact_property_history"] = history.set_column(2, "value", word)
    folder = tmp_path / "it's [a] *folder*"
    vendor_worlds.into_files(tmp_path / "plain", tables)
    (tmp_path / "plain").rename(tmp_path / "data")
    (tmp_path / "data" / "o'dd; name.parquet").write_bytes((tmp_path / "data" / "form.parquet").read_bytes())
    (tmp_path / "data" / "broken.parquet").write_text("no")
    folder.mkdir()
    (tmp_path / "data").rename(folder / "data")
    config = runs(presets.propose("hubspot", str(folder / "data"), folder), folder)
    assert not [w for w in config.words("sql", "mql", "won", "lost", "rejected") if "$" in w]
    assert all("${" not in (b.words or "") for b in config.behaviours.values())


def test_words_and_names_that_few_share_are_never_written(few: dict[str, Tables], tmp_path: Path) -> None:
    tables = dict(few["salesforce"])
    history = tables["lead_history"]
    value = pa.array(["Call Ann Smith" if n < 5 else v for n, v in enumerate(history["new_value"].to_pylist())])
    tables["lead_history"] = history.set_column(history.schema.get_field_index("new_value"), "new_value", value)
    proposal = propose("salesforce", tables, tmp_path)
    assert "Ann" not in proposal.config + "".join(map(str, proposal.guesses)) + "".join(proposal.files.values())


WRONG = [
    ("nowhere", "hubspot", 66, "not there; expected a folder of exports, a DuckDB file or a postgresql:// URL"),
    ("empty", "hubspot", 66, "no Parquet or CSV file that can be read; expected a table contact"),
    ("other", "salesforce", 66, "no table lead or leads among its 2 (leeds, notes); is it leeds?"),
    ("other/notes.csv", "hubspot", 2, "one file; expected the folder"),
    ("text.db", "hubspot", 65, "isn't a DuckDB file that can be read"),
    ("lacking", "hubspot", 65, "contact has no column createdate; is it created?"),
    ("mute", "hubspot", 65, "nothing in it tells when a lead became SQL or opportunity"),
    ("silent", "salesforce", 65, "nothing in it tells when a lead was converted"),
]


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wrong")
    (folder / "empty").mkdir()
    one = pa.table({"id": ["1"]})
    vendor_worlds.into_files(folder / "other", {"leeds": one, "notes": one}, csv=True)
    vendor_worlds.into_files(
        folder / "lacking", {"contact": pa.table({"id": ["1"], "created": ["2024-01-01"]})}, csv=True
    )
    vendor_worlds.into_files(folder / "mute", {"contact": contacts()}, csv=True)
    vendor_worlds.into_files(
        folder / "silent", {"lead": pa.table({"Id": ["1"], "CreatedDate": ["2024-01-01"]})}, csv=True
    )
    (folder / "text.db").write_text("no database" * 900)
    return folder


@pytest.mark.parametrize(("source", "vendor", "code", "said"), WRONG)
def test_a_wrong_source_is_one_sentence(
    source: str, vendor: str, code: int, said: str, wrong: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(wrong)
    with pytest.raises(LeadlineError) as caught:
        presets.propose(vendor, source, Path("mine"))
    assert caught.value.exit_code == code
    assert str(caught.value).startswith(f"--source {source}: ") and said in str(caught.value)
    assert "\n" not in str(caught.value) and "; " in str(caught.value)
    assert not (wrong / "mine").exists()


def test_the_command_ends_with_that_sentence_and_code(wrong: Path, forking: Forks) -> None:
    done = forking("init", "mine", "--preset", "salesforce", "--source", "other", cwd=wrong)
    assert done.code == 66 and "is it leeds?" in done.sentence
    assert not (wrong / "mine").exists()


def test_two_schemas_are_told_apart_by_name(few: dict[str, Tables], tmp_path: Path) -> None:
    for schema in ("one", "two"):
        vendor_worlds.into_duckdb(tmp_path / "crm.db", few["hubspot"], schema)
    with pytest.raises(DataError, match=r"2 schemas have these tables \(one, two\).*\?schema=NAME"):
        presets.propose("hubspot", str(tmp_path / "crm.db"), tmp_path)
    proposal = presets.propose("hubspot", f"duckdb:///{tmp_path}/crm.db?schema=TWO", tmp_path)
    assert '"two"."contact"' in proposal.files["sql/leads.sql"] and "schema=" not in proposal.config
    with pytest.raises(MissingError, match="no table in schema three"):
        presets.propose("hubspot", f"duckdb:///{tmp_path}/crm.db?schema=three", tmp_path)


def test_a_file_that_somebody_writes_to_means_try_again(few: dict[str, Tables], tmp_path: Path) -> None:
    vendor_worlds.into_duckdb(tmp_path / "crm.db", few["hubspot"])
    wait = f"import duckdb, sys; c = duckdb.connect({str(tmp_path / 'crm.db')!r}); print('open', flush=True); sys.stdin.read()"
    writer = [sys.executable, "-c", wait]
    with subprocess.Popen(writer, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline()
        with pytest.raises(RetryError, match="another process writes to that file"):
            presets.propose("hubspot", str(tmp_path / "crm.db"), tmp_path)
        process.communicate(b"")


def test_nothing_that_stands_there_is_overwritten(few: dict[str, Tables], tmp_path: Path) -> None:
    proposal = propose("hubspot", few["hubspot"], tmp_path)
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql" / "leads.sql").write_text("SELECT 'mine'")
    with pytest.raises(OutputError, match=r"leads\.sql: stands there already"):
        presets.write_proposal(tmp_path, proposal)
    assert not (tmp_path / "leadline.yaml").exists()
    assert (tmp_path / "sql" / "leads.sql").read_text() == "SELECT 'mine'"


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("postgresql://ann:hunter2@db:5433/crm", "postgresql://${PGUSER}:${PGPASSWORD}@db:5433/crm"),
        ("postgresql://ann@db/crm", "postgresql://${PGUSER}@db/crm"),
        ("postgres://:hunter2@db/crm", "postgresql://:${PGPASSWORD}@db/crm"),
        ("postgresql://db/crm?user=ann&password=hunter2&sslmode=require", "postgresql://${PGUSER}:${PGPASSWORD}@db/crm?sslmode=require"),
        ("postgresql://db/crm?sslpassword=hunter2&passfile=hunter2&krbsrvname=hunter2", "postgresql://db/crm"),
        ("postgresql://${ME}:${MY_KEY}@db/crm?schema=hs", "postgresql://${ME}:${MY_KEY}@db/crm"),
        ("postgresql://a%40b:p%2Fhunter2%3F@db/crm", "postgresql://${PGUSER}:${PGPASSWORD}@db/crm"),
        ("postgresql://ann:${KEY}hunter2@db/crm", "postgresql://${PGUSER}:${PGPASSWORD}@db/crm"),
    ],
)  # fmt: skip
def test_no_part_of_a_url_brings_a_secret_into_the_config(given: str, written: str) -> None:
    place = without_credentials(given, SourceCatalog("postgres", "", "", ()))
    assert place.database == written
    assert set(place.variables) == set(re.findall(r"\$\{(\w+)\}", written))
    assert "hunter2" not in repr(place) and "ann" not in repr(place)


def test_a_variable_that_is_not_set_is_named() -> None:
    with pytest.raises(UsageError, match="environment variable KEY isn't set"):
        fill_variables("postgresql://ann:${KEY}@db/crm", {})
