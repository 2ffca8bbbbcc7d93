"""The demo world's config, as text with comments, so that it can be read and changed like any other."""

from __future__ import annotations

import json

from leadline.demo.planted_leaks import PLANTS
from leadline.demo.rates import BEHAVIOURS, ROLES

TEMPLATE = """\
# A synthetic CRM, made by `leadline demo`. The truth behind it, each open lead's chance of SQL on each Monday, lies
# beside the tables in {prefix}data/truth.parquet; no model reads it.
version: 1
name: demo
timezone: UTC
seed: 7

tables:
  # The CRM overwrites lead_status, owner and last_activity_date after the outcome: they aren't attributes.
  leads:    {{source: "{prefix}data/leads.parquet", key: lead_id, account: account_id, created_at: created_at,
             attributes: [source, campaign, job_title, country{leads}]}}
  accounts: {{source: "{prefix}data/accounts.parquet", key: account_id, attributes: [industry, employees, region{accounts}]}}
  # One file a month. A few rows come twice, a few come days late; recorded_at says when the system knew.
  events:   {{source: "{prefix}data/events/*.parquet", key: event_id, lead: lead_id, type: event_type,
             occurred_at: occurred_at, recorded_at: recorded_at}}
  stages:   {{source: "{prefix}data/stages.parquet", lead: lead_id, stage: stage, changed_at: changed_at,
             recorded_at: recorded_at, reason: reason}}
  opportunities: {{source: "{prefix}data/opportunities.parquet", key: opportunity_id, lead: lead_id,
             account: account_id, created_at: created_at, closed_at: closed_at, stage: stage, amount: amount}}
  history:  {{source: "{prefix}data/history.parquet", lead: lead_id, field: field, value: value,
             changed_at: changed_at}}
  spend:    {{source: "{prefix}data/spend.parquet", campaign: campaign, month: month, cost: cost}}
  merges:   {{source: "{prefix}data/merges.parquet", from: from_id, into: into_id, merged_at: merged_at}}
  # What sales did: it tells how soon an MQL is touched, and is never a feature.
  touches:  {{source: "{prefix}data/touches.parquet", lead: lead_id, touched_at: touched_at, recorded_at: recorded_at,
             kind: kind}}

# Our words for the stages: the CRM's words.
stages: {{mql: [mql], sql: [sql], opportunity: [opportunity, open], won: [closed_won], lost: [closed_lost],
         rejected: [disqualified]}}

# The question: which open leads reach SQL within 30 days? It is asked each week.
outcome: {{reaches: sql, within: 30d}}
snapshots: {{every: 7d}}

# What leads do, how near to buying it is, the words for it in reasons, and of which asset it is the use.
behaviours:
{behaviours}

# The buying committee: the first match of job_title wins.
roles:
{roles}

features: {{windows: [7d, 30d, 90d]}}
backtest: {{folds: 3, test: 56d}}
capacity: {{leads_per_week: 40}}

# How soon sales is to touch a new MQL.
sla: {{first_touch: 24h}}

# Current scoring rules, to be beaten.
rules:
{rules}

tracking: {{uri: "sqlite:///mlflow.db", experiment: demo}}
engine: {{kind: duckdb, memory: 4GB, threads: 2}}
"""

RULED = (
    "demo_request", "security_questionnaire", "implementation_plan", "procurement_pack",
    "pricing_page_view", "roi_calculator", "webinar_attended", "email_click",
)  # fmt: skip
"""The behaviours that current scoring rules looks at, with the points that made the demo's MQLs."""

PATTERNS = {
    "technical_evaluator": ("*Architect", "*Engineer", "Head of Engineering", "DevOps*", "IT *"),
    "economic_buyer": ("VP Finance", "CFO", "Finance *", "Head of Finance"),
    "executive_sponsor": ("CEO", "CTO", "COO", "Managing Director"),
    "procurement": ("Procurement*", "Purchasing*", "Vendor*"),
    "end_user": ("Analyst", "* Specialist", "Marketing *", "Sales *"),
}
"""Patterns that find each role's titles; whoever has none of them has no part in the committee."""


def config_text(folder_prefix: str = "", plant: str | None = None) -> str:
    """The demo's config.

    Parameters
    ----------
    folder_prefix
        What stands before ``data/`` in the sources, such as ``"demo/"``; nothing if the job runs in the folder itself.
    plant
        The leak that was planted; the attribute that it brings, if any, is named as if it were honest.

    Returns
    -------
    str
        YAML with comments.

    Examples
    --------
    >>> print(config_text("demo/").splitlines()[3])
    name: demo
    """
    points = {behaviour.name: behaviour.points for behaviour in BEHAVIOURS}
    used = {b.name: f', asset: "{b.asset}"' if b.asset else "" for b in BEHAVIOURS}
    behaviours = [f'  {b.name}: {{intent: {b.intent}, words: "{b.words}"{used[b.name]}}}' for b in BEHAVIOURS]
    roles = [f"  {role.name}: {json.dumps(PATTERNS[role.name])}" for role in ROLES if role.name in PATTERNS]
    rules = [f"  - {{when: {{behaviour: {name}, within: 30d}}, points: {points[name]}}}" for name in RULED]
    table, column = (PLANTS[plant].attribute if plant is not None else None) or ("", "")
    named = {name: f", {column}" if name == table else "" for name in ("leads", "accounts")}
    return TEMPLATE.format(
        prefix=folder_prefix, behaviours="\n".join(behaviours), roles="\n".join(roles), rules="\n".join(rules), **named
    )
