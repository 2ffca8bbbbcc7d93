"""The model card: what a model is, is for, is worth and can't do, as Markdown, made of its run's record and nothing else.

It holds counts, figures and levels of attributes that
the bundle keeps by name; never a lead's data.

References
----------
Mitchell et al., "Model Cards for Model Reporting", FAT* 2019.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from leadline.core import format
from leadline.evaluation.baselines import label
from leadline.report.card import performance
from leadline.report.card.markdown import code, paragraph, table, text
from leadline.report.card.performance import with_interval
from leadline.report.sections.definitions import HEADS, summary_rows
from leadline.report.sections.model import question
from leadline.report.sections.model.accounts import accounts_sentence, calibration_sentence
from leadline.report.sections.model.grades import axes_sentence, grid_sentence
from leadline.report.text import drawn_units, log_loss_gap, outdone_sentences

__all__ = ["ALWAYS", "NAME", "later_stage_table", "limit_lines", "model_card", "usage_lines"]


# The model card's known limits, each told by what the record holds, and those that every such model has.


Record = Mapping[str, Any]

FEW_POSITIVES = 150  # positive leads below which intervals are too wide to choose between models

DRIFT = 1.25  # times by which base rates of folds differ, from which a reader must know it

WIDE = 0.1  # of AUC

CENSORED = 0.25  # of all snapshots

ALWAYS = (
    "It learns what goes along with the outcome in the past, not what causes it; a change of sales, prices or forms can break that.",
    "Its labels are what the CRM recorded: a lead that sales never called rarely converts, so past attention is learnt, too.",
    "Figures hold for the newest fold’s span; `leadline monitor` says how past scores have done since.",
)


def limit_lines(record: Record) -> list[str]:
    """List what limits the use of a model, as Markdown sentences."""
    return [
        *_of_data(record),
        *_of_folds(record),
        *_of_figures(record),
        *_of_segments(record),
        *_warning_lines(record),
        *ALWAYS,
    ]


def _of_data(record: Record) -> Iterator[str]:
    counts: Record = record.get("snapshots") or {}
    leads = counts.get("positive_leads")
    if format.is_number(leads) and leads < FEW_POSITIVES:  # type: ignore[operator]
        yield f"Few positives: {format.count(leads, 'lead')} with a positive outcome; below {FEW_POSITIVES} intervals are wide and drivers unstable."
    every = sum(counts.get(key) or 0 for key in ("positive", "negative", "censored", "late", "before"))
    censored = counts.get("censored") or 0
    if every and censored > CENSORED * every:
        yield f"{format.share(censored / every)} of all snapshots are censored: the newest leads neither train nor judge."
    if record.get("known_at") is None:
        yield "A flat file has no dates: that features were known before the outcome rests on the config’s word."


def _of_folds(record: Record) -> Iterator[str]:
    folds: Sequence[Record] = (record.get("evaluation") or {}).get("folds") or []
    wanted = (record.get("provenance") or {}).get("folds")
    if not folds:
        yield "No fold could be judged: how good it is isn’t known."
    elif format.is_number(wanted) and len(folds) < wanted:  # type: ignore[operator]
        yield f"{format.count(len(folds), 'fold')} instead of the {format.count(wanted)} asked for: history is short."
    rates = [f["base_rate"] for f in folds if format.is_number(f["base_rate"]) and f["base_rate"] > 0]
    if len(rates) > 1 and max(rates) > DRIFT * min(rates):
        yield (
            f"The base rate moves: {format.share(min(rates))} to {format.share(max(rates))} over the folds, {format.share(rates[-1])} in the "
            "newest; probabilities follow it only at training or recalibration."
        )


def _of_figures(record: Record) -> Iterator[str]:
    again = record.get("recalibration")
    if again:
        yield f"Figures, folds and segments here are version {text(again.get('of'))}’s, whose ranking this one shares but whose calibration it doesn’t."
    evaluation: Record = record.get("evaluation") or {}
    folds: Sequence[Record] = evaluation.get("folds") or []
    if not folds:
        return
    m = folds[-1]["figures"]["model"]
    low, high = m.get("auc_low"), m.get("auc_high")
    if format.is_number(low) and format.is_number(high) and high - low > WIDE:
        yield f"AUC is known only to lie between {format.decimal(low, 3)} and {format.decimal(high, 3)}."
    gap = log_loss_gap(evaluation)
    if gap is not None and gap[1] <= 0 <= gap[2]:
        yield "By log loss it can’t be told from the logistic regression."
    yield from outdone_sentences(evaluation)


def _of_segments(record: Record) -> Iterator[str]:
    told: Record = record.get("segments") or {}
    every: Sequence[Record] = told.get("segments") or []
    if (told.get("overall") or {}).get("verdict") == "miscalibrated":
        whole = told["overall"]
        yield f"Probabilities are miscalibrated as a whole: {format.share(whole['predicted'])} predicted, {format.share(whole['observed'])} observed."
    off = [f"{text(s['by'])} = {text(s['level'])}" for s in every if s["verdict"] == "miscalibrated"]
    if off:
        yield f"Probabilities are off by more than chance in {format.join(off)}."
    few = sum(s["verdict"] == "too few to say" for s in every)
    if few:
        yield f"{format.count(few, 'segment')} of {format.count(len(every))} have too few positives to say whether probabilities hold."
    absent = [text(each["by"]) for each in told.get("left_out") or [] if each["why"].startswith("no attribute")]
    if absent:
        yield f"Parity by {format.join(absent)} isn’t known: no attribute tells it."


def _warning_lines(record: Record) -> Iterator[str]:
    """Yield what the checks warned of."""
    for f in record.get("findings") or []:
        if f["severity"] == "warning":
            why = f" (accepted: {text(f['accepted'])})" if f.get("accepted") else ""
            yield f"{text(f['code'])}, {text(f['subject'])}: {text(f['seen'])}{why}."


# The model card on use: the top-N backtest at the config's capacity, the table of thresholds, and the downstream stages.


def usage_lines(record: Record) -> list[str]:
    """Tell what the top of the list would have brought, and what half to double the capacity would."""
    parts = [*_backtest_lines(record), *_account_lines(record), *_grade_lines(record), *_cuts(record)]
    return ["## As it will be used", *parts] if parts else []


def _backtest_lines(record: Record) -> list[str]:
    told: Record | None = record.get("nights")
    if not told:
        reason = record.get("nights_reason")
        return [f"No top-N backtest: {text(reason).rstrip('.')}."] if reason else []
    what = format.outcome_plural(record.get("outcome") or {})
    rows = [
        [
            label(s["by"]), format.decimal(s["worked"], 0), with_interval(s, "sqls", 1), format.share(s["precision"]),
            with_interval(s, "won", 1), format.decimal(s["amount"], 0),
        ]
        for s in told["rankers"]
    ]  # fmt: skip
    heads = ["list by", "leads worked", f"{what} found (95%)", "precision", "closed-won (95%)", "amount won"]
    said = (
        f"At each of {format.count(told['nights'], 'scoring date')} all open leads were ranked by what was known then, and the best "
        f"{format.decimal(told['per_night'], 1)} were worked."
    )
    ahead = [
        [label(s["by"]), with_interval(s, "sqls", 1), with_interval(s, "won", 1)]
        for s in told.get("model_minus_baseline") or []
    ]
    heads_ahead = ["the model minus", f"{what} (95%)", "closed-won (95%)"]
    return [said, table(heads, rows), table(heads_ahead, ahead) if ahead else ""]


def _account_lines(record: Record) -> list[str]:
    """Tell in a paragraph how accounts rank, and whether their chances hold; nothing where none are scored."""
    told: Record | None = record.get("accounts")
    if not told or told["reason"]:
        return []
    return [paragraph(text(accounts_sentence(told)), text(calibration_sentence(told)) if told["judged"] else "")]


def _grade_lines(record: Record) -> list[str]:
    """Tell in a paragraph what became of the grades, and what fit and engagement add; nothing where there are none."""
    told: Record | None = record.get("grades")
    if not told:
        return []
    what = format.outcome_plural(record.get("outcome", {}))
    return [paragraph(text(f"Fit and engagement: {grid_sentence(told, what)}"), text(axes_sentence(told)))]


def _cuts(record: Record) -> list[str]:
    cuts: Sequence[Record] = record.get("capacity") or []
    if not cuts:
        return []
    rows = [
        [
            format.decimal(c["leads_per_week"], 1), format.share(c["probability"], 2), format.share(c["precision"]), format.share(c["recall"]),
            format.decimal(c["expected"]),
        ]
        for c in cuts
    ]  # fmt: skip
    heads = [
        "leads a week",
        "threshold",
        "precision",
        "recall",
        f"{format.outcome_plural(record.get('outcome') or {})} a week",
    ]
    return [
        "Half to double the capacity, in the newest fold, no lead worked twice within the horizon:",
        table(heads, rows, ">>>>>"),
    ]


def later_stage_table(record: Record) -> list[str]:
    """Tell of the downstream stages; nothing where there are none."""
    steps: Sequence[Record] = (record.get("stages") or {}).get("steps") or []
    if not steps:
        return []
    rows = []
    for step in steps:
        folds = (step.get("evaluation") or {}).get("folds") or []
        m: Record = folds[-1]["figures"]["model"] if folds else {}
        auc = with_interval(m, "auc", 3)
        counts = step.get("snapshots") or {}
        rows.append([
            f"{step['given']} to {step['reaches']}", format.count(step.get("leads")), format.count(counts.get("positive")), auc,
            format.decimal(m.get("ece"), 4), str(step.get("why") or format.ABSENT),
        ])  # fmt: skip
    heads = ["stage", "leads", "positive", "AUC (95%)", "ECE", "why not more"]
    return ["## Downstream stages", table(heads, rows, "<>>>><")]


NAME = "model-card.md"

TABLES = ("leads", "accounts", "events", "stages", "opportunities", "history", "spend", "merges", "touches")

USE = """- To put the open leads of one company in order for its sales, each night, and to say how many are worth working.
- To tell how likely an open lead reaches the outcome within the horizon, and which facts moved that figure.
- To compare with the rules, the regression and the baselines here, on the same rows."""

NOT_USE = """- Not to decide anything about a person but the order in which sales calls: no credit, price, job, or access to a service.
- Not for leads of another company, another funnel or another question, nor for leads that have already reached the outcome.
- Not to say what would happen if something were done: what a feature adds goes along with the outcome and need not cause it.
- Not as the only list where segments below are off, or have too few leads to say."""


def definition_lines(record: Record) -> list[str]:
    """Tell what the definitions of MQL and SQL are worth; nothing where there are none."""
    told: Record = record.get("definitions") or {}
    found: Sequence[Record] = told.get("definitions") or []
    if not found:
        return []
    words = [f"- {text(one['name'])}: {text(one['words'])}" for one in found]
    rows = summary_rows(found, bool(told["weekly"]))
    return ["## Definitions", "\n".join(words), table(list(HEADS), rows, "<>>>>>>")]


def model_card(record: Record) -> str:
    """Return a run's model card as Markdown.

    Parameters
    ----------
    record : mapping
        A run's record, as `leadline.workflows.training.record` made it.
    """
    version = f" {record['version']}" if record.get("version") else ""
    parts = [
        f"# Model card: {text(record['name'] + version)}",
        text(question.question_section(record).found),
        "## What it is for", USE,
        "## What it is not for", NOT_USE,
        "## Data", *_data(record),
        "## Population and label", *_population(record),
        "## How it was made", *_making(record),
        "## Folds", *_folds(record),
        "## Performance against baselines", *performance.metrics_lines(record),
        *usage_lines(record),
        *later_stage_table(record),
        *definition_lines(record),
        "## Calibration", *performance.calibration_lines(record),
        "## Segments and parity", *performance.parity_lines(record),
        "## Feature importance (mean |SHAP|)", *performance.driver_lines(record),
        "## The leak gate", *_gate(record),
        "## Known limits", "\n".join(f"- {limit}" for limit in limit_lines(record)),
        "## How to make it again", *_retrain_command(record),
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part) + "\n"


def _data(record: Record) -> list[str]:
    sources, prints = record.get("sources") or {}, record.get("fingerprints") or {}
    rows = [
        [name, format.count(n), str(sources.get(name, format.ABSENT)), str(prints.get(name, format.ABSENT))]
        for name, n in sorted(
            (record.get("tables") or {}).items(), key=lambda table: (*TABLES, table[0]).index(table[0])
        )
    ]
    known, until = record.get("known_at"), record.get("observed_until")
    when = "A flat file: its rows have no dates, so the laws of time don’t apply."
    if known is not None:
        when = f"Only what was known at T = {text(known)} was used; the table that holds the outcome reaches to {text(until or format.ABSENT)}."
    return [when, table(["table", "rows visible at T", "read from", "fingerprint"], rows, "<><<")]


def _population(record: Record) -> list[str]:
    outcome, counts = record.get("outcome") or {}, record.get("snapshots") or {}
    ripe = (
        f"A snapshot is one open lead at one as_of. It is labeled, and is used, when the horizon"
        f" ({text(format.duration(outcome['within']))}) and the delay of recording ({text(format.duration(outcome.get('delay') or '0d'))})"
        " had passed at T; one that isn’t is censored, not negative."
        if outcome.get("within")
        else "Each row is one lead, and its outcome is known."
    )
    rows = [[title, format.count(counts.get(key)), means] for key, title, means in question.KINDS]
    return [
        f"The outcome: a lead {text(format.outcome(outcome))}. {ripe}",
        table(["kind", "snapshots", "what it means"], rows, "<><"),
        paragraph(f"Positive snapshots come from {format.count(counts.get('positive_leads'), 'lead')}.", *_thinned_lines(record), *_sample(record)),
    ]  # fmt: skip


def _sample(record: Record) -> list[str]:
    """Say for how many independent snapshots the labelled ones count."""
    told = record.get("sample")
    if not told:
        return []
    where = f" and {format.count(told['accounts'], 'account')}" if drawn_units(record) == "accounts" else ""
    return [
        f"{format.count(told['snapshots'], 'labelled snapshot')} of {format.count(told['leads'], 'lead')}{where} "
        f"aren’t independent (design effect {format.decimal(told['design_effect'], 1)}): they count for {format.count(told['effective'])}, of them "
        f"{format.count(told['effective_positives'])} positive."
    ]


def _thinned_lines(record: Record) -> list[str]:
    counts = record.get("snapshots") or {}
    kept, there = counts.get("kept_negative"), counts.get("negative")
    if not (format.is_number(kept) and format.is_number(there)) or kept >= there:  # type: ignore[operator]
        return []
    return [f"Of the negatives {format.count(kept)} were kept by sampling, with weights that leave probabilities as they are."]  # fmt: skip


def _making(record: Record) -> list[str]:
    made, choice, rung = record.get("provenance") or {}, record.get("choice") or {}, record.get("complexity") or {}
    said = []
    if rung.get("reason"):
        said.append(text(f"{rung['name']}: {rung['reason']}").rstrip(".") + ".")
    if made.get("features") is not None:
        said.append(f"It reads {format.count(made['features'], 'feature')}.")
    if choice.get("words"):
        said.append(text(f"Fitted: {choice['words']}") + ".")
    if choice.get("moving"):
        said.append(
            f"No tree splits by {', '.join(text(name) for name in choice['moving'])}: later rows lie beyond what was seen before."
        )
    tuned = made.get("tuned")
    if tuned:
        said.append(f"Settings: {text(tuned['words'])}.")
    again = record.get("recalibration")
    if again:
        said.append(
            f"Its calibration was fitted again, on top of version {text(again.get('of'))}, from "
            f"{format.count(again.get('rows'), 'row')} that became known since ({format.count(again.get('positives'))} positive): "
            f"base rate {format.share(again.get('rate_then'))} then, {format.share(again.get('rate_now'))} now. On the newest {format.count(again.get('judged'))} of "
            f"these, which it wasn’t fitted on, its ECE was "
            f"{format.decimal((again.get('before') or {}).get('ece'), 4)} before and {format.decimal((again.get('after') or {}).get('ece'), 4)} after."
        )
    recipe = [[name, str(value)] for name, value in sorted((made.get("recipe") or {}).items())]
    return [paragraph(*said) or "This record doesn’t tell how.", table(["setting", "value"], recipe) if recipe else ""]


def _folds(record: Record) -> list[str]:
    folds: Sequence[Record] = (record.get("evaluation") or {}).get("folds") or []
    if not folds:
        return ["No fold could be judged, so nothing is known of how good the model is."]
    rows = [
        [
            str(f["number"]), "judged" if f["judged"] else "chose settings", *(_place(f[end]) for end in ("starts_at", "ends_at")),
            format.count(f["training_rows"]), format.count(f["rows"]), format.count(f["positives"]), format.share(f["base_rate"]),
        ]
        for f in folds
    ]  # fmt: skip
    heads = ["fold", "it", "tested from", "to", "trained on", "tested", "positive", "base rate"]
    return [
        "Folds go forward in time: each trains on labels that were known when its test begins. The older ones chose the settings; "
        "the newest only judged. Figures below are the newest’s.",
        table(heads, rows, "<<>>>>>>"),
    ]


def _place(value: int) -> str:
    """Say where a fold lies: a day, or a flat file's order."""
    return format.date_text(value) if abs(value) > 10**13 else f"{value:,}"


def _gate(record: Record) -> list[str]:
    told: Sequence[Record] = record.get("findings") or []
    gate = [f for f in told if not f["code"].startswith("LL1") and f["severity"] != "not applicable"]
    accepted = [f for f in gate if f.get("accepted")]
    unasked = [f for f in told if not f["code"].startswith("LL1") and f["severity"] == "not applicable"]
    said = (
        "The gate looks for columns that know the outcome: by name, place and behaviour (LL2xx), and by experiments with the "
        f"fitted model (LL3xx). It found {format.count(len(gate), 'thing')}, of which the config accepts {format.count(len(accepted))} that "
        f"would have stopped the run; {format.count(len(unasked), 'check')} couldn’t look."
    )
    heads = ["code", "severity", "where", "found", "accepted because"]
    rows = [[f["code"], f["severity"], f["subject"], f["seen"], f.get("accepted") or format.ABSENT] for f in gate]
    return [said, table(heads, rows, "<" * len(heads)) if rows else ""]


def _retrain_command(record: Record) -> list[str]:
    made = record.get("provenance") or {}
    known, tuned = record.get("known_at"), made.get("tuned")
    again = bool(record.get("recalibration"))
    command = f"leadline {'recalibrate' if again else 'train'} CONFIG"
    command += f" --as-of {known}" if known is not None else ""
    command += f" --tune {tuned['trials']}" if tuned and not again else ""
    rows = [[name, str(value)] for name, value in (
        ("leadline", made.get("leadline")), ("seed", made.get("seed")), ("SHA-256 of the config", made.get("config_hash")),
        ("Python", made.get("python")), *sorted((made.get("packages") or {}).items()),
    ) if value is not None]  # fmt: skip
    return [
        code(command),
        "CONFIG is the config with the hash below; the run’s evidence in MLflow has it as it was written. The same tables, by the "
        "fingerprints above, the same versions and the same seed give the same scores.",
        table(["what", "value"], rows, "<<"),
    ]
