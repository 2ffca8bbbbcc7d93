"""LL203: text that nearly every lead has to itself."""

from __future__ import annotations

from leadline.core.checks import Severity
from suspects import flat, outcomes, told


def test_it_is_told_without_showing_it(tmp_path) -> None:
    _, y = outcomes(size=60)
    (found,) = [
        f
        for f in flat(tmp_path, y, {"diary": [f"wrote to Ms {i} about boats" for i in range(60)]})
        if f.code == "LL203"
    ]
    assert found.severity is Severity.WARNING and found.rows == 60
    assert "boats" not in str(found)


def test_words_that_leads_share_are_left_alone(tmp_path) -> None:
    _, y = outcomes(size=60)
    assert told(flat(tmp_path, y, {"source": ["web", "fair"] * 30}), "LL203") == []
