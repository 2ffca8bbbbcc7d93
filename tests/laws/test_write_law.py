"""Law 8: only `core/files.py` opens a file for writing, by a look at the code itself."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import leadline

SOURCE = Path(leadline.__file__).parent
WRITERS = {
    "write_text", "write_bytes", "to_parquet", "to_csv", "to_json", "to_excel", "to_feather", "to_pickle", "write_table", "write_csv", "savefig",
    "save_model", "savez", "savetxt", "dump", "touch", "mkdir", "makedirs", "unlink", "rmtree", "rename", "replace_file", "rmdir", "symlink_to",
    "copyfile", "copytree", "copy2", "move", "mkstemp", "NamedTemporaryFile", "TemporaryFile", "TemporaryDirectory", "mkdtemp", "FileHandler",
}  # fmt: skip
"""Methods and functions by which a file comes to be, changes or goes."""

ALLOWED = {
    ("core/leftovers.py", "mkdtemp"): "a spill folder, which its lock and the next process's sweep see to",
    ("core/leftovers.py", "rmtree"): "what dead processes left aside, which nobody reads, goes",
    ("core/leftovers.py", "unlink"): "what dead processes left aside, which nobody reads, goes",
    ("core/leftovers.py", "open"): "os.open for reading, to ask for the lock of what lies there",
    ("storage/spark.py", "TemporaryDirectory"): "tables are handed over there; it is gone when the store closes",
    ("cli/streams.py", "open"): "os.open of the null device, where what libraries print goes",
    (
        "registry/sqlite_store.py",
        "rmdir",
    ): "an experiment's folder that is empty, where its first run couldn't be logged",
    (
        "registry/logged_model.py",
        "save_model",
    ): "MLflow writes a model in a folder of its own, which it uploads and removes",
    ("registry/store_file.py", "unlink"): "an empty SQLite store, which MLflow can't open, makes way for a whole one",
    (
        "registry/store_file.py",
        "rename",
    ): "MLflow writes its own store, in a folder that files.staging gives; it is put in place whole",
}
"""Each exception with its reason; whatever isn't here fails."""

BUFFERS = {"buffer", "sink"}
"""What is written to these names stays in memory."""


def calls(path: Path) -> list[tuple[str, int]]:
    """List the calls of a module that write, by name and line; calls of leadline.core.files and of own functions apart."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    ours = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "leadline.core.files":
            ours |= {name.asname or name.name for name in node.names}
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        function, method = node.func, isinstance(node.func, ast.Attribute)
        name = (
            function.attr
            if isinstance(function, ast.Attribute)
            else function.id
            if isinstance(function, ast.Name)
            else ""
        )
        owner = (
            function.value.id if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) else ""
        )
        in_memory = any(isinstance(a, ast.Name) and a.id in BUFFERS for a in node.args)
        returns = name in ("to_json", "to_csv") and not node.args  # without a path they return text
        if name == "open":
            if _writes(node, is_method=method and owner not in ("os", "io", "gzip", "bz2", "lzma")):
                found.append((name, node.lineno))
        elif (
            name in WRITERS and owner != "files" and not (not method and name in ours) and not in_memory and not returns
        ):
            found.append((name, node.lineno))
    return found


def _writes(call: ast.Call, is_method: bool) -> bool:
    """Whether a call of open asks for writing; a mode that isn't a plain text counts as writing."""
    where = 0 if is_method else 1
    mode = (
        call.args[where] if len(call.args) > where else next((k.value for k in call.keywords if k.arg == "mode"), None)
    )
    if mode is None:
        return False
    return not isinstance(mode, ast.Constant) or any(letter in str(mode.value) for letter in "wax+")


def modules() -> list[str]:
    return sorted(p.relative_to(SOURCE).as_posix() for p in SOURCE.rglob("*.py") if p != SOURCE / "core" / "files.py")


@pytest.mark.parametrize("module", modules())
def test_no_module_but_files_writes(module: str) -> None:
    offending = [f"{name} (line {line})" for name, line in calls(SOURCE / module) if (module, name) not in ALLOWED]
    assert not offending, f"{module} writes by {', '.join(offending)}; pass bytes or text to leadline.core.files"


def test_the_look_at_the_code_sees_writes(tmp_path: Path) -> None:
    code = 'open(p, "w")\np.open("ab")\np.write_text(t)\npq.write_table(t, p)\nopen(p)\np.open("rb")\nfiles.write_text(p, t)\nopen(p, m)\n'
    (tmp_path / "m.py").write_text(code)
    assert [line for _, line in calls(tmp_path / "m.py")] == [1, 2, 3, 4, 8]


def test_files_itself_is_where_writing_stands() -> None:
    assert {name for name, _ in calls(SOURCE / "core" / "files.py")} >= {"open", "mkdir"}
