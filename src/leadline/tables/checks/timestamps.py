"""Checks of the two clocks: missing times, rows recorded before they happened, rows of the future."""

from __future__ import annotations

from collections.abc import Iterator

from leadline.tables.checks.base import Answer, Context
from leadline.tables.schema import CLOCKS

__all__ = ["flat_file", "future_rows", "missing_time", "one_clock", "recorded_first"]


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


def flat_file(context: Context) -> Iterator[Answer]:
    """Note that the laws of time have nothing to hold on to in a flat file."""
    yield (
        "leads",
        "a flat file has no dates, so the clock rule, censoring and histories are not applicable",
        "dated tables",
        "export events and stages with their times to be protected by them",
        0,
    )
