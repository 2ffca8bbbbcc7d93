"""Checks of what the words for an outcome were taken for: the values of a flat file's column, the stages of dated tables."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from leadline.core.checks import Finding, Severity
from leadline.core.format import yaml_list, yaml_scalar
from leadline.core.privacy import MIN_GROUP_SIZE
from leadline.tables.checks.base import Answer, Context
from leadline.tables.outcome_levels import OutcomeLevel, levels_of, reads_as

__all__ = ["every_level", "open_levels", "stage_words"]

SHOWN = 8
"""Values told, the commonest first."""


def open_levels(context: Context) -> Iterator[Answer]:
    """Ask about values that count as no but look as if the lead's end weren't known yet, and about those left out of a list."""
    levels = _levels(context)
    asked = [level for level in levels if level.is_asked]
    column = context.config.outcome.column
    if asked:
        one = len(asked) == 1
        yield (
            f"leads.{column}",
            f"{_told(asked)} {'is' if one else 'are'} no outcome yet by {'its' if one else 'their'} words or rows, but would count as no{_why(asked)}; {_taken(levels, asked)}",
            "yes, no, or left out as too early to say",
            f"say which it is: {_line(context, levels)} leaves {'its' if one else 'their'} rows out of training and judging, counts them, and scores them when asked; "
            "what does mean no belongs under `negative`",
            sum(level.rows for level in asked),
        )
    elif context.config.outcome.negative:
        rest = [level for level in levels if level.taken == "no" and not level.named]
        if rest:
            yield (
                f"leads.{column}", f"{_told(rest)} {'stands' if len(rest) == 1 else 'stand'} in none of `positive`, `negative` and `open`", "every value in one of the three",
                "add it under `outcome:` where it belongs", sum(level.rows for level in rest),
            )  # fmt: skip


def every_level(context: Context) -> Iterator[Finding]:
    """Tell every value with its rows and what it was taken for; a warning where one counts as no and nothing says that it is."""
    levels = _levels(context)
    doubtful = [level for level in levels if level.taken == "no" and not level.named and level.reading != "no"]
    asked = any(level.is_asked for level in levels)  # LL151 tells it all
    unsure = bool(doubtful) and len(levels) > 2 and not asked
    blank = context.count("leads", "said_outcome IS NULL")[0]
    yield Finding(
        "LL152", Severity.WARNING if unsure else Severity.NOTE, f"leads.{context.config.outcome.column}",
        f"{_taken(levels)}{f', {blank:,} blank rows are left out' if blank else ''}", "each value taken for what it means",
        f"if not, name them: {_line(context, levels)}" if unsure else "nothing to do", sum(level.rows for level in doubtful),
    )  # fmt: skip


def stage_words(context: Context) -> Iterator[Answer]:
    """Ask about stage words that end a lead though they read as open, and about closed deals of which no word says how they ended."""
    config, store = context.config, context.store
    ends = {word: end for end in ("lost", "rejected", "won") for word in config.words(end)}
    tables = [t for t in ("stages", "opportunities") if getattr(getattr(config.tables, t), "stage", None)]
    for table in tables:
        said = store.rows(
            f"SELECT MIN(stage), COUNT(*), LOWER(stage) FROM {table} WHERE stage IS NOT NULL GROUP BY 3 ORDER BY 2 DESC, 3"
        )
        odd = [
            (str(word), int(rows))
            for word, rows, low in said
            if ends.get(low) in ("lost", "won") and reads_as(str(word)) == "open"
        ]
        if odd:
            yield (
                f"{table}.stage", f"{_counted(odd)} read{'s' if len(odd) == 1 else ''} as open, but {'is' if len(odd) == 1 else 'are'} mapped to an end", "words that mean that it is over",
                f"map {'it' if len(odd) == 1 else 'them'} to the stage that {'it means' if len(odd) == 1 else 'they mean'}, or drop {'it' if len(odd) == 1 else 'them'} from `stages:`", sum(n for _, n in odd),
            )  # fmt: skip
    if "opportunities" in tables and config.tables.opportunities is not None and config.tables.opportunities.closed_at:
        missed = [
            (str(word), int(rows))
            for word, rows, low in said
            if low not in ends and ENDS.search(str(low).replace("_", " "))
        ]
        if missed:
            yield (
                "opportunities.stage", f"{_counted(missed)} of closed deals read{'s' if len(missed) == 1 else ''} as an end, but {'is' if len(missed) == 1 else 'are'} mapped to none: such deals count as open",
                "every end mapped to won, lost or rejected", "add it under `stages:`, as in {won: […], lost: […]}", sum(n for _, n in missed),
            )  # fmt: skip


ENDS = re.compile(r"\b(won|lost|closed|rejected|disqualified)\b")


def _counted(words: Sequence[tuple[str, int]]) -> str:
    """Name words that enough rows share, with their rows."""
    return _told([OutcomeLevel(word if rows >= MIN_GROUP_SIZE else "", rows, "no", True, "") for word, rows in words])


def _levels(context: Context) -> tuple[OutcomeLevel, ...]:
    return levels_of(context.config, context.store, "TRUE" if context.default_limit else f"order_at < {context.limit}")


def _told(levels: Sequence[OutcomeLevel]) -> str:
    """Name values with their rows; what may not be named, and what is too many, is counted."""
    named = [level for level in levels if level.word][:SHOWN]
    told = [f"{' '.join(level.word.split())[:40]} ({level.rows:,} rows)" for level in named]
    others = len(levels) - len(named)
    if others:
        rows = sum(level.rows for level in levels) - sum(level.rows for level in named)
        told.append(f"{others} other value{'s' if others > 1 else ''} ({rows:,} rows)")
    return ", ".join(told[:-1]) + (" and " if len(told) > 1 else "") + told[-1]


def _taken(levels: Sequence[OutcomeLevel], apart: Sequence[OutcomeLevel] = ()) -> str:
    """Say what every value was taken for, apart from some."""
    parts = [(taken, [v for v in levels if v.taken == taken and v not in apart]) for taken in ("yes", "no", "open")]
    return ", ".join(f"{_told(mine)} count{'s' if len(mine) == 1 else ''} as {taken}" for taken, mine in parts if mine)


def _why(asked: Sequence[OutcomeLevel]) -> str:
    told = [f"{level.word}: {level.evidence}" for level in asked if level.evidence]
    return f" ({'; '.join(told)})" if told else ""


def _line(context: Context, levels: Sequence[OutcomeLevel]) -> str:
    """Write the config's line that says of every value what it seems to mean."""
    outcome = context.config.outcome
    sorts = {
        "negative": [v.word for v in levels if v.word and v.taken == "no" and not v.is_asked],
        "open": [v.word for v in levels if v.word and (v.is_asked or v.taken == "open")],
    }
    column, positive = yaml_scalar(str(outcome.column)), outcome.positive
    yes = yaml_scalar(positive) if isinstance(positive, str) and not positive.isdecimal() else str(positive).lower()
    given = [f"{key}: {yaml_list(words[:SHOWN])}" for key, words in sorts.items() if words]
    return f"`outcome: {{{', '.join([f'column: {column}', f'positive: {yes}', *given])}}}`"
