"""The checks of the tables, LL1xx: keys, clocks, types and order, on the rows visible at T.

``CHECKS`` run on the tables cut at T with their repeats, ``AFTER`` once repeats are gone, ``FLAT``, ``FLAT_OUTCOME`` and ``FLAT_AFTER`` on a flat file; ``OUTCOME`` once the ladder
is built, where a model is to be trained.
"""

from __future__ import annotations

from leadline.core.checks import Check, Severity
from leadline.tables import icp
from leadline.tables.checks import consistency, joins, keys, outcome_gaps, outcomes, timestamps
from leadline.tables.checks.base import Context, fitting_nothing, missing_column, nested_column, unusable_column
from leadline.tables.checks.keys import apart

__all__ = [
    "AFTER",
    "CHECKS",
    "FLAT",
    "FLAT_AFTER",
    "FLAT_OUTCOME",
    "OUTCOME",
    "Context",
    "apart",
    "fitting_nothing",
    "missing_column",
    "nested_column",
    "unusable_column",
]

ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE

CHECKS: tuple[Check[Context], ...] = (
    Check("LL110", "needed table without rows", ERROR, keys.empty_needed),
    Check("LL111", "table without rows", WARNING, keys.empty_other),
    Check("LL112", "missing key", ERROR, keys.missing_key),
    Check("LL113", "row without a lead", WARNING, keys.missing_lead),
    Check("LL114", "row without a time", WARNING, timestamps.missing_time),
    Check("LL134", "change without a stage", WARNING, consistency.missing_stage),
    Check("LL106", "recorded before it happened", ERROR, timestamps.recorded_first),
    Check("LL107", "row in the future", WARNING, timestamps.future_rows),
    Check("LL157", "dates without times", WARNING, timestamps.dates_only),
    Check("LL158", "dates among times", WARNING, timestamps.dates_and_times),
    Check("LL103", "repeated row", WARNING, keys.repeated_rows),
    Check("LL125", "ICP of no attribute", ERROR, icp.unmatched),
)
AFTER: tuple[Check[Context], ...] = (
    Check("LL102", "duplicate key", ERROR, keys.duplicate_key),
    Check("LL108", "orphan row", WARNING, joins.orphans),
    Check("LL145", "accounts that nobody names", WARNING, joins.unknown_accounts),
    Check("LL146", "one account for most leads", WARNING, joins.one_account),
    Check("LL109", "impossible order", WARNING, consistency.impossible_order),
    Check("LL115", "unmapped stage word", WARNING, consistency.unmapped_stages),
    Check("LL159", "stage word of the other kind", WARNING, outcomes.stage_words),
    Check("LL116", "circular merges", ERROR, consistency.merge_cycle),
    Check("LL117", "one clock only", NOTE, timestamps.one_clock),
    Check("LL118", "lead's account", NOTE, consistency.account_taken_as_fixed),
    Check("LL120", "behaviour only after the outcome", WARNING, consistency.late_behaviours),
    Check("LL127", "behaviour that no event has", WARNING, consistency.unheard_behaviours),
    Check("LL147", "events without a type", WARNING, consistency.untyped_events),
    Check("LL128", "money that can't be", WARNING, consistency.impossible_money),
)
FLAT: tuple[Check[Context], ...] = (
    Check("LL110", "needed table without rows", ERROR, keys.empty_needed),
    Check("LL112", "missing key", ERROR, keys.missing_key),
    Check("LL103", "repeated row", WARNING, keys.repeated_rows),
    Check("LL121", "laws of time not applicable", NOTE, timestamps.flat_file),
    Check("LL125", "ICP of no attribute", ERROR, icp.unmatched),
)
FLAT_AFTER: tuple[Check[Context], ...] = (Check("LL102", "duplicate key", ERROR, keys.duplicate_key),)
FLAT_OUTCOME: tuple[Check[Context], ...] = (
    Check("LL151", "value that is no outcome yet", ERROR, outcomes.open_levels),
    Check("LL152", "what the outcome's values were taken for", NOTE, outcomes.every_level),
)
OUTCOME: tuple[Check[Context], ...] = (
    Check("LL153", "outcomes begin later than leads", WARNING, outcome_gaps.begin_late),
    Check("LL154", "outcomes end early", WARNING, outcome_gaps.end_early),
    Check("LL155", "outcomes pause", WARNING, outcome_gaps.pause),
    Check("LL156", "outcomes of one day", WARNING, outcome_gaps.on_one_day),
)
