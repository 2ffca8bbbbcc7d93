"""The demo's world as HubSpot and as Salesforce keep it: their tables and columns, with decoys that must count for nothing.

`base(vendor, world)` is the demo's own tables in the vendor's words; `shaped(vendor, world)` is the same world in the
vendor's tables. What a preset reads from the latter must equal the former.
"""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from leadline import demo
from vendor_tables import BASE, OWN, VENDOR, WORDS

Tables = dict[str, pa.Table]
CONFIGURED = re.compile(r"source: \{ sql: \"?\S*sql/(\w+)\.sql\"?.*\}")


def world(leads: int = 1_000, seed: int = 7) -> Tables:
    """Draw the demo's world."""
    return dict(demo.make_world(leads, seed).tables)


def run(statements: str, given: Tables) -> Tables:
    """Run CREATE TABLE statements over Arrow tables; return what they made, by name."""
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET preserve_insertion_order = true")
        for name, table in given.items():
            connection.register(f"{name}_given", table)
        connection.execute(statements)
        made = connection.execute("SELECT table_name FROM duckdb_tables() WHERE NOT temporary").fetchall()
        return {str(name): connection.sql(f'SELECT * FROM "{name}" ORDER BY ALL').to_arrow_table() for (name,) in made}


def base(vendor: str, given: Tables) -> Tables:
    """Return the demo's tables in a vendor's words, without the second clock, which neither vendor keeps."""
    return run(BASE.format(**WORDS[vendor]) + OWN[vendor], given)


def shaped(vendor: str, given: Tables) -> Tables:
    """Return the vendor's tables."""
    made = run(VENDOR[vendor], base(vendor, given))
    return {name: table for name, table in made.items() if not name.startswith("aside_")}


def own_config(text: str, folder: Path, given: Tables) -> str:
    """Write the demo's own tables, and return the preset's config with these for its sources."""
    folder.mkdir()
    for name, table in given.items():
        pq.write_table(table, folder / f"{name}.parquet")
    found = set(CONFIGURED.findall(text))
    assert found <= set(given), found
    return CONFIGURED.sub(lambda m: f'source: "{folder.as_posix()}/{m[1]}.parquet"', text)


def into_duckdb(path: Path, tables: Tables, schema: str = "main") -> None:
    """Write tables into a DuckDB file."""
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{path}' AS filled")
        connection.execute("USE filled")
        connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
        for name, table in tables.items():
            connection.register("arriving", table)
            connection.execute(f'CREATE TABLE "{schema}"."{name}" AS SELECT * FROM arriving')
            connection.unregister("arriving")


def into_postgres(uri: str, tables: Tables, schema: str) -> None:
    """Write tables into a schema of a PostgreSQL database."""
    import adbc_driver_postgresql.dbapi as postgres

    with postgres.connect(uri) as connection, connection.cursor() as cursor:
        cursor.execute(f'CREATE SCHEMA "{schema}"')
        for name, table in tables.items():
            cursor.adbc_ingest(name, table, mode="create", db_schema_name=schema)
        connection.commit()


def into_files(folder: Path, tables: Tables, csv: bool = False) -> None:
    """Write tables as exports, a file each."""
    folder.mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for name, table in tables.items():
            connection.register("arriving", table)
            ending, form = ("csv", "csv, header") if csv else ("parquet", "parquet")
            connection.execute(f"COPY arriving TO '{folder / name}.{ending}' (FORMAT {form})")
            connection.unregister("arriving")
