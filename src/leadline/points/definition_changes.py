"""Changes of one clause of a definition: each that is tried on older folds, so that the newest fold can judge the best of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import ValidationError

from leadline.config.conditions import When
from leadline.config.schema import Config
from leadline.core.point_in_time import Horizon

__all__ = ["asked_conditions", "changes", "clauses", "without"]

STEP = 10
"""How far a score, or a sum of points, is moved."""


def asked_conditions(config: Config) -> dict[str, When]:
    """List all that a training holds leads against: rules of several conditions, definitions, their clauses, and each change.

    Examples
    --------
    >>> config = Config.model_construct(definitions={"mql": When.model_validate({"all": [{"icp": 1}, {"score": 80}]})},
    ...                                 rules=(), icp={"country": 1})
    >>> list(asked_conditions(config))
    ['mql', 'mql clause 0', 'mql clause 1', 'mql change 0', 'mql change 1', 'mql change 2', 'mql change 3']
    """
    asked = {f"rule_{n}": rule.when for n, rule in enumerate(config.rules) if not rule.when.is_plain}
    for name, whole in config.definitions.items():
        asked[name] = whole
        asked |= {f"{name} clause {n}": clause for n, clause in enumerate(clauses(whole))}
        tried = changes(whole, config.features.windows, len(config.icp))
        asked |= {f"{name} change {n}": changed for n, (_, _, changed) in enumerate(tried)}
    return asked


def clauses(whole: When) -> tuple[When, ...]:
    """Return the conditions that a definition joins at its top: itself where it is one alone.

    Examples
    --------
    >>> [clause.kind for clause in clauses(When.model_validate({"all": [{"icp": 2}, {"score": 80}]}))]
    ['icp', 'score']
    """
    return whole.parts if whole.kind in ("all", "any") else (whole,)


def without(whole: When, clause: int) -> When | None:
    """Return a definition less one of its clauses; None where that leaves nothing.

    Examples
    --------
    >>> without(When.model_validate({"all": [{"icp": 2}, {"score": 80}]}), 0).to_record()
    {'all': [{'score': 80}]}
    """
    parts = clauses(whole)
    if len(parts) < 2:
        return None
    rest = [part.to_record() for n, part in enumerate(parts) if n != clause]
    return When.model_validate({whole.kind: rest})


def changes(whole: When, windows: Sequence[Horizon], criteria: int = 0) -> Iterator[tuple[When, When | None, When]]:
    """Yield every change of one clause: the clause, what stands in its place (None where it is dropped), and the whole.

    Parameters
    ----------
    windows : sequence of Horizon
        Those that features have: a clause's window is moved to the next of them.
    criteria : int
        How many the ICP has.

    Examples
    --------
    >>> called = When.model_validate({"all": [{"behaviour": "call", "at_least": 2, "within": "30d"}, {"icp": 1}]})
    >>> [c.to_record()["all"] for _, _, c in changes(called, [Horizon.parse("7d"), Horizon.parse("30d")], 1)][:2]
    [[{'icp': 1}], [{'behaviour': 'call', 'at_least': 3, 'within': '30d'}, {'icp': 1}]]
    """
    if not whole.parts:
        for leaf in _nudged(whole.to_record(), windows, criteria):
            made = _made(leaf)
            if made is not None:
                yield whole, made, made
        return
    for n, part in enumerate(whole.parts):
        others = [p.to_record() for p in whole.parts]
        if len(others) > 1:
            yield part, None, When.model_validate({whole.kind: others[:n] + others[n + 1 :]})
        for clause, instead, changed in changes(part, windows, criteria):
            inner: Any = [*others[:n], changed.to_record(), *others[n + 1 :]]
            yield clause, instead, When.model_validate({whole.kind: inner[0] if whole.kind == "not" else inner})


def _made(record: dict[str, Any]) -> When | None:
    try:
        return When.model_validate(record)
    except ValidationError:
        return None  # as more distinct names than are listed


def _nudged(leaf: dict[str, Any], windows: Sequence[Horizon], criteria: int) -> Iterator[dict[str, Any]]:
    """Yield a condition with one of its numbers moved."""
    if {"behaviour", "intent", "asset"} & set(leaf):
        for n in (1, -1):
            if leaf.get("at_least", 1) + n >= 1:
                yield {**leaf, "at_least": leaf.get("at_least", 1) + n}
    if "icp" in leaf:
        yield from ({"icp": n} for n in (leaf["icp"] + 1, leaf["icp"] - 1) if 1 <= n <= criteria)
    for key in ("score", "fit", "engagement", "points"):
        if key in leaf:
            yield from ({str(key): leaf[key] + step} for step in (STEP, -STEP) if leaf[key] + step >= 0)
    if "account" in leaf:
        engaged = leaf["account"]
        for key in (k for k in ("people", "roles") if k in engaged):
            yield from ({"account": {**engaged, key: n}} for n in (engaged[key] + 1, engaged[key] - 1) if n >= 1)
        yield from ({"account": {**engaged, "within": w}} for w in _next_to(engaged.get("within"), windows))
    yield from ({**leaf, "within": w} for w in _next_to(leaf.get("within"), windows))


def _next_to(within: str | None, windows: Sequence[Horizon]) -> list[str]:
    """Return the next shorter window, and the next longer one."""
    if within is None:
        return []
    here = Horizon.parse(within)
    shorter, longer = [w for w in sorted(windows) if w < here], [w for w in sorted(windows) if w > here]
    return [str(w) for w in (*shorter[-1:], *longer[:1])]
