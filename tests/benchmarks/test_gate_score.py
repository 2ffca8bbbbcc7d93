"""The gate's own score, in its short form: each kind of leak that is planted is told, and nothing honest is refused."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT))  # the benches are no part of the installed package

from benchmarks import gate  # noqa: E402

LEADS, SEED = 1500, 2


@pytest.fixture(scope="module")
def score(tmp_path_factory):
    return gate.of_worlds(LEADS, SEED, tmp_path_factory.mktemp("worlds"))


def test_all_eight_kinds_are_found(score) -> None:
    sown, _ = score
    kinds = {gate.PLANTS[s.plant].kind for s in sown}
    missed = [s.plant for s in sown if not s.found]
    assert len(kinds) == 8 and missed == []


def test_what_makes_a_model_worthless_is_refused_and_not_only_told(score) -> None:
    sown, _ = score
    refused = {s.plant for s in sown if s.refused}
    assert refused >= {"L1.1", "L1.2", "L1.4", "L2", "L3.1-field", "L3.3"}


def test_no_honest_column_is_refused_asked_for_or_warned_of(score) -> None:
    _, honest = score
    assert (honest.refused, honest.asked, honest.warned) == ((), (), ())


def test_the_tables_tell_what_was_missed(score, capsys) -> None:
    sown, honest = score
    gate.show(sown, [honest])
    out = capsys.readouterr().out
    assert "kinds found in every world: 8 of 8" in out
    missing = [gate.Sown(s.plant, s.seed, (), ()) if s.plant == "L2" else s for s in sown]
    gate.show(missing, [honest])
    assert "kinds found in every world: 7 of 8" in capsys.readouterr().out
