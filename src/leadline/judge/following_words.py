"""What is said of the downstream stages, in lines that fit a terminal: records in, text out."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from leadline.report import say
from leadline.times import format_instant

__all__ = ["lines", "told_value"]

WIDTH = 80


def lines(record: Mapping[str, Any] | None) -> list[str]:
    """Return the lines of a run's record of its later stages; none where there are none.

    Examples
    --------
    >>> lines(None)
    []
    """
    if record is None:
        return []
    said = [*_steps(record), *_chain(record), *_value(record)]
    return ["", *(line for text in said for line in _wrapped(text))]


def told_value(later: Mapping[str, float]) -> list[str]:
    """Say a lead's later probabilities and its value; nothing where there are none.

    Examples
    --------
    >>> told_value({"p_won_given_sql": 0.3, "expected_amount": 20000.0, "expected_value": 612.0})
    ['  won given sql: 30.0%; expected amount 20,000; expected value 612']
    """
    parts = [
        f"{name.removeprefix('p_').replace('_', ' ')}{': ' if name.startswith('p_') else ' '}"
        f"{f'{value:.1%}' if name.startswith('p_') else f'{value:,.0f}'}"
        for name, value in later.items()
    ]
    return [f"  {'; '.join(parts)}"] if parts else []


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
            f"  newest fold: AUC {say.amount(model['auc'], 3)} ({say.amount(model['auc_low'], 3)}–{say.amount(model['auc_high'], 3)}), ECE {say.amount(model['ece'], 3)}, "
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
        f"{made['observed']:.2%} observed (95%: {say.share(made['observed_low'], 2)}–{say.share(made['observed_high'], 2)}); AUC on the last stage "
        f"{say.amount(made['auc'], 3)} ({say.amount(made['auc_low'], 3)}–{say.amount(made['auc_high'], 3)}), by the first probability alone {say.amount(made['first_auc'], 3)}"
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
