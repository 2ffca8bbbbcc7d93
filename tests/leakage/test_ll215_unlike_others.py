"""LL215: with dated tables, an attribute far stronger than all others together."""

from __future__ import annotations

import pytest

from suspects import dated, outcomes, told


@pytest.mark.parametrize(("alone", "others", "expected"), [(1.0, 0.2, ["cell_rate"]), (1.0, 0.8, []), (0.4, 0.0, [])])
def test_it_is_told_where_the_others_know_far_less(tmp_path, alone, others, expected) -> None:
    rng, y = outcomes()
    columns = {"cell_rate": rng.normal(size=len(y)) + alone * y, "size": rng.normal(size=len(y)) + others * y}
    found = dated(tmp_path, y, columns)
    assert told(found, "LL215") == expected and told(found, "LL207") == []
