"""What the leak gate looks at: each attribute as codes beside the outcome, in blocks of time and folds of accounts.

Leads are compared only with leads of their own block of time, so that what merely tells the time separates nothing;
and what a value says is learnt from other accounts than it is judged on, so that noise separates nothing either.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.config.schema import Config
from leadline.core.privacy import MIN_GROUP_SIZE
from leadline.core.rng import Stream, generator
from leadline.storage.dialect import literal
from leadline.tables import LoadedTables
from leadline.tables.attributes import Attribute
from leadline.tables.stages import MERGED, stage_index

__all__ = [
    "FEWEST",
    "Answer",
    "CodedColumn",
    "Evidence",
    "GateContext",
    "auc_standard_error",
    "combined_auc",
    "cross_fitted_auc",
    "encode_column",
    "shuffle_within_blocks",
]


# How far apart a coded column holds the two outcomes: an AUC learnt on other folds, among leads of one block of time.


Floats = npt.NDArray[np.float64]

Ints = npt.NDArray[np.int64]

SHRINK = 20.0  # leads; a level of fewer says little

STEPS = 200  # into which a sum of scores is cut


def cross_fitted_auc(codes: Ints, y: Floats, block: Ints, fold: Ints) -> float:
    """Return the AUC of one coded column, learnt on other folds and judged among leads of the same block; NaN without pairs.

    Examples
    --------
    >>> row = np.arange(4_000)
    >>> y = (row % 3 == 0).astype(float)
    >>> block, fold = row * 5 // 4_000, row // 7 % 5
    >>> round(cross_fitted_auc((row % 3).astype(np.int64), y, block, fold), 3), round(cross_fitted_auc(np.ones(4_000, dtype=np.int64), y, block, fold), 3)
    (1.0, 0.5)
    >>> round(cross_fitted_auc(block, y, block, fold), 3)  # what only tells the time separates nothing
    0.5
    """
    positive, negative = _cells(codes, y, block, fold)
    scores = _scores(positive, negative)
    wins = pairs = 0.0
    for nth in range(scores.shape[0]):
        place = np.unique(np.round(scores[nth], 12), return_inverse=True)[1]
        gather = np.eye(int(place.max()) + 1)[place]
        won, all_pairs = _pairs(positive[:, nth] @ gather, negative[:, nth] @ gather)
        wins, pairs = wins + won, pairs + all_pairs
    return wins / pairs if pairs else float("nan")


def combined_auc(columns: Sequence[Ints], y: Floats, block: Ints, fold: Ints) -> float:
    """Return the AUC of the sum of what the columns say, each learnt on other folds; NaN for none."""
    if not columns:
        return float("nan")
    total = np.zeros(len(y))
    for codes in columns:
        total += _scores(*_cells(codes, y, block, fold))[fold, codes]
    place = np.searchsorted(np.unique(np.quantile(total, np.linspace(0, 1, STEPS + 1)[1:-1])), total)
    cell = block * (int(fold.max()) + 1) + fold
    shape = (int(cell.max()) + 1, int(place.max()) + 1)
    up = np.bincount(cell * shape[1] + place, y, shape[0] * shape[1]).reshape(shape).astype(np.float64)
    down = np.bincount(cell * shape[1] + place, minlength=shape[0] * shape[1]).reshape(shape) - up
    wins, pairs = _pairs(up, down)
    return wins / pairs if pairs else float("nan")


def auc_standard_error(auc: float, positive: int, negative: int) -> float:
    """Return an AUC's standard error for so many independent positives and negatives (Hanley and McNeil 1982).

    Examples
    --------
    >>> round(auc_standard_error(0.7, 100, 1_000), 3)
    0.03
    """
    if not positive or not negative:
        return float("nan")
    q1, q2 = auc / (2 - auc), 2 * auc * auc / (1 + auc)
    spread = auc * (1 - auc) + (positive - 1) * (q1 - auc * auc) + (negative - 1) * (q2 - auc * auc)
    return float(np.sqrt(max(spread, 0.0) / (positive * negative)))


def shuffle_within_blocks(y: Floats, block: Ints, rng: np.random.Generator) -> Floats:
    """Shuffle outcomes within blocks of time.

    Examples
    --------
    >>> shuffle_within_blocks(np.array([1.0, 1.0, 0.0, 0.0]), np.array([0, 0, 1, 1]), np.random.default_rng(1))
    array([1., 1., 0., 0.])
    """
    result = np.empty_like(y)
    result[np.argsort(block, kind="stable")] = y[np.lexsort((rng.random(len(y)), block))]
    return result


def _cells(codes: Ints, y: Floats, block: Ints, fold: Ints) -> tuple[Floats, Floats]:
    """Count positives and negatives by (block, fold, code)."""
    shape = (int(block.max(initial=0)) + 1, int(fold.max(initial=0)) + 1, int(codes.max(initial=0)) + 1)
    place = (block * shape[1] + fold) * shape[2] + codes
    size = shape[0] * shape[1] * shape[2]
    positive: Floats = np.bincount(place, y, size).reshape(shape).astype(np.float64)
    return positive, np.bincount(place, minlength=size).reshape(shape) - positive


def _scores(positive: Floats, negative: Floats) -> Floats:
    """Score each code for each fold: positives beyond what its blocks of time expect, learnt on the other folds."""
    up = positive.sum(axis=1, keepdims=True) - positive
    every = up + negative.sum(axis=1, keepdims=True) - negative
    rate = up.sum(axis=2, keepdims=True) / np.maximum(every.sum(axis=2, keepdims=True), 1)
    scores: Floats = (up - every * rate).sum(axis=0) / (every.sum(axis=0) + SHRINK)
    return scores


def _pairs(up: Floats, down: Floats) -> tuple[float, float]:
    """Count pairs within rows that the columns, in rising order, put right, ties for half; and all pairs."""
    below = np.cumsum(down, axis=1) - down
    return float((up * (below + down / 2)).sum()), float((up.sum(axis=1) * down.sum(axis=1)).sum())


# A column as codes: numbers in bins of like size, words as the levels that enough leads share, 0 where nothing is known.


BINS = 20

EMPTY = frozenset((
    "", "-", "--", "?", ".", "n/a", "n.a.", "#n/a", "na", "nan", "nil", "none", "null", "-none-", "--none--", "- none -", "select", "please select",
    "select one", "--select--", "- select -", "(blank)", "(no value)", "no value", "not set", "not specified", "not provided", "not available",
    "undefined", "unspecified", "unassigned", "(not set)",
    "seleccionar", "seleccione", "selecciona", "selecione", "selecionar", "sin especificar", "não informado", "bitte wählen", "bitte auswählen",
    "auswählen", "keine angabe", "k.a.", "k. a.", "sélectionner", "sélectionnez", "choisir", "non renseigné", "seleziona",
))  # fmt: skip

"""Words that forms and exports write where nothing is known."""


@dataclass(frozen=True, eq=False)
class CodedColumn:
    """An attribute as codes: 0 is missing.

    Attributes
    ----------
    attribute : Attribute
        Which.
    codes : int64 array
        One a lead.
    words : tuple of str
        Each code's level in lower case; nothing for numbers, and for the last code, which holds the rare levels.
    """

    attribute: Attribute
    codes: Ints
    words: tuple[str, ...]

    @property
    def subject(self) -> str:
        """Where a finding about it points."""
        return f"{self.attribute.table}.{self.attribute.column}"

    @property
    def filled(self) -> npt.NDArray[np.bool_]:
        """Which leads have a value."""
        empty = [0, *(code for code, word in enumerate(self.words[:-1]) if word in EMPTY)]
        return ~np.isin(self.codes, empty)


def encode_column(attribute: Attribute, values: Any) -> CodedColumn:
    """Code an Arrow column: numbers into bins of like size, words into the levels that enough leads share."""
    import pandas as pd

    if attribute.kind == "number":
        numbers = values.to_numpy(zero_copy_only=False).astype(np.float64)
        filled = np.isfinite(numbers)
        codes = np.zeros(len(numbers), dtype=np.int64)
        if filled.any():
            edges = np.quantile(numbers[filled], np.linspace(0, 1, BINS + 1)[1:-1], method="higher")
            codes[filled] = 1 + np.searchsorted(np.unique(edges), numbers[filled])
        return CodedColumn(attribute, codes, ())
    found, words = pd.factorize(values.to_pandas(), sort=True)
    said = ["", *(re.sub(r"\s+", " ", str(w)).strip().lower() for w in words)]
    codes = np.asarray(found, dtype=np.int64) + 1
    many = np.bincount(codes, minlength=len(said)) >= MIN_GROUP_SIZE
    many[0] = True
    place = np.where(many, np.cumsum(many) - 1, int(many.sum()))  # rare levels become one, the last
    return CodedColumn(attribute, place[codes], (*(w for w, keep in zip(said, many, strict=True) if keep), ""))


Answer = tuple[str, str, str, str, int]

FEWEST = 30

"""Positive leads below which the gate doesn't judge by behaviour: figures of fewer are noise."""

MOST = 60_000  # leads looked at; more change no figure in its second digit

FOLDS, BLOCKS, IN_BLOCK = 5, 20, 30

IN_USE = 0.01  # share of a block's leads that have a value, below which the column wasn't in use

SHUFFLES = 20


@dataclass(frozen=True, eq=False)
class Evidence:
    """The leads whose outcome is known, one row each.

    Attributes
    ----------
    y : float64 array
        1 where the lead reached the outcome by T, else 0.
    block, fold : int64 arrays
        Its block of time, and its fold: accounts are never torn apart.
    group : int64 array
        Its account, or itself.
    columns : tuple of CodedColumn
        The attributes whose value isn't read from a history.
    account : CodedColumn or None
        Whether a lead has an account: 0 or 1; None where no account is named, or history tells it.
    seed : int
        Of what is drawn by chance.
    """

    y: Floats
    block: Ints
    fold: Ints
    group: Ints
    columns: tuple[CodedColumn, ...]
    account: CodedColumn | None = None
    seed: int = 0

    @property
    def positives(self) -> int:
        """How many reached the outcome."""
        return int(self.y.sum())

    @cached_property
    def expected(self) -> Floats:
        """The rate of each lead's block of time."""
        rate: Floats = np.bincount(self.block, self.y) / np.maximum(np.bincount(self.block), 1)
        return rate[self.block]

    @cached_property
    def alone(self) -> list[float]:
        """How far apart each column alone holds the outcomes while it was in use: an AUC, in the order of the columns."""
        alone = []
        for column in self.columns:
            seen, mine = self.in_use(column)
            alone.append(seen.apart(mine.codes))
        return alone

    def in_use(self, column: CodedColumn) -> tuple[Evidence, CodedColumn]:
        """Keep the blocks of time in which a column was in use, as a field that came last year says nothing of those before.

        All are kept where those would hold too few of an outcome to judge by.
        """
        size = np.maximum(np.bincount(self.block), 1)
        used = np.bincount(self.block, column.filled.astype(np.float64), len(size)) >= IN_USE * size
        rows = used[self.block]
        won = int(self.y[rows].sum())
        if rows.all() or min(won, int(rows.sum()) - won) < FEWEST:
            return self, column
        seen = Evidence(self.y[rows], self.block[rows], self.fold[rows], self.group[rows], (), None, self.seed)
        return seen, replace(column, codes=column.codes[rows])

    def apart(self, codes: Ints) -> float:
        """Return the AUC of a coded column, learnt on other folds and judged among leads of the same time."""
        return cross_fitted_auc(codes, self.y, self.block, self.fold)

    def together(self, columns: Sequence[Ints]) -> float:
        """Return the AUC of the sum of what the columns say."""
        return combined_auc(columns, self.y, self.block, self.fold)

    @cached_property
    def _shuffled(self) -> list[Floats]:
        rng = generator(self.seed, Stream.LEAK_SHUFFLES)
        return [shuffle_within_blocks(self.y, self.block, rng) for _ in range(SHUFFLES)]

    def by_chance(self, codes: Ints) -> float:
        """Return the largest AUC of a coded column among outcomes shuffled within blocks of time."""
        return max(cross_fitted_auc(codes, y, self.block, self.fold) for y in self._shuffled)

    def error(self, auc: float) -> float:
        """Return an AUC's standard error; what counts as independent is accounts, not leads."""
        groups = [len(np.unique(self.group[self.y == outcome])) for outcome in (1, 0)]
        return auc_standard_error(auc, groups[0], groups[1])

    @property
    def short(self) -> str:
        """Say why figures would be noise, or nothing."""
        fewer = min(self.positives, len(self.y) - self.positives)
        return "" if fewer >= FEWEST else f"{fewer} leads of one outcome are too few for figures"


@dataclass(frozen=True)
class GateContext:
    """What a check of the gate may look at: the config, the tables as known at T, and the attributes beside the outcome."""

    config: Config
    loaded: LoadedTables

    @cached_property
    def historied(self) -> frozenset[str]:
        """Columns of leads, the account among them, whose value at as_of comes from the history table."""
        account = self.config.tables.leads.account
        names = [a.column for a in self.loaded.attributes] + ([account] if account else [])
        if self.config.tables.history is None or not names:
            return frozenset()
        listed = ", ".join(literal(name, self.loaded.store.dialect) for name in names)
        rows = self.loaded.store.rows(f"SELECT DISTINCT field FROM history WHERE field IN ({listed})")
        return frozenset(str(row[0]) for row in rows)

    def visible(self, table: str) -> str:
        """Write the condition under which a row may be looked at; dated tables are cut at T already."""
        flat = self.config.is_flat and table == "leads" and self.loaded.known_at is not None
        return f"order_at < {self.loaded.known_at}" if flat else "1 = 1"

    def declared(self, attribute: Attribute) -> bool:
        """Whether the config says that the attribute was known at creation."""
        section = getattr(self.config.tables, attribute.table)
        return attribute.column.lower() in {name.lower() for name in section.known_at_creation}

    @cached_property
    def judged(self) -> tuple[Attribute, ...]:
        """The attributes whose value is the table's, not the history's."""
        joined = self.config.tables.leads.account is not None  # else no lead has an account's attributes
        every = self.loaded.attributes
        return tuple(a for a in every if (a.column not in self.historied if a.table == "leads" else joined))

    @cached_property
    def evidence(self) -> Evidence:
        """The leads whose outcome is known, with their attributes as codes."""
        import pandas as pd

        table = self.loaded.store.arrow(_rows_sql(self.config, self.loaded, self.judged, self.visible("leads")))
        y = table.column("y").to_numpy().astype(np.float64)
        at = table.column("moment").to_numpy().astype(np.int64)
        group = np.asarray(pd.factorize(table.column("who").to_pandas())[0], dtype=np.int64)
        fewer = int(min(y.sum(), len(y) - y.sum()))
        blocks = int(np.clip(fewer // IN_BLOCK, 1, BLOCKS))
        order = np.argsort(at, kind="stable")
        block = np.empty(len(y), dtype=np.int64)
        block[order] = np.arange(len(y)) * blocks // max(len(y), 1)
        drawn = generator(self.config.seed, Stream.LEAK_FOLDS).integers(0, FOLDS, int(group.max(initial=0)) + 1)
        columns = tuple(encode_column(a, table.column(a.name)) for a in self.judged) if len(y) else ()
        return Evidence(y, block, drawn[group], group, columns, self._account(table), self.config.seed)

    def _account(self, table: Any) -> CodedColumn | None:
        """Whether each lead has an account, as a column; CRMs give some leads theirs only once they are won."""
        name = self.config.tables.leads.account
        if name is None or self.config.is_flat or name in self.historied:
            return None
        codes = table.column("has_account").to_numpy().astype(np.int64)
        return CodedColumn(Attribute("leads", name, "account_id", "number"), codes, ())


def _rows_sql(config: Config, loaded: LoadedTables, attributes: tuple[Attribute, ...], visible: str) -> str:
    """Write the query of one row a lead: who, when, whether it reached the outcome, and the attributes."""
    names = "".join(f", {'a' if a.table == 'accounts' else 'l'}.{a.name}" for a in attributes)
    if config.is_flat:
        rows = (
            f"SELECT l.lead_id, l.lead_id AS who, COALESCE(l.order_at, 0) AS moment, l.outcome AS y{names} FROM leads AS l "
            f"WHERE l.outcome IS NOT NULL AND {visible}"
        )
    else:
        named = config.tables.leads.account is not None
        who = "COALESCE(l.account_id, l.lead_id)" if named else "l.lead_id"
        has = "CASE WHEN l.account_id IS NULL THEN 0 ELSE 1 END" if named else "0"
        accounts = "LEFT JOIN accounts AS a ON a.account_id = l.account_id" if named and config.tables.accounts else ""
        since = config.outcome.observed_from
        rows = (
            f"SELECT l.lead_id, {who} AS who, {has} AS has_account, l.created_at AS moment, CAST(CASE WHEN o.reached_at IS NULL THEN 0 ELSE 1 END AS DOUBLE) AS y{names} "
            f"FROM leads AS l LEFT JOIN (SELECT lead_id, MIN(reached_at) AS reached_at FROM reached "
            f"WHERE rung >= {stage_index(str(config.outcome.reaches))} GROUP BY lead_id) AS o ON o.lead_id = l.lead_id {accounts} "
            f"WHERE (o.reached_at IS NULL OR o.reached_at > l.created_at) "
            f"AND l.created_at + {config.horizon.micros} <= {loaded.known_at}"
            + (f" AND l.created_at >= {since}" if since is not None else "")
            + f" AND l.lead_id NOT IN (SELECT lead_id FROM reached WHERE rung = {MERGED} AND lead_id IS NOT NULL)"
        )
    # A hash of the key chooses, not a draw: the same leads whatever the order of rows.
    chosen = f"SELECT * FROM ({rows}) AS r ORDER BY MD5(lead_id), lead_id LIMIT {MOST}"
    return f"SELECT * FROM ({chosen}) AS c ORDER BY lead_id"
