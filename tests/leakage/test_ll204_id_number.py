"""LL204: whole numbers that each row has to itself."""

from __future__ import annotations

import numpy as np
import pytest

from suspects import SIZE, flat, outcomes, told

RNG = np.random.default_rng(4)
SHUFFLED = RNG.permutation(SIZE) + 10_000


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("Lead Number", SHUFFLED, True),  # named as an id
        ("contact", np.arange(SIZE) + 600_000, True),  # runs with time
        ("contact", SIZE - np.arange(SIZE), True),  # backwards
        ("revenue", SHUFFLED, False),  # a quantity
        ("Lead Number", RNG.lognormal(9, 1, SIZE), False),  # no whole numbers
        ("order number", np.arange(SIZE) // 10, False),  # shared by ten
    ],
)
def test_an_id_is_told_and_a_quantity_is_not(tmp_path, column, values, expected) -> None:
    _, y = outcomes()
    assert told(flat(tmp_path, y, {column: values}), "LL204") == ([column] if expected else [])
