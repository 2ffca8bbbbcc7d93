"""The experiments in a whole training: their findings stand in the result and in the record, accepted reasons too."""

from __future__ import annotations

import json

import pytest

import projects
from leadline import demo, train
from leadline.core.checks import Severity
from leadline.errors import DataError

LEADS = 2000  # enough positive ones for boosting


def planted(folder, more: str = "") -> None:
    """A world whose leak no other family carries: what leads do, and who they are, is enough beside it."""
    text = demo.config_text("", "L2") + more
    for old, new in (
        ("[7d, 30d, 90d]", "[30d], without: [velocity, recency, account, committee, history]"),
        ("folds: 3, test: 56d", "folds: 2, test: 56d, ablation: false, stability: false"),
    ):
        assert old in text
        text = text.replace(old, new)
    projects.settle(folder, demo.make_world(LEADS, 7, "L2").tables, text)


def test_a_training_tells_its_optimism_and_its_colleagues(trained_home) -> None:
    _, result = trained_home
    found = {f.code: f for f in result.findings}
    assert found["LL304"].severity in (Severity.NOTE, Severity.WARNING) and "optimism" in found["LL304"].seen
    assert "LL306" in found and "LL303" not in found  # no feature moved
    assert [f for f in result.findings if f.code == "LL305" and f.severity is Severity.ERROR] == []


def test_the_record_of_the_run_holds_them(trained_home) -> None:
    folder, result = trained_home
    record = json.loads((folder / result.folder / "record.json").read_text(encoding="utf-8"))
    told = {f["code"]: f for f in record["findings"]}
    assert told["LL304"]["why"] and told["LL304"]["title"] == "random against forward"


def test_a_leak_that_slips_by_its_column_is_refused_by_what_it_carries(tmp_path, monkeypatch) -> None:
    planted(tmp_path, '\nleaks: {accept: {LL209: "asked in the form"}}\n')
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"LL305 leads\.pain_point: AUC falls"):
        train("demo.yaml")
    assert not (tmp_path / "models" / "demo" / "1").exists()


def test_accepted_reasons_stand_in_the_record(tmp_path, monkeypatch) -> None:
    planted(tmp_path, '\nleaks: {accept: {LL209: "asked in the form", LL305: {pain_point: "it is that good"}}}\n')
    monkeypatch.chdir(tmp_path)
    result = train("demo.yaml")
    record = json.loads((tmp_path / result.folder / "record.json").read_text(encoding="utf-8"))
    reasons = {f["code"]: (f["severity"], f["accepted"]) for f in record["findings"] if f["accepted"]}
    assert reasons == {"LL209": ("warning", "asked in the form"), "LL305": ("warning", "it is that good")}
