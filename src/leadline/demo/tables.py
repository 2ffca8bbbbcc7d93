"""From the demo world's arrays to Arrow tables, with the names and types that the demo's config reads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from leadline.demo.activity import MERGED, DemoEvents, Simulation
from leadline.demo.calendar import END_US, Floats, Ints, week_start
from leadline.demo.crm_fields import DemoHistory, DemoSpend, last_activity, last_values
from leadline.demo.funnel import KINDS, REASONS, STAGES, DemoDeals, DemoStages, DemoTouches
from leadline.demo.population import DOMAINS, DemoAccounts, DemoLeads
from leadline.demo.rates import BEHAVIOURS, INDUSTRIES, REGIONS, SOURCES

INSTANT = pa.timestamp("us", tz="UTC")


def ids(letter: str, numbers: Ints) -> pa.Array:
    """Names such as ``L000123``: a letter and at least six digits."""
    digits = pc.utf8_lpad(pc.cast(pa.array(numbers), pa.string()), 6, "0")
    return pc.binary_join_element_wise(letter, digits, "")


def words(names: Sequence[str], numbers: Ints) -> pa.Array:
    """The word of each number; a negative number has none."""
    indices = pa.array(numbers.astype(np.int32), mask=numbers < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(list(names))).cast(pa.string())


def instants(numbers: Ints) -> pa.Array:
    """Microseconds since 1970 as timestamps in UTC; from the end of the world on, none: it isn't known yet."""
    return pa.array(numbers, mask=numbers >= END_US).cast(INSTANT)


def account_table(accounts: DemoAccounts) -> pa.Table:
    """The accounts."""
    return pa.table({
        "account_id": ids("A", np.arange(len(accounts))),
        "industry": words(list(INDUSTRIES), accounts.industry),
        "employees": pa.array(accounts.employees),
        "region": words(list(REGIONS), accounts.region),
    })  # fmt: skip


def _account_ids(leads: DemoLeads, lead: Ints) -> pa.Array:
    """The account of each lead as the CRM knows it; a few aren't matched to theirs."""
    return pc.if_else(pa.array(leads.unmatched[lead]), None, ids("A", leads.account[lead]))


def lead_table(leads: DemoLeads, events: DemoEvents, stages: DemoStages, told: DemoHistory) -> pa.Table:
    """The leads, with the fields that the CRM overwrites as they stand at the end of the world."""
    everyone = np.arange(len(leads))
    return pa.table({
        "lead_id": ids("L", everyone),
        "account_id": _account_ids(leads, everyone),
        "created_at": instants(leads.created_at),
        "source": words([source.name for source in SOURCES], leads.source),
        "campaign": pa.array(leads.campaign, pa.string()),
        "job_title": pa.array(leads.title, pa.string()),
        "country": pa.array(leads.country, pa.string()),
        "email_domain_type": words(DOMAINS, leads.domain),
        "lead_status": pa.array(last_values(told, "lead_status", len(leads)), pa.string()),
        "owner": pa.array(last_values(told, "owner", len(leads)), pa.string()),
        "last_activity_date": instants(last_activity(leads, events, stages)),
    })  # fmt: skip


def event_table(events: DemoEvents) -> pa.Table:
    """The event log."""
    return pa.table({
        "event_id": ids("E", events.number),
        "lead_id": ids("L", events.lead),
        "event_type": words([behaviour.name for behaviour in BEHAVIOURS], events.kind),
        "occurred_at": instants(events.occurred_at),
        "recorded_at": instants(events.recorded_at),
    })  # fmt: skip


def stage_table(stages: DemoStages) -> pa.Table:
    """The stage log."""
    return pa.table({
        "lead_id": ids("L", stages.lead),
        "stage": words(STAGES, stages.stage),
        "changed_at": instants(stages.changed_at),
        "recorded_at": instants(stages.recorded_at),
        "reason": words(REASONS, stages.reason),
    })  # fmt: skip


def opportunity_table(leads: DemoLeads, opened: DemoDeals) -> pa.Table:
    """The opportunities; one that closes after the end of the world is still open."""
    ending = np.where(opened.closed_at >= END_US, 0, np.where(opened.won == 1, 1, 2))
    return pa.table({
        "opportunity_id": ids("O", np.arange(opened.lead.size)),
        "lead_id": ids("L", opened.lead),
        "account_id": _account_ids(leads, opened.lead),
        "created_at": instants(opened.created_at),
        "closed_at": instants(opened.closed_at),
        "stage": words(("open", "closed_won", "closed_lost"), ending),
        "amount": pa.array(opened.amount),
    })  # fmt: skip


def history_table(told: DemoHistory) -> pa.Table:
    """The field history."""
    return pa.table({
        "lead_id": ids("L", told.lead),
        "field": pa.array(told.field, pa.string()),
        "value": pa.array(told.value, pa.string()),
        "changed_at": instants(told.changed_at),
    })  # fmt: skip


def spend_table(spent: DemoSpend) -> pa.Table:
    """What campaigns cost, by the first day of each month."""
    return pa.table({
        "campaign": pa.array(spent.campaign, pa.string()),
        "month": pa.array(spent.month.astype("datetime64[M]").astype("datetime64[D]")),
        "cost": pa.array(spent.cost),
    })  # fmt: skip


def merge_table(leads: DemoLeads, life: Simulation) -> pa.Table:
    """The merges; the lead that stays is never merged itself."""
    gone = np.flatnonzero(life.fate == MERGED)
    gone = gone[np.argsort(life.fate_at[gone], kind="stable")]
    return pa.table({
        "from_id": ids("L", gone),
        "into_id": ids("L", leads.same_as[gone]),
        "merged_at": instants(life.fate_at[gone]),
    })  # fmt: skip


def touch_table(touched: DemoTouches) -> pa.Table:
    """What sales did."""
    return pa.table({
        "lead_id": ids("L", touched.lead),
        "kind": words(KINDS, touched.kind),
        "touched_at": instants(touched.touched_at),
        "recorded_at": instants(touched.recorded_at),
    })  # fmt: skip


def truth_table(lead: Ints, week: Ints, chance: Floats) -> pa.Table:
    """The truth kept aside."""
    return pa.table({
        "lead_id": ids("L", lead),
        "as_of": pa.array(week_start(week)).cast(INSTANT),
        "p_sql": pa.array(chance),
    })  # fmt: skip
