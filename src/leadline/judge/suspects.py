"""Suspects by name: fields that CRMs overwrite (LL201), and scores that tools recompute (LL205)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from leadline.judge.columns import Answer, Gate

__all__ = ["is_mutable", "is_rescored", "mutable_attribute", "rescored_attribute"]

MUTABLE = frozenset("""
    converted is_customer customer won closed_date conversion_date date_converted account_owner sales_owner owner_email
    contact_owner opportunity_owner deal_owner account_status customer_status current_status current_stage lifecycle
    opportunity_stage opportunity_amount opportunity_id deal_value lost_reason won_reason disqualification_reason
    last_contact_date last_email_date num_activities
    status lead_status hs_lead_status lifecycle_stage lifecyclestage stage stage_name stagename deal_stage dealstage
    statecode statuscode state_code status_code rating lead_rating lead_score leadscore hubspotscore hubspot_score score
    owner owner_id ownerid owner_name hubspot_owner_id hubspot_owner assigned_to sales_rep
    amount deal_amount hs_deal_amount recent_deal_amount total_revenue expected_revenue probability forecast_category
    close_date closedate closed_at is_won iswon is_closed isclosed won_date wondate closed_lost_reason closed_won_reason
    is_converted isconverted last_activity last_activity_date lastactivitydate last_modified_date lastmodifieddate
    last_modified lastmodifieddate systemmodstamp modifiedon modified_on updated_at last_contacted notes_last_contacted
    notes_last_updated last_interaction last_touch last_touch_date last_interesting_moment
    num_contacted_notes num_notes num_associated_deals first_deal_created_date disqualified_reason rejection_reason
    qualified_on mql_date sql_date is_unread_by_owner last_viewed_date last_referenced_date last_transfer_date
    last_stage_change_date last_stage_change_in_days forecast_category_name days_to_close hubspot_owner_assigneddate
    hubspot_team_id hs_latest_source num_conversion_events num_unique_conversion_events hs_predictivecontactscore
    hs_predictivecontactscore_v2 hs_predictivescoringtier hs_deal_stage_probability hs_is_closed hs_is_closed_won
    opportunity_rating_code lead_quality_code sales_stage sales_stage_code step_name stage_id actual_value
    actual_close_date estimated_value estimated_amount estimated_close_date close_probability last_on_hold_time
    on_hold_time last_used_in_campaign qualification_comments behavior_score demographic_score relative_score urgency
    lead_revenue_stage_id revenue_stage
    likelihood_to_close contact_priority times_contacted number_of_times_contacted number_of_sales_activities
    number_of_associated_deals associated_deal sends_since_last_engagement next_activity_date recent_sales_email_opened_date
    first_response_time has_opted_out_of_email unread_by_owner lost_to competitor_lost_to loss_reason win_reason
    time_last_seen last_page_seen event_revenue number_of_unique_forms_submitted status_reason actual_revenue est_revenue
    est_close_date pipeline_phase relative_urgency conversion_time modified_time modified_by last_modified_by
    confirm_interest evaluate_fit initial_communication schedule_follow_up_prospect schedule_follow_up_qualify
    qualifying_opportunity_id budget_status purchase_process follow_up_date next_step
    mkto_is_customer mkto_is_partner person_score person_status lead_stage sales_status sales_outcome call_outcome call_result
    call_status call_disposition disposition contact_outcome final_status outcome
""".split())  # fmt: skip
"""Names, in the vocabularies of the public CRMs, of fields that somebody overwrites after the lead was created."""

MUTABLE_STARTS = (
    "converted_", "hs_date_entered_", "hs_date_exited_", "hs_time_in_", "hs_v2_",
    "hs_lifecyclestage_", "recent_deal_", "recent_conversion_", "notes_last_", "hs_sales_email_", "hs_email_", "hs_last",
    "marketing_emails_", "became_a_", "became_an_", "date_entered_", "date_exited_",
    "hs_latest_", "hs_time_to_", "hs_analytics_last_", "hs_analytics_num_", "hs_analytics_average_",
)  # fmt: skip
JOINED = frozenset(name.replace("_", "") for name in MUTABLE)
LAST_SEEN = re.compile(r"^last_(\w+_)?(activity|interesting|modified|contacted|touch|login|seen|visit|open|click)(_|$)")
RESCORED = re.compile(
    r"(^|_)(activity|engagement|profile|behaviou?r|behaviou?ral|fit|interest|intent|lead|contact|account|demographic|predictive|quality|pardot|nurture)"
    r"_(score|index|grade|rating|points|tier|segment)$"
)
"""Names of the scores and grades that marketing tools keep up to date; when they were computed, nobody can tell."""


def snake(column: str) -> str:
    """Spell a column's name in lower case with underscores.

    Examples
    --------
    >>> snake("Lead Status"), snake("ConvertedDate"), snake("property_lifecyclestage")
    ('lead_status', 'converted_date', 'property_lifecyclestage')
    """
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", column)
    return re.sub(r"[^a-z0-9]+", "_", split.lower()).strip("_")


def is_mutable(column: str) -> bool:
    """Tell whether a column's name is that of a field which CRMs overwrite.

    Examples
    --------
    >>> [is_mutable(c) for c in ("Lead Status", "ConvertedDate", "property_lifecyclestage", "amount_requested", "source")]
    [True, True, True, False, False]
    """
    name = snake(column)
    name = re.sub(r"^(property|properties|lead|contact)_(?=\w)", "", name) if name not in MUTABLE else name
    name = name.removesuffix("_c")
    return (
        name in MUTABLE
        or name.replace("_", "") in JOINED
        or name.startswith(MUTABLE_STARTS)
        or bool(LAST_SEEN.match(name))
    )


def is_rescored(column: str) -> bool:
    """Tell whether a column's name is that of a score which tools compute again and again.

    Examples
    --------
    >>> [is_rescored(c) for c in ("Activity Score", "profile_index", "Fit_Grade__c", "credit_score", "segment")]
    [True, True, True, False, False]
    """
    return bool(RESCORED.search(snake(column).removesuffix("_c")))


def mutable_attribute(gate: Gate) -> Iterator[Answer]:
    """Refuse attributes that CRMs overwrite, unless history gives their value at as_of (law 3)."""
    for a in gate.judged:
        if is_mutable(a.column):
            yield (
                f"{a.table}.{a.column}", "a field that CRMs overwrite, often after the outcome", "attributes fixed at creation",
                "drop it, or give its field history under tables.history", 0,
            )  # fmt: skip


def rescored_attribute(gate: Gate) -> Iterator[Answer]:
    """Tell attributes named as scores that tools recompute, unless they are declared or have a history."""
    for a in gate.judged:
        if is_rescored(a.column) and not is_mutable(a.column) and not gate.declared(a):
            yield (
                f"{a.table}.{a.column}", "named as a score that tools recompute as the lead acts", "a score as it stood at creation",
                f"drop it, give its history, or name it in tables.{a.table}.known_at_creation if it is frozen then", 0,
            )  # fmt: skip
