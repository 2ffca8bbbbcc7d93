"""LL201: fields that CRMs overwrite, by name, unless a history gives their value."""

from __future__ import annotations

import pytest

from leadline.core.checks import Severity
from leadline.leakage.gate import is_mutable
from suspects import DAY, created, dated, flat, instants, outcomes, told, words

SALESFORCE = """Status IsConverted ConvertedDate ConvertedAccountId ConvertedContactId ConvertedOpportunityId OwnerId Rating
LastActivityDate LastModifiedDate LastModifiedById SystemModstamp LastViewedDate LastReferencedDate LastTransferDate StageName Amount
CloseDate Probability ExpectedRevenue ForecastCategory ForecastCategoryName IsWon IsClosed LastStageChangeDate Lead_Score__c
Lead_Status__c""".split()
HUBSPOT = """lifecyclestage hs_lead_status hubspot_owner_id hubspot_owner_assigneddate hs_lastmodifieddate lastmodifieddate
notes_last_contacted notes_last_updated num_contacted_notes num_notes num_associated_deals recent_deal_amount recent_deal_close_date
total_revenue closedate dealstage days_to_close first_deal_created_date hs_lifecyclestage_customer_date hs_date_entered_customer
hs_v2_date_entered_customer hs_time_in_lead hs_analytics_last_visit_timestamp hs_analytics_num_page_views hs_email_last_open_date
hs_sales_email_last_replied hs_latest_source hs_last_sales_activity_date hubspotscore hs_predictivecontactscore_v2
hs_predictivescoringtier property_lifecyclestage properties.hs_lead_status""".split()
DYNAMICS = """statecode statuscode ModifiedOn ownerid leadqualitycode opportunityratingcode closeprobability actualclosedate
estimatedclosedate actualvalue estimatedvalue salesstage salesstagecode stepname stageid lastonholdtime lastusedincampaign""".split()
MARKETO = "leadStatus leadScore behaviorScore demographicScore relativeScore urgency lastInterestingMomentDate leadRevenueStageId".split()
PLAIN = [
    "Lead Status", "Lead Owner", "Lead Stage", "Deal Stage", "Deal Amount", "Last Activity", "Last Notable Activity", "last_seen",
    "last_email_open", "Converted At", "stage", "status", "amount", "disqualified_reason", "contact_owner", "updated_at",
    "Became an MQL date", "Became a Customer Date", "Number of times contacted", "Likelihood to close", "Status Reason", "Est. Close Date", "Lead Conversion Time", "Modified Time", "Marketing emails opened", "Call Outcome", "IsConverted",
]  # fmt: skip
HONEST = """amount_requested marital_status employment_status source lead_source LeadSource Lead_Source__c company_stage_at_creation
funding_stage stagecoach hs_analytics_source hs_analytics_first_url hs_object_id createdate CreatedDate createdon last_name LastName
first_name first_conversion_event_name job_title Title Industry NumberOfEmployees AnnualRevenue credit_score country campaign
landing_page_id origin education default balance housing loan contact day month pdays previous poutcome TotalVisits product_interest
email_domain ownership home_owner Latitude score_at_signup requested_amount close_to_office probability_of_rain_at_signup
recent_graduate recently_moved poutcome outcome_prev days_since_last_contact previous_outcome Previously_Insured became_aware_through
stage_play outcome_of_last_campaign hs_email_domain Leadquelle Estado Estado_civil Familienstand Statut_professionnel Última_escuela
Propriétaire_de_maison Primera_conversión Organization_Stage Phase latest_fashion""".split()


PIPEDRIVE = [
    "Deal - Status", "Deal - Stage", "Deal - Probability", "Deal - Won time", "Deal - Lost reason", "Deal - Total activities", "Deal - Owner",
    "Person - Closed deals", "Deal - Expected close date", "Deal - Last activity date",
]  # fmt: skip
ABROAD = [
    "Leadstatus", "Lead-Inhaber", "Lifecycle-Phase", "Datum der letzten Aktivität", "Konvertiert am", "Verlustgrund", "Statut de la piste",
    "Propriétaire du contact", "Phase du cycle de vie", "Dernière activité", "Estado del lead", "Etapa del ciclo de vida", "Última conversión",
    "Propietario del contacto", "Motivo de pérdida", "Estágio no funil", "Motivo de perda", "Dono do lead", "Última conversão",
]  # fmt: skip


@pytest.mark.parametrize("column", [*SALESFORCE, *HUBSPOT, *DYNAMICS, *MARKETO, *PIPEDRIVE, *ABROAD, *PLAIN])
def test_a_field_that_crms_overwrite_is_known_by_name(column: str) -> None:
    assert is_mutable(column)


@pytest.mark.parametrize("column", HONEST)
def test_an_honest_field_is_left_alone(column: str) -> None:
    assert not is_mutable(column)


def test_it_is_an_error_that_says_why_and_shows_no_value(tmp_path) -> None:
    rng, y = outcomes()
    status = words(rng, y, ["left", "right"], [0.5, 0.5], [0.5, 0.5])
    found = [f for f in flat(tmp_path, y, {"Lead Status": status}) if f.code == "LL201"]
    assert [(f.subject, f.severity) for f in found] == [("leads.Lead Status", Severity.ERROR)]
    assert "overwrite" in str(found[0]) and "history" in str(found[0]) and "left" not in str(found[0])
    assert found[0].why and found[0].title


def test_a_column_with_a_history_is_let_in(tmp_path) -> None:
    rng, y = outcomes()
    status = words(rng, y, ["working", "done"], [0.0, 1.0], [1.0, 0.0])
    history = {
        "lead_id": [f"L{i}" for i in range(len(y))], "field": ["status"] * len(y), "value": ["working"] * len(y),
        "changed_at": instants(created() + DAY),
    }  # fmt: skip
    assert told(dated(tmp_path, y, {"status": status}), "LL201") == ["status"]
    assert [
        f for f in dated(tmp_path, y, {"status": status}, {"history": history}) if f.severity in ("error", "warning")
    ] == []
