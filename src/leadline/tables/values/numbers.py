"""Numbers that came as text: with thousands, decimal commas, currencies, percent, K and M, and words for a gap among them.

How a column writes its numbers is told once, by all its visible rows; a bundle keeps it, so that every night reads alike.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from leadline.core.checks import Finding, Severity
from leadline.core.privacy import MIN_GROUP_SIZE
from leadline.storage import Store
from leadline.storage.dialect import literal
from leadline.tables.attributes import Attribute, Reading, number_sql
from leadline.tables.schema import BLANKS, UNTOLD
from leadline.tables.values.placeholders import is_gap_sql

__all__ = ["read_text_columns", "reading_sql"]

YES, NO = ("true", "yes", "y", "t", "1", "1.0"), ("false", "no", "n", "f", "0", "0.0")

CURRENCY = r"(?:(?:us|ca|au|nz|hk|a|c|s)?\$|[€£¥₹]|usd|eur|gbp|chf|jpy|inr|aud|cad|nzd|sgd|sek|nok|dkk|pln|czk|cny|brl|zł|kr\.?|fr\.?)"
UNITS = {"k": "e3", "m": "e6", "mn": "e6", "mio": "e6", "b": "e9", "bn": "e9", "%": "", "": ""}
"""What stands behind a number, and what it makes of it: 45% is 45."""

SPACES = r"\x{0020}\x{00a0}\x{202f}\x{2009}"
MARKS = {"point": (f"[,'’{SPACES}]", r"\."), "comma": (f"[.'’{SPACES}]", ",")}
"""Each reading's marks between thousands, and before decimals."""

FEW, SOME = 0.05, 0.2
"""The share of values that may be no number in a column of numbers; and up to which a column of words is told to be nearly one."""

AT_NIGHT, SURELY = 0.1, 5
"""From this share, and so many rows, on of values that no number can be made of, a model isn't shown a column."""

VARIED = 10
"""So many different numbers are no codes for groups."""

NUMERIC = "TRY_CAST({0} AS DOUBLE) IS NOT NULL AND NOT regexp_matches({0}, '^[+-]?0[0-9]|_')"
LOGICAL = "LOWER({0}) IN ('true', 'false')"
CODES = "regexp_matches({0}, '^[+-]?(0[0-9]|[0-9]+_)')"
TEMPORAL = (
    "(regexp_matches({0}, '^[0-9]{{4}}-[0-9]{{1,2}}-[0-9]{{1,2}}([T ].*)?$') AND TRY_CAST({0} AS TIMESTAMP) IS NOT NULL) "
    "OR regexp_matches({0}, '^[0-9]{{1,2}}([./-])[0-9]{{1,2}}[./-][0-9]{{4}}( .*)?$|^[0-9]{{1,2}}:[0-9]{{2}}(:[0-9]{{2}})?$')"
)
GROUPED = {
    "point": "regexp_matches({0}, '^[^0-9,.]*[1-9][0-9]{{0,2}}(,[0-9]{{3}})+[^0-9,.]*$')",
    "comma": "regexp_matches({0}, '^[^0-9,.]*[1-9][0-9]{{0,2}}(\\.[0-9]{{3}})+[^0-9,.]*$')",
}
"""What may be thousands, or a number with three decimals."""

LONG = "regexp_matches({0}, '[0-9]{{4}}')"


def _decorated_sql(text: str, reading: str) -> str:
    """Write a number as people write it as DOUBLE; NULL where it is none."""
    mark, point = MARKS[reading]
    digits = f"((?:[1-9]\\d{{0,2}}(?:{mark}\\d{{3}})+|0|[1-9]\\d*)(?:{point}\\d+)?|{point}\\d+)"
    gap = f"[{SPACES}]*"
    pattern = f"^([+-]?){gap}{CURRENCY}?{gap}([+-]?){digits}{gap}(k|mn|mio|m|bn|b|%)?{gap}{CURRENCY}?$"
    bare = f"LOWER(TRIM({text}, {literal(BLANKS)}))"
    # Accountants write a loss in brackets.
    bare = f"REGEXP_REPLACE(REPLACE({bare}, '−', '-'), '^\\(([^()-]+)\\)$', '-\\1')"
    found = f"regexp_extract({bare}, {literal(pattern)}, ['s', 't', 'n', 'u'])"
    plain = f"REGEXP_REPLACE(f.n, {literal(mark)}, '', 'g')"
    if reading == "comma":
        plain = f"REPLACE({plain}, ',', '.')"
    power = " ".join(f"WHEN {literal(unit)} THEN {literal(power)}" for unit, power in UNITS.items() if power)
    value = f"TRY_CAST(f.s || f.t || {plain} || CASE f.u {power} ELSE '' END AS DOUBLE)"
    return f"list_transform([{found}], lambda f: {value})[1]"


def reading_sql(text: str, reading: Reading) -> str:
    """Write the expression that makes a number of a text as its column's numbers are written.

    Examples
    --------
    >>> import duckdb
    >>> asked = [("'$ 12.3K'", ""), ("'1.234,5 €'", "comma"), ("'Yes'", "yes_no"), ("'10-50'", "")]
    >>> duckdb.sql(f"SELECT {', '.join(reading_sql(*one) for one in asked)}").fetchall()
    [(12300.0, 1234.5, 1.0, None)]
    """
    if reading == "yes_no":
        yes, no = (", ".join(literal(word) for word in words) for words in (YES, NO))
        return f"CASE WHEN LOWER({text}) IN ({yes}) THEN 1e0 WHEN LOWER({text}) IN ({no}) THEN 0e0 END"
    if reading == "comma":
        return _decorated_sql(text, "comma")
    return f"COALESCE({number_sql(text, UNTOLD)}, {_decorated_sql(text, 'point')})"


def _plain_counts(name: str) -> dict[str, str]:
    """Name what is counted of every column: what its values are without any reading."""
    return {
        "filled": "NOT gap", "gaps": "gap", "plain": f"NOT gap AND (({NUMERIC.format(name)}) OR ({LOGICAL.format(name)}))",
        "codes": CODES.format(name), "times": f"NOT gap AND ({TEMPORAL.format(name)})",
        "logical": f"LOWER({name}) IN ({', '.join(literal(w) for w in YES + NO)})", "digits": f"{name} BETWEEN '0' AND '9~'",
        "like_numbers": f"NOT gap AND regexp_matches({name}, '[0-9]')", "points": f"CONTAINS({name}, '.')",
        "point_groups": f"CONTAINS({name}, '.') AND {GROUPED['comma'].format(name)}", "long": LONG.format(name),
    }  # fmt: skip


def _written_counts(name: str) -> dict[str, str]:
    """Name what is counted of a column that holds numbers as people write them."""
    return {
        "point": "NOT gap AND point IS NOT NULL", "comma": "NOT gap AND comma IS NOT NULL", "only_point": "point IS NOT NULL AND comma IS NULL",
        "only_comma": "comma IS NOT NULL AND point IS NULL", "comma_groups": GROUPED["point"].format(name),
    }  # fmt: skip


def _look(a: Attribute, store: Store, visible: str) -> dict[str, int]:
    """Count what a column's visible values are; as how many a reading makes numbers only where it may be one of numbers."""
    name = a.name

    def count(tests: Mapping[str, str], values: str) -> dict[str, int]:
        counts = ", ".join(f"COUNT(*) FILTER ({test})" for test in tests.values())
        rows = store.rows(
            f"SELECT {counts} FROM (SELECT {values} FROM {a.table} WHERE {name} IS NOT NULL AND {visible}) AS t"
        )
        return dict(zip(tests, map(int, rows[0]), strict=True))

    gap = f"{name}, TRY_CAST({name} AS DOUBLE) IS NULL AND {is_gap_sql(name)} AS gap"
    seen = count(_plain_counts(name), gap)
    if seen["plain"] < seen["filled"] <= seen["like_numbers"] / (1 - SOME):
        both = f"{reading_sql(name, '')} AS point, {reading_sql(name, 'comma')} AS comma"
        seen |= count(_written_counts(name), f"{gap}, {both}")
    return dict.fromkeys(_written_counts(name), 0) | {"point": seen["plain"]} | seen


def read_text_columns(
    table: str, attributes: tuple[Attribute, ...], untold: Collection[str], known: Collection[Attribute] | None, store: Store,
    visible: str = "TRUE",
) -> tuple[tuple[Attribute, ...], list[str], list[Finding]]:  # fmt: skip
    """Tell from the visible rows what the columns hold that came as text, and make numbers of those that hold numbers.

    A later row must not change what a column was, so rows that aren't visible have no say; nor has any row where a
    trained model knows the column.

    Parameters
    ----------
    table : str
        leads or accounts, cut at T.
    attributes : tuple of Attribute
        All attributes; those of other tables are returned as they are.
    untold : collection of str
        Names of the attributes to tell.
    known : collection of Attribute, optional
        Those that a trained model knows; nothing is told of others then.
    store : Store
        Where the table lies; it is rewritten.
    visible : str
        A condition on its rows, where it isn't cut.

    Returns
    -------
    tuple
        The attributes; the columns left out, which hold dates; what is to be told of numbers.
    """
    told: dict[str, Attribute | None] = {}
    found: list[Finding] = []
    for a in attributes:
        if a.table != table or a.name not in untold:
            continue
        if known is not None and any(k.table == table and k.name == a.name for k in known):
            told[a.name], said = a, [*_unread_tonight(a, store, visible)] if a.kind == "number" else []
        else:
            told[a.name], said = _tell(a, store, visible)
        found += said if known is None or told[a.name] is a else []
    out = [name for name, a in told.items() if a is None]
    numbers = [f"{reading_sql(n, a.reading)} AS {n}" for n, a in told.items() if a is not None and a.kind == "number"]
    if out or numbers:
        without = f" EXCLUDE ({', '.join(out)})" if out else ""
        changed = f" REPLACE ({', '.join(numbers)})" if numbers else ""
        store.run(f"CREATE OR REPLACE TABLE {table} AS SELECT *{without}{changed} FROM {table}")
    kept = tuple(made for a in attributes if (made := told.get(a.name, a)) is not None)
    return kept, [a.column for a in attributes if a.name in out], found


def _tell(a: Attribute, store: Store, visible: str) -> tuple[Attribute | None, list[Finding]]:
    """Tell what a column holds; None for dates."""
    seen = _look(a, store, visible)
    words = replace(a, kind="category", reading="")
    filled = seen["filled"]
    if filled and seen["times"] == filled:
        return None, []
    if not filled or seen["codes"]:  # postcodes and numbers of accounts keep their zeros
        return words, []
    if seen["logical"] == filled and seen["plain"] < filled and seen["digits"]:
        return replace(a, kind="number", reading="yes_no"), [*_as_read(a, seen, "yes_no")]
    reading: Reading = (
        "comma" if seen["comma"] > seen["point"] or (seen["only_comma"] and not seen["only_point"]) else ""
    )
    unread = filled - seen["comma" if reading == "comma" else "point"]
    if unread > SOME * filled:
        return words, []
    number = replace(a, kind="number", reading=reading)
    if not unread:
        return number, [*_as_read(a, seen, reading), *_either_way(a, seen, reading)]
    first, shared, varied = _unread(number, store, visible)
    if unread > FEW * filled or (shared >= MIN_GROUP_SIZE and varied <= VARIED):
        return words, [_among(a, filled, unread, first, "taken as words")] if varied > VARIED else []
    return number, [
        _among(a, filled, unread, first, "read as missing"),
        *_as_read(a, seen, reading),
        *_either_way(a, seen, reading),
    ]


def _unread(a: Attribute, store: Store, visible: str) -> tuple[int, int, int]:
    """Return the first row that holds no number, how many rows share such a word, and how many different numbers there are."""
    value = reading_sql(a.name, a.reading)
    words = f'SELECT {a.name} AS word, {value} AS value, "row" FROM {a.table} WHERE {a.name} IS NOT NULL AND NOT {is_gap_sql(a.name)} AND {visible}'
    rows = f'SELECT COUNT(*) AS n, MIN("row") AS first FROM ({words}) AS w WHERE value IS NULL GROUP BY word'
    first, shared = store.rows(f"SELECT MIN(first), MAX(n) FROM ({rows}) AS g")[0]
    varied = store.rows(f"SELECT COUNT(DISTINCT value) FROM ({words}) AS w")[0][0]
    return int(first or 0), int(shared or 0), int(varied)


def _unread_tonight(a: Attribute, store: Store, visible: str) -> Iterator[Finding]:
    """Tell values of which no number can be made, in a column that a model knows as a number."""
    word = f"{a.name} IS NOT NULL AND NOT {is_gap_sql(a.name)} AND {visible}"
    filled, unread, first = store.rows(
        f'SELECT COUNT(*), COUNT(*) FILTER (value IS NULL), MIN("row") FILTER (value IS NULL) FROM '
        f'(SELECT {reading_sql(a.name, a.reading)} AS value, "row" FROM {a.table} WHERE {word}) AS t'
    )[0]
    if unread:
        many = unread >= SURELY and unread > AT_NIGHT * filled
        yield _among(
            a, int(filled), int(unread), int(first), "read as missing", Severity.ERROR if many else Severity.WARNING
        )


def _among(
    a: Attribute, filled: int, unread: int, first: int, taken: str, severity: Severity = Severity.WARNING
) -> Finding:
    """Say how many values of a column of numbers are none."""
    verb = "is" if unread == 1 else "are"
    where = f"row {first}" if unread == 1 else f"first: row {first}"
    return Finding(
        "LL141", severity, f"{a.table}.{a.column}",
        f"{filled - unread:,} of {filled:,} values are numbers, {unread:,} {verb} not ({where}) and {verb} {taken}",
        "numbers alone", "mend the export, or make a number of it in a {query: …} source", unread,
        title="text among numbers",
    )  # fmt: skip


def _as_read(a: Attribute, seen: Mapping[str, int], reading: Reading) -> Iterator[Finding]:
    """Note how a column of text was read as numbers, where it holds more than plain ones."""
    if reading == "yes_no":
        said = [f"{seen['filled']:,} values of yes and no, {seen['digits']:,} of them as digits, are read as 1 and 0"]
    else:
        written = seen["comma" if reading == "comma" else "point"]
        dressed = seen["only_comma"] if reading == "comma" else written - seen["plain"]
        how = "with decimal commas" if reading == "comma" else "with thousands, currency, percent, K or M"
        total, gaps = written + seen["gaps"], seen["gaps"]
        stand = "stands for a gap and is" if gaps == 1 else "stand for a gap and are"
        said = [f"{written:,} of {total:,} values are numbers, {gaps:,} {stand} read as missing"] if gaps else []
        said += [f"{dressed:,} of {written:,} numbers are written {how}"] if dressed else []
    if said:
        yield Finding(
            "LL142", Severity.NOTE, f"{a.table}.{a.column}", "; ".join(said), "plain numbers",
            "nothing to do, if that is what they mean", seen["gaps"], title="numbers written as text",
        )  # fmt: skip


def _either_way(a: Attribute, seen: Mapping[str, int], reading: Reading) -> Iterator[Finding]:
    """Ask about marks that may stand before thousands or before three decimals, where the column's other values don't tell."""
    if reading == "comma":
        return
    groups, points = seen["comma_groups"], seen["point_groups"]
    if groups and seen["long"] and not seen["only_point"]:
        count, mark, as_read, other = groups, ",", "thousands", "decimals"
    elif MIN_GROUP_SIZE <= points == seen["points"] < seen["filled"] and not seen["long"]:
        count, mark, as_read, other = points, ".", "decimals", "thousands"
    else:
        return
    words = {"thousands": "1234", "decimals": "1.234"}
    yield Finding(
        "LL143", Severity.WARNING, f"{a.table}.{a.column}",
        f"{count:,} of {seen['filled']:,} values look like 1{mark}234, and no value tells what the mark stands before; read as "
        f"{as_read} ({words[as_read]}), may be {other} ({words[other]})",
        "one way to read it", "if it is the other, take the mark out or make a point of it in a {query: …} source",
        count, title="thousands or decimals",
    )  # fmt: skip
