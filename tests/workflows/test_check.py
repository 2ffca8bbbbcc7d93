"""`check`: what it finds without a model, the table that it prints, and the page that it writes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import projects
from leadline import demo
from leadline.cli.console import Console
from leadline.core.checks import Severity
from leadline.errors import DataError, UsageError
from leadline.workflows.check import CheckResult, check, write_page

LEADS = 1200


def checked(folder: Path, monkeypatch: pytest.MonkeyPatch, plant: str | None, more: str = "") -> CheckResult:
    projects.settle(folder, demo.make_world(LEADS, 7, plant).tables, demo.config_text("", plant) + more)
    monkeypatch.chdir(folder)
    return check("demo.yaml")


@pytest.fixture
def noted(tmp_path, monkeypatch) -> CheckResult:
    return checked(tmp_path, monkeypatch, "L2")


def test_a_history_without_a_test_is_an_error_before_any_training(tmp_path, monkeypatch) -> None:
    result = checked(tmp_path, monkeypatch, "L1.1")
    assert not result.ok
    assert any(f.code == "LL124" and f.severity is Severity.ERROR and "no fold" in f.seen for f in result.findings)


def test_the_honest_world_may_be_trained_on_and_says_what_it_couldnt_check(tmp_path, monkeypatch) -> None:
    result = checked(tmp_path, monkeypatch, None)
    assert (
        result.ok
        and [f.code for f in result.findings if f.code >= "LL2" and f.severity in (Severity.ERROR, Severity.WARNING)]
        == []
    )
    assert "not applicable" in repr(result)


def test_every_line_of_the_table_fits_80_columns_and_holds_code_severity_place_and_fix(noted, capsys) -> None:
    with pytest.raises(DataError):
        Console(True, "text", False).checked(noted)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    (row,) = [line for line in lines if line.startswith("LL209")]
    assert "error" in row and "leads." in row  # a long name stands on a line of its own
    assert "pain" in lines[lines.index(row) + 1]
    assert any(line.split() == ["code", "severity", "where", "found", "what", "to", "do"] for line in lines)
    after = lines[[line.split()[2:] for line in lines].index(["not", "applicable", "because"]) :]
    assert any(line.startswith("LL208") for line in after)


def test_json_has_every_finding_with_its_why(noted, capsys) -> None:
    with pytest.raises(DataError):
        Console(True, "text", True).checked(noted)
    told = json.loads(capsys.readouterr().out)["findings"]
    assert len(told) == len(noted.findings)
    assert {"code", "severity", "subject", "seen", "expected", "fix", "rows", "accepted", "title", "why"} <= set(
        told[0]
    )


def test_an_accepted_error_is_told_with_its_reason_and_training_may_go_ahead(tmp_path, monkeypatch, capsys) -> None:
    result = checked(tmp_path, monkeypatch, "L2", '\nleaks: {accept: {LL209: "asked in the form"}}\n')
    assert result.ok
    (found,) = [f for f in result.findings if f.code == "LL209"]
    assert found.severity is Severity.WARNING and found.accepted == "asked in the form"
    Console(True, "text", False).checked(result)
    out = capsys.readouterr().out
    assert "accepted: asked in" in out.replace("\n", " ") and max(map(len, out.splitlines())) <= 80


def test_the_page_holds_every_finding_and_no_lead(noted, tmp_path) -> None:
    place = write_page(noted, tmp_path / "found.html")
    text = place.read_text(encoding="utf-8")
    assert all(f.code in text for f in noted.findings)
    assert not re.search(r"\bL0\d{5}\b", text) and "default-src &#39;none&#39;" in text


def test_a_page_needs_a_pages_name_before_anything_is_checked(tmp_path) -> None:
    from typer.testing import CliRunner

    from leadline.cli.app import app

    done = CliRunner().invoke(app, ["check", str(tmp_path / "none.yaml"), "--html", "found.pdf"])
    assert isinstance(done.exception, UsageError) and "found.pdf" in str(done.exception)
