"""A column as codes: numbers in bins of like size, words as the levels that enough leads share, 0 where nothing is known."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from leadline.judge.apart import Ints
from leadline.privacy import MIN_GROUP_SIZE
from leadline.tables.attributes import Attribute

__all__ = ["Column", "encode"]

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
class Column:
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


def encode(attribute: Attribute, values: Any) -> Column:
    """Code an Arrow column: numbers into bins of like size, words into the levels that enough leads share."""
    import pandas as pd

    if attribute.kind == "number":
        numbers = values.to_numpy(zero_copy_only=False).astype(np.float64)
        filled = np.isfinite(numbers)
        codes = np.zeros(len(numbers), dtype=np.int64)
        if filled.any():
            edges = np.quantile(numbers[filled], np.linspace(0, 1, BINS + 1)[1:-1], method="higher")
            codes[filled] = 1 + np.searchsorted(np.unique(edges), numbers[filled])
        return Column(attribute, codes, ())
    found, words = pd.factorize(values.to_pandas(), sort=True)
    said = ["", *(re.sub(r"\s+", " ", str(w)).strip().lower() for w in words)]
    codes = np.asarray(found, dtype=np.int64) + 1
    many = np.bincount(codes, minlength=len(said)) >= MIN_GROUP_SIZE
    many[0] = True
    place = np.where(many, np.cumsum(many) - 1, int(many.sum()))  # rare levels become one, the last
    return Column(attribute, place[codes], (*(w for w, keep in zip(said, many, strict=True) if keep), ""))
