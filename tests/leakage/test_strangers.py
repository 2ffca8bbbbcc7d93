"""The gate on lead sets that it wasn't made with: leaks are refused or asked about, honest columns left alone."""

from __future__ import annotations

import numpy as np
import pytest

import public_like
from leadline.core.checks import Findings
from suspects import dated, flat, told


def stopped(found: Findings) -> set[str]:
    """The columns for which training refuses."""
    return {f.subject.partition(".")[2] for f in found if f.severity == "error"}


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("stranger", public_like.FLAT, ids=lambda s: s.__name__)
def test_a_flat_export(tmp_path, stranger, seed) -> None:
    columns, y, leaks, honest = stranger(np.random.default_rng(seed))
    found = flat(tmp_path, y, columns)
    assert stopped(found) == leaks
    assert not {f.subject.partition(".")[2] for f in found if f.severity == "warning"} & honest


@pytest.mark.parametrize("seed", [1, 2])
def test_leaks_do_not_vouch_for_each_other(tmp_path, seed) -> None:
    columns, y, leaks, honest = public_like.leaks_in_company(np.random.default_rng(seed))
    found = dated(tmp_path, y, columns)
    assert stopped(found) == leaks
    assert "priority" in told(found, "LL207")
    assert not {f.subject.partition(".")[2] for f in found if f.severity == "warning"} & honest


def test_what_sales_wrote_is_refused_even_if_declared(tmp_path) -> None:
    columns, y, *_ = public_like.spanish_courses(np.random.default_rng(1))
    found = flat(tmp_path, y, columns, known_at_creation=list(columns))
    assert {"Observaciones del asesor", "Calidad"} == set(told(found, "LL211"))
