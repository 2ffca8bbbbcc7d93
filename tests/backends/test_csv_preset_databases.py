"""The csv preset on databases: the same tables in DuckDB and in PostgreSQL are guessed alike, and no secret is written."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from leadline.config.load import parse_config
from leadline.core.checks import Severity
from leadline.presets import propose
from leadline.workflows.check import check
from leadline.workflows.config_from_file import leak_reason

TABLES = (
    "CREATE TABLE leads AS SELECT CAST(n AS VARCHAR(9)) AS lead_id, TIMESTAMP '2024-01-01 00:00:00' + n * INTERVAL '6 hours' AS created_at, "
    "CASE WHEN n % 3 = 0 THEN 'ads' ELSE 'web' END AS source, 'x' AS lead_status FROM generate_series(1, 300) AS s(n)",
    "CREATE TABLE lead_stages AS SELECT lead_id, CASE WHEN CAST(lead_id AS INTEGER) % 4 = 0 THEN 'SQL' ELSE 'MQL' END AS stage, "
    "created_at + INTERVAL '3 days' AS changed_at FROM leads",
    "CREATE TABLE activities AS SELECT lead_id, 'pricing_page_view' AS type, created_at + INTERVAL '1 day' AS occurred_at FROM leads",
)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A DuckDB file."""
    place = tmp_path_factory.mktemp("db") / "crm.duckdb"
    with duckdb.connect(str(place)) as connection:
        for statement in TABLES:
            connection.execute(statement)
    return str(place)


@pytest.fixture(scope="module")
def server(postgres_uri: str) -> str:
    """A PostgreSQL schema of its own."""
    import adbc_driver_postgresql.dbapi as driver

    with driver.connect(postgres_uri) as connection, connection.cursor() as cursor:
        for statement in ("CREATE SCHEMA exports", "SET search_path TO exports", *TABLES):
            cursor.execute(statement)
        connection.commit()
    return f"{postgres_uri}{'&' if '?' in postgres_uri else '?'}schema=exports"


@pytest.mark.parametrize("kind", ["database", "server"])
def test_tables_of_a_database_are_guessed_and_can_be_read(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = request.getfixturevalue(kind)
    monkeypatch.setenv("PGUSER", "postgres")
    monkeypatch.setenv("PGPASSWORD", "")
    proposal = propose("csv", source, tmp_path, leak_reason)
    config = parse_config(proposal.config)
    tables = config.tables
    assert (tables.leads.key, tables.leads.created_at, tables.leads.attributes) == (
        "lead_id",
        "created_at",
        ("source",),
    )
    assert tables.stages is not None and (tables.stages.lead, tables.stages.stage, tables.stages.changed_at) == (
        "lead_id",
        "stage",
        "changed_at",
    )
    assert tables.events is not None and (tables.events.type, tables.events.occurred_at) == ("type", "occurred_at")
    assert {stage: list(words) for stage, words in config.stages.items()} == {"mql": ["MQL"], "sql": ["SQL"]}
    assert [g.what for g in proposal.guesses if not g.sure] == ["tables.leads.attributes", "timezone"]
    if kind == "server":
        assert "postgres:@" not in proposal.config and all("schema" not in line for line in proposal.found)
    checked = check(config)
    assert checked.rows == {"leads": 300, "stages": 299, "events": 300}  # the newest stage stands at T itself
    assert {f.code for f in checked.findings.of(Severity.ERROR)} <= {"LL124"}  # a short history gives no fold
