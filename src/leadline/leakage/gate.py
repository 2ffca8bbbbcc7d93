"""The leak gate: every check that needs no model (LL2xx), and those of a trained one (LL3xx)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from leadline.config.schema import Config
from leadline.core.checks import Check, Findings, Severity, run_checks
from leadline.core.choices import closest
from leadline.core.plugins import Plugin, plugins
from leadline.errors import ConfigError
from leadline.evaluation import topk_backtest
from leadline.evaluation.backtest import BacktestResult
from leadline.evaluation.baselines import BASE_RATE, label
from leadline.leakage import (
    cohorts,
    column_names,
    experiments,
    future_cutoff,
    provenance,
    separation,
    suspicion,
    timing,
    values,
)
from leadline.leakage.column_names import is_mutable
from leadline.leakage.evidence import Answer, GateContext
from leadline.tables import LoadedTables

__all__ = ["AFTER_TRAINING", "BEFORE_TRAINING", "WITHHOLDS", "TrainedContext", "before_training", "is_mutable"]

GROUP = "leadline.checks"  # of entry points
REFUSED = ("LL201", "LL202", "LL206", "LL209", "LL210", "LL211")
STRENGTH = ("LL205", "LL207", "LL208", "LL214", "LL215", "LL218")
BOUND = 0.90  # honest pre-contact AUCs run from .63 to .85


def before_training(config: Config, loaded: LoadedTables) -> Findings:
    """Run every check of the gate that needs no model, those of installed packages last; what the config accepts isn't applied yet.

    Of a column that is refused for how it came about, its strength is no news: what only says that is left out.
    """
    context = GateContext(config, loaded)
    found = run_checks(BEFORE_TRAINING, context)
    for plugin in plugged_checks():
        with plugin.guarded():
            found += run_checks((plugin.thing,), context)
    refused = {f.subject for f in found if f.code in REFUSED and f.severity is Severity.ERROR}
    return Findings(tuple(f for f in found if f.code not in STRENGTH or f.subject not in refused))


def plugged_checks() -> tuple[Plugin[Check[GateContext]], ...]:
    """Load the checks that installed packages add under the group `leadline.checks`, each with a code of its own.

    Raises
    ------
    ConfigError
        A package can't be imported, gives no check, or a code that another check has.
    """
    found = plugins(GROUP, Check)
    taken = {check.code for check in _built_in()}
    for plugin in found:
        if plugin.thing.code in taken:
            raise ConfigError(
                f"plug-in {plugin.where}: another check has the code {plugin.thing.code}; expected a code of its own, such as ACME01; rename it there"
            )
        taken.add(plugin.thing.code)
    return found


def _built_in() -> tuple[Check[Any], ...]:
    return (
        *BEFORE_TRAINING, *AFTER_TRAINING, *WITHHOLDS, *cohorts.OF_SAMPLES, *future_cutoff.MUTATION, *experiments.AFTER_TRAINING,
        *topk_backtest.AFTER_TRAINING,
    )  # fmt: skip


@dataclass(frozen=True)
class TrainedContext:
    """What the checks after training look at."""

    evaluation: BacktestResult
    top_driver: str


def too_good(context: TrainedContext) -> Iterator[Answer]:
    """Tell an AUC that honest data hardly give."""
    if context.evaluation.folds:
        auc = context.evaluation.newest.figures["model"].auc
        if auc > BOUND:
            yield (
                "newest fold", f"AUC {auc:.3f}, above {BOUND} (strongest driver: {context.top_driver})", "between .63 and .85 before contact",
                "look at the strongest drivers: is any written after contact?", 0,
            )  # fmt: skip


def worse_than_baseline(context: TrainedContext) -> Iterator[Answer]:
    """Tell what beats the model in the newest fold by more than noise, in ranking or in log loss."""
    for who, ahead in context.evaluation.against.items():
        if not ahead.is_behind or who == BASE_RATE.key:
            continue  # LL310 tells of the base rate
        ranks = ahead.auc.high < 0
        gap, digits = (ahead.auc, 3) if ranks else (ahead.log_loss, 4)
        seen = f"AUC is higher by {-gap.value:.{digits}f}" if ranks else f"log loss is lower by {-gap.value:.{digits}f}"
        yield (
            "newest fold", f"{label(who)}: {seen} than the model's (95%: {-gap.high:.{digits}f} to {-gap.low:.{digits}f})", "a model at least as good",
            "the past that chose the model may not be like the newest weeks: look at the base rates of the folds; `--tune 20` tries other recipes", 0,
        )  # fmt: skip


def no_better_than_base_rate(context: TrainedContext) -> Iterator[Answer]:
    """Tell a model that in the newest fold is no better than the base rate alone: in log loss, or neither in that nor in ranking beyond noise."""
    ahead = context.evaluation.against.get(BASE_RATE.key)
    if ahead is None or (ahead.log_loss.value > 0 and not (ahead.log_loss.low <= 0 and ahead.auc.low <= 0)):
        return
    model, base = (context.evaluation.newest.figures[who] for who in ("model", BASE_RATE.key))
    noise = "" if ahead.log_loss.high < 0 else ", which noise may explain"
    worse = f"above the {base.log_loss:.4f}" if ahead.log_loss.value <= 0 else f"below the {base.log_loss:.4f}"
    yield (
        "newest fold",
        f"log loss {model.log_loss:.4f}, {worse} of the base rate alone{noise} (95% of the difference: {ahead.log_loss.low:+.4f} to "
        f"{ahead.log_loss.high:+.4f}; + is better); AUC {model.auc:.3f} ({model.auc_low:.3f} to {model.auc_high:.3f})",
        "a model that is better than giving every lead the same rate",
        "look whether outcomes are recorded in the newest weeks, whether the base rate moved, and what the features know; "
        'if it is to be used all the same: --accept LL310 "why"',
        0,
    )


def unused_acceptance(gate: GateContext) -> Iterator[Answer]:
    """Tell what `leaks.accept` names though nothing bears that name: a code of no check, a column that is no attribute."""
    if not gate.config.leaks.accept:
        return
    codes = sorted(check.code for check in _built_in())
    known = {*codes, *(plugin.thing.code for plugin in plugged_checks())}
    account = gate.config.tables.leads.account
    there = {a.column.lower(): a.column for a in gate.loaded.attributes} | (
        {account.lower(): account} if account else {}
    )
    for code, reason in gate.config.leaks.accept.items():
        if code not in known:
            yield (
                f"leaks.accept.{code}",
                "no check has this code",
                f"one of {codes[0]} to {codes[-1]}",
                "mend the code, or drop the line",
                0,
            )
        elif isinstance(reason, Mapping) and code.startswith("LL2"):
            for column in reason:
                name = column.rpartition("leads.")[2].rpartition("accounts.")[2].lower()
                if name not in there and not column.startswith("tables."):
                    yield (
                        f"leaks.accept.{code}: {column}", "no attribute in use has this name, so nothing is accepted", "a column of leads or accounts",
                        f"mend the name{_near(name, there)}, or drop the line if the column is gone", 0,
                    )  # fmt: skip


def _near(name: str, there: Mapping[str, str]) -> str:
    near = closest(name, there)
    return f" (did you mean `{there[near]}`?)" if near else ""


def _flat(gate: GateContext) -> str:
    return "a flat file doesn't say when its rows were open, or who wrote what when" if gate.config.is_flat else ""


def _dated(gate: GateContext) -> str:
    return "" if gate.config.is_flat else "with dated tables LL207 and LL215 judge strong columns"


def _dated_only(gate: GateContext) -> str:
    return "" if gate.config.is_flat else "dated tables are in the order of their dates"


def _few(gate: GateContext) -> str:
    return gate.evidence.short if gate.judged or gate.config.tables.leads.account else ""


def _dated_or_few(gate: GateContext) -> str:
    return "in a flat file LL208 asks about strong columns" if gate.config.is_flat else _few(gate)


def _flat_or_few(gate: GateContext) -> str:
    return _dated(gate) or _few(gate)


ERROR, WARNING = Severity.ERROR, Severity.WARNING
WRITTEN = "What people write while they work a lead, or once it has ended, is not there when the score is needed."

BEFORE_TRAINING: tuple[Check[GateContext], ...] = (
    Check("LL201", "mutable field as attribute", ERROR, column_names.mutable_attribute,
          "Its value today was written after the outcome: it predicts the past perfectly and the future not at all."),
    Check("LL202", "attribute from the outcome's own source", ERROR, provenance.outcome_table_column,
          "Such columns exist only for those who got there."),
    Check("LL203", "near-unique text", WARNING, provenance.near_unique_text,
          "Nothing can be learnt from it, and it may name people."),
    Check("LL204", "number that is an id", WARNING, provenance.id_number,
          "An id runs with time: it separates old leads from new ones, and tonight's ids were never seen."),
    Check("LL205", "score or count kept up to date", WARNING, column_names.rescored_attribute,
          "A score or count that is kept up to date holds what happened after as_of, often the outcome too."),
    Check("LL206", "dates after creation", ERROR, timing.date_after_creation,
          "A date after the lead's creation was not known then."),
    Check("LL207", "separates too well", ERROR, separation.too_strong,
          "Whole honest models before contact reach an AUC of .63 to .85; a single field that does is nearly always the outcome's echo.", _dated_or_few),
    Check("LL208", "strong and not declared", ERROR, separation.strong_undeclared,
          "Without dates, data can't tell an honest strong column from one written after the outcome: somebody who knows must say.", _flat_or_few),
    Check("LL209", "fill follows the outcome", ERROR, values.fill_follows, WRITTEN, _few),
    Check("LL210", "values only among positives", ERROR, values.only_among_positives,
          "A value that no other lead ever has is a consequence of the outcome, not its cause.", _few),
    Check("LL211", "levels state an outcome or a follow-up", ERROR, values.states_outcome, WRITTEN, _few),
    Check("LL212", "overwritten later", WARNING, timing.overwritten_later,
          "Past leads show what was written at their end, tonight's leads don't yet: the model would learn from what it won't be given.", _flat),
    Check("LL213", "recorded in bulk", WARNING, timing.recorded_in_bulk,
          "Who fills in dates afterwards knows how it ended; and what was recorded late could not be used in time.", _flat),
    Check("LL214", "fill differs between outcomes", WARNING, values.fill_differs,
          "Fields of a form are filled in alike; what is asked in conversation is filled in for those who talk.", _few),
    Check("LL215", "far stronger than all others", WARNING, separation.unlike_others,
          "A field that knows more than all others together may have been made with the outcome at hand.", _dated_or_few),
    Check("LL216", "rows in the order of the outcome", ERROR, provenance.in_order_of_outcome,
          "The newest rows are the test: where they all ended alike, no figure says anything, and the gate sees nothing.", _dated_only),
    Check("LL217", "acceptance of nothing", WARNING, unused_acceptance,
          "Who accepts a name that isn't there believes that something was settled."),
    Check("LL218", "known after the fact", ERROR, suspicion.after_the_fact,
          "How long a deal took, and how often its stage changed, is known once it has ended: won and lost ones differ in it for that."),
    Check("LL219", "columns that know most", Severity.NOTE, suspicion.most_suspect,
          "No bound tells an honest strong column from one written after the outcome: look at those that know most, whatever the checks say.", _few),
)  # fmt: skip
AFTER_TRAINING: tuple[Check[TrainedContext], ...] = (
    Check("LL301", "too good to be true", Severity.WARNING, too_good),
    Check("LL302", "worse than a baseline", Severity.WARNING, worse_than_baseline),
)
WITHHOLDS: tuple[Check[TrainedContext], ...] = (
    Check("LL310", "no better than the base rate", ERROR, no_better_than_base_rate,
          "A list that is no better than none costs sales the week."),
)  # fmt: skip
"""What doesn't end a training: the model is exported to be looked at, but no champion is made of it."""
