"""A config whose leads have no account is trained and scored as any other: it has no accounts' rows, and says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import leadline
import projects
from leadline import demo
from leadline.delivery.folder_sink import accounts_beside


def nameless(text: str) -> str:
    """Leave the key of the lead's account out, and the table of accounts; deals go on naming theirs."""
    lines = [line for line in text.splitlines() if not line.startswith("  accounts:")]
    made = "\n".join(lines).replace("account: account_id, created_at: created_at,\n             attr", "created_at: created_at,\n             attr", 1)  # fmt: skip
    assert made.count("account_id") == text.count("account_id") - 2
    return projects.quick(made)


def test_no_account_is_scored_and_the_record_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    projects.settle(tmp_path, dict(demo.make_world(900, 7).tables), nameless(projects.config_text()))
    made = leadline.train("demo.yaml", projects.KNOWN_AT, quick=True)
    assert made.judgement.accounts.reason == "no lead has an account"
    assert "accounts.json" not in {file.name for file in made.folder.iterdir()}
    night = leadline.score("demo.yaml", projects.NIGHT)
    assert night.record["accounts"] == {"accounts": 0, "reason": "no lead has an account"}
    assert "accounts.parquet" not in json.loads((Path(night.place) / "night.json").read_text())["files"]
    leadline.score("demo.yaml", projects.NIGHT, out="one.csv")
    assert Path("one.csv").is_file() and not accounts_beside(Path("one.csv")).exists()
    page = leadline.report("demo.yaml", out="page.html").page.read_text(encoding="utf-8")
    assert "No account is scored: no lead has an account." in page
