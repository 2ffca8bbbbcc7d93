"""LightGBM's predictions by its C library: the Python package around it imports scikit-learn, half a second of every night."""

from __future__ import annotations

import ctypes
import importlib.util
import weakref
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leadline.errors import DataError

__all__ = ["LoadedTrees"]

RAW, CONTRIBUTIONS = 1, 3  # what LightGBM calls the kinds of a prediction
DOUBLES, ROW_MAJOR = 1, 1


class LoadedTrees:
    """A model's text as LightGBM itself reads it; the numbers are `lightgbm.Booster.predict`'s, to the bit.

    Parameters
    ----------
    text : str
        What LightGBM wrote.

    Raises
    ------
    DataError
        LightGBM can't read it.

    Examples
    --------
    >>> LoadedTrees("no trees")
    Traceback (most recent call last):
    ...
    leadline.errors.DataError: model.txt: LightGBM can't read it; expected what train wrote; restore or train again
    """

    def __reduce__(self) -> tuple[type[LoadedTrees], tuple[str]]:
        return LoadedTrees, (self._text,)  # a copy loads the text again

    def __init__(self, text: str) -> None:
        self._text = text
        self._model, rounds = ctypes.c_void_p(), ctypes.c_int()
        if _library().LGBM_BoosterLoadModelFromString(text.encode(), ctypes.byref(rounds), ctypes.byref(self._model)):
            raise DataError("model.txt: LightGBM can't read it; expected what train wrote; restore or train again")
        weakref.finalize(self, _library().LGBM_BoosterFree, self._model)

    def predict(
        self, x: NDArray[np.float64], raw_score: bool = False, pred_contrib: bool = False
    ) -> NDArray[np.float64]:
        """Return the rows' margins (`raw_score`), or each column's part of them and, last, the base (`pred_contrib`)."""
        if raw_score == pred_contrib:
            raise ValueError("predict: expected either margins or contributions to be asked for")
        kind = RAW if raw_score else CONTRIBUTIONS
        rows = np.ascontiguousarray(x, dtype=np.float64)
        size, made = ctypes.c_int64(), ctypes.c_int64()
        self._call("LGBM_BoosterCalcNumPredict", len(rows), kind, 0, -1, ctypes.byref(size))
        out = np.empty(size.value)
        self._call(
            "LGBM_BoosterPredictForMat", _place(rows), DOUBLES, *rows.shape, ROW_MAJOR, kind, 0, -1, b"",
            ctypes.byref(made), _place(out),
        )  # fmt: skip
        return out if raw_score else out.reshape(len(rows), rows.shape[1] + 1)

    def _call(self, name: str, *asked: Any) -> None:
        if getattr(_library(), name)(self._model, *asked):
            raise DataError(
                "model.txt: LightGBM doesn't predict with these columns; expected what train wrote; restore or train again"
            )


def _place(numbers: NDArray[np.float64]) -> ctypes.c_void_p:
    return ctypes.c_void_p(numbers.ctypes.data)


@cache
def _library() -> Any:
    """Load the library that lies in the package, without the package."""
    found = importlib.util.find_spec("lightgbm")
    folders = found.submodule_search_locations if found is not None else None
    places = [
        p for f in folders or () for end in ("so", "dylib", "dll") for p in Path(f).glob(f"**/lib_lightgbm.{end}")
    ]
    if not places:
        from lightgbm.basic import _LIB  # built elsewhere: the package knows where

        return _LIB
    return ctypes.CDLL(str(places[0]))
