"""LL305: one attribute that carries the score is refused, or told, by its size; many weak ones aren't."""

from __future__ import annotations

import numpy as np

from gate_experiments import noisy, trial
from leadline.core.checks import Severity, run_checks
from leadline.leakage.experiments import AFTER_TRAINING

CHECK = [c for c in AFTER_TRAINING if c.code == "LL305"]


def hint(y, random, noise: float):
    return y + random.normal(0, noise, len(y))


def test_an_attribute_that_decides_alone_is_refused_by_name() -> None:
    random, y = noisy()
    columns = {"attribute:segment": hint(y, random, 0.3), "clicks": hint(y, random, 2.0)}
    (found,) = run_checks(CHECK, trial(columns, y))
    assert found.severity is Severity.ERROR and found.subject == "leads.segment" and "AUC falls from" in found.seen


def test_one_that_is_declared_known_at_creation_is_noted() -> None:
    random, y = noisy()
    columns = {"attribute:segment": hint(y, random, 0.3), "clicks": hint(y, random, 2.0)}
    (found,) = run_checks(CHECK, trial(columns, y, known=["leads.segment"]))
    assert found.severity is Severity.NOTE and "declared" in found.fix


def test_the_only_honest_attribute_of_a_modest_model_is_no_error() -> None:
    random, y = noisy()
    found = run_checks(
        CHECK, trial({"attribute:source": hint(y, random, 1.2), "clicks": random.normal(size=len(y))}, y)
    )
    assert [f.severity for f in found] == [Severity.WARNING]


def test_weak_hints_that_stand_in_for_each_other_give_no_finding() -> None:
    random, y = noisy()
    columns = {f"attribute:a{k}": hint(y, random, 1.5) for k in range(6)}
    assert len(run_checks(CHECK, trial(columns, y))) == 0


def test_acts_need_more_than_an_attribute_and_are_never_refused() -> None:
    random, y = noisy()
    found = run_checks(CHECK, trial({"behaviour:demo": hint(y, random, 0.3), "clicks": hint(y, random, 2.0)}, y))
    assert [(f.severity, f.subject) for f in found] == [(Severity.WARNING, "driver “behaviour demo”")]


def test_a_strong_attribute_behind_a_stronger_act_is_looked_at_too() -> None:
    random, y = noisy()
    other = (np.arange(len(y)) % 2 == 0) & (y == 1)
    columns = {"behaviour:demo": hint(y * other, random, 0.1), "attribute:segment": hint(y * ~other, random, 0.1)}
    subjects = {f.subject for f in run_checks(CHECK, trial(columns, y))}
    assert "leads.segment" in subjects
