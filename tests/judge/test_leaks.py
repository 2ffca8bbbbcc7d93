"""The leak gate, by name and by what is too good."""

from __future__ import annotations

import pytest

from leadline.checks import Severity, run
from leadline.config import Config
from leadline.judge.backtest import Evaluation, Figures, FoldResult
from leadline.judge.leaks import AFTER_TRAINING, BEFORE_TRAINING, Trained, is_mutable
from leadline.tables import load, open_store

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
]  # fmt: skip
HONEST = """amount_requested marital_status employment_status source lead_source LeadSource Lead_Source__c company_stage_at_creation
funding_stage stagecoach hs_analytics_source hs_analytics_first_url hs_object_id createdate CreatedDate createdon last_name LastName
first_name first_conversion_event_name job_title Title Industry NumberOfEmployees AnnualRevenue credit_score country campaign
landing_page_id origin education default balance housing loan contact day month pdays previous poutcome TotalVisits product_interest
email_domain ownership home_owner Latitude score_at_signup requested_amount close_to_office probability_of_rain_at_signup
recent_graduate recently_moved""".split()


@pytest.mark.parametrize("column", [*SALESFORCE, *HUBSPOT, *DYNAMICS, *MARKETO, *PLAIN])
def test_a_field_that_crms_overwrite_is_known_by_name(column: str) -> None:
    assert is_mutable(column)


@pytest.mark.parametrize("column", HONEST)
def test_an_honest_field_is_left_alone(column: str) -> None:
    assert not is_mutable(column)


def findings(folder, attributes: str, rows: dict[str, list[object]], accept: dict[str, str] | None = None):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table(rows), folder / "leads.parquet")
    config = Config.model_validate({
        "version": 1, "name": "flat", "tables": {"leads": {"source": str(folder / "leads.parquet"), "key": "id", "attributes": [attributes]}},
        "outcome": {"column": "won", "positive": 1}, "snapshots": {"order_by": "row"}, "leaks": {"accept": accept or {}},
    })  # fmt: skip
    store = open_store(config.engine)
    try:
        return run(BEFORE_TRAINING, (config, load(config, store, None)))
    finally:
        store.close()


def leads(n: int = 60) -> dict[str, list[object]]:
    return {
        "id": [f"L{i}" for i in range(n)], "won": [i % 2 for i in range(n)], "Lead Status": ["open", "closed"] * (n // 2),
        "source": ["web", "fair"] * (n // 2), "diary": [f"wrote to Ms {i} about boats" for i in range(n)],
    }  # fmt: skip


def test_a_mutable_attribute_is_an_error_that_says_why(tmp_path) -> None:
    (found,) = findings(tmp_path, "Lead Status", leads())
    assert found.code == "LL201" and found.severity is Severity.ERROR
    assert "overwrite" in str(found) and "history" in str(found) and "closed" not in str(found)


def test_an_honest_attribute_gives_no_finding(tmp_path) -> None:
    assert len(findings(tmp_path, "source", leads())) == 0


def test_near_unique_text_is_told_without_showing_it(tmp_path) -> None:
    (found,) = findings(tmp_path, "diary", leads())
    assert found.code == "LL203" and found.severity is Severity.WARNING and found.rows == 60
    assert "boats" not in str(found)


@pytest.mark.parametrize(("auc", "told"), [(0.85, 0), (0.90, 0), (0.91, 1), (float("nan"), 0)])
def test_an_auc_above_what_honest_data_give_is_told(auc: float, told: int) -> None:
    fold = FoldResult(1, True, 0, 1, 10, 100, 10, 0.1, {"model": Figures(auc, 0.5, 3.0)})
    found = run(AFTER_TRAINING, Trained(Evaluation((fold,)), "read the contract"))
    assert len(found) == told
    assert all("read the contract" in str(f) and f.code == "LL301" for f in found)


def test_a_backtest_without_folds_tells_nothing() -> None:
    assert len(run(AFTER_TRAINING, Trained(Evaluation(()), "none"))) == 0
