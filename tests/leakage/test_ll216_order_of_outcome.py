"""LL216: a flat file whose rows stand in the order of their outcome."""

from __future__ import annotations

import numpy as np
import pytest

from suspects import dated, flat, outcomes, told

GROWS = (np.random.default_rng(2).random(4_000) < np.linspace(0.03, 0.5, 4_000)).astype(int)


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        (np.repeat([0, 1], [1_600, 400]), True),  # lost ones first
        (np.repeat([1, 0], [300, 1_700]), True),
        (np.repeat([1, 0], [5, 30]), False),  # too few rows to say
        (outcomes()[1], False),
        (GROWS, False),  # a base rate that grows sixteenfold
    ],
)
def test_a_sorted_file_is_refused(tmp_path, y, expected) -> None:
    found = flat(tmp_path, y, {"size": np.arange(len(y)) % 7})
    assert told(found, "LL216") == (["order_by: row"] if expected else [])


def test_it_says_how_many_parts_hold_both(tmp_path) -> None:
    (found,) = [f for f in flat(tmp_path, np.repeat([0, 1], [1_650, 350]), {"size": [1] * 2_000}) if f.code == "LL216"]
    assert "of 20 parts of the file in this order 1 hold both outcomes" in found.seen and "order_by" in found.fix


def test_dated_tables_are_in_the_order_of_their_dates(tmp_path) -> None:
    (found,) = [f for f in dated(tmp_path, outcomes()[1], {}) if f.code == "LL216"]
    assert found.severity == "not applicable"
