"""A decision over the champion's place, as a record and as text: who, when, on which cohort, with which figures, and why.

Neither holds a lead's data: counts, figures, and the names of levels that many accounts share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from leadline.core.jsonable import to_jsonable
from leadline.promotion.contest import Verdict

__all__ = ["Decision"]

HEADS = {
    "promoted": "{version} is the champion",
    "refused": "{version} is refused",
    "rolled back": "back to {version}",
}


@dataclass(frozen=True)
class Decision:
    """What was decided.

    Attributes
    ----------
    outcome : str
        promoted, refused or rolled back.
    name, version, former : str, str, str or None
        The model; the version that wanted the champion's place, and the one that had it.
    by, at : str
        Who asked, and when (UTC).
    reason : str
        One sentence.
    asked : mapping
        What it was decided with: the config's hash, leadline's version, both bundles.
    cohort : mapping or None
        The frozen rows: their span, counts and digest; None where nothing was judged.
    verdict : Verdict or None
        The looks and the guards.
    """

    outcome: str
    name: str
    version: str
    former: str | None
    by: str
    at: str
    reason: str
    asked: Mapping[str, Any]
    cohort: Mapping[str, Any] | None = None
    verdict: Verdict | None = None

    @property
    def promoted(self) -> bool:
        """Whether the version has the champion's place now."""
        return self.outcome != "refused"

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values, None for NaN."""
        verdict = None if self.verdict is None else self.verdict.to_record()
        record: dict[str, Any] = to_jsonable({**asdict(self), "promoted": self.promoted, "verdict": verdict})
        return record

    def to_text(self) -> str:
        """Return the decision as Markdown.

        Examples
        --------
        >>> done = Decision("rolled back", "demo", "1", "2", "ann", "2025-06-02T00:00:00Z", "asked for", {})
        >>> print(done.to_text().splitlines()[0])
        # demo: back to 1
        """
        lines = [f"# {self.name}: {HEADS[self.outcome].format(version=self.version)}", "", f"{self.reason}.", ""]
        lines += [f"- decided: {self.at}, asked for by {self.by}", f"- champion before: {self.former or 'none'}"]
        lines += [f"- {key}: {value}" for key, value in self.asked.items()]
        if self.cohort is not None:
            lines += ["", "## The cohort", "", *(f"- {key}: {value}" for key, value in self.cohort.items())]
        if self.verdict is not None:
            lines += _verdict(self.to_record()["verdict"])
        return "\n".join(lines) + "\n"


def _verdict(verdict: Mapping[str, Any]) -> list[str]:
    lines = []
    for look in verdict["looks"]:
        lines += ["", f"## {look['what'].capitalize()}", ""]
        rows = [
            [who, *(_figure(told, name) for name in ("auc", "log_loss", "ece", "precision"))]
            for who, told in look["figures"].items()
        ]
        lines += _table(["", "AUC", "log loss", "ECE", "precision at the capacity"], rows)
        lines += ["", *_guards(look["guards"])]
        if look["segments"]:
            lines += ["", "Large segments (log loss: above 0, the challenger is better):", ""]
            lines += _segments(look["segments"])
    if verdict["guards"]:
        lines += ["", "## Other guards", "", *_guards(verdict["guards"])]
    return lines


def _guards(guards: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [
        [g["name"], _number(g["found"]), _number(g["bound"]), "holds" if g["passed"] else "**refuses**", g["told"]]
        for g in guards
    ]
    return _table(["guard", "found", "bound", "verdict", "told"], rows)


def _segments(segments: Sequence[Mapping[str, Any]]) -> list[str]:
    rows = [
        [
            s["attribute"], s["level"], f"{s['positives']}/{s['rows']}", _number(s["gain"]), _number(s["beyond"]),
            _number(s["off"]), _number(s["champion_off"]), "holds" if s["passed"] else "**refuses**",
        ]
        for s in segments
    ]  # fmt: skip
    heads = ["attribute", "level", "positive", "log loss", "chance", "mean p − rate", "the champion's", "verdict"]
    return _table(heads, rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    cells = [heads, ["---"] * len(heads), *rows]
    return [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in cells]


def _figure(told: Mapping[str, Any], name: str) -> str:
    low, high = told.get(f"{name}_low"), told.get(f"{name}_high")
    interval = "" if low is None or high is None else f" ({_number(low)} to {_number(high)})"
    return f"{_number(told[name])}{interval}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
