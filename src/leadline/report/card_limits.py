"""The model card's known limits, each told by what the record holds, and those that every such model has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from leadline.report import say
from leadline.report.markdown import text

__all__ = ["ALWAYS", "limits"]

Record = Mapping[str, Any]

FEW_POSITIVES = 150  # positive leads below which intervals are too wide to choose between models
DRIFT = 1.25  # times by which base rates of folds differ, from which a reader must know it
WIDE = 0.1  # of AUC
CENSORED = 0.25  # of all snapshots
ALWAYS = (
    "It learns what goes along with the outcome in the past, not what causes it; a change of sales, prices or forms can break that.",
    "Its labels are what the CRM recorded: a lead that sales never called can’t become an SQL, so past attention is learnt, too.",
    "Figures hold for the newest fold’s span; `leadline monitor` says how past scores have done since.",
)


def limits(record: Record) -> list[str]:
    """List what limits the use of a model, as Markdown sentences."""
    return [*_of_data(record), *_of_folds(record), *_of_figures(record), *_of_segments(record), *_told(record), *ALWAYS]


def _of_data(record: Record) -> Iterator[str]:
    counts: Record = record.get("snapshots") or {}
    leads = counts.get("positive_leads")
    if say.known(leads) and leads < FEW_POSITIVES:  # type: ignore[operator]
        yield f"Few positives: {say.count(leads, 'lead')} with a positive outcome; below {FEW_POSITIVES} intervals are wide and drivers unstable."
    every = sum(counts.get(key) or 0 for key in ("positive", "negative", "censored", "late", "before"))
    censored = counts.get("censored") or 0
    if every and censored > CENSORED * every:
        yield f"{say.share(censored / every)} of all snapshots are censored: the newest leads neither train nor judge."
    if record.get("known_at") is None:
        yield "A flat file has no dates: that features were known before the outcome rests on the config’s word."


def _of_folds(record: Record) -> Iterator[str]:
    folds: Sequence[Record] = (record.get("evaluation") or {}).get("folds") or []
    wanted = (record.get("provenance") or {}).get("folds")
    if not folds:
        yield "No fold could be judged: how good it is isn’t known."
    elif say.known(wanted) and len(folds) < wanted:  # type: ignore[operator]
        yield f"{say.count(len(folds), 'fold')} instead of the {say.count(wanted)} asked for: history is short."
    rates = [f["base_rate"] for f in folds if say.known(f["base_rate"]) and f["base_rate"] > 0]
    if len(rates) > 1 and max(rates) > DRIFT * min(rates):
        yield (
            f"The base rate moves: {say.share(min(rates))} to {say.share(max(rates))} over the folds, {say.share(rates[-1])} in the "
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
    if say.known(low) and say.known(high) and high - low > WIDE:
        yield f"AUC is known only to lie between {say.amount(low, 3)} and {say.amount(high, 3)}."
    gap = evaluation.get("against_logistic") or [None]
    if all(map(say.known, gap)) and gap[1] <= 0:
        worse = "is worse than" if gap[2] < 0 else "can’t be told from"
        yield f"By log loss it {worse} the logistic regression."


def _of_segments(record: Record) -> Iterator[str]:
    told: Record = record.get("segments") or {}
    every: Sequence[Record] = told.get("segments") or []
    if (told.get("overall") or {}).get("verdict") == "miscalibrated":
        whole = told["overall"]
        yield f"Probabilities are miscalibrated as a whole: {say.share(whole['predicted'])} predicted, {say.share(whole['observed'])} observed."
    off = [f"{text(s['by'])} = {text(s['level'])}" for s in every if s["verdict"] == "miscalibrated"]
    if off:
        yield f"Probabilities are off by more than chance in {say.joined(off)}."
    few = sum(s["verdict"] == "too few to say" for s in every)
    if few:
        yield f"{say.count(few, 'segment')} of {say.count(len(every))} have too few positives to say whether probabilities hold."
    absent = [text(each["by"]) for each in told.get("left_out") or [] if each["why"].startswith("no attribute")]
    if absent:
        yield f"Parity by {say.joined(absent)} isn’t known: no attribute tells it."


def _told(record: Record) -> Iterator[str]:
    """Yield what the checks warned of."""
    for f in record.get("findings") or []:
        if f["severity"] == "warning":
            why = f" (accepted: {text(f['accepted'])})" if f.get("accepted") else ""
            yield f"{text(f['code'])}, {text(f['subject'])}: {text(f['seen'])}{why}."
