"""The fenced blocks of the pages, and how each kind is run: in order, in a folder where the demo has run.

A mark on the line above a fence, which no reader sees, says what is special:

- ``<!-- runs: ends with 65 -->``: which exit codes the commands may end with (else 0);
- ``<!-- runs: not, REASON -->``: it isn't run; these are counted, and few;
- ``<!-- runs: elsewhere, TEST -->``: a test of its own runs it.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from forked import Forks
from leadline.config.load import parse_config

ROOT = Path(__file__).parents[2]
GAP = "…"
FENCE = re.compile(r"(?:^<!-- runs: ([^\n]*?) -->\n)?^```([\w-]+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
SHOWN = "text"
SECRETS = {"PGUSER": "user", "PGPASSWORD": "secret"}
LIGHT = {"backtest": {"ablation": False, "stability": False}, "leaks": {"experiments": False}}
KINDS = {"sh", "python", "toml", "yaml", "usage", "cron", "ini", "mermaid", SHOWN}


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, what its mark says, and the output that is shown right below it."""

    language: str
    text: str
    mark: str = ""
    shown: str = ""

    @property
    def skipped(self) -> str:
        """Why it isn't run here; nothing where it is."""
        if self.language == "mermaid":
            return "a drawing"
        told = re.match(r"(?:not|elsewhere), (.+)", self.mark)
        return told[1] if told else ""

    @property
    def codes(self) -> set[int]:
        """The exit codes that its commands may end with."""
        told = re.fullmatch(r"ends with ([\d or]+)", self.mark)
        return {int(code) for code in told[1].split(" or ")} if told else {0}


def blocks(page: Path) -> list[Block]:
    """List a page's blocks; a ``text`` block is what the block before it prints."""
    found: list[Block] = []
    for mark, language, text in FENCE.findall(page.read_text(encoding="utf-8")):
        if language == SHOWN:
            before = found[-1]
            found[-1] = Block(before.language, before.text, before.mark, text)
        else:
            found.append(Block(language, text, mark))
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


def merged(base: Any, part: Any) -> Any:
    """Put a part of a config into a whole one: mappings are joined, all else is replaced."""
    if isinstance(base, dict) and isinstance(part, dict):
        either = {k for k in ("source",) if k in base and k in part}  # a table's source is one thing or another
        return {**base, **{k: v if k in either else merged(base.get(k), v) for k, v in part.items()}}
    return part


def settle_yaml(block: Block, folder: Path, page: str) -> None:
    """Validate a whole config, or a part put into the demo's; write it where its first line names a file.

    Unless the page asks for it, the written one leaves out what only adds figures to a training.
    """
    part = yaml.safe_load(block.text)
    place = re.match(r"# (?:in )?(\S+\.yaml)\n", block.text)
    whole = block.text
    if "version" not in part:
        there = folder / (place[1] if place else "demo/demo.yaml")
        whole = yaml.safe_dump(merged(yaml.safe_load(there.read_text(encoding="utf-8")), part), sort_keys=False)
    parse_config(whole, page, {**os.environ, **SECRETS})
    if place:
        written = yaml.safe_dump(merged(LIGHT, yaml.safe_load(whole)), sort_keys=False)
        (folder / place[1]).write_text(written, encoding="utf-8")


def check_usage(block: Block) -> None:
    """Hold that the command line takes each line of a synopsis, its capitals replaced by something that fits."""
    from typer.main import get_command

    from leadline.cli.app import app

    commands = get_command(app).commands  # type: ignore[attr-defined]
    for line in block.text.strip().splitlines():
        words = shlex.split(re.sub(r"[\[\]…]", " ", re.sub(r"\s#.*", "", line)))
        assert words[0] == "leadline" and words[1] in commands, line
        filled = ["5" if word in ("N", "V") else word for word in words[2:]]
        commands[words[1]].make_context(words[1], filled)


def run_shell(block: Block, folder: Path, forks: Forks | None, seconds: float = 600) -> str:
    """Run commands; a bare `leadline …` goes to the process that forks, where there is one, as it starts faster."""
    printed = []
    for command in re.sub(r"\\\n\s*", " ", block.text).strip().splitlines():
        plain = command.startswith("leadline ") and not re.search(r"[$|&;<>()*`]", command)
        if plain and forks is not None:
            done = forks(*shlex.split(command, comments=True)[1:], cwd=folder, after=seconds)
            code, out, err = done.code, done.out, done.err
        else:
            ended = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", command],
                cwd=folder, capture_output=True, text=True, timeout=seconds, check=False,
            )  # fmt: skip
            code, out, err = ended.returncode, ended.stdout, ended.stderr
        assert code in block.codes, f"{command} ended with {code}\n{out}\n{err}"
        printed.append(out)
    return "".join(printed)


def run_python(block: Block, folder: Path) -> str:
    """Run Python in a process of its own, as a reader does: MLflow keeps a relative store's connection for its life."""
    done = subprocess.run(
        [sys.executable, "-"], input=block.text, cwd=folder, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, f"{block.text}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def run_block(block: Block, folder: Path, forks: Forks | None, page: str) -> str:
    """Run one block; return what it printed."""
    if block.language == "yaml":
        settle_yaml(block, folder, page)
    elif block.language == "usage":
        check_usage(block)
    elif block.language == "sh":
        return run_shell(block, folder, forks)
    else:
        assert block.language == "python", block.language
        return run_python(block, folder)
    return ""


def command_folder(folder: Path) -> Path:
    """Make a folder with `leadline` and `python` of this interpreter, to stand first on the path."""
    place = folder / "bin"
    place.mkdir()
    leadline = place / "leadline"
    leadline.write_text(f"#!{sys.executable}\nfrom leadline.cli.app import main\n\nmain()\n", encoding="utf-8")
    leadline.chmod(0o755)
    return place
