"""What the values of a flat file's outcome are taken for: yes, no, open (no outcome yet), or nobody can say.

A value counts as the config says; what it doesn't name is read by its words, and by what its rows look like: those of a
value that is no outcome yet are younger than all others, or lack a date that ended ones have.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from leadline.config.schema import Config
from leadline.core.privacy import MIN_GROUP_SIZE
from leadline.storage import Store
from leadline.storage.dialect import identifier, literal

__all__ = ["NO", "YES", "OutcomeLevel", "levels_of", "means_sql", "reads_as"]

YES, NO = ("true", "yes", "y", "t", "1"), ("false", "no", "n", "f", "0")

STILL = (
    r"\byet\b|undecided|to be (decided|contacted)|\btbd\b|not (started|contacted|worked|decided|assigned)|no decision"
)

ENDED = (
    r"\b(lost|lose|closed|dead|junk|spam|invalid|duplicate|never|expired|lapsed)\b|\breject|\bdis ?qualif|\bun ?qualif|\bdeclin|\bchurn"
    r"|\bqualified out\b|\bcancel|\bfail|\brefus|\bwithdr|\babandon|^non?\b|\bnot\b|\bnone\b|\bun(interested|responsive|successful|converted|sold|won)"
)

OPEN = (
    r"\b(re ?)?open(ed)?\b|\bengag|\bin ?progress|\bon ?going|\bprospect|\bpending|^new( (lead|deal|opportunity|enquiry|inquiry|prospect|contact))?$|\bnurtur|\bworking\b|\bwip\b|\bcontacted\b|\battempt"
    r"|\b(un)?assigned\b|\bnegotiat|\bproposal|\bquot(e|ed|ation)\b|\bqualif(ied|ying|ication)|\bdiscovery\b|\bevaluat|scheduled$|contract ?sent"
    r"|\bneeds analysis|\bvalue proposition|decision ?makers?|\bperception analysis|\bfollow(ing)? ?up|\bawait|\bwaiting|\bhold\b|\bto ?do\b"
    r"|\bun(worked|touched)\b|\breview|\bqueue|\bprocessing\b|\bundetermined|\bpipeline\b|\bmql\b|\bsql\b|\bopportunity\b"
    r"|\boffen\b|\bin bearbeitung|\ben cours|\bouvert|\babiert[oa]|\babert[oa]|\bem andamento|\ben curso|\bin corso|\bapert[oa]|\blopend"
)

YOUNGER = 0.90
"""AUC by which a value's rows are younger than all others, from which it looks as if it were no outcome yet."""

FILLED, BLANK = 0.95, 0.05


@dataclass(frozen=True)
class OutcomeLevel:
    """A value of the outcome: how many rows have it, what it was taken for, and why it may be no outcome yet.

    Attributes
    ----------
    word : str
        As the file spells it; "" where fewer than 20 rows share a word that leadline doesn't know.
    rows : int
        Rows with it.
    taken : str
        `yes`, `no` or `open`: what the config makes of it.
    named : bool
        Whether the config names it.
    reading : str
        `no` or `open` where that is what the word says; "" for others.
    evidence : str
        What its rows show of its being no outcome yet; "".
    """

    word: str
    rows: int
    taken: Literal["yes", "no", "open"]
    named: bool
    reading: str
    evidence: str = ""

    @property
    def is_asked(self) -> bool:
        """Whether it counts as no though it looks as if it were no outcome yet."""
        return not self.named and self.taken == "no" and (self.reading == "open" or bool(self.evidence))


def reads_as(word: str) -> Literal["yes", "no", "open", ""]:
    """Read what a value says of the outcome, "" where it says nothing that is known.

    Examples
    --------
    >>> [reads_as(w) for w in ("In Progress", "Prospecting", "Working - Contacted", "New", "not yet", "appointmentscheduled")]
    ['open', 'open', 'open', 'open', 'open', 'open']
    >>> [reads_as(w) for w in ("Lost", "0", "Closed - Not Converted", "Unqualified", "Not interested"," NO ")]
    ['no', 'no', 'no', 'no', 'no', 'no']
    >>> reads_as("Yes"), reads_as("blue"), reads_as("renewed")
    ('yes', '', '')
    """
    bare = " ".join(re.sub(r"[\W_]+", " ", word.lower()).split())
    if _as_number(word) in (0.0, 1.0) or bare in YES + NO:
        return "yes" if bare in YES or _as_number(word) == 1 else "no"
    if re.search(STILL, bare):
        return "open"
    if re.search(ENDED, bare):
        return "no"
    return "open" if re.search(OPEN, bare) else ""


def means_sql(column: str, values: tuple[str | int | float | bool, ...]) -> str:
    """Write whether a cell is one of these values; words for yes and no, and 1 and 1.0, are the same.

    YAML reads a bare ``yes`` as true, so a value of true also means yes, y, t and 1.

    Examples
    --------
    >>> means_sql("won", ("Lost",))
    "(LOWER(TRIM(CAST(won AS VARCHAR))) IN ('lost'))"
    >>> means_sql("won", ())
    'FALSE'
    """
    text, tests = f"LOWER(TRIM(CAST({column} AS VARCHAR)))", []
    for value in values:
        words, number = _alike(str(value).strip().lower())
        tests.append(f"{text} IN ({', '.join(literal(w) for w in words)})")
        if number is not None:
            tests.append(f"TRY_CAST({column} AS DOUBLE) = {number!r}")
    return f"({' OR '.join(tests)})" if tests else "FALSE"


def _alike(word: str) -> tuple[tuple[str, ...], float | None]:
    """List the words that mean the same, all of yes, all of no, or the word alone; and the number that does, if any."""
    number = _as_number(word)
    for words, means in ((YES, 1.0), (NO, 0.0)):
        if word in words or number == means:
            return words, means
    return (word,), number


def _as_number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None


def levels_of(config: Config, store: Store, seen: str = "TRUE") -> tuple[OutcomeLevel, ...]:
    """Say what each value of the outcome was taken for, the commonest first.

    Parameters
    ----------
    seen : str
        Which rows of ``leads`` to look at, by a condition.
    """
    asked, word = config.outcome, "said_outcome"
    rows = store.rows(
        f"SELECT MIN({word}), COUNT(*), MAX(outcome), BOOL_OR({means_sql(word, asked.negative)} OR {means_sql(word, asked.open)}) "
        f"FROM leads WHERE {seen} AND {word} IS NOT NULL GROUP BY LOWER({word}) ORDER BY 2 DESC, 1"
    )
    lacking = _lacking(config, store, seen) if len(rows) > 2 else {}
    younger = _younger(config, store, seen)
    made = []
    for name, count, outcome, named in rows:
        taken: Literal["yes", "no", "open"] = "open" if outcome is None else "yes" if outcome == 1 else "no"
        said, why = reads_as(str(name)), ""
        if taken == "no" and not said and count >= MIN_GROUP_SIZE:
            why = lacking.get(str(name).lower(), "") or younger.get(str(name).lower(), "")
        told = str(name) if named or taken == "yes" or said or count >= MIN_GROUP_SIZE else ""
        made.append(OutcomeLevel(told, int(count), taken, bool(named), said, why))
    return tuple(made)


def _younger(config: Config, store: Store, seen: str) -> dict[str, str]:
    """Find the values whose rows are younger than all others; the file's own order tells nothing of that."""
    if config.snapshots.order_by == "row":
        return {}
    rows = store.rows(
        "SELECT level, SUM(place), COUNT(*), MAX(total) FROM (SELECT LOWER(said_outcome) AS level, COUNT(*) OVER () AS total, "
        "RANK() OVER (ORDER BY order_at) + (COUNT(*) OVER (PARTITION BY order_at) - 1) / 2.0 AS place "
        f"FROM leads WHERE {seen} AND said_outcome IS NOT NULL AND order_at IS NOT NULL) AS r GROUP BY level"
    )
    found = {}
    for level, places, mine, total in rows:
        others = int(total) - int(mine)
        if min(int(mine), others) >= MIN_GROUP_SIZE:
            apart = (float(places) - int(mine) * (int(mine) + 1) / 2) / (int(mine) * others)
            if apart >= YOUNGER:
                found[str(level)] = f"its rows are younger than the others, AUC {apart:.2f}"
    return found


def _lacking(config: Config, store: Store, seen: str) -> dict[str, str]:
    """Find the values whose rows lack what rows of yes, and of one other value, have: such as the date of the end."""
    there = store.rows("DESCRIBE raw_leads")
    outcome = str(config.outcome.column).lower()
    columns = [str(row[0]) for row in there if str(row[0]).lower() != outcome]
    source = next(str(row[0]) for row in there if str(row[0]).lower() == outcome)
    text = f"TRIM(CAST({identifier(source)} AS VARCHAR))"
    counts = ", ".join(f"COUNT(NULLIF(TRIM(CAST({identifier(c)} AS VARCHAR)), ''))" for c in columns)
    rows = store.rows(
        f"SELECT LOWER({text}), MAX(CASE WHEN {means_sql(identifier(source), (config.outcome.positive or '',))} THEN 1 ELSE 0 END), COUNT(*), {counts} "
        f"FROM raw_leads WHERE {text} <> '' GROUP BY 1 HAVING COUNT(*) >= {MIN_GROUP_SIZE}"
    )
    shares = {str(r[0]): [int(n) / int(r[2]) for n in r[3:]] for r in rows}
    yes = [str(r[0]) for r in rows if r[1]]
    found: dict[str, str] = {}
    for at, column in enumerate(columns):
        full = [level for level, share in shares.items() if share[at] >= FILLED]
        if len(full) >= 2 and set(yes) & set(full):
            for level, share in shares.items():
                if share[at] <= BLANK:
                    found.setdefault(level, f"its rows lack {column}, which the others have")
    return found
