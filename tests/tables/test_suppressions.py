"""Lists that a night reads apart: by the clock rule, through merges, and refused where they can't be read."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leadline.config.schema import Config
from leadline.core.point_in_time import DAY
from leadline.errors import DataError, LeadlineError, MissingError
from leadline.tables.suppressions import ScoringLists, read_scoring_lists


def at(day: int) -> datetime:
    return datetime.fromtimestamp(day * 86_400, UTC)


def config(folder: Path, timezone: str | None = "UTC", **lists: tuple[dict[str, Any], dict[str, str]]) -> Config:
    """A flat config's sections serve: only the lists are read."""
    tables: dict[str, Any] = {"leads": {"source": "none.csv"}}
    for name, (columns, mapping) in lists.items():
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")
        tables[name] = {"source": str(folder / f"{name}.parquet"), **mapping}
    return Config.model_validate({
        "version": 1, "name": "a", "tables": tables, "timezone": timezone, "outcome": {"column": "c", "positive": 1}, "snapshots": {"order_by": "row"},
    })  # fmt: skip


WHO = {"lead": "who", "account": "firm", "reason": "why", "from": "since", "recorded_at": "known"}


def test_a_row_counts_from_both_its_clocks(tmp_path: Path) -> None:
    columns = {
        "who": ["early", "tonight", "later", "late known", "undated", None], "firm": [None] * 5 + ["acme"], "why": ["x"] * 6,
        "since": [at(1), at(10), at(11), at(1), None, at(2)], "known": [at(1), at(1), at(1), at(10), None, None],
    }  # fmt: skip
    read = read_scoring_lists(config(tmp_path, suppress=(columns, WHO)), 10 * DAY, {})
    assert set(read.leads) == {"early", "undated"} and set(read.accounts) == {"acme"} and read.tiers is None
    assert read.reason("early", None) == "x" and read.reason("z", "acme") == "x" and read.reason("z", "other") is None


def test_a_flat_file_has_no_clock(tmp_path: Path) -> None:
    columns = {"who": ["a", "b"], "since": [at(1), at(99)]}
    assert set(
        read_scoring_lists(config(tmp_path, suppress=(columns, {"lead": "who", "from": "since"})), None, {}).leads
    ) == {
        "a",
        "b",
    }


def test_of_several_tiers_the_newest_that_still_holds_counts(tmp_path: Path) -> None:
    columns = {
        "who": ["a", "a", "a", "b"], "tier": ["old", "new", "over", "gone"], "since": [at(1), at(3), at(4), at(1)],
        "until": [None, at(11), at(10), at(9)],
    }  # fmt: skip
    mapping = {"lead": "who", "tier": "tier", "from": "since", "until": "until"}
    assert read_scoring_lists(config(tmp_path, overrides=(columns, mapping)), 10 * DAY, {}).tiers == {"a": "new"}


def test_what_is_said_of_a_merged_record_holds_for_the_survivor(tmp_path: Path) -> None:
    made = config(
        tmp_path, suppress=({"who": ["a"]}, {"lead": "who"}), overrides=({"who": ["a", "c"], "tier": ["A", "B"]}, {"lead": "who", "tier": "tier"})
    )  # fmt: skip
    read = read_scoring_lists(made, 10 * DAY, {"a": ["b", "c"]})
    assert set(read.leads) == {"a", "b", "c"}
    assert read.tiers == {"a": "A", "b": "A", "c": "B"}  # what is said of the survivor itself wins


def test_numbers_and_text_join_as_elsewhere(tmp_path: Path) -> None:
    read = read_scoring_lists(config(tmp_path, suppress=({"who": [17.0, None]}, {"lead": "who"})), 10 * DAY, {})
    assert set(read.leads) == {"17"}


def test_only_common_reasons_are_told(tmp_path: Path) -> None:
    columns = {"who": [f"L{i}" for i in range(40)], "why": ["customer"] * 25 + [f"mail from {i}" for i in range(15)]}
    read = read_scoring_lists(config(tmp_path, suppress=(columns, {"lead": "who", "reason": "why"})), 10 * DAY, {})
    assert read.counted(read.leads.values()) == {"leads": 40, "by_reason": {"customer": 25, "other": 15}}


@pytest.mark.parametrize(
    ("columns", "mapping", "zone", "words"),
    [
        ({"a": ["x"]}, {"lead": "who"}, "UTC", "tables.suppress"),
        (
            {"who": ["Canary Zq17"], "since": ["soon, Canary Zq17"]},
            {"lead": "who", "from": "since"},
            "UTC",
            "suppress.since",
        ),
        ({"who": ["x"], "since": [datetime(2024, 1, 1)]}, {"lead": "who", "from": "since"}, None, "no time zone"),
    ],
)
def test_what_cannot_be_read_is_refused_without_its_values(
    tmp_path: Path, columns: Any, mapping: Any, zone: str | None, words: str
) -> None:
    with pytest.raises(DataError, match=words) as refusal:
        read_scoring_lists(config(tmp_path, zone, suppress=(columns, mapping)), 10 * DAY, {})
    assert "Canary" not in str(refusal.value)


def test_a_list_that_is_not_there_is_missing(tmp_path: Path) -> None:
    made = config(tmp_path, suppress=({"who": ["x"]}, {"lead": "who"}))
    (tmp_path / "suppress.parquet").unlink()
    with pytest.raises(MissingError, match=r"tables\.suppress\.source"):
        read_scoring_lists(made, 10 * DAY, {})


def test_a_list_names_somebody(tmp_path: Path) -> None:
    from leadline.config.load import parse_config

    text = "version: 1\nname: a\ntables: {leads: {source: a.csv}, suppress: {source: b.csv, reason: why}}\noutcome: {column: c, positive: 1}\nsnapshots: {order_by: row}"
    with pytest.raises(LeadlineError, match="expected `lead`, `account` or both"):
        parse_config(text)


def test_no_lists_read_nothing(tmp_path: Path) -> None:
    assert read_scoring_lists(config(tmp_path), 10 * DAY, {}) == ScoringLists()
