"""LL217: lines under leaks.accept that accept nothing."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import leadline
from leadline.config.schema import Config
from suspects import outcomes


def accepting(folder: Path, accept: dict[str, object]) -> list[tuple[str, str]]:
    """Where LL217 points, and its fix, for a flat file with a strong column `Time on site`."""
    rng, y = outcomes()
    pq.write_table(pa.table({"won": y, "Time on site": rng.normal(size=len(y)) + 2 * y}), folder / "leads.parquet")
    asked = Config.model_validate({
        "version": 1, "name": "vain", "tables": {"leads": {"source": str(folder / "leads.parquet"), "attributes": "all"}},
        "outcome": {"column": "won", "positive": 1}, "snapshots": {"order_by": "row"}, "leaks": {"accept": accept},
    })  # fmt: skip
    found = leadline.check(asked).findings
    accepted = {f.code for f in found if f.accepted}
    return [(f.subject, f.fix) for f in found if f.code == "LL217"] + [(code, "accepted") for code in accepted]


@pytest.mark.parametrize(
    ("accept", "subject", "fix"),
    [
        ({"LL299": "we know"}, "leaks.accept.LL299", "mend the code"),
        ({"LL208": {"Time on sight": "we know"}}, "leaks.accept.LL208: Time on sight", "did you mean `Time on site`?"),
        ({"LL208": {"leads.xyz": "we know"}}, "leaks.accept.LL208: leads.xyz", "drop the line"),
    ],
)
def test_a_name_that_is_not_there_is_told(tmp_path, accept, subject, fix) -> None:
    ((told, mend),) = accepting(tmp_path, accept)
    assert told == subject and fix in mend


@pytest.mark.parametrize("column", ["Time on site", "time on SITE", "leads.Time on site"])
def test_a_column_is_found_by_its_letters(tmp_path, column) -> None:
    assert accepting(tmp_path, {"LL208": {column: "the site's own clock"}}) == [("LL208", "accepted")]


def test_codes_of_later_checks_are_known(tmp_path) -> None:
    codes = {f"LL{n}": "we know" for n in (*range(201, 218), *range(301, 309))}
    assert accepting(tmp_path, codes) == [("LL208", "accepted")]
