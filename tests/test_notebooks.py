"""The notebooks run, in their order, on a small demo world; they're kept without outputs and use the public API alone."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

import leadline
from leadline import demo
from projects import quick

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
SECONDS = 240


def cells(path: Path, kind: str) -> list[dict[str, Any]]:
    """List a notebook's cells of a kind."""
    return [c for c in json.loads(path.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == kind]


def code(path: Path) -> str:
    """Return a notebook's code."""
    return "\n\n".join("".join(c["source"]) for c in cells(path, "code"))


def test_the_five_notebooks_are_there() -> None:
    expected = [
        "01_look_at_your_funnel",
        "02_train_and_judge",
        "03_choose_a_threshold",
        "04_why_this_lead",
        "05_from_a_dataframe",
    ]
    assert [p.stem for p in NOTEBOOKS] == expected


def test_a_dataframe_is_a_compared_model_in_ten_cells() -> None:
    path = FOLDER / "05_from_a_dataframe.ipynb"
    assert len(cells(path, "code")) + len(cells(path, "markdown")) == 10
    assert all(f"leadline.{name}(" in code(path) for name in ("check", "features", "splits", "train", "score"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_outputs_are_stripped(path: Path) -> None:
    assert [c["id"] for c in cells(path, "code") if c["outputs"] or c["execution_count"] is not None] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_no_function_is_defined_and_all_is_short(path: Path) -> None:
    tree = ast.parse(code(path))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
    assert [node.lineno for node in ast.walk(tree) if isinstance(node, kinds)] == []
    assert not re.search(r"\bdef ", code(path))
    assert len(code(path).splitlines()) < 80


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_only_the_public_names_are_used(path: Path) -> None:
    tree = ast.parse(code(path))
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "leadline"
    }
    inner = [
        node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("leadline")
    ]
    assert used and used <= set(leadline.__all__)
    assert inner == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_each_names_the_next(path: Path) -> None:
    following = NOTEBOOKS[NOTEBOOKS.index(path) + 1 :][:1]
    text = "".join("".join(c["source"]) for c in cells(path, "markdown"))
    assert all(f"`{p.name}`" in text for p in following)


def test_they_run_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All in one kernel, which forgets every name between two notebooks: what is imported once needn't be again."""
    nbclient = pytest.importorskip("nbclient", reason="pip install leadline[notebooks]")
    nbformat = pytest.importorskip("nbformat", reason="pip install leadline[notebooks]")
    pytest.importorskip("ipykernel", reason="pip install leadline[notebooks]")
    demo.write_world(demo.make_world(1500, 7), tmp_path / "demo")
    (tmp_path / "demo" / "demo.yaml").write_text(config_text(), encoding="utf-8")
    monkeypatch.setenv("LEADLINE_CONFIG", "demo/demo.yaml")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("MPLBACKEND", "module://matplotlib_inline.backend_inline")  # as in a notebook of a user
    every = [
        cell
        for path in NOTEBOOKS
        for cell in (*nbformat.read(path, as_version=4).cells, nbformat.v4.new_code_cell("%reset -f"))
    ]
    for number, cell in enumerate(every):
        cell["id"] = f"n{number}"
    notebook = nbformat.v4.new_notebook(cells=every)
    client = nbclient.NotebookClient(
        notebook, timeout=SECONDS, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    stopped = ""
    try:
        client.execute()
    except nbclient.exceptions.CellExecutionError as error:
        stopped = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    assert not stopped, stopped
    warned = [o["text"] for c in notebook.cells for o in c.get("outputs", []) if o.get("name") == "stderr"]
    # MLflow's progress bars ask for ipywidgets, which leadline has no use for.
    assert not [w for w in warned if "Warning" in w and "IProgress" not in w], warned
    drawn = [o for c in notebook.cells for o in c.get("outputs", []) if "image/png" in o.get("data", {})]
    assert len(drawn) >= 6, "a notebook without its pictures"
    assert (tmp_path / "models" / "demo" / "1" / "manifest.json").is_file() and (
        tmp_path / "reports" / "lead.html"
    ).is_file()


def config_text() -> str:
    """The demo's config with fewer windows and folds, and without what no notebook shows: the notebooks are the same, and training is quicker."""
    text = demo.config_text("demo/")
    for old, new in (("[7d, 30d, 90d]", "[7d, 30d]"), ("folds: 3, test: 56d", "folds: 2, test: 56d, ablation: false")):
        assert old in text
        text = text.replace(old, new)
    return quick(text)
