"""Segments of a trained demo world, and its model card: in the bundle, in the run, and true to the record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import projects
from leadline.dataset.feature_spec import Feature
from leadline.errors import DataError
from leadline.registry import tracking
from leadline.registry.bundle import read_bundle
from leadline.report.card.card import model_card
from leadline.workflows.training.segments import _banded, role_labels

BUNDLE = Path("models/demo/1")


@pytest.fixture(scope="module")
def told(trained_home: Any) -> dict[str, Any]:
    return json.loads((trained_home[0] / BUNDLE / "record.json").read_text())


def test_every_way_of_parting_parts_the_same_rows(told: dict[str, Any]) -> None:
    found = told["segments"]
    newest = told["evaluation"]["folds"][-1]
    rows: dict[str, int] = {}
    for s in found["segments"]:
        rows[s["by"]] = rows.get(s["by"], 0) + s["rows"]
    assert {
        "source",
        "country",
        "the account's industry",
        "the account's employees",
        "the account's region",
        "role",
        "month",
        "tier",
    } <= set(rows)
    assert set(rows.values()) == {newest["rows"]} and found["overall"]["positives"] == newest["positives"]
    assert found["overall"]["observed"] == pytest.approx(newest["base_rate"])


def test_levels_are_those_that_the_bundle_may_keep(trained_home: Any, told: dict[str, Any]) -> None:
    assert projects.CANARY not in (trained_home[0] / BUNDLE / "model-card.md").read_text()
    kept = {table.feature: set(table.names) for table in trained_home[1].scorer.encoder.levels}
    titles = {s["level"] for s in told["segments"]["segments"] if s["by"] == "job title"}
    assert titles <= kept["lead_job_title"] | {"(other)", "(not given)"}
    for s in told["segments"]["segments"]:
        assert s["leads"] >= 20 or (s["level"] == "(other)" and s["observed"] is None) or s["by"] in ("tier", "month")


def test_the_card_is_the_record_s_and_lies_in_bundle_and_run(trained_home: Any, told: dict[str, Any]) -> None:
    folder, result = trained_home
    text = (folder / BUNDLE / "model-card.md").read_text(encoding="utf-8")
    assert text == model_card(told) and "  model-card.md\n" in (folder / BUNDLE / "SHA256SUMS").read_text()
    (evidence,) = (folder / "mlruns").glob(f"*/{result.run_id}/artifacts/evidence/model-card.md")
    assert evidence.read_text(encoding="utf-8") == model_card(read_bundle(folder / BUNDLE).run_record)
    with projects.inside(folder), tracking._client("sqlite:///mlflow.db") as (_, client):
        assert "evidence/model-card.md" in client.get_model_version("demo", "1").description


def test_a_card_that_was_changed_is_damage(home: Path) -> None:
    place = BUNDLE / "model-card.md"
    place.write_text(place.read_text(encoding="utf-8") + "better than it is\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"model-card\.md isn't what SHA256SUMS says"):
        read_bundle(BUNDLE)


def test_sizes_are_parted_where_the_bands_end() -> None:
    sizes = np.array([0.0, 9.0, 10.0, 49.0, 50.0, 249.0, 250.0, 999.0, 1000.0, 1e9, np.nan])
    names = ["under 10"] * 2 + ["10 to 49"] * 2 + ["50 to 249"] * 2 + ["250 to 999"] * 2 + ["1,000 and more"] * 2
    assert _banded(sizes).tolist() == [*names, None]


def test_roles_are_those_of_the_config_the_first_that_matches() -> None:
    import pandas as pd

    spec = Feature("lead_job_title", "fit", "g", "category", "value", "job title", "leads", "Job Title", "column")
    titles = pd.DataFrame({"lead_job_title": ["CTO", "vp finance", "VP Finance EMEA", "Head of (x)", None, "Janitor"]})
    roles = {"buyer": ["VP Finance", "Head of *"], "sponsor": ["?TO"], "never": []}
    (found,) = role_labels(roles, [spec], titles, np.arange(6))
    assert found.tolist() == ["sponsor", "buyer", "no role", "buyer", None, "no role"]
    assert not list(role_labels({}, [spec], titles, np.arange(6))) and not list(
        role_labels(roles, [], titles, np.arange(6))
    )
