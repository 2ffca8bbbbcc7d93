"""Assets, committees and intent stages of a run: the same stages by training and by a night, and nothing of them in the model."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

import projects
from leadline import score
from leadline.features.families.intent_stage import STAGES
from leadline.workflows.training.train import TrainResult


def of_run(home: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((home / "models/demo/1/record.json").read_text())
    return found


def test_a_night_at_t_has_the_stages_and_tiers_that_training_counted(home: Path) -> None:
    """Law 5: training's count of tonight's leads is the night's own."""
    told = of_run(home)["intent"]
    night = score("demo.yaml", projects.KNOWN_AT)
    rows = pq.read_table(next(Path("scores/demo").glob("*/scores.parquet")))
    assert rows.column_names[-1] == "intent_stage" and rows.num_rows == sum(n["leads"] for n in told["now"])
    stage, tier = rows["intent_stage"].to_pylist(), rows["tier"].to_pylist()
    assert {n["stage"]: n["leads"] for n in told["now"]} == {s: stage.count(s) for s in STAGES}
    both = Counter(zip(stage, tier, strict=True))
    assert [n["tiers"] for n in told["now"]] == [[both[n["stage"], t] for t in told["tiers"]] for n in told["now"]]
    again = score("demo.yaml", projects.KNOWN_AT)
    assert again.state == "done" and again.scores.later["intent_stage"].tolist() == stage
    assert night.scores.to_arrow().equals(again.scores.to_arrow())
    assert np.unique(stage).size > 2


def test_a_bundle_without_a_rule_has_nights_without_the_column(home: Path) -> None:
    path = Path("models/demo/1/manifest.json")
    manifest = json.loads(path.read_text())
    assert manifest["intent_stages"] == {"window": "14d", "intents": ["purchase", "evaluation", "awareness"]}
    with_rule = score("demo.yaml", projects.NIGHT, out="with.parquet")
    sums = Path("models/demo/1/SHA256SUMS")
    kept = [line for line in sums.read_text().splitlines() if not line.endswith("manifest.json")]
    manifest["intent_stages"] = None
    path.write_text(json.dumps(manifest))
    import hashlib

    sums.write_text("\n".join([*kept, f"{hashlib.sha256(path.read_bytes()).hexdigest()}  manifest.json"]) + "\n")
    score("demo.yaml", projects.NIGHT, model="models/demo/1", out="without.parquet")
    old = pq.read_table("without.parquet")
    assert "intent_stage" not in old.column_names
    assert old.equals(with_rule.scores.to_arrow().select(old.column_names))


def test_the_sections_read_what_the_model_does_not(trained_home: tuple[Path, TrainResult]) -> None:
    home, result = trained_home
    names = {s.name for s in result.prepared.features.specs}
    beside = result.prepared.beside
    assert beside is not None and not names & {s.name for s in beside.columns.specs if s.family == "intent"}
    assert not any(name.startswith(("recent_", "asset_")) for name in names)
    told = of_run(home)
    assert {a["name"] for a in told["assets"]["assets"]} == {
        "ROI calculator", "evaluation template", "security questionnaire", "implementation plan", "procurement pack",
    }  # fmt: skip
    past = {part["level"]: part["rate"] for part in told["intent"]["past"]}
    assert past["purchase_ready"] > 2 * past["active_evaluator"] > 2 * past["early_researcher"]
    assert sum(part["snapshots"] for part in told["intent"]["past"]) == len(result.prepared.labels.y)
    assert told["committees"]["outcomes"] > 20 and len(told["committees"]["arrivals"]) == 5
    assert told["pictures"]["drawn"] == 400 and told["pictures"]["swarms"]


def test_a_record_of_sections_names_no_lead(trained_home: tuple[Path, TrainResult]) -> None:
    home, result = trained_home
    told = of_run(home)
    text = json.dumps({key: told[key] for key in ("assets", "committees", "intent", "pictures", "behaviours")})
    data = result.prepared.features
    assert not any(f'"{name}"' in text for name in {*data.lead_id, *data.account_id} - {None})
    assert projects.CANARY not in text and len(text) < 300_000
