"""The leak gate: what must not be an attribute (LL2xx), and what looks like a leak once trained (LL3xx)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from leadline.checks import Check, Severity
from leadline.config import Config
from leadline.judge.backtest import Evaluation
from leadline.tables import Loaded
from leadline.tables.store.dialect import identifier, literal

__all__ = ["AFTER_TRAINING", "BEFORE_TRAINING", "Trained", "is_mutable"]

Answer = tuple[str, str, str, str, int]

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
""".split())  # fmt: skip
"""Names, in the vocabularies of the public CRMs, of fields that somebody overwrites after the lead was created."""

MUTABLE_STARTS = (
    "converted_", "hs_date_entered_", "hs_date_exited_", "hs_time_in_", "hs_v2_",
    "hs_lifecyclestage_", "recent_deal_", "recent_conversion_", "notes_last_", "hs_sales_email_", "hs_email_", "hs_last",
    "hs_latest_", "hs_time_to_", "hs_analytics_last_", "hs_analytics_num_", "hs_analytics_average_",
)  # fmt: skip
JOINED = frozenset(name.replace("_", "") for name in MUTABLE)
LAST_SEEN = re.compile(r"^last_(\w+_)?(activity|interesting|modified|contacted|touch|login|seen|visit|open|click)(_|$)")
BOUND = 0.90  # honest pre-contact AUCs run from .63 to .85


def is_mutable(column: str) -> bool:
    """Tell whether a column's name is that of a field which CRMs overwrite.

    Examples
    --------
    >>> [is_mutable(c) for c in ("Lead Status", "ConvertedDate", "property_lifecyclestage", "amount_requested", "source")]
    [True, True, True, False, False]
    """
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", column)
    name = re.sub(r"[^a-z0-9]+", "_", split.lower()).strip("_")
    name = re.sub(r"^(property|properties|lead|contact)_(?=\w)", "", name) if name not in MUTABLE else name
    name = name.removesuffix("_c")
    return (
        name in MUTABLE
        or name.replace("_", "") in JOINED
        or name.startswith(MUTABLE_STARTS)
        or bool(LAST_SEEN.match(name))
    )


def mutable_attribute(context: tuple[Config, Loaded]) -> Iterator[Answer]:
    """Refuse attributes that CRMs overwrite, unless history gives their value at as_of (law 3)."""
    config, loaded = context
    for attribute in loaded.attributes:
        if is_mutable(attribute.column) and not (
            attribute.table == "leads" and _in_history(config, loaded, attribute.column)
        ):
            yield (
                f"tables.{attribute.table}.attributes", f"{attribute.column!r} is a field that CRMs overwrite, often after the outcome",
                "attributes fixed at creation", "drop it, or give its field history under tables.history", 0,
            )  # fmt: skip


def outcome_table_column(context: tuple[Config, Loaded]) -> Iterator[Answer]:
    """Refuse attributes read from the source that holds the outcome: such columns exist for those who reached it."""
    config, _ = context
    for name, section in (("leads", config.tables.leads), ("accounts", config.tables.accounts)):
        for table in ("stages", "opportunities"):
            other = getattr(config.tables, table)
            if section is not None and other is not None and section.attributes and section.source == other.source:
                yield (
                    f"tables.{name}.attributes", f"come from the source that holds the outcome ({table})", "a source of their own",
                    "read attributes from the table of leads as they were created", 0,
                )  # fmt: skip


def near_unique_text(context: tuple[Config, Loaded]) -> Iterator[Answer]:
    """Tell text attributes that nearly every lead has to itself: they can't be learnt from, and may name people."""
    _, loaded = context
    for a in loaded.attributes:
        if a.kind != "category":
            continue
        column = identifier(a.name)
        filled, distinct = loaded.store.rows(f"SELECT COUNT({column}), COUNT(DISTINCT {column}) FROM {a.table}")[0]
        if filled and distinct > max(50, 0.5 * filled):
            yield (
                f"{a.table}.{a.column}", f"{distinct} values on {filled} rows: near-unique text, of which no level is kept", "words that leads share",
                "drop it from attributes", int(distinct),
            )  # fmt: skip


def _in_history(config: Config, loaded: Loaded, column: str) -> bool:
    if config.tables.history is None:
        return False
    return bool(loaded.store.rows(f"SELECT COUNT(*) FROM history WHERE field = {literal(column)}")[0][0])


@dataclass(frozen=True)
class Trained:
    """What the checks after training look at."""

    evaluation: Evaluation
    top_driver: str


def too_good(context: Trained) -> Iterator[Answer]:
    """Tell an AUC that honest data hardly give."""
    if context.evaluation.folds:
        auc = context.evaluation.newest.figures["model"].auc
        if auc > BOUND:
            yield (
                "newest fold", f"AUC {auc:.3f}, above {BOUND} (strongest driver: {context.top_driver})", "between .63 and .85 before contact",
                "look at the strongest drivers: is any written after contact?", 0,
            )  # fmt: skip


def beaten_by_regression(context: Trained) -> Iterator[Answer]:
    """Tell a model that the regression beside it beats in the newest fold by more than noise."""
    gap, low, high = context.evaluation.against_logistic
    if high < 0:
        yield (
            "newest fold", f"the regression's log loss is lower by {-gap:.4f} (95%: {-high:.4f} to {-low:.4f})", "a model at least as good",
            "the past that chose the model may not be like the newest weeks: look at the base rates of the folds, and retrain soon", 0,
        )  # fmt: skip


BEFORE_TRAINING: tuple[Check[tuple[Config, Loaded]], ...] = (
    Check("LL201", "mutable field as attribute", Severity.ERROR, mutable_attribute),
    Check("LL202", "attribute from the outcome's own source", Severity.ERROR, outcome_table_column),
    Check("LL203", "near-unique text", Severity.WARNING, near_unique_text),
)
AFTER_TRAINING: tuple[Check[Trained], ...] = (
    Check("LL301", "too good to be true", Severity.WARNING, too_good),
    Check("LL302", "worse than the regression", Severity.WARNING, beaten_by_regression),
)
