"""LL208: in a flat file, a strong column must be declared."""

from __future__ import annotations

import pytest

from suspects import flat, outcomes, told


@pytest.mark.parametrize(("by", "expected"), [(0.0, []), (0.5, []), (1.1, ["time on site"])])
def test_a_strong_column_is_asked_about(tmp_path, by, expected) -> None:
    rng, y = outcomes()
    assert told(flat(tmp_path, y, {"time on site": rng.normal(size=len(y)) + by * y}), "LL208") == expected


def test_it_says_which_line_to_write(tmp_path) -> None:
    rng, y = outcomes()
    (found,) = [f for f in flat(tmp_path, y, {"time on site": rng.normal(size=len(y)) + 2 * y}) if f.code == "LL208"]
    assert "tables.leads.known_at_creation: [time on site]" in found.fix and "exclude" in found.fix


def test_declared_it_is_let_in_whatever_its_case(tmp_path) -> None:
    rng, y = outcomes()
    assert (
        told(flat(tmp_path, y, {"Visits": rng.normal(size=len(y)) + 2 * y}, known_at_creation=["visits"]), "LL208")
        == []
    )


def test_it_is_not_applicable_to_dated_tables(tmp_path) -> None:
    from suspects import dated

    rng, y = outcomes()
    (found,) = [f for f in dated(tmp_path, y, {"visits": rng.normal(size=len(y)) + 2 * y}) if f.code == "LL208"]
    assert found.severity == "not applicable" and "LL207" in found.seen
