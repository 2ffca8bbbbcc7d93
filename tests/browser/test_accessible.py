"""Every page under axe-core's rules in a real browser: light and dark, wide and narrow, with all that is folded opened."""

from __future__ import annotations

import json
import sys
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Browser

RUN = """
document.querySelectorAll("main details").forEach((part) => { part.open = true; });
axe.run(document, {resultTypes: ["violations"]}).then((told) => {
  const where = (target) => { const s = document.querySelector(target[0])?.closest("section"); return s ? s.id : "page"; };
  const seen = told.violations.flatMap((v) => v.nodes.map((node) => ({
    rule: v.id, impact: v.impact, where: where(node.target), target: node.target.join(" "), why: node.failureSummary})));
  const answer = {seen, passed: told.passes.length, sections: Array.from(document.querySelectorAll("section"), (s) => s.id),
                  wide: document.documentElement.scrollWidth - innerWidth, dark: matchMedia("(prefers-color-scheme: dark)").matches};
  document.body.replaceChildren(document.createElement("pre"));
  document.querySelector("pre").textContent = JSON.stringify(answer);
});
"""
BAD = ("serious", "critical")
WAYS = [
    (kind, *way)
    for kind, ways in {
        "report": ((1280, False), (420, True)),
        "findings": ((1280, True), (420, False)),
        "monitor": ((1280, False), (420, True)),
        "lead": ((1280, True), (420, False)),
    }.items()
    for way in ways
]
"""Each kind of page wide and narrow, light and dark; that all colours have contrast in both, tests/report holds, too."""


@pytest.fixture(scope="module")
def rules() -> str:
    package = pytest.importorskip("axe_core_python", reason="pip install axe-core-python")
    return (files(package) / "axe.min.js").read_text(encoding="utf-8")


@pytest.mark.parametrize(("kind", "width", "dark"), WAYS)
def test_no_section_breaks_a_rule_that_matters(
    chromium: Browser, pages: dict[str, Path], rules: str, kind: str, width: int, dark: bool
) -> None:
    told = chromium.probed(pages[kind].read_text("utf-8"), rules, RUN, width=width, dark=dark)
    assert told["passed"] > 15 and told["dark"] is dark and told["wide"] <= 0
    broken: dict[str, list[Any]] = {name: [] for name in (*told["sections"], "page")}
    for seen in told["seen"]:
        sys.stdout.write(f"{json.dumps(seen)}\n")  # the minor ones, too, are worth a look: pytest -rP
        if seen["impact"] in BAD:
            broken[seen["where"]].append((seen["rule"], seen["target"], seen["why"]))
    assert broken == {name: [] for name in broken}


def test_the_rules_see_what_is_wrong(chromium: Browser, rules: str) -> None:
    faint = (
        '<!doctype html><html lang="en"><title>t</title><body style="background:#fff"><main><section id="s"><h1>h</h1>'
    )
    bad = faint + '<p style="color:#ddd">faint</p><img src="data:,"><button></button></section></main></body></html>'
    told = chromium.probed(bad, rules, RUN)
    serious = {seen["rule"] for seen in told["seen"] if seen["impact"] in BAD and seen["where"] == "s"}
    assert serious >= {"color-contrast", "image-alt", "button-name"}
