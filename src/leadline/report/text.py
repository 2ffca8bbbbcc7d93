"""Terminal text for capacity, later stages and segments: records in, lines out."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any

from leadline.core import format
from leadline.core.point_in_time import format_instant
from leadline.evaluation.baselines import label

__all__ = [
    "HEAD",
    "KEY",
    "calibration_summary",
    "capacity_rows",
    "capacity_sentences",
    "drawn_units",
    "expected_value_lines",
    "later_stage_lines",
    "lines",
    "log_loss_gap",
    "outdone_sentences",
    "percent",
    "tier_sentence",
]

WIDTH = 80


def log_loss_gap(evaluation: Mapping[str, Any], who: str = "logistic") -> tuple[float, float, float] | None:
    """Return the other's log loss less the model's in the newest fold with its interval; None where it isn't known.

    Examples
    --------
    >>> log_loss_gap({"against": {"logistic": {"log_loss": {"value": 0.01, "low": -0.01, "high": 0.02}}}}), log_loss_gap({})
    ((0.01, -0.01, 0.02), None)
    """
    told = ((evaluation.get("against") or {}).get(who) or {}).get("log_loss") or {}
    value, low, high = (told[end] if format.is_number(told.get(end)) else None for end in ("value", "low", "high"))
    return None if value is None or low is None or high is None else (value, low, high)


def outdone_sentences(evaluation: Mapping[str, Any]) -> list[str]:
    """Say what is as good as the model, or better than it beyond noise, in the newest fold: the base rate first; [] where nothing is.

    Examples
    --------
    >>> better = {"value": -0.05, "low": -0.07, "high": -0.02}
    >>> for said in outdone_sentences({"against": {"lightgbm": {"auc": better}, "base_rate": {"log_loss": better}}}):
    ...     print(said)
    The model is no better than the base rate alone in the newest fold.
    LightGBM (defaults) ranks better than the model in the newest fold, beyond noise.
    """
    against = evaluation.get("against") or {}
    base = log_loss_gap(evaluation, "base_rate")
    said = (
        [] if base is None or base[0] > 0 else ["The model is no better than the base rate alone in the newest fold."]
    )
    for who, ahead in against.items():
        behind = [what for what in ("auc", "log_loss") if ((ahead.get(what) or {}).get("high") or 0.0) < 0]
        if behind and who != "base_rate":
            does = "ranks better than the model" if behind[0] == "auc" else "has better probabilities than the model"
            said.append(f"{_capital(label(who))} {does} in the newest fold, beyond noise.")
    return said


def _capital(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}"


def later_stage_lines(record: Mapping[str, Any] | None) -> list[str]:
    """Return the lines of a run's record of its later stages; none where there are none.

    Examples
    --------
    >>> later_stage_lines(None)
    []
    """
    if record is None:
        return []
    said = [*_steps(record), *_chain(record), *_value(record)]
    return ["", *(line for text in said for line in _wrapped(text))]


def expected_value_lines(later: Mapping[str, float]) -> list[str]:
    """Say a lead's later probabilities and its value; nothing where there are none.

    Examples
    --------
    >>> expected_value_lines({"p_won_given_sql": 0.3, "expected_amount": 20000.0, "expected_value": 612.0})
    ['  won given sql: 30.0%; expected amount 20,000; expected value 612']
    >>> expected_value_lines({"p_7d": 0.123, "median_days": 21.4})
    ['  within 7d: 12.3%; median days 21']
    """
    parts = [
        f"{_column_words(name)}{': ' if name.startswith('p_') else ' '}{f'{value:.1%}' if name.startswith('p_') else f'{value:,.0f}'}"
        for name, value in later.items()
    ]
    return [f"  {'; '.join(parts)}"] if parts else []


def _column_words(name: str) -> str:
    """Say a trailing column of the scores in words."""
    told = name.removeprefix("p_").replace("_", " ")
    return f"within {told}" if name.startswith("p_") and told[0].isdigit() else told


def _wrapped(text: str) -> list[str]:
    """Break a text at 80 columns; what goes on is indented."""
    return textwrap.wrap(text, WIDTH, subsequent_indent="  ", break_long_words=False) or [""]


def _steps(record: Mapping[str, Any]) -> Iterator[str]:
    for step in record["steps"]:
        yield f"Then, of those who reach {step['given']}: {step['reaches']} within {step['within']} of that ({step['column']})"
        yield f"  {step['why']}"
        folds = step["evaluation"]["folds"]
        if not folds:
            yield "  no fold could be judged"
            continue
        newest, model = folds[-1], folds[-1]["figures"]["model"]
        yield (
            f"  newest fold: AUC {format.decimal(model['auc'], 3)} ({format.decimal(model['auc_low'], 3)}–{format.decimal(model['auc_high'], 3)}), ECE {format.decimal(model['ece'], 3)}, "
            f"base rate {newest['base_rate']:.1%}, {newest['rows']:,} snapshots"
        )


def _chain(record: Mapping[str, Any]) -> Iterator[str]:
    made = record["chain"]
    if made is None:
        yield f"End to end: not judged; {record['chain_why']}"
        return
    days = [format_instant(made[k])[:10] for k in ("starts_at", "ends_at")]
    yield (
        f"End to end, {made['rows']:,} snapshots of open leads from {days[0]} to {days[1]}: {made['predicted']:.2%} predicted, "
        f"{made['observed']:.2%} observed (95%: {format.share(made['observed_low'], 2)}–{format.share(made['observed_high'], 2)}); AUC on the last stage "
        f"{format.decimal(made['auc'], 3)} ({format.decimal(made['auc_low'], 3)}–{format.decimal(made['auc_high'], 3)}), by the first probability alone {format.decimal(made['first_auc'], 3)}"
    )


def _value(record: Mapping[str, Any]) -> Iterator[str]:
    made = record["value"]
    if made is None:
        yield f"No expected value: {record['value_why']}"
        return
    how = f"by {len(made['by'])} attributes" if made["method"] == "segments" else "the overall mean for everybody"
    text = f"Amounts of {made['deals']:,} won deals: {how}; mean {made['mean']:,.0f}{_range(made, 'mean', ',.0f')}"
    judged = made.get("judged")
    if judged is None:
        yield f"{text}; {made['why']}"
        return
    yield (
        f"{text}; on the newest {judged['deals']:,} deals segments miss by {judged['mae']:,.0f} on average, the overall mean by "
        f"{judged['mae_mean']:,.0f}; observed over predicted: {judged['observed_over_predicted']:.2f}{_range(judged, 'observed_over_predicted', '.2f')}"
    )


def _range(record: Mapping[str, Any], what: str, form: str) -> str:
    low, high = record[f"{what}_low"], record[f"{what}_high"]
    return "" if low is None or high is None else f" (95%: {low:{form}}–{high:{form}})"


# The capacity table and the steadiness of the tiers in words, for a terminal of 80 columns.


HEAD = ("leads", "threshold", "prec. near", "prec.", "recall", "pos./wk", "leads/run")

KEY = (
    "leads: worked a week, none twice within the horizon; prec. near: precision just around the threshold; pos./wk: positive leads "
    "found a week, each once; leads/run: leads at or above a fixed threshold"
)


def capacity_rows(cuts: Sequence[Mapping[str, Any]], words: str = "") -> list[list[str]]:
    """Return a row of cells for each threshold; `words` is the key of a first cell with a name.

    Examples
    --------
    >>> cut = {"leads_per_week": 40.0, "probability": 0.1, "precision": 0.2, "recall": None, "expected": 8.0, "marginal": 0.09,
    ...        "night": 40.0, "night_spread": 6.9}
    >>> capacity_rows([cut])
    [['40.0', '10.0%', '9.0%', '20.0%', '–', '8.0', '40 ± 7']]
    """
    made = []
    for c in cuts:
        shares = [format.share(c[key]) for key in ("probability", "marginal", "precision", "recall")]
        numbers = [f"{c['expected']:.1f}", f"{c['night']:.0f} ± {c['night_spread']:.0f}"]
        made.append([*([str(c[words])] if words else []), f"{c['leads_per_week']:.1f}", *shares, *numbers])
    return made


def capacity_sentences(steady: Mapping[str, Any]) -> list[str]:
    """Say what a night holds, and what the band spares.

    Examples
    --------
    >>> told = {"mean": 40.0, "spread": 0.0, "low": 40.0, "high": 40.0, "precision": 0.2, "flips": 30.0, "near": 45.0}
    >>> held = {"plain": told, "banded": {**told, "near": 20.0, "flips": 22.0}}
    >>> for line in capacity_sentences({"mode": "top_n", "band": 0.25, "night": 40.0, "held": held}):
    ...     print(line)
    Tier A takes the best 40 leads of a night, none at less than half the odds of its threshold.
    It keeps a lead on its line until another has odds 28% higher: of 100 such leads 20 flip from one night to the next, not 45.
    """
    held, made = steady.get("held") or {}, []
    if steady.get("unused"):
        made.append(
            f"No lead of the newest fold has {steady['by']} {' or '.join(steady['unused'])}: that capacity stays unused."
        )
    if steady.get("night"):
        made.append(
            f"Tier A takes the best {steady['night']:.0f} leads of a night, none at less than half the odds of its threshold."
        )
    fixed, steadied = held.get("threshold"), held.get("top_n")
    if fixed and steadied:
        made.append(
            f"On nights of later folds a fixed threshold held {fixed['low']:.0f} to {fixed['high']:.0f} leads (precision {format.share(fixed['precision'])}), "
            f"a fixed number of leads {steadied['low']:.0f} to {steadied['high']:.0f} ({format.share(steadied['precision'])})."
        )
    plain, banded = held.get("plain"), held.get("banded")
    if plain and banded and _known(plain["near"]) and _known(banded["near"]):
        made.append(
            f"It keeps a lead on its line until another has odds {math.expm1(steady['band']):.0%} higher: of 100 such leads "
            f"{banded['near']:.0f} flip from one night to the next, not {plain['near']:.0f}."
        )
    return made


def _known(value: Any) -> bool:
    return value is not None and value == value


# Segments in words: in how many probabilities hold, and which are off.


NAMED = 5  # segments that a summary names


def lines(record: Mapping[str, Any]) -> list[str]:
    """Say for a terminal whether probabilities hold as a whole, and in how many segments.

    Examples
    --------
    >>> lines({"overall": {"predicted": 0.12, "observed": 0.1, "low": 0.08, "high": 0.13}, "segments": []})
    ['calibration over all leads: 12% predicted, 10% observed (8.0% to 13%)']
    """
    predicted, observed, low, high = (
        percent(record["overall"][key]) for key in ("predicted", "observed", "low", "high")
    )
    whole = f"calibration over all leads: {predicted} predicted, {observed} observed ({low} to {high})"
    told = [tier_sentence(record["segments"]), calibration_summary(record)]
    return [whole, *(line for text in told for line in wrap(text, WIDTH, subsequent_indent="  "))]


def tier_sentence(segments: Sequence[Mapping[str, Any]]) -> str:
    """Say whether what each tier promised is what was observed, of the segments of `Segments.to_record`; "" without tiers.

    Examples
    --------
    >>> tier = {"by": "tier", "level": "A", "verdict": "overstated", "predicted": 0.214, "observed": 0.134, "low": 0.084, "high": 0.2}
    >>> tier_sentence([tier, {**tier, "level": "B", "verdict": "calibrated"}])
    'tier A is overstated: 21% predicted, 13% observed (95% interval 8.4% to 20%); no difference shown in tier B'
    """
    tiers = [s for s in segments if s["by"] == "tier"]
    said = [
        f"tier {s['level']} is {s['verdict']}: {percent(s['predicted'])} predicted, {percent(s['observed'])} observed "
        f"(95% interval {percent(s['low'])} to {percent(s['high'])})"
        for s in tiers
        if s["verdict"] in ("overstated", "understated")
    ]
    for verdict, words in (("calibrated", "no difference shown in"), ("too few to say", "too few to say in")):
        names = [str(s["level"]) for s in tiers if s["verdict"] == verdict]
        if names:
            said.append(f"{words} tier{'s' if len(names) > 1 else ''} {format.join(names)}")
    return "; ".join(said)


def calibration_summary(record: Mapping[str, Any]) -> str:
    """Say in one line in how many segments the model is calibrated, of what `Segments.to_record` made.

    Examples
    --------
    >>> segment = {"by": "country", "level": "NL", "verdict": "miscalibrated", "predicted": 0.12, "observed": 0.18}
    >>> calibration_summary({"segments": [segment, {**segment, "level": "BE", "verdict": "calibrated"}]})
    'well calibrated in 1 of 2 segments; miscalibrated: country = NL (12% predicted, 18% observed)'
    """
    every: Sequence[Mapping[str, Any]] = record["segments"]
    every = [s for s in every if s["by"] != "tier"]
    holds, off = ([s for s in every if s["verdict"] == verdict] for verdict in ("calibrated", "miscalibrated"))
    few = len(every) - len(holds) - len(off)
    if not holds and not off:
        return f"calibration by segment: too few positives in each of {len(every)} to say" if every else ""
    said = f"well calibrated in {len(holds)} of {len(holds) + len(off)} segments"
    if off:
        said += "; miscalibrated: " + ", ".join(
            f"{s['by']} = {s['level']} ({percent(s['predicted'])} predicted, {percent(s['observed'])} observed)"
            for s in off[:NAMED]
        )
        said += f" and {len(off) - NAMED} more" if len(off) > NAMED else ""
    return said + (f"; too few to say in {few}" if few else "")


def percent(share: float | None) -> str:
    """Say a share as percent, small ones with a digit after the point.

    Examples
    --------
    >>> percent(0.12), percent(0.034), percent(None)
    ('12%', '3.4%', '–')
    """
    if share is None or share != share:
        return "–"
    return f"{share:.0%}" if share >= 0.1 else f"{share:.1%}"


def drawn_units(record: Mapping[str, Any]) -> str:
    """Say what intervals draw whole: accounts, or leads where none has another lead beside it in an account.

    Examples
    --------
    >>> drawn_units({"sample": {"leads": 90, "accounts": 40}}), drawn_units({"sample": {"leads": 90, "accounts": 90}}), drawn_units({})
    ('accounts', 'leads', 'accounts')
    """
    sample = record.get("sample") or {}
    return "leads" if sample and sample["accounts"] == sample["leads"] else "accounts"
