"""The examples of docs/nightly.md and the container file are what cron, systemd, Airflow and pip take."""

from __future__ import annotations

import ast
import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from leadline.cli.app import app
from leadline.errors import LeadlineError
from projects import NIGHT, environment

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "nightly.md").read_text(encoding="utf-8")
FILE = (ROOT / "deploy" / "Containerfile").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


def check_options(command: str) -> None:
    """Each option of an example is one that the command has, and each night has its T."""
    plain = re.sub(r"\$\([^)]*\)", "", command)
    for name, words in re.findall(r"leadline ([a-z]+)([^&|]*)", plain):
        known = CliRunner().invoke(app, [name, "--help"]).output
        asked = re.findall(r"(--[a-z-]+)", words)
        assert name != "score" or "--as-of" in asked
        assert all(option in known for option in asked), asked


@pytest.mark.parametrize("page", ["nightly.md", "promotion.md", "how-to/retrain-monthly.md"])
def test_the_crontab_is_one_that_cron_takes(page: str) -> None:
    (block,) = re.findall(r"```cron\n(.*?)```", (ROOT / "docs" / page).read_text(encoding="utf-8"), re.DOTALL)
    for line in block.strip().splitlines():
        *fields, command = line.split(None, 5)
        limits = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)]
        for field, (low, high) in zip(fields, limits, strict=True):
            assert field == "*" or low <= int(field) <= high
        assert not re.search(r"(?<!\\)%", command), "a bare percent sign ends a crontab's command"
        assert command.startswith("cd /") and not re.search(r"\bnow\b", command)
        check_options(command)


def unit(text: str) -> configparser.ConfigParser:
    parsed = configparser.ConfigParser(interpolation=None, strict=True)
    parsed.optionxform = str  # type: ignore[assignment,method-assign]
    parsed.read_string(text)
    return parsed


def test_the_systemd_units_are_a_service_and_its_timer() -> None:
    service, timer = map(unit, blocks("ini"))
    assert service["Service"]["Type"] == "oneshot" and "%%Y" in service["Service"]["ExecStart"]
    check_options(service["Service"]["ExecStart"])
    codes = {int(code) for code in service["Service"]["RestartPreventExitStatus"].split()}
    assert codes == {1, 130} | {e.exit_code for e in LeadlineError.__subclasses__()} - {75, 79}
    assert re.fullmatch(r"\*-\*-\* ([01]\d|2[0-3]):[0-5]\d:[0-5]\d( UTC)?", timer["Timer"]["OnCalendar"])
    assert timer["Install"]["WantedBy"] == "timers.target" and timer["Timer"]["Persistent"] == "true"


def test_the_airflow_example_compiles_and_runs_one_night_at_a_time() -> None:
    (text,) = [block for block in blocks("python") if "airflow" in block]
    compile(text, "dag.py", "exec")
    calls = {
        n.func.id: n for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
    }
    given = {k.arg: k.value for name in ("DAG", "BashOperator") for k in calls[name].keywords}
    assert ast.literal_eval(given["max_active_runs"]) == 1 and ast.literal_eval(given["catchup"]) is False
    assert len(ast.literal_eval(given["schedule"]).split()) == 5
    check_options(ast.literal_eval(given["bash_command"]))


def test_the_container_takes_locked_packages_alone_and_names_no_index() -> None:
    assert "--require-hashes --requirement requirements/scorer.lock" in FILE
    assert not re.search(r"https?://|--index-url|--extra-index|--trusted-host", FILE)
    lock = (ROOT / "requirements" / "scorer.lock").read_text(encoding="utf-8")
    core = (ROOT / "requirements" / "core.lock").read_text(encoding="utf-8")
    pins = re.findall(r"^([\w.-]+==\S+)", lock, re.MULTILINE)
    assert len(pins) > 15 and all(pin in core for pin in pins)
    assert "http" not in lock and lock.count("--hash=sha256:") > len(pins)
    assert not [pin for pin in pins if re.match(r"mlflow|matplotlib|shap|scikit", pin)]
    for source in re.findall(r"^COPY (?!--from)(.+) \S+$", FILE, re.MULTILINE):
        assert all((ROOT / name).exists() for name in source.split())


def test_a_night_runs_with_the_containers_packages_alone(home: Path) -> None:
    (home / "demo.yaml").write_text((home / "demo.yaml").read_text() + "\nnightly: {track: false}\n")
    words = ["score", "demo.yaml", "--as-of", NIGHT, "--model", "models/demo/1", "--quiet"]
    done = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "scorer_alone.py"), str(home), *words],
        env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert list(home.glob("scores/demo/*/scores.parquet"))


@pytest.mark.parametrize("heading", ["Exit codes", "Recovery", "Upgrade and rollback", "The container"])
def test_operations_find_what_they_look_for(heading: str) -> None:
    assert re.search(rf"^## {heading}$", PAGE, re.MULTILINE)
