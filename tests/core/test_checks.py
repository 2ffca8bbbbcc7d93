"""Checks and findings: every error at once, accepted ones told as warnings; exit codes of the tree of errors."""

from __future__ import annotations

import pytest

from leadline import errors
from leadline.core.checks import Check, Finding, Findings, Severity, run_checks
from leadline.errors import DataError


def finding(code: str, severity: Severity = Severity.ERROR) -> Finding:
    return Finding(code, severity, "leads.id", "3 rows", "none", "mend it", 3)


def test_every_error_is_told_and_nothing_else() -> None:
    found = Findings((finding("LL101"), finding("LL102", Severity.WARNING), finding("LL103")))
    with pytest.raises(DataError) as caught:
        found.raise_errors()
    assert str(caught.value).splitlines() == [
        "LL101 leads.id: 3 rows; expected none; mend it",
        "LL103 leads.id: 3 rows; expected none; mend it",
    ]


def test_an_accepted_error_becomes_a_warning_and_stays_in_the_record() -> None:
    found = Findings((finding("LL101"), finding("LL102")))
    accepted = found.accept(["LL101", "LL102"])
    accepted.raise_errors()
    assert [r["severity"] for r in accepted.records()] == ["warning", "warning"]
    with pytest.raises(DataError):
        found.accept(["LL101"]).raise_errors()


def test_checks_run_in_their_order_and_each_answer_is_a_finding() -> None:
    two = Check("LL1", "two", Severity.NOTE, lambda n: [(f"t{k}", "a", "b", "c", k) for k in range(n)])
    one = Check("LL2", "one", Severity.ERROR, lambda n: [("x", "a", "b", "c", n)])
    found = run_checks([two, one], 2)
    assert [(f.code, f.subject, f.rows) for f in found] == [("LL1", "t0", 0), ("LL1", "t1", 1), ("LL2", "x", 2)]
    assert len(found) == 3 and len(found + found) == 6 and len(found.of(Severity.NOTE)) == 2


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("UsageError", 2),
        ("DataError", 65),
        ("MissingError", 66),
        ("OutputError", 73),
        ("RetryError", 75),
        ("ConfigError", 78),
        ("PromotionRefused", 79),
        ("LeadlineError", 1),
    ],
)
def test_each_error_has_the_exit_code_of_the_page(name: str, code: int) -> None:
    kind = getattr(errors, name)
    assert kind.exit_code == code and issubclass(kind, errors.LeadlineError) and f"{name}" in (errors.__doc__ or "")
