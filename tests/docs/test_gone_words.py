"""What users see speaks the field's words: texts in the source, help, templates and docs hold none that is gone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from blocks import ROOT

SOURCE = ROOT / "src" / "leadline"

GONE = (
    (r"^(said|came)$", "predicted, observed"),
    (r"\bsaid and came\b|\bwas said\b|\bwhat (was said|came)\b", "predicted, observed"),
    (r"(\{\}|%) (said, |came\b)|\b(said|came) \{", "predicted, observed"),
    (r"\bdrawing lots\b|\b(than|is|by|or|and) lots\b|\b(by|draws?|drawn by) lot\b", "random order, at random"),
    (r"\bfrequenc(y table|ies)\b|\bfreq\.", "naive Bayes"),
    (r"\bmoves? (the )?scores\b", "feature importance (mean |SHAP|)"),
    (r"\bhow good, how sure\b|^how sure$", "model performance"),
    (r"\bfamil(y|ies) of features is (left out|worth)|\beach family is worth\b|^worth_", "feature-family ablation"),
    (
        r"\bworking the best \d|\b(best|top) .{1,40} past nights?\b|\bpast nights?\b",
        "top-N backtest, scoring dates",
    ),
    (r"\b(un)?ripe(n|ned|ns|ness)?\b", "censored, old enough to count"),
    (r"\bknown late\b", "recorded after as_of"),
    (r"\bcut at (?!T\b)|\b(at|above|below|near|trained|fixed|a|best|every|choose the) cut\b(?! off)", "threshold"),
    (r"\b(at|above|below|of|choose|were) the cut\b(?! at T)", "threshold"),
    (r"\bdo (the )?probabilities hold\b.*\bserved\b|\bcalibration holds in\b", "well calibrated"),
    (r"\bpoints card\b", "scorecard"),
    (r"\btoday[’']s points\b", "current scoring rules"),
    (r"\bLightGBM as it comes\b", "LightGBM (defaults)"),
    (r"\b(draw\w*) accounts again\b|\baccounts (are )?drawn again\b", "cluster bootstrap by account"),
    (r"\b(from stage to stage|questions? that follows? the first)\b", "multi-stage conversion, downstream stages"),
    (r"\bwhat sales rejected\b", "disqualification reasons"),
    (r"\b(the nearest action|what would move it)\b", "next best action (what-if)"),
    (
        r"\bacts (of (any|purchase|evaluation|awareness|one)|faster than)\b|\brecent acts\b|\bany act\b|\bsingle acts?\b",
        "events",
    ),
    (r"\b(no|each|lower|lowest|our|the|a) rungs?\b", "stage"),
    (r"^(sayers|doubts|nights\.)$|^segments\.(holds|off)$|\bcame_over_said\b", "the record's and MLflow's names"),
)
"""What is gone, as a regular expression over a text, and what to say instead."""


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield a file's texts with their lines: of Python all strings but docstrings and exported names, else paragraphs."""
    content = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        yield from strings(ast.parse(content))
        return
    for paragraph in re.finditer(r"(?:.+\n?)+", content):
        yield content.count("\n", 0, paragraph.start()) + 1, paragraph[0]


def strings(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield the strings that may be shown; what an f-string fills in is a pair of braces."""
    skipped: set[int] = set()
    for node in ast.walk(tree):  # outer nodes come before inner ones
        exported = isinstance(node, ast.Assign) and any(getattr(t, "id", "") == "__all__" for t in node.targets)
        if exported or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            skipped |= set(map(id, ast.walk(node)))
        elif isinstance(node, ast.JoinedStr):
            skipped |= set(map(id, node.values))
            yield node.lineno, "".join(str(v.value) if isinstance(v, ast.Constant) else "{}" for v in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node.lineno, node.value


def hits(text: str) -> list[str]:
    """List what of a text is gone, with what to say instead; lines are read as one."""
    joined = " ".join(text.split())
    matches = ((re.search(rx, joined, re.IGNORECASE), instead) for rx, instead in GONE)
    return [f"{match[0]!r}, say: {instead}" for match, instead in matches if match]


def gone(path: Path) -> list[str]:
    """Say where a file holds a word that is gone."""
    return [f"{path.name}:{line}: {hit}" for line, text in texts(path) for hit in hits(text)]


def seen() -> list[Path]:
    """List the files whose texts users read, wherever in the source they lie."""
    source = [path for path in SOURCE.rglob("*") if path.suffix in (".py", ".j2", ".yaml", ".md")]
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    return sorted([*source, *pages])


def test_no_text_that_users_see_holds_a_word_that_is_gone() -> None:
    files = seen()
    assert len(files) > 200 and {".py", ".j2", ".md"} <= {path.suffix for path in files}
    assert [hit for path in files for hit in gone(path)] == []


def test_help_of_every_command_holds_none() -> None:
    from typer.main import get_command
    from typer.testing import CliRunner

    from leadline.cli.app import app

    commands = sorted(get_command(app).commands)  # type: ignore[attr-defined]
    assert {"train", "score", "monitor"} <= set(commands)
    for name in ("", *commands):
        result = CliRunner().invoke(app, [*([name] if name else []), "--help"])
        assert result.exit_code == 0 and result.output
        assert hits(re.sub(r"[^\x00-\x7f]", " ", result.output)) == [], name


PLANTED = {
    "table.py": 'HEAD = ["tier", "said", "95%"]\n',
    "filled.py": 'def line(a, b):\n    return f"{a} said, {b} came"\n',
    "joined.py": 'TEXT = (\n    "the model, and drawing "\n    "lots"\n)\n',
    "page.md": "# A page\n\nLeads that are not\nripe yet.\n",
    "page.j2": "<h2>What moves scores</h2>\n",
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_word_is_caught_with_its_line(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(PLANTED[name], encoding="utf-8")
    assert gone(tmp_path / name) and all("say: " in hit for hit in gone(tmp_path / name))


def test_docstrings_exported_names_and_the_words_of_today_are_left_alone(tmp_path: Path) -> None:
    text = '"""What moves scores."""\n__all__ = ["said"]\nHEAD = ["predicted", "observed"]\nAT = "cut off at T; a pricing cut-off"\n'
    (tmp_path / "fine.py").write_text(text, encoding="utf-8")
    assert gone(tmp_path / "fine.py") == []
