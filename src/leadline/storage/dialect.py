"""What engines spell differently, in one small table; everything else in the generated SQL is common to all."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DUCKDB", "POSTGRES", "SPARK", "UNTOLD", "Dialect", "identifier", "literal"]

UNTOLD = "TEXT"
"""The type of a column that came as text because its format has no types: what it holds is told by its visible rows."""


@dataclass(frozen=True)
class Dialect:
    """An engine's spelling.

    Attributes
    ----------
    name : str
        As sqlglot calls it.
    quote : str
        What stands around an identifier.
    backslash_escapes : bool
        Whether a backslash in a text literal is an escape (BigQuery, Spark and Databricks read it so).
    double : str
        The type of a 64-bit float.
    text : str
        The type of text.
    """

    name: str
    quote: str = '"'
    backslash_escapes: bool = False
    double: str = "DOUBLE"
    text: str = "VARCHAR"


DUCKDB = Dialect("duckdb")
POSTGRES = Dialect("postgres", double="DOUBLE PRECISION")
SPARK = Dialect("spark", quote="`", backslash_escapes=True, text="STRING")


def literal(text: str, dialect: Dialect = DUCKDB) -> str:
    """Write a text as a SQL literal that can't end early, whatever stands in it.

    Examples
    --------
    >>> literal("O'Hara; DROP TABLE leads")
    "'O''Hara; DROP TABLE leads'"
    >>> print(literal("a\\\\b", SPARK))
    'a\\\\b'
    """
    safe = text.replace("\\", "\\\\") if dialect.backslash_escapes else text
    return "'" + safe.replace("\0", "").replace("'", "''") + "'"


def identifier(name: str, dialect: Dialect = DUCKDB) -> str:
    """Write a name as a quoted identifier.

    Examples
    --------
    >>> print(identifier('Lead "Source'))
    "Lead ""Source"
    >>> print(identifier("Lead `Source", SPARK))
    `Lead ``Source`
    """
    return dialect.quote + name.replace("\0", "").replace(dialect.quote, dialect.quote * 2) + dialect.quote
