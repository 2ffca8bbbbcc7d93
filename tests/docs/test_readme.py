"""The README's blocks run, in order, in a folder of their own, and print what it shows.

``make`` blocks are exempt; their targets must be the Makefile's. `make demo` runs as its recipe does, on a small world.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from leadline.yamlfile import parse_config

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXEMPT = ("make demo", "make venv", "make test")
SMALL = ("--leads", "1500")
GAP = "…"


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and the output that is shown right below it."""

    language: str
    text: str
    shown: str


def blocks() -> list[Block]:
    """List the README's blocks; a ``text`` block is what the block before it prints."""
    found: list[Block] = []
    for language, text in re.findall(r"^```(\w+)\n(.*?)^```", README, re.DOTALL | re.MULTILINE):
        if language == "text":
            found[-1] = Block(found[-1].language, found[-1].text, text)
        else:
            found.append(Block(language, text, ""))
    return found


def shape(line: str) -> str:
    """Keep of a printed line what doesn't depend on the world's size: no numbers, ids and dates, no lead's own facts."""
    if re.match(r"\s+[+-]\d+\.\d\d  \S", line):
        return "a cause and its effect"
    if re.match(r"\s+\d+\.\d%( [↑↓]|  )  \S", line):
        return "a driver and its share"
    line = re.sub(r"\b(run|Run) [0-9a-f]{32}", "run ID", line)
    line = re.sub(r"\b[LA]\d{6}\b", "ID", line)
    line = re.sub(r"(\d+\*?/)?[-+]?\d*[.,]?\d[\d,.]*", "#", re.sub(r"(?<=\s)–(?=\s|$)", "#", line))
    line = re.sub(r"\b(\w+)s\b", r"\1", line)  # one warning, two warnings
    return " ".join(line.split())


def assert_printed(shown: str, printed: str, block: str) -> None:
    """Hold that the shown lines were printed in this order; `…` stands for lines left out."""
    there = iter([shape(line) for line in printed.splitlines()])
    for line in shown.splitlines():
        if line.strip() in ("", GAP):
            continue
        wanted = shape(line)
        assert any(wanted == candidate for candidate in there), (
            f"{block!r} doesn't print {line!r} there; it printed:\n{printed}"
        )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give a folder to run in, with `leadline` of this interpreter on the path."""
    folder = tmp_path_factory.mktemp("readme")
    command = folder / "bin" / "leadline"
    command.parent.mkdir()
    command.write_text(f"#!{sys.executable}\nfrom leadline.cli import main\n\nmain()\n", encoding="utf-8")
    command.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")
        patch.chdir(folder)
        yield folder


def run(command: str, folder: Path) -> str:
    """Run a shell command; return what it printed."""
    done = subprocess.run(
        ["bash", "-euc", command], cwd=folder, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def run_block(block: Block, folder: Path) -> str:
    """Run one block; return what it printed."""
    if block.text.strip() == "make demo":
        return run(f"leadline demo demo {' '.join(SMALL)}", folder)
    if block.language == "sh":
        return "" if block.text.strip() in EXEMPT else run(block.text, folder)
    if block.language == "yaml":
        parse_config(block.text, "README.md")
        title = re.match(r"# (\S+\.yaml)\n", block.text)
        assert title, "a yaml block names its file in its first line"
        (folder / title[1]).write_text(block.text, encoding="utf-8")
        return ""
    # A process of its own, as a reader's: MLflow keeps a relative store's connection for as long as a process lives.
    return run(f"{shlex.quote(sys.executable)} - <<'END'\n{block.text}END\n", folder)


def test_make_blocks_name_targets_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    asked = set(re.findall(r"^make ([a-z-]+)", "\n".join(b.text for b in blocks()), re.MULTILINE))
    assert {"make " + t for t in asked} <= set(EXEMPT)
    assert {command.removeprefix("make ") for command in EXEMPT} <= targets
    recipe = re.search(r"^demo:.*\n\t(.+)$", makefile, re.MULTILINE)
    assert recipe and recipe[1] == "$(BIN)/leadline demo demo"


def test_all_blocks_are_of_a_kind_that_runs() -> None:
    kinds = {b.language for b in blocks()}
    assert kinds == {"sh", "python", "yaml", "mermaid"}
    assert sum(bool(b.shown) for b in blocks()) >= 3


def test_options_and_commands_named_in_the_text_are_there() -> None:
    from typer.main import get_command

    from leadline.cli import app

    commands = get_command(app).commands  # type: ignore[attr-defined]
    known = {option for c in commands.values() for p in c.params for option in p.opts}
    assert set(re.findall(r"`leadline ([a-z]+)", README)) <= set(commands)
    assert set(re.findall(r"[`\s](--[a-z][a-z-]+)", README)) - {"--tune", "--help"} <= known


def test_python_names_are_public() -> None:
    import leadline

    assert set(re.findall(r"leadline\.([a-z_]+)\b(?!\.ya?ml)", README)) <= {*leadline.__all__, "yaml"}


def test_blocks_run_and_print_what_is_shown(place: Path) -> None:
    for block in blocks():
        if block.language != "mermaid":
            printed = run_block(block, place)
            assert_printed(block.shown, printed, block.text.splitlines()[0])
    assert (place / "report.html").is_file()
    assert (place / "models" / "my-sql-model" / "1" / "SHA256SUMS").is_file()


def test_columns_of_the_scores_are_those_told(place: Path) -> None:
    from leadline.judge.ranking import COLUMNS

    told = README[README.index("Scores have one row") : README.index("`leadline explain CONFIG")]
    named = re.findall(r"`([a-z_0-9]+)`", told)
    assert named == [c for c in COLUMNS if not re.fullmatch(r"reason_[234]", c)]
