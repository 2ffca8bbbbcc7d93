"""Every command and block of the README and of docs/ runs, in its page's order, and prints what the page shows.

The demo is made once (small); each page runs in a copy of its folder. The README makes it and runs in it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from blocks import GAP, KINDS, ROOT, Block, assert_printed, blocks, command_folder, run_block

from forked import Forks

DOCS = sorted(p for p in (ROOT / "docs").rglob("*.md") if "_build" not in p.parts)
PAGES = [
    page for page in DOCS if blocks(page) and page.name != "extend.md"
]  # test_extend.py installs that page's packages
README = ROOT / "README.md"
SMALL = "leadline demo demo --leads 1500"
MADE = ("leadline demo demo", "make demo")
WHOLE, QUICK = (
    "folds: 3, test: 56d}",
    "folds: 2, test: 56d, ablation: false, stability: false}\nleaks: {experiments: false}",
)
EXEMPT = ("make demo", "make venv", "make test")
FEW = 12  # blocks that aren't run

pytestmark = pytest.mark.timeout(900)  # a demo and some trainings, on a machine that may be busy with other tests


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give a folder to run in, with `leadline` of this interpreter on the path."""
    folder = tmp_path_factory.mktemp("docs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{command_folder(folder)}{os.pathsep}{os.environ['PATH']}")
        patch.setenv("PYTHONPATH", str(ROOT / "src"))
        patch.chdir(folder)
        yield folder


@pytest.fixture(scope="module")
def demo(place: Path, forking: Forks) -> tuple[Path, str]:
    """Run the demo once, as `make demo` does, on a small world: (the folder, what it printed)."""
    folder = place / "made"
    folder.mkdir()
    done = forking(*SMALL.split()[1:], cwd=folder, after=600)
    assert done.code == 0, done.err
    return folder, done.out


def test_the_demo_runs_the_whole_job_and_says_what_to_open(demo: tuple[Path, str]) -> None:
    folder, out = demo
    for place in re.findall(r"^  (\S+/\S+)  ", out[out.index("Open next:") :], re.M):
        assert (folder / place).exists(), place
    assert "rank correlation" in out and "is the champion" in out


def run_page(page: Path, folder: Path, demo: tuple[Path, str], forking: Forks) -> None:
    """Run a page's blocks in a copy of the demo's folder, whose trainings there leave out what only adds figures."""
    shutil.copytree(demo[0], folder)
    config = folder / "demo" / "demo.yaml"
    text = config.read_text(encoding="utf-8").replace(WHOLE, QUICK)
    assert QUICK in text
    config.write_text(text, encoding="utf-8")
    name = str(page.relative_to(ROOT))
    for block in blocks(page):
        if block.skipped or block.text.strip() in EXEMPT[1:]:
            continue
        printed = demo[1] if block.text.strip() in MADE else run_block(block, folder, forking, name)
        assert_printed(block.shown, printed, f"{name}: {block.text.splitlines()[0]}")


def test_the_readmes_blocks_run_and_print_what_is_shown(place: Path, demo: tuple[Path, str], forking: Forks) -> None:
    assert sum(bool(b.shown) for b in blocks(README)) >= 3
    folder = place / "readme"
    run_page(README, folder, demo, forking)
    assert (folder / "report.html").is_file()
    assert (folder / "models" / "my-sql-model" / "1" / "SHA256SUMS").is_file()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT / "docs")))
def test_a_pages_blocks_run(page: Path, place: Path, demo: tuple[Path, str], forking: Forks) -> None:
    run_page(page, place / re.sub(r"\W", "-", page.stem), demo, forking)


def test_outputs_are_those_told(demo: tuple[Path, str]) -> None:
    """Columns of the scores, keys of a night's record, and files of a bundle and a night."""
    page = (ROOT / "docs" / "reference" / "outputs.md").read_text(encoding="utf-8")
    told = set(re.findall(r"`([^`\n]+)`", page))
    (night,) = (demo[0] / "scores" / "demo").glob("as_of=*")
    assert set(pq.read_schema(night / "scores.parquet").names) <= told
    assert set(json.loads((night / "night.json").read_text(encoding="utf-8"))) - {"as_of_value", "is_dated"} <= told
    assert {p.name for p in (demo[0] / "models" / "demo" / "1").iterdir()} <= told
    assert {p.name for p in night.iterdir()} - {"scores.parquet"} <= told


def test_blocks_are_of_a_kind_that_runs_and_few_are_left_out(record_property: Callable[[str, object], None]) -> None:
    found: list[tuple[Path, Block]] = [(page, block) for page in [README, *DOCS] for block in blocks(page)]
    left = [(page, block) for page, block in found if block.skipped]
    kinds = Counter(block.language for _, block in found if not block.skipped)
    told = f"{kinds['sh'] + kinds['python']} executed, {kinds['yaml']} configs read, {kinds['usage']} synopses parsed"
    record_property("blocks", f"{len(found) - len(left)} of {len(found)} ({told})")
    assert {block.language for _, block in found} <= KINDS
    assert all(re.fullmatch(r"(not|elsewhere), .{10,}|ends with [\d or]+|", b.mark) for _, b in found)
    assert len(left) <= FEW, [(page.name, block.text.splitlines()[0], block.skipped) for page, block in left]


@pytest.mark.parametrize("page", DOCS, ids=lambda p: str(p.relative_to(ROOT / "docs")))
def test_no_command_hides_in_an_indented_block(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    fenced = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    assert (
        re.findall(
            r"^(?: {4,}|\t)(?![-*|\d]).*$", re.sub(r"^( *[-*\d]+[.]? .*\n(?: +.*\n)*)", "", fenced, flags=re.M), re.M
        )
        == []
    )


def test_python_names_and_commands_in_the_text_are_there() -> None:
    from typer.main import get_command

    import leadline
    from leadline.cli.app import app

    commands = get_command(app).commands  # type: ignore[attr-defined]
    options = {flag for c in commands.values() for p in c.params for flag in p.opts} | {"--help"}
    for page in DOCS:
        text = page.read_text(encoding="utf-8")
        assert set(re.findall(r"`leadline ([a-z]+)", text)) <= set(commands), page
        assert set(re.findall(r"^leadline\.([a-z_]+)\(", text, re.M)) <= set(leadline.__all__), page
        lines = re.findall(r"leadline [a-z]+ [^`\n]*", text)
        assert {flag for line in lines for flag in re.findall(r"(?<=\s)(--[a-z][a-z-]+)", line)} <= options | {
            "--output-on-failure"
        }, page


def test_gaps_are_only_in_what_is_shown() -> None:
    for page in [README, *DOCS]:
        assert [b.text for b in blocks(page) if b.language in ("sh", "python") and GAP in b.text] == []
