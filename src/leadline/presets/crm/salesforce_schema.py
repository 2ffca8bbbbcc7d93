"""Salesforce's tables and columns, as Fivetran's source spells them (created_date) and its own exports do (CreatedDate)."""

from __future__ import annotations

from leadline.presets.inspect import Field, VendorTable

__all__ = ["CONVERTED", "TABLES", "TRACKED"]

CONVERTED = "Converted"
"""The stage word that stands for a lead's conversion."""

TRACKED = {"Title": "job_title", "Country": "country", "Status": "lead_status", "Owner": "owner"}
"""Fields whose history is taken, where Salesforce tracks them: its name, and ours."""

ID: Field = ("id", ("id",))
DELETED: Field = ("flag", ("is_deleted", "_fivetran_deleted"))
CREATED: Field = ("time", ("created_date", "created_at"))

TABLES = {
    "lead": VendorTable(
        ("lead", "leads"),
        {
            "id": ID,
            "deleted": DELETED,
            "created_at": CREATED,
            "company": ("text", ("company",)),
            "lead_source": ("text", ("lead_source",)),
            "job_title": ("text", ("title",)),
            "country": ("text", ("country",)),
            "lead_status": ("text", ("status",)),
            "owner": ("text", ("owner_id",)),
            "is_converted": ("flag", ("is_converted", "converted")),
            "converted_at": ("time", ("converted_date",)),
            "contact_id": ("id", ("converted_contact_id",)),
            "opportunity_id": ("id", ("converted_opportunity_id",)),
            "master_id": ("id", ("master_record_id",)),
            "modified_at": ("time", ("system_modstamp", "last_modified_date")),
        },
        ("id", "created_at"),
    ),
    "lead_history": VendorTable(
        ("lead_history", "lead_field_history"),
        {
            "id": ID,
            "lead_id": ("id", ("lead_id",)),
            "field": ("text", ("field",)),
            "old_value": ("text", ("old_value",)),
            "new_value": ("text", ("new_value",)),
            "changed_at": CREATED,
            "deleted": DELETED,
        },
        ("lead_id", "field", "new_value", "changed_at"),
    ),
    "contact": VendorTable(("contact", "contacts"), {"id": ID, "deleted": DELETED}, ("id",)),
    "account": VendorTable(
        ("account", "accounts"),
        {
            "id": ID,
            "deleted": DELETED,
            "created_at": CREATED,
            "name": ("text", ("name",)),
            "industry": ("text", ("industry",)),
            "employees": ("number", ("number_of_employees",)),
            "country": ("text", ("billing_country", "billing_country_code")),
        },
        ("id", "name"),
    ),
    "campaign": VendorTable(
        ("campaign", "campaigns"),
        {"id": ID, "type": ("text", ("type",)), "name": ("text", ("name",))},
        ("id",),
    ),
    "campaign_member": VendorTable(
        ("campaign_member", "campaign_members"),
        {
            "id": ID,
            "deleted": DELETED,
            "campaign_id": ("id", ("campaign_id",)),
            "lead_id": ("id", ("lead_id",)),
            "contact_id": ("id", ("contact_id",)),
            "has_responded": ("flag", ("has_responded",)),
            "responded_on": ("time", ("first_responded_date",)),
            "created_at": CREATED,
        },
        ("id", "campaign_id", "lead_id", "has_responded", "created_at"),
    ),
    "opportunity": VendorTable(
        ("opportunity", "opportunities"),
        {
            "id": ID,
            "deleted": DELETED,
            "account_id": ("id", ("account_id",)),
            "created_at": CREATED,
            "close_on": ("time", ("close_date",)),
            "is_closed": ("flag", ("is_closed",)),
            "is_won": ("flag", ("is_won",)),
            "stage": ("text", ("stage_name",)),
            "amount": ("number", ("amount",)),
        },
        ("id", "created_at"),
    ),
    "opportunity_history": VendorTable(
        ("opportunity_history",),
        {
            "opportunity_id": ("id", ("opportunity_id",)),
            "stage": ("text", ("stage_name",)),
            "changed_at": CREATED,
            "deleted": DELETED,
        },
        ("opportunity_id", "stage", "changed_at"),
    ),
    "opportunity_field_history": VendorTable(
        ("opportunity_field_history",),
        {
            "opportunity_id": ("id", ("opportunity_id",)),
            "field": ("text", ("field",)),
            "new_value": ("text", ("new_value",)),
            "changed_at": CREATED,
            "deleted": DELETED,
        },
        ("opportunity_id", "field", "new_value", "changed_at"),
    ),
    "opportunity_contact_role": VendorTable(
        ("opportunity_contact_role",),
        {
            "opportunity_id": ("id", ("opportunity_id",)),
            "contact_id": ("id", ("contact_id",)),
            "is_primary": ("flag", ("is_primary",)),
            "deleted": DELETED,
        },
        ("opportunity_id", "contact_id"),
    ),
    "task": VendorTable(
        ("task", "tasks"),
        {
            "who_id": ("id", ("who_id",)),
            "deleted": DELETED,
            "subtype": ("text", ("task_subtype",)),
            "status": ("text", ("status",)),
            "is_closed": ("flag", ("is_closed",)),
            "done_at": ("time", ("completed_date_time",)),
            "created_at": CREATED,
        },
        ("who_id", "created_at"),
    ),
    "event": VendorTable(
        ("event", "events"),
        {
            "who_id": ("id", ("who_id",)),
            "deleted": DELETED,
            "begins_at": ("time", ("start_date_time", "activity_date_time")),
        },
        ("who_id", "begins_at"),
    ),
}
