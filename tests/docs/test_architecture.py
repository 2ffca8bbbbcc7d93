"""What docs/architecture.md says of the tree is so: its paths, its folders, and who imports whom. The README is short."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "leadline"
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
ELSEWHERE = ("benchmarks", "configs", "deploy", "docs", "notebooks", "src", "tests")  # folders of the repository
README_LINES = 150


def named_paths() -> list[str]:
    """List the files and folders that the page names, in code and in its diagram."""
    diagram = "".join(re.findall(r"^```\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))
    spans = [*re.findall(r"`([\w./]+)`", PAGE), *re.findall(r"[\w./]+", diagram)]
    return sorted({span for span in spans if re.fullmatch(r"(\w+/)+|(\w+/)*\w+\.py", span)})


def table_rows() -> dict[str, frozenset[str]]:
    """Return, in the order of the table, each folder and those that it may import."""
    section = PAGE[PAGE.index("## The folders") : PAGE.index("## The life of one row")]
    rows = re.findall(r"^\| `(\w+)/` \| [^|]+ \|([^|]*)\|", section, re.MULTILINE)
    allowed: dict[str, frozenset[str]] = {}
    for folder, cell in rows:
        above = frozenset(allowed)
        allowed[folder] = above if cell.strip() == "all above" else frozenset(re.findall(r"\w+", cell))
    return allowed


def imported_folders(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield each file of a folder with another folder of leadline that it imports."""
    for file in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            parts = [name.split(".") for name in names if name.startswith("leadline.")]
            others = {part[1] for part in parts if (PACKAGE / part[1]).is_dir()} - {folder.name}
            yield from ((str(file.relative_to(PACKAGE)), other) for other in sorted(others))


@pytest.mark.parametrize("path", named_paths())
def test_a_named_path_is_there(path: str) -> None:
    base = ROOT if path.split("/")[0] in ELSEWHERE else PACKAGE
    place = base / path
    assert place.is_dir() if path.endswith("/") else place.is_file()


def test_enough_paths_are_found_to_hold_the_page() -> None:
    assert len(named_paths()) > 60


def test_every_folder_stands_in_the_table() -> None:
    folders = {place.parent.name for place in PACKAGE.glob("*/*.py")}
    assert set(table_rows()) == folders


def test_a_folder_may_import_only_what_stands_above_it() -> None:
    rows = table_rows()
    order = list(rows)
    for folder, allowed in rows.items():
        assert allowed <= set(order[: order.index(folder)]), folder


@pytest.mark.parametrize("folder", table_rows())
def test_a_folder_imports_what_the_table_allows(folder: str) -> None:
    allowed = table_rows()[folder] | {"core"}
    assert [found for found in imported_folders(PACKAGE / folder) if found[1] not in allowed] == []


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= README_LINES


def modules() -> dict[str, ast.Module]:
    """Return every module of the package by its dotted name, parsed."""
    found = {}
    for file in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(("leadline", *file.relative_to(PACKAGE).with_suffix("").parts))
        found[name.removesuffix(".__init__")] = ast.parse(file.read_text(encoding="utf-8"))
    return found


def imports(trees: dict[str, ast.Module]) -> dict[str, set[str]]:
    """Return which modules each module imports, also inside functions and for types alone."""
    found: dict[str, set[str]] = {}
    for name, tree in trees.items():
        nodes = [n for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module]
        named = {(n.module or "", alias.name) for n in nodes for alias in n.names}
        found[name] = {f"{m}.{a}" if f"{m}.{a}" in trees else m for m, a in named if m in trees} - {name}
    return found


def cycles(edges: dict[str, set[str]]) -> set[str]:
    """Return what stays when everything that imports nothing that stays is taken away, again and again."""
    left = {name: set(others) for name, others in edges.items()}
    while free := {name for name, others in left.items() if not others & left.keys()}:
        left = {name: others for name, others in left.items() if name not in free}
    return set(left)


def test_a_planted_cycle_is_found() -> None:
    assert cycles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": set()}) == {"a", "b", "c"}
    assert cycles({"a": {"b"}, "b": set()}) == set()


def test_no_module_imports_itself_round_about() -> None:
    edges = imports(modules())
    assert sum(map(len, edges.values())) > 1000
    assert cycles(edges) == set()


def test_a_folder_holds_few_files_and_a_file_one_idea() -> None:
    files = [file for file in PACKAGE.rglob("*.py") if file.name != "__init__.py"]
    crowded = {str(f.parent): sum(g.parent == f.parent for g in files) for f in files}
    assert {folder: count for folder, count in crowded.items() if count > 15} == {}
    lines = {str(f): len(f.read_text(encoding="utf-8").splitlines()) for f in files}
    assert {name: count for name, count in lines.items() if count > 450} == {}


def test_a_class_name_means_one_thing() -> None:
    named: dict[str, list[str]] = {}
    for module, tree in modules().items():
        for node in tree.body:
            if isinstance(node, ast.ClassDef):
                named.setdefault(node.name, []).append(module)
    assert len(named) > 300
    assert {name: places for name, places in named.items() if len(places) > 1} == {}
