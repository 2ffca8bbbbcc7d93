"""What commands print: tables within 80 columns, names in one piece, colour on a terminal only."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from leadline.cli.console import Console
from leadline.core.checks import Finding, Findings, Severity
from leadline.dataset.labels import LabelCounts
from leadline.errors import DataError
from leadline.presets.proposal import Guess, Proposal
from leadline.workflows.check import CheckResult

LONG = Finding(
    "LL208", Severity.ERROR, "leads.duration", "alone it tells the outcomes apart with AUC 0.85 among leads of the same time",
    "at most 0.70, as the file doesn't say when it was written", "name it in known_at_creation; else in exclude", title="strong",
)  # fmt: skip
CHECKED = CheckResult("bank", None, {"leads": 41_188}, LabelCounts(positive=4_640, negative=36_548), Findings((LONG,)))


def test_findings_fit_eighty_columns_and_break_no_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(DataError, match="1 error found") as refusal:
        Console(True, "text", False).checked(CHECKED)
    told = capsys.readouterr().out
    assert max(map(len, told.splitlines())) <= 80 and "\x1b" not in told and "…" not in told
    assert "duration" in told
    assert refusal.value.findings is CHECKED.findings


PROPOSAL = Proposal(
    "csv", "crm", "version: 1\n", {"sql/leads.sql": "SELECT 1"},
    (Guess("tables.leads.key", "lead_id", "unique in 100% of rows"), Guess("timezone", "UTC", "times in leads name no zone", False)),
    ("no file of dated acts was found: without events there are no behaviours, and the model sees attributes only",), ("crm/leads.csv: 6,000 rows → leads",),
)  # fmt: skip


def test_a_proposal_says_what_was_guessed_how_sure_and_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    Console(True, "text", False).proposed(Path("mine/leadline.yaml"), PROPOSAL)
    told = capsys.readouterr().out
    assert max(map(len, told.splitlines())) <= 80
    for words in ("crm/leads.csv: 6,000 rows → leads", "tables.leads.key: lead_id (unique in 100% of rows)", "not sure: timezone: UTC", "warning: no file of dated acts", "written: mine/sql/leads.sql", "leadline check mine/leadline.yaml"):  # fmt: skip
        assert words in told


def test_a_proposal_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    Console(True, "text", True).proposed(Path("mine/leadline.yaml"), PROPOSAL)
    assert json.loads(capsys.readouterr().out) == {"config": "mine/leadline.yaml", "proposal": PROPOSAL.to_record()}
