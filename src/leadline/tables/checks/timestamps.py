"""Checks of the two clocks: missing times, rows recorded before they happened, rows of the future."""

from __future__ import annotations

from collections.abc import Iterator

from leadline.core.checks import Finding, Severity
from leadline.tables.checks.base import Answer, Context
from leadline.tables.schema import CLOCKS

__all__ = ["dates_and_times", "dates_only", "flat_file", "future_rows", "missing_time", "one_clock", "recorded_first"]


def missing_time(context: Context) -> Iterator[Answer]:
    """Tell rows without a time; nobody can say when they were known."""
    for table, clock in CLOCKS.items():
        section = getattr(context.config.tables, table)
        if section is not None:
            known = f" AND COALESCE(recorded_at < {context.limit}, TRUE)" if section.recorded_at else ""
            count, first = context.count(f"all_{table}", f"{clock} IS NULL{known}")
            if count:
                yield (
                    f"{table}.{clock}",
                    f"{count} rows have no time (first: row {first}) and are left out",
                    "a time in each",
                    "mend the export",
                    count,
                )


def recorded_first(context: Context) -> Iterator[Answer]:
    """Tell rows that were recorded before they happened, by more than the clocks may differ."""
    for table, clock in CLOCKS.items():
        section = getattr(context.config.tables, table)
        if section is not None and section.recorded_at:
            count, first = context.count(table, f"{clock} > recorded_at + {section.max_clock_skew.micros}")
            if count:
                yield (
                    f"{table}.{clock}",
                    f"{count} rows lie after recorded_at (first: row {first})",
                    f"{clock} ≤ recorded_at",
                    f"fix the export or set tables.{table}.max_clock_skew",
                    count,
                )


def future_rows(context: Context) -> Iterator[Answer]:
    """Tell rows known at T that are dated at or after it; they wait until their time comes."""
    for table, clock in CLOCKS.items():
        section = getattr(context.config.tables, table)
        if section is not None and section.recorded_at:
            count, first = context.count(
                f"all_{table}", f"recorded_at < {context.limit} AND {clock} >= {context.limit}"
            )
            if count:
                yield (
                    f"{table}.{clock}",
                    f"{count} rows known at T lie in its future (first: row {first}) and wait for their time",
                    f"{clock} < T",
                    "check the source's clock",
                    count,
                )


def one_clock(context: Context) -> Iterator[Answer]:
    """Note the tables without recorded_at, where the time of the act stands in."""
    for table in ("events", "stages", "opportunities"):
        section = getattr(context.config.tables, table)
        if section is not None and not section.recorded_at:
            yield (
                table,
                f"no recorded_at, so {CLOCKS[table]} stands in",
                "both clocks",
                "name recorded_at if the source has it; late rows can't be told without it",
                0,
            )


def dates_only(context: Context) -> Iterator[Finding]:
    """Tell columns that hold dates and no times, and whether a row counts from the day's end or its first instant."""
    for found in context.dates:
        if found.rows < found.filled:
            continue
        where, line = f"{found.table}.{found.column}", f"tables.{found.table}.dates"
        seen = f"all {found.rows:,} times are midnight: dates, no times; a row of a day counts from the day's"
        if found.moved:
            severity, seen, fix = (
                Severity.WARNING,
                f"{seen} end",
                f"nothing to do; if they are times, set `{line}: start_of_day`",
            )
        else:
            severity, seen, fix = (
                Severity.NOTE,
                f"{seen} first instant",
                f"if nights are run at another hour than midnight, set `{line}: end_of_day`",
            )
        yield Finding("LL157", severity, where, seen, "times", fix, found.rows)


def dates_and_times(context: Context) -> Iterator[Answer]:
    """Tell columns of which many rows, though not all, are midnight: another export's dates among times."""
    for found in context.dates:
        if found.rows < found.filled:
            line = f"tables.{found.table}.dates"
            now = "the day's end" if found.moved else "the day's first instant, before they happened"
            yield (
                f"{found.table}.{found.column}", f"{found.rows:,} of {found.filled:,} times ({found.rows / found.filled:.0%}) are midnight, as dates are; they count from {now}",
                "times throughout, or dates throughout",
                "nothing to do" if found.moved else f"if these are dates, set `{line}: end_of_day`; if they are times, `{line}: start_of_day`", found.rows,
            )  # fmt: skip


def flat_file(context: Context) -> Iterator[Answer]:
    """Note that the laws of time have nothing to hold on to in a flat file."""
    yield (
        "leads",
        "a flat file has no dates, so the clock rule, censoring and histories are not applicable",
        "dated tables",
        "export events and stages with their times to be protected by them",
        0,
    )
