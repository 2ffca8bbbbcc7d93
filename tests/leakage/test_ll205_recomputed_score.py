"""LL205: scores that tools keep up to date, by name."""

from __future__ import annotations

import pytest

from leadline.leakage.column_names import is_counted, is_rescored
from suspects import flat, outcomes, told


@pytest.mark.parametrize(
    "column",
    [
        "Activity Score",
        "Profile Index",
        "engagement_score",
        "FitGrade__c",
        "Behavior Rating",
        "intent_score",
        "Nurture Tier",
    ],
)
def test_a_score_is_known_by_name(column: str) -> None:
    assert is_rescored(column)


@pytest.mark.parametrize(
    "column", ["credit_score", "score_at_signup", "score", "price_index", "profile", "activity", "fit_notes", "index"]
)
def test_other_names_are_left_alone(column: str) -> None:
    assert not is_rescored(column)


@pytest.mark.parametrize(
    "column",
    [
        "Number of Pageviews", "Number of Sessions", "Number of Form Submissions", "Average Pageviews", "Call Attempts", "Number of Follow-ups",
        "follow_up_count", "calls_connected", "Anzahl Kontaktversuche", "Intentos de llamada", "Talk time (sec)", "Total de conversões",
        "test_drive_done", "Application Fee Paid", "quotation_sent", "finance_approved", "Documents Submitted", "NDA signed",
    ],
)  # fmt: skip
def test_what_grows_while_a_lead_is_worked_is_known_by_name(column: str) -> None:
    assert is_counted(column)


@pytest.mark.parametrize(
    "column",
    [
        "TotalVisits", "Page Views Per Visit", "duration", "campaign", "previous", "pdays", "Number of Employees", "No. of Employees", "visits",
        "purchases_before", "number_of_locations", "days_active_in_trial", "activation_milestones", "Do Not Call", "paid_channel", "loan", "demo_request",
        "activities", "contract_type", "Number of Demographics", "total_revenue_at_signup", "school_completed",
    ],
)  # fmt: skip
def test_other_counts_are_left_alone(column: str) -> None:
    assert not is_counted(column)


def test_a_count_that_tells_nothing_is_told_by_its_name(tmp_path) -> None:
    rng, y = outcomes()
    (found,) = [f for f in flat(tmp_path, y, {"Call attempts": rng.poisson(2, len(y))}) if f.code == "LL205"]
    assert found.severity == "warning" and "while a lead is worked" in found.seen


@pytest.mark.parametrize(("declared", "expected"), [([], ["Fit Score"]), (["fit score"], [])])
def test_it_is_told_unless_declared(tmp_path, declared, expected) -> None:
    rng, y = outcomes()
    assert (
        told(flat(tmp_path, y, {"Fit Score": rng.integers(0, 9, len(y))}, known_at_creation=declared), "LL205")
        == expected
    )
