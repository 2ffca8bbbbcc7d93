"""Words that stand for a gap: what SQL tools, spreadsheets and forms write where nothing is known."""

from __future__ import annotations

from leadline.storage.dialect import literal
from leadline.tables.schema import BLANKS

__all__ = ["DOUBTFUL", "GAPS", "is_gap_sql", "plain_word_sql"]

GAPS = (
    "", "-", "--", "---", "–", "—", ".", "?", "n/a", "#n/a", "n.a.", "null", "\\n", "none", "nil", "nan", "<na>", "unknown",
    "undefined", "missing", "blank", "empty", "not set", "not provided", "not available", "not applicable", "not specified",
    "not known", "no value", "#null!", "#ref!", "#value!", "#div/0!", "#name?",
)  # fmt: skip
"""What is never a number, nor an account's id, in any spelling of its letters and within any brackets."""

DOUBTFUL = ("0", "na", "test", "other", "private", "personal", "individual", "self", "default", "tbd", "x")
"""What may stand for a gap, and may be a name: Namibia is NA."""


def plain_word_sql(text: str) -> str:
    """Write a text in small letters, without the brackets that stand around it whole.

    Examples
    --------
    >>> import duckdb
    >>> duckdb.sql("SELECT " + plain_word_sql("'[[Not Provided]]'") + ", " + plain_word_sql("'(1) Acme'")).fetchall()
    [('not provided', '(1) acme')]
    """
    bare = f"REGEXP_REPLACE({text}, '^[\\[({{]+([^\\[\\](){{}}]*)[\\])}}]+$', '\\1')"
    return f"LOWER(TRIM({bare}, {literal(BLANKS)}))"


def is_gap_sql(text: str) -> str:
    """Write the condition that a text only says that nothing is known.

    Examples
    --------
    >>> import duckdb
    >>> duckdb.sql("SELECT " + ", ".join(map(is_gap_sql, ("'(not set)'", "' N/A'", "'NA'")))).fetchall()
    [(True, True, False)]
    """
    return f"{plain_word_sql(text)} IN ({', '.join(literal(word) for word in GAPS)})"
