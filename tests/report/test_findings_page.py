"""The page of `check`: self-contained, safe with hostile text, and true to the findings."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

import pytest
from page_parser import Tag, parsed
from page_records import HOSTILE, changed

from leadline.core.checks import Finding, Findings, Severity
from leadline.report.pages.findings import findings_page, findings_sections

FOUND = Findings((
    Finding("LL209", Severity.ERROR, "leads.pain_point", "filled for 93.6% of the positive leads", "as many for both", "drop it", 12, "", "fill follows the outcome", "sales fills it"),
    Finding("LL201", Severity.ERROR, "leads.status", "is overwritten", "fixed fields", "drop it", 0, "", "mutable field", "its value today"),
    Finding("LL213", Severity.WARNING, "events.type", "recorded in bulk", "in time", "look at it", 1400, "", "recorded in bulk", "written afterwards"),
    Finding("LL117", Severity.NOTE, "stages", "no recorded_at", "both clocks", "name it"),
    Finding("LL306", Severity.NOT_APPLICABLE, "accounts on both sides", "no lead names an account", "", ""),
))  # fmt: skip
WORDS = {"error", "warning", "note", "not applicable", "2025-06-02T00:00:00Z"}


def record(findings: Findings = FOUND, ok: bool = False) -> dict[str, Any]:
    return {
        "name": "acme",
        "known_at": "2025-06-02T00:00:00Z",
        "ok": ok,
        "rows": {"leads": 400, "events": 9000},
        "findings": findings.records(),
    }


@pytest.fixture(scope="module")
def tree() -> Tag:
    return parsed(findings_page(record(FOUND.accept({"LL201": "set by the form"}))))


def test_each_finding_says_where_what_why_and_what_to_do(tree: Tag) -> None:
    rows = [r.words() for r in tree.all("tr")]
    (refused,) = [r for r in rows if "LL209" in r]
    for said in (
        "fill follows the outcome",
        "leads.pain_point",
        "93.6%",
        "sales fills it",
        "as many for both",
        "drop it",
        "12",
    ):
        assert said in refused
    (warned,) = [r for r in rows if "LL213" in r]
    assert "1,400" in warned and "look at it" in warned


def test_accepted_errors_stand_apart_with_their_reason(tree: Tag) -> None:
    (accepted,) = [s for s in tree.all("section") if s.attributes["id"] == "accepted"]
    assert "set by the form" in accepted.words() and "LL201 mutable field" in accepted.words()
    assert all("LL201" not in s.words() for s in tree.all("section") if s is not accepted)


def test_what_couldnt_be_checked_is_told_with_its_reason(tree: Tag) -> None:
    (unasked,) = [s for s in tree.all("section") if s.attributes["id"] == "unasked"]
    assert "no lead names an account" in unasked.words() and "LL306" in unasked.words()


def test_the_verdict_counts_and_comes_first() -> None:
    first = findings_sections(record())[0]
    assert (
        first.found
        == "Training refuses these data: the checks found 2 errors, 1 warning and 1 note, as known at 2 Jun 2025."
    )
    accepted = findings_sections(record(FOUND.accept({"LL201": "set by the form"})))[0].found
    assert "1 error, 1 warning and 1 note" in accepted and "1 error accepted" in accepted
    assert findings_sections(record(Findings(), ok=True))[0].found.startswith(
        "Training may go ahead: the checks found nothing"
    )
    assert len(findings_sections(record(Findings(), ok=True))) == 1


def test_hostile_text_stays_text() -> None:
    hostile = changed(record(), lambda v: v + HOSTILE if isinstance(v, str) and v not in WORDS else v)
    tree = parsed(findings_page(hostile))
    assert len(tree.all("script")) == 1 and not tree.all("img", "iframe", "object", "embed", "form", "base")
    assert tree.all("main")[0].words().count(HOSTILE) > 10


def test_nothing_leaves_the_page_and_its_policy_names_style_and_script(tree: Tag) -> None:
    html = findings_page(record())
    assert not re.search(r"(src|href)=\"?(https?:)?//", html)
    policy = next(m.attributes["content"] for m in tree.all("meta") if m.attributes.get("http-equiv")) or ""
    assert policy.startswith("default-src 'none';") and "unsafe" not in policy
    for name in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(tree.all(name)[0].text.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy


def test_it_has_one_heading_and_its_navigation_leads_to_sections(tree: Tag) -> None:
    assert len(tree.all("h1")) == 1 and "acme: what the checks found" in tree.all("title")[0].words()
    ids = {s.attributes["id"] for s in tree.all("section")}
    assert {a.attributes["href"] for a in tree.all("nav")[0].all("a")} == {f"#{i}" for i in ids}
