"""What a shell completes is what the commands know."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from leadline.cli import options
from leadline.cli.app import app
from leadline.errors import LeadlineError
from leadline.presets import PRESETS
from leadline.workflows.report import DIALECTS
from projects import RUN, environment


def test_completions_are_what_the_code_knows() -> None:
    assert options.PRESETS == PRESETS and options.DIALECTS == DIALECTS


def test_models_of_the_folder_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("saas/1", "saas/2", "flat/1"):
        (tmp_path / "models" / place).mkdir(parents=True)
        (tmp_path / "models" / place / "manifest.json").write_text("{}")
    (tmp_path / "models" / "half" / "1").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    assert options.complete_models("") == [
        "models:/flat@champion",
        "models:/saas@champion",
        "models/flat/1",
        "models/saas/1",
        "models/saas/2",
    ]
    assert options.complete_models("models/saas") == ["models/saas/1", "models/saas/2"]


@pytest.mark.parametrize(
    ("line", "word", "expected"),
    [
        ("leadline tr", 1, {"train"}),
        ("leadline init --preset h", 3, {"hubspot"}),
        ("leadline train leads.csv --o", 3, {"--outcome", "--order-by"}),
        ("leadline check a.yaml --log j", 4, {"json"}),
    ],
)
def test_bash_is_told_what_fits(line: str, word: int, expected: set[str], tmp_path: Path) -> None:
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(word), "_LEADLINE_COMPLETE": "complete_bash"}
    done = subprocess.run(RUN, cwd=tmp_path, env=environment(asked), capture_output=True, text=True, check=False)
    assert set(done.stdout.split()) == expected and done.stderr == ""


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_shells_script_is_shown(shell: str, tmp_path: Path) -> None:
    known = environment({"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"})
    done = subprocess.run(
        [*RUN, "--show-completion", shell], cwd=tmp_path, env=known, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and "_LEADLINE_COMPLETE=complete_" in done.stdout
    assert not list(tmp_path.iterdir())


def test_old_options_work_and_no_help_shows_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    runner, at = CliRunner(), ["no.yaml", "--as-of", "2025-01-01"]
    for words in (
        ["score", *at, "--again", "--changed", "--wait", "3"],
        ["check", "no.csv", "--outcome", "a", "--save=b.txt"],
    ):
        done = runner.invoke(app, words)
        assert isinstance(done.exception, LeadlineError) and done.exit_code == 1, done.output
    for command in ("score", "forget", "check", "train"):
        told = runner.invoke(app, [command, "--help"]).output
        assert not re.findall(rf"--(?:{'|'.join(options.OLD_OPTIONS)})\b", told)
