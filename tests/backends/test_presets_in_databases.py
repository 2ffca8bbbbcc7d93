"""HubSpot's and Salesforce's tables, in DuckDB and in PostgreSQL, give the scores of the demo's own tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import leadline
import projects
import vendor_worlds
from leadline import presets
from small_crm import Run, same
from vendor_worlds import Tables

VENDORS = ("hubspot", "salesforce")
SECRET = "hunter2secret"
NIGHT = "2025-06-09T00:00:00Z"
KNOWN_AT = "2025-06-02T00:00:00Z"
SCORED = ("lead_id", "account_id", "probability", "rank", "tier", *(f"reason_{n}" for n in range(1, 6)))


@dataclass(frozen=True)
class Vendor:
    """A vendor's tables, and the demo's own in the vendor's words."""

    name: str
    shaped: Tables
    base: Tables


@pytest.fixture(scope="module")
def vendors() -> dict[str, Vendor]:
    world = vendor_worlds.world()
    return {v: Vendor(v, vendor_worlds.shaped(v, world), vendor_worlds.base(v, world)) for v in VENDORS}


@pytest.fixture(scope="module")
def sources(
    vendors: dict[str, Vendor], postgres_uri: str, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, str], str]:
    """Put each vendor's tables into both databases, once; return what `--source` takes."""
    folder = tmp_path_factory.mktemp("crm")
    made: dict[tuple[str, str], str] = {}

    def source(vendor: str, database: str) -> str:
        if (vendor, database) not in made:
            if database == "duckdb":
                place = folder / f"{vendor}.db"
                vendor_worlds.into_duckdb(place, vendors[vendor].shaped, vendor)
                made[vendor, database] = str(place)
            else:
                vendor_worlds.into_postgres(postgres_uri, vendors[vendor].shaped, vendor)
                login = postgres_uri.replace("postgres:@", f"postgres:{SECRET}@")
                assert SECRET in login
                made[vendor, database] = f"{login}&schema={vendor}"
        return made[vendor, database]

    return source


def quick(text: str, tracking: Path) -> str:
    """Ask less of the backtest: both sides are asked the same."""
    for old, new in (
        ("windows: [7d, 30d, 90d]", "windows: [30d]"),
        ("every: 7d", "every: 14d"),
        ("folds: 4, test: 56d", "folds: 2, test: 56d, ablation: false, stability: false"),
        ("sqlite:///mlflow.db", f"sqlite:///{tracking}"),  # MLflow holds on to a relative one
    ):
        assert old in text
        text = text.replace(old, new)
    return text + "leaks: { experiments: false }\n"


def scores(config: Path) -> dict[str, list[Any]]:
    """Check, train and score; return the columns of the scores."""
    checked = leadline.check(config, KNOWN_AT)
    assert checked.ok, [str(f) for f in checked.findings]
    leadline.train(config, KNOWN_AT)
    table = leadline.score(config, NIGHT).scores.to_arrow()
    return {name: table.column(name).to_pylist() for name in SCORED}


def both(vendor: Vendor, source: str, folder: Path) -> tuple[Path, Path]:
    """Propose a config for the source, and write the same one for the demo's own tables."""
    proposal = presets.propose(vendor.name, source, folder / "crm")
    config = presets.write_proposal(folder / "crm", proposal)
    own = folder / "own.yaml"
    own.write_text(vendor_worlds.own_config(proposal.config, folder / "own", vendor.base), encoding="utf-8")
    for place in (config, own):
        place.write_text(quick(place.read_text("utf-8"), place.with_suffix(".db")), encoding="utf-8")
    return config, own


def whole_job(vendor: Vendor, source: str, folder: Path) -> None:
    config, own = both(vendor, source, folder)
    for part in ("one", "two"):
        (folder / part).mkdir()
    with projects.inside(folder / "one"):
        found = scores(config)
    with projects.inside(folder / "two"):
        expected = scores(own)
    assert len(found["lead_id"]) > 100 and len(set(found["probability"])) > 50
    assert found == expected


@pytest.fixture
def signed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGUSER", "postgres")
    monkeypatch.setenv("PGPASSWORD", SECRET)


@pytest.mark.parametrize(("vendor", "database"), [("hubspot", "duckdb"), ("salesforce", "postgres")])
@pytest.mark.usefixtures("signed_in")
def test_scores_equal_those_of_the_demos_own_tables(
    vendor: str, database: str, vendors: dict[str, Vendor], sources: Callable[[str, str], str], tmp_path: Path
) -> None:
    whole_job(vendors[vendor], sources(vendor, database), tmp_path)


@pytest.mark.parametrize(("vendor", "database"), [("hubspot", "postgres"), ("salesforce", "duckdb")])
@pytest.mark.usefixtures("signed_in")
def test_tables_and_features_equal_those_of_the_demo(
    vendor: str, database: str, vendors: dict[str, Vendor], sources: Callable[[str, str], str], tmp_path: Path
) -> None:
    config, own = both(vendors[vendor], sources(vendor, database), tmp_path)
    with Run(leadline.load_config(config)) as found, Run(leadline.load_config(own)) as expected:
        assert found.loaded.fingerprints == expected.loaded.fingerprints
        assert len(found.loaded.fingerprints) == 8
        counts, _, built = found.train()
        also, _, whole = expected.train()
        assert counts == also and counts.positive > 100
        same(built, whole)


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("database", ["duckdb", "postgres"])
@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.usefixtures("signed_in")
def test_trees_score_alike_too(vendor: str, database: str, postgres_uri: str, tmp_path: Path) -> None:
    """A world with enough positive leads for boosting, through all four."""
    world = vendor_worlds.world(2_000)
    given = Vendor(vendor, vendor_worlds.shaped(vendor, world), vendor_worlds.base(vendor, world))
    source = str(tmp_path / "crm.db")
    if database == "duckdb":
        vendor_worlds.into_duckdb(tmp_path / "crm.db", given.shaped)
    else:
        vendor_worlds.into_postgres(postgres_uri, given.shaped, f"{vendor}_long")
        source = f"{postgres_uri.replace('postgres:@', f'postgres:{SECRET}@')}&schema={vendor}_long"
    whole_job(given, source, tmp_path)


@pytest.mark.usefixtures("signed_in")
def test_no_secret_is_written_or_told(sources: Callable[[str, str], str], tmp_path: Path) -> None:
    source = sources("hubspot", "postgres")
    done = projects.leadline("init", "mine", "--preset", "hubspot", "--source", source, cwd=tmp_path)
    assert done.code == 0, done.err
    written = [path.read_text("utf-8") for path in (tmp_path / "mine").rglob("*") if path.is_file()]
    assert len(written) == 9
    for text in (done.out, done.err, *written):
        assert SECRET not in text and "postgres:" not in text.replace("postgres://", "")
    assert "${PGUSER}:${PGPASSWORD}@" in written[0] + "".join(written)
    assert "PGUSER and PGPASSWORD" in " ".join(done.out.split())


@pytest.mark.usefixtures("signed_in")
def test_a_source_may_name_variables_itself(sources: Callable[[str, str], str], tmp_path: Path) -> None:
    source = sources("hubspot", "postgres").replace(f"postgres:{SECRET}@", "${PGUSER}:${PGPASSWORD}@")
    proposal = presets.propose("hubspot", source, tmp_path)
    assert "${PGUSER}:${PGPASSWORD}@" in proposal.config and SECRET not in proposal.config


def test_a_server_that_is_away_means_try_again(tmp_path: Path) -> None:
    away = f"postgresql://ann:{SECRET}@127.0.0.1:1/crm"
    done = projects.leadline("init", ".", "--preset", "hubspot", "--source", away, cwd=tmp_path)
    assert done.code == 75 and SECRET not in done.out + done.err
    assert done.sentence.startswith("leadline: --source: PostgreSQL can't be reached")
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("signed_in")
def test_a_database_without_the_vendors_tables_says_what_it_has(postgres_uri: str, tmp_path: Path) -> None:
    vendor_worlds.into_postgres(postgres_uri, {"contacts_of_mine": projects.tables()["merges"]}, "bare")
    done = projects.leadline(
        "init", ".", "--preset", "hubspot", "--source", f"{postgres_uri}&schema=bare", cwd=tmp_path
    )
    assert done.code == 66
    assert "no table contact or contacts among its 1 (contacts_of_mine)" in done.sentence
