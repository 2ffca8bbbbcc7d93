"""The closest known word."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from leadline.core.choices import closest, suggestion

WORDS = st.lists(st.text("abcdefghij_", min_size=1, max_size=12), max_size=8)


@given(WORDS, st.text("abcdefghijABC_", min_size=1, max_size=12))
def test_what_is_suggested_is_known_and_a_known_word_suggests_itself(known: list[str], word: str) -> None:
    assert closest(word, known) in (None, *known)
    assert all(closest(name.upper(), known) == name for name in known)


@given(WORDS, st.text("xyz", min_size=1, max_size=12))
def test_what_resembles_nothing_lists_everything(known: list[str], word: str) -> None:
    told = suggestion(word, known)
    assert told == (f"; expected one of {', '.join(known)}" if known else "")
