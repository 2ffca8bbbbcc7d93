"""The model card: what a model is, is for, is worth and can't do, as Markdown, made of its run's record and nothing else.

It holds counts, figures and levels of attributes that
the bundle keeps by name; never a lead's data.

References
----------
Mitchell et al., "Model Cards for Model Reporting", FAT* 2019.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.report import asked, card_used, card_worth, say
from leadline.report.card_limits import limits
from leadline.report.markdown import code, paragraph, table, text

__all__ = ["NAME", "card"]

NAME = "model-card.md"
TABLES = ("leads", "accounts", "events", "stages", "opportunities", "history", "spend", "merges", "touches")
Record = Mapping[str, Any]

USE = """- To put the open leads of one company in order for its sales, each night, and to say how many are worth working.
- To tell how likely an open lead reaches the outcome within the horizon, and which facts moved that figure.
- To compare with the rules, the regression and the baselines here, on the same rows."""
NOT_USE = """- Not to decide anything about a person but the order in which sales calls: no credit, price, job, or access to a service.
- Not for leads of another company, another funnel or another question, nor for leads that have already reached the outcome.
- Not to say what would happen if something were done: what a feature adds goes along with the outcome and need not cause it.
- Not as the only list where segments below are off, or have too few leads to say."""


def card(record: Record) -> str:
    """Return a run's model card as Markdown.

    Parameters
    ----------
    record : mapping
        A run's record, as `leadline.pipeline.recording` made it.
    """
    version = f" {record['version']}" if record.get("version") else ""
    parts = [
        f"# Model card: {text(record['name'] + version)}",
        text(asked.what_asked(record).found),
        "## What it is for", USE,
        "## What it is not for", NOT_USE,
        "## Data", *_data(record),
        "## Population and label", *_population(record),
        "## How it was made", *_making(record),
        "## Folds", *_folds(record),
        "## Performance against baselines", *card_worth.figures(record),
        *card_used.used(record),
        *card_used.later(record),
        "## Calibration", *card_worth.calibration(record),
        "## Segments and parity", *card_worth.parity(record),
        "## Feature importance (mean |SHAP|)", *card_worth.drivers(record),
        "## The leak gate", *_gate(record),
        "## Known limits", "\n".join(f"- {limit}" for limit in limits(record)),
        "## How to make it again", *_again(record),
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part) + "\n"


def _data(record: Record) -> list[str]:
    sources, prints = record.get("sources") or {}, record.get("fingerprints") or {}
    rows = [
        [name, say.count(n), str(sources.get(name, say.ABSENT)), str(prints.get(name, say.ABSENT))]
        for name, n in sorted(
            (record.get("tables") or {}).items(), key=lambda table: (*TABLES, table[0]).index(table[0])
        )
    ]
    known, until = record.get("known_at"), record.get("observed_until")
    when = "A flat file: its rows have no dates, so the laws of time don’t apply."
    if known is not None:
        when = f"Only what was known at T = {text(known)} was used; the table that holds the outcome reaches to {text(until or say.ABSENT)}."
    return [when, table(["table", "rows visible at T", "read from", "fingerprint"], rows, "<><<")]


def _population(record: Record) -> list[str]:
    outcome, counts = record.get("outcome") or {}, record.get("snapshots") or {}
    ripe = (
        f"A snapshot is one open lead at one as_of. It is labeled, and is used, when the horizon"
        f" ({text(say.length(outcome['within']))}) and the delay of recording ({text(say.length(outcome.get('delay') or '0d'))})"
        " had passed at T; one that isn’t is censored, not negative."
        if outcome.get("within")
        else "Each row is one lead, and its outcome is known."
    )
    rows = [[title, say.count(counts.get(key)), means] for key, title, means in asked.KINDS]
    return [
        f"The outcome: a lead {text(say.outcome(outcome))}. {ripe}",
        table(["kind", "snapshots", "what it means"], rows, "<><"),
        paragraph(f"Positive snapshots come from {say.count(counts.get('positive_leads'), 'lead')}.", *_thinned(record), *_sample(record)),
    ]  # fmt: skip


def _sample(record: Record) -> list[str]:
    """Say for how many independent snapshots the labelled ones count."""
    told = record.get("sample")
    if not told:
        return []
    return [
        f"{say.count(told['snapshots'], 'labelled snapshot')} of {say.count(told['leads'], 'lead')} and {say.count(told['accounts'], 'account')} "
        f"aren’t independent (design effect {say.amount(told['design_effect'], 1)}): they count for {say.count(told['effective'])}, of them "
        f"{say.count(told['effective_positives'])} positive."
    ]


def _thinned(record: Record) -> list[str]:
    counts = record.get("snapshots") or {}
    kept, there = counts.get("kept_negative"), counts.get("negative")
    if not (say.known(kept) and say.known(there)) or kept >= there:  # type: ignore[operator]
        return []
    return [f"Of the negatives {say.count(kept)} were kept by sampling, with weights that leave probabilities as they are."]  # fmt: skip


def _making(record: Record) -> list[str]:
    made, choice, rung = record.get("provenance") or {}, record.get("choice") or {}, record.get("complexity") or {}
    said = []
    if rung.get("reason"):
        said.append(text(f"{rung['name']}: {rung['reason']}").rstrip(".") + ".")
    if made.get("features") is not None:
        said.append(f"It reads {say.count(made['features'], 'feature')}.")
    if choice.get("words"):
        said.append(text(f"Fitted: {choice['words']}") + ".")
    if choice.get("moving"):
        said.append(
            f"No tree splits by {', '.join(text(name) for name in choice['moving'])}: later rows lie beyond what was seen before."
        )
    tuned = made.get("tuned")
    if tuned:
        said.append(
            f"Its settings are the best of {say.count(tuned['trials'], 'recipe')} tried on the older folds: log loss "
            f"{say.amount(tuned['loss'], 5)}, the default one’s {say.amount(tuned['default_loss'], 5)}."
        )
    again = record.get("recalibration")
    if again:
        said.append(
            f"Its calibration was fitted again, on top of version {text(again.get('of'))}, from "
            f"{say.count(again.get('rows'), 'row')} that became known since ({say.count(again.get('positives'))} positive): "
            f"base rate {say.share(again.get('rate_then'))} then, {say.share(again.get('rate_now'))} now. On the newest {say.count(again.get('judged'))} of "
            f"these, which it wasn’t fitted on, its ECE was "
            f"{say.amount((again.get('before') or {}).get('ece'), 4)} before and {say.amount((again.get('after') or {}).get('ece'), 4)} after."
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
            say.count(f["training_rows"]), say.count(f["rows"]), say.count(f["positives"]), say.share(f["base_rate"]),
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
    return say.instant(value) if abs(value) > 10**13 else f"{value:,}"


def _gate(record: Record) -> list[str]:
    told: Sequence[Record] = record.get("findings") or []
    gate = [f for f in told if f["code"] >= "LL2" and f["severity"] != "not applicable"]
    accepted = [f for f in gate if f.get("accepted")]
    unasked = [f for f in told if f["code"] >= "LL2" and f["severity"] == "not applicable"]
    said = (
        "The gate looks for columns that know the outcome: by name, place and behaviour (LL2xx), and by experiments with the "
        f"fitted model (LL3xx). It found {say.count(len(gate), 'thing')}, of which the config accepts {say.count(len(accepted))} that "
        f"would have stopped the run; {say.count(len(unasked), 'check')} couldn’t look."
    )
    heads = ["code", "severity", "where", "found", "accepted because"]
    rows = [[f["code"], f["severity"], f["subject"], f["seen"], f.get("accepted") or say.ABSENT] for f in gate]
    return [said, table(heads, rows, "<" * len(heads)) if rows else ""]


def _again(record: Record) -> list[str]:
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
