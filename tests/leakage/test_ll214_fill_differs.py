"""LL214: columns filled in clearly more often for one outcome."""

from __future__ import annotations

import pytest

from suspects import flat, outcomes, told, words


@pytest.mark.parametrize(
    ("positive", "negative", "expected"), [(0.85, 0.55, ["need"]), (0.6, 0.55, []), (0.95, 0.1, [])]
)
def test_it_is_told_between_chance_and_refusal(tmp_path, positive, negative, expected) -> None:
    rng, y = outcomes()
    column = words(rng, y, ["x", None], [positive, 1 - positive], [negative, 1 - negative])
    found = flat(tmp_path, y, {"need": column})
    assert told(found, "LL214") == expected
    assert bool(told(found, "LL209")) == (negative == 0.1)
