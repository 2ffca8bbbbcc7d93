"""What the README says is true; its blocks are run by test_blocks.py.

``make`` blocks are exempt; their targets must be the Makefile's. `make demo` runs as its recipe does, on a small world.
"""

from __future__ import annotations

import re

from blocks import ROOT, blocks

README = (ROOT / "README.md").read_text(encoding="utf-8")
EXEMPT = ("make demo", "make venv", "make test")


def test_make_blocks_name_targets_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    texts = "\n".join(b.text for b in blocks(ROOT / "README.md"))
    asked = set(re.findall(r"^make ([a-z-]+)", texts, re.MULTILINE))
    assert {"make " + t for t in asked} <= set(EXEMPT)
    assert {command.removeprefix("make ") for command in EXEMPT} <= targets
    recipe = re.search(r"^demo:.*\n\t(.+)$", makefile, re.MULTILINE)
    assert recipe and recipe[1] == "$(BIN)/leadline demo demo"


def test_options_and_commands_named_in_the_text_are_there() -> None:
    from typer.main import get_command

    from leadline.cli.app import app

    commands = get_command(app).commands  # type: ignore[attr-defined]
    known = {option for c in commands.values() for p in c.params for option in p.opts}
    assert set(re.findall(r"`leadline ([a-z]+)", README)) <= set(commands)
    assert set(re.findall(r"[`\s](--[a-z][a-z-]+)", README)) - {"--tune", "--help"} <= known


def test_python_names_are_public() -> None:
    import leadline

    assert set(re.findall(r"leadline\.([a-z_]+)\b(?!\.ya?ml)", README)) <= {*leadline.__all__, "yaml"}


def test_columns_of_the_scores_are_those_told() -> None:
    from leadline.scoring.ranking import COLUMNS

    told = README[README.index("Scores have one row") : README.index("`leadline explain CONFIG")]
    named = re.findall(r"`([a-z_0-9]+)`", told)
    assert named == [c for c in COLUMNS if not re.fullmatch(r"reason_[234]", c)]


def test_the_first_screen_is_shown_light_and_dark() -> None:
    shown = [ROOT / place for place in re.findall(r'(?:src|srcset)="(docs/[^"]+\.png)"', README)]
    pictures = [place.read_bytes() for place in shown]
    assert len(shown) == 2 and all(data.startswith(b"\x89PNG") for data in pictures) and pictures[0] != pictures[1]
    assert sum(map(len, pictures)) < 300_000
