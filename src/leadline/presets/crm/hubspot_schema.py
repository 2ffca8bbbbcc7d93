"""HubSpot's tables and columns, as Fivetran's source spells them and as HubSpot's own exports and others do."""

from __future__ import annotations

from leadline.presets.inspect import Field, VendorTable

__all__ = ["STAGES", "TABLES", "TRACKED"]

STAGES = {
    "lead": ("subscriber", "lead"),
    "mql": ("marketingqualifiedlead",),
    "sql": ("salesqualifiedlead",),
    "opportunity": ("opportunity",),
    "won": ("customer", "closedwon"),
    "lost": ("closedlost",),
}
"""Our rungs: HubSpot's lifecycle stages, by their internal names, and what becomes of a deal."""

TRACKED = {
    "jobtitle": "job_title",
    "country": "country",
    "associatedcompanyid": "account_id",
    "hubspot_owner_id": "owner",
    "hs_lead_status": "lead_status",
}
"""Properties whose history is taken: HubSpot's name, and ours."""

GONE: Field = ("flag", ("_fivetran_deleted", "is_deleted", "archived"))
ENGAGED_AT: Field = (
    "time",
    ("property_hs_timestamp", "hs_timestamp", "timestamp", "property_hs_createdate", "created_at"),
)

TABLES = {
    "contact": VendorTable(
        ("contact", "contacts"),
        {
            "id": ("id", ("id", "vid", "record_id", "canonical_vid")),
            "deleted": GONE,
            "created_at": ("time", ("createdate", "create_date", "created_at")),
            "account_id": ("id", ("associatedcompanyid", "primary_associated_company_id", "associated_company_id")),
            "lead_source": ("text", ("hs_analytics_source", "original_source", "original_traffic_source")),
            "campaign": ("text", ("hs_analytics_source_data_1", "original_source_drill_down_1", "original_traffic_source_drill_down_1")),
            "job_title": ("text", ("jobtitle", "job_title")),
            "country": ("text", ("country", "country_region")),
            "email": ("text", ("email",)),
            "other_emails": ("text", ("hs_additional_emails", "additional_email_addresses")),
            "merged_ids": ("text", ("hs_calculated_merged_vids", "merged_vids")),
            "mql_at": ("time", ("hs_lifecyclestage_marketingqualifiedlead_date", "became_a_marketing_qualified_lead_date")),
            "sql_at": ("time", ("hs_lifecyclestage_salesqualifiedlead_date", "became_a_sales_qualified_lead_date")),
            "opportunity_at": ("time", ("hs_lifecyclestage_opportunity_date", "became_an_opportunity_date")),
            "customer_at": ("time", ("hs_lifecyclestage_customer_date", "became_a_customer_date")),
        },
        ("id", "created_at"),
    ),
    "contact_property_history": VendorTable(
        ("contact_property_history", "contacts_property_history"),
        {
            "contact_id": ("id", ("contact_id", "vid", "objectid")),
            "name": ("text", ("name", "property", "property_name")),
            "value": ("text", ("value",)),
            "changed_at": ("time", ("timestamp", "changed_at")),
        },
        ("contact_id", "name", "value", "changed_at"),
    ),
    "contact_merge_audit": VendorTable(
        ("contact_merge_audit",),
        {
            "from_id": ("id", ("vid_to_merge",)),
            "into_id": ("id", ("canonical_vid", "contact_id")),
            "merged_at": ("time", ("timestamp",)),
        },
        ("from_id", "into_id", "merged_at"),
    ),
    "company": VendorTable(
        ("company", "companies"),
        {
            "id": ("id", ("id", "companyid", "record_id")),
            "deleted": GONE,
            "created_at": ("time", ("createdate", "create_date", "created_at")),
            "industry": ("text", ("industry",)),
            "employees": ("number", ("numberofemployees", "number_of_employees")),
            "country": ("text", ("country", "country_region")),
        },
        ("id",),
    ),
    "email_event": VendorTable(
        ("email_event", "email_events"),
        {
            "id": ("id", ("id",)),
            "type": ("text", ("type",)),
            "recipient": ("text", ("recipient",)),
            "created_at": ("time", ("created", "created_at")),
            "filtered": ("flag", ("filtered_event",)),
        },
        ("id", "type", "recipient", "created_at"),
    ),
    "contact_form_submission": VendorTable(
        ("contact_form_submission", "form_submissions"),
        {
            "contact_id": ("id", ("contact_id",)),
            "conversion_id": ("id", ("conversion_id",)),
            "form_id": ("id", ("form_id", "form_guid")),
            "title": ("text", ("title",)),
            "sent_at": ("time", ("timestamp", "submitted_at")),
        },
        ("contact_id", "conversion_id", "sent_at"),
    ),
    "form": VendorTable(("form", "forms"), {"id": ("id", ("guid", "id")), "name": ("text", ("name",))}, ("id", "name")),
    "deal": VendorTable(
        ("deal", "deals"),
        {
            "id": ("id", ("deal_id", "id", "record_id")),
            "deleted": GONE,
            "created_at": ("time", ("createdate", "create_date", "created_at")),
            "close_at": ("time", ("closedate", "close_date")),
            "amount": ("number", ("amount",)),
            "stage_id": ("id", ("deal_pipeline_stage_id", "dealstage", "deal_stage")),
            "contact_id": ("id", ("associated_contact_ids", "associated_contact_id")),
        },
        ("id", "created_at"),
    ),
    "deal_contact": VendorTable(
        ("deal_contact",),
        {"deal_id": ("id", ("deal_id",)), "contact_id": ("id", ("contact_id",))},
        ("deal_id", "contact_id"),
    ),
    "deal_company": VendorTable(
        ("deal_company",),
        {"deal_id": ("id", ("deal_id",)), "company_id": ("id", ("company_id",))},
        ("deal_id", "company_id"),
    ),
    "deal_stage": VendorTable(
        ("deal_stage",),
        {
            "deal_id": ("id", ("deal_id",)),
            "stage_id": ("id", ("value",)),
            "entered_at": ("time", ("date_entered", "_fivetran_start")),
        },
        ("deal_id", "stage_id", "entered_at"),
    ),
    "deal_pipeline_stage": VendorTable(
        ("deal_pipeline_stage",),
        {
            "id": ("id", ("stage_id",)),
            "won": ("flag", ("closed_won",)),
            "probability": ("number", ("probability",)),
        },
        ("id",),
    ),
    "engagement_contact": VendorTable(
        ("engagement_contact",),
        {"engagement_id": ("id", ("engagement_id",)), "contact_id": ("id", ("contact_id",))},
        ("engagement_id", "contact_id"),
    ),
    "engagement": VendorTable(
        ("engagement",),
        {
            "id": ("id", ("id",)),
            "type": ("text", ("type", "engagement_type")),
            "at": ("time", ("timestamp", "created_at")),
        },
        ("id",),
    ),
    **{
        f"engagement_{kind}": VendorTable(
            (f"engagement_{kind}",),
            {
                "engagement_id": ("id", ("engagement_id", "id")),
                "at": ENGAGED_AT,
                "direction": ("text", ("property_hs_email_direction", "hs_email_direction")),
                "deleted": GONE,
            },
            ("engagement_id",),
        )
        for kind in ("call", "email", "meeting")
    },
}  # fmt: skip
