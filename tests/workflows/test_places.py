"""No command writes over what leadline reads, by whatever name the place goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from leadline.config.load import load_config
from leadline.errors import ConfigError, UsageError
from leadline.workflows.places import require_apart, require_deliveries_apart, require_out_apart

TEXT = """
version: 1
name: demo
tables:
  leads: {source: data/leads.parquet, key: id, created_at: at}
  events: {source: "data/events/*.parquet", lead: id, type: t, occurred_at: at}
  stages: {source: {query: "select * from read_csv('data/st''ages.csv')"}, lead: id, stage: s, changed_at: at}
  suppress: {source: "duckdb:///data/lists.db?table=s", lead: id}
stages: {sql: [sql]}
outcome: {reaches: sql, within: 30d}
snapshots: {every: 7d}
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("data/leads.parquet", "data/events/a.parquet", "data/st'ages.csv", "data/lists.db", "models/demo/1/manifest.json", "models/demo/1/SHA256SUMS", "mlflow.db", "elsewhere/b/manifest.json", "elsewhere/b/SHA256SUMS"):  # fmt: skip
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()
    Path("demo.yaml").write_text(TEXT)
    Path("link.parquet").symlink_to("data/leads.parquet")
    Path("hard.parquet").hardlink_to("data/leads.parquet")
    Path("other").symlink_to("data")
    return tmp_path


READ = [
    "", "  ", "data/leads.parquet", "./data/../data/leads.parquet", "{home}/data/leads.parquet", "link.parquet", "hard.parquet",
    "other/leads.parquet", "data/st'ages.csv", "data/lists.db", "demo.yaml", "{home}/demo.yaml", "mlflow.db", "models", "models/demo/1", "models/demo/1/x.parquet",
    "models/demo/2", "elsewhere/b", "elsewhere/b/x.csv", "data/events", "data", "data/events/tonight.parquet", ".leadline/fold", "mlruns/1",
]  # fmt: skip


@pytest.mark.parametrize("place", READ)
def test_a_place_that_is_read_is_refused(home: Path, place: str) -> None:
    with pytest.raises(UsageError, match="--out"):
        require_apart(load_config("demo.yaml"), place.format(home=home), "--out")


@pytest.mark.parametrize(
    "place",
    [
        "scores/demo",
        "o.csv",
        "{home}/o.parquet",
        "data/events/deeper/o.parquet",
        "data/scores",
        "models.csv",
        "new/models",
    ],
)
def test_any_other_place_is_taken(home: Path, place: str) -> None:
    require_apart(load_config("demo.yaml"), place.format(home=home), "--out")


def test_rows_that_are_read_in_the_leads_place_are_read_too(home: Path) -> None:
    config = load_config("demo.yaml")
    require_apart(config, "new.csv", "--out")
    with pytest.raises(UsageError, match="it is read as --leads"):
        require_apart(config, "new.csv", "--out", "./new.csv")


@pytest.mark.parametrize("folder", ["data", "models/demo/1", "data/events"])
def test_a_delivery_where_leadline_reads_is_a_bad_config(home: Path, folder: str) -> None:
    Path("bad.yaml").write_text(f"{TEXT}nightly: {{deliver: [{{to: hubspot, folder: {folder}}}]}}\n")
    with pytest.raises(ConfigError, match=r"nightly\.deliver\.folder"):
        require_deliveries_apart(load_config("bad.yaml"))


def test_what_stands_beside_a_file_or_a_table_is_looked_at_too(home: Path) -> None:
    config = load_config("demo.yaml")
    firms = config.tables.leads.model_copy(update={"source": "data/night.accounts.csv"})
    config = config.model_copy(update={"tables": config.tables.model_copy(update={"leads": firms})})
    require_out_apart(config, "data/other.csv")
    with pytest.raises(
        UsageError, match=r"its accounts would be night\.accounts\.csv, and it is read as tables\.leads\.source"
    ):
        require_out_apart(config, "data/night.csv")
    table = firms.model_copy(update={"source": "postgresql://db/crm?table=crm_accounts"})
    config = config.model_copy(update={"tables": config.tables.model_copy(update={"leads": table})})
    require_out_apart(config, "postgresql://db/crm?table=nights")
    with pytest.raises(UsageError, match="is read as"):
        require_out_apart(config, "postgresql://db/crm?table=crm")
