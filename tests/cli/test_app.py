"""The command line, each case a real process: exit codes, one-sentence errors, and nothing half-written."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forked import Forks
from leadline.cli.app import main
from leadline.core.files import locked
from projects import CANARY, KNOWN_AT, NIGHT, RUN, Done, environment, interrupted, leadline

HEAVY = (
    "pandas",
    "numpy",
    "lightgbm",
    "mlflow",
    "duckdb",
    "sklearn",
    "shap",
    "matplotlib",
    "pyarrow",
    "scipy",
    "pydantic",
)
COMMANDS = {
    "demo": ["DIR", "--leads", "--seed", "--json", "--quiet", "--log"],
    "init": ["DIR", "--preset", "--source", "--json", "--quiet", "--log"],
    "check": ["CONFIG", "--as-of", "--outcome", "--positive", "--order-by", "--config-out", "--html", "--json", "--quiet", "--log"],
    "train": ["CONFIG", "--as-of", "--outcome", "--positive", "--order-by", "--config-out", "--json", "--quiet", "--log"],
    "recalibrate": ["CONFIG", "--as-of", "--model", "--json", "--quiet", "--log"],
    "promote": ["CONFIG", "--version", "--rollback", "--json", "--quiet", "--log"],
    "retrain": ["CONFIG", "--as-of", "--if-due", "--quick", "--json", "--quiet", "--log"],
    "score": ["CONFIG", "--as-of", "--model", "--out", "--leads", "--lead", "--from", "--to", "--every", "--dry-run", "--force", "--write-changes", "--lock-timeout", "--json", "--quiet", "--log"],
    "serve": ["CONFIG", "--host", "--port", "--quiet", "--log"],
    "explain": ["CONFIG", "--lead", "--as-of", "--model", "--json", "--quiet", "--log"],
    "report": ["CONFIG", "--out", "--model", "--json", "--quiet", "--log"],
    "monitor": ["CONFIG", "--as-of", "--html", "--json", "--quiet", "--log"],
    "forget": ["CONFIG", "--lead", "--leads", "--out", "--lock-timeout", "--json", "--quiet", "--log"],
    "sql": ["CONFIG", "--dialect", "--json", "--quiet", "--log"],
    "schema": [],
}  # fmt: skip


def python(code: str) -> Done:
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


def test_the_command_lines_module_imports_nothing_heavy() -> None:
    done = python(f"import sys, leadline.cli.app; print([m for m in {HEAVY} if m in sys.modules])")
    assert done.out == "[]\n", done.err


def test_importing_leadline_has_no_side_effect() -> None:
    done = python(
        "import os, sys, signal, warnings, logging\n"
        "before = dict(os.environ), signal.getsignal(signal.SIGTERM), list(warnings.filters), logging.root.level\n"
        "import leadline, leadline.workflows\n"
        "after = dict(os.environ), signal.getsignal(signal.SIGTERM), list(warnings.filters), logging.root.level\n"
        f"print(before == after, [m for m in {HEAVY} if m in sys.modules])"
    )
    assert done.out == "True []\n", done.err


def test_every_public_name_is_there() -> None:
    import leadline as package

    assert all(getattr(package, name) is not None for name in package.__all__)
    assert set(package.__all__) <= set(dir(package))
    with pytest.raises(AttributeError):
        _ = package.no_such_name  # type: ignore[attr-defined]


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_of_the_contract_has_its_options(command: str, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from leadline.cli.app import app

    told = CliRunner().invoke(app, [command, "--help"])
    assert told.exit_code == 0
    assert all(option in told.output for option in COMMANDS[command])
    assert max(map(len, told.output.splitlines())) <= 80


def test_help_names_every_command_and_the_version_is_told(tmp_path: Path) -> None:
    done = leadline("--help", cwd=tmp_path)
    assert done.code == 0 and done.err == ""
    assert set(re.findall(r"^  (\w+)  ", done.out, re.M)) == set(COMMANDS)
    assert leadline("--version", cwd=tmp_path).out == "0.1.0\n"


# Results and progress


def test_a_night_prints_its_result_to_stdout_and_progress_to_stderr(home: Path) -> None:
    done = leadline("score", "demo.yaml", "--as-of", NIGHT, cwd=home)
    assert done.code == 0
    assert (
        re.match(r"\d+ leads scored by demo 1: \d+ in tier A, ", done.out)
        and "written to scores/demo/as_of=" in done.out
    )
    assert all(re.match(r" *\d+\.\ds  \w", line) for line in done.err.splitlines()) and "reading tables" in done.err


def test_quiet_silences_progress(home: Path, forking: Forks) -> None:
    assert forking("check", "demo.yaml", "--quiet", cwd=home).err == ""


def test_json_logs_and_json_results_follow_the_command(home: Path, forking: Forks) -> None:
    done = forking("score", "demo.yaml", "--as-of", NIGHT, "--log", "json", "--json", cwd=home)
    assert done.code == 0
    lines = [json.loads(line) for line in done.err.splitlines()]
    told = done.json()
    assert [set(line) for line in lines] == [{"time", "run_id", "seconds", "stage"}] * len(lines)
    assert {line["run_id"] for line in lines} == {told["run_id"]} and len(lines) >= 3
    assert (
        told["leads"]
        == sum(told["tiers"].values())
        == pq.ParquetFile(home / told["place"] / "scores.parquet").metadata.num_rows
    )


def test_an_error_is_a_line_of_json_too_with_the_runs_id(tmp_path: Path, forking: Forks) -> None:
    done = forking("score", "nowhere.yaml", "--as-of", NIGHT, "--log", "json", cwd=tmp_path)
    line = json.loads(done.err)
    assert done.code == line["exit_code"] == 66 and "no such file" in line["error"] and len(line["run_id"]) == 16


def test_the_ends_of_a_backfill_go_together(tmp_path: Path, forking: Forks) -> None:
    for words in (["--from", NIGHT], ["--from", NIGHT, "--to", NIGHT, "--as-of", NIGHT]):
        done = forking("score", "nowhere.yaml", *words, cwd=tmp_path)
        assert done.code == 2 and "--from, --to" in done.sentence


@pytest.mark.parametrize(
    ("words", "keys"),
    [
        (["check", "demo.yaml"], {"name", "ok", "rows", "findings"}),
        (
            ["explain", "demo.yaml", "--as-of", NIGHT, "--lead", "{open}"],
            {"probability", "tier", "causes", "base", "lead_id"},
        ),
        (["report", "demo.yaml"], {"page", "data", "points"}),
    ],
)
def test_results_as_json_parse(home: Path, words: list[str], keys: set[str], trained_home, forking: Forks) -> None:
    made = trained_home[1].prepared.features
    still = str(made.lead_id[made.as_of == made.as_of.max()][0])
    done = forking(*[w.replace("{open}", still) for w in words], "--json", "--quiet", cwd=home)
    if done.code == 66:  # that lead has closed since
        pytest.skip("the lead isn't open that night")
    assert done.code == 0 and done.err == "" and keys <= set(done.json())


def test_what_training_prints_fits_eighty_columns_where_it_is_a_table(
    trained_home, capsys: pytest.CaptureFixture[str]
) -> None:
    import dataclasses

    from leadline.cli.console import Console

    result = trained_home[1]
    newest = dataclasses.replace(result.evaluation.newest, rows=1_234_567, positives=123_456)
    large = dataclasses.replace(result.evaluation, folds=(*result.evaluation.folds[:-1], newest))
    for evaluation in (result.evaluation, large):
        judgement = dataclasses.replace(result.judgement, evaluation=evaluation)
        Console(True, "text", False).trained(dataclasses.replace(result, judgement=judgement), verbose=True)
        told = capsys.readouterr().out
        lines = told.splitlines()
        start = next(n for n, line in enumerate(lines) if line.startswith("fold  "))
        rows = lines[start : start + 2 + sum(len(f.figures) for f in evaluation.folds)]
        assert max(map(len, rows)) <= 80 and "…" not in told
        assert [w for w in rows[0].split() if w != "(95%)"] == [
            "fold",
            "by",
            "positive",
            "AUC",
            "AP",
            "lift",
            "Brier",
            "ECE",
            "won",
        ]
        figures = evaluation.newest.figures["model"]
        assert f"{evaluation.newest.positives}/{evaluation.newest.rows}" in told
        assert f"{figures.auc:.3f}".lstrip("0") in told
    assert "demo 1 is the champion: models/demo/1" in told


def test_unless_all_is_asked_for_training_prints_a_screen(trained_home, capsys: pytest.CaptureFixture[str]) -> None:
    from leadline.cli.console import Console

    result = trained_home[1]
    Console(True, "text", False).trained(result)
    short = capsys.readouterr().out
    Console(True, "text", False).trained(result, verbose=True)
    long = capsys.readouterr().out
    assert len(short.splitlines()) <= 42 < len(long.splitlines())
    folds, newest = result.evaluation.folds, result.evaluation.newest
    table = short[short.index("fold ") : short.index("* the newest fold")]
    assert table.count("model") == len(folds) and len(table.splitlines()) == 2 + len(folds) - 1 + len(newest.figures)
    for part in ("backtest (precision@", "Feature importance", "demo 1 is the champion: models/demo/1"):
        assert part in short
    for part in ("Half to double the capacity", "optimism: a random split"):
        assert part in long and part not in short


def test_an_early_end_of_the_reader_is_no_error(home: Path) -> None:
    command = " ".join(f"'{word}'" for word in [*RUN, "sql", "demo.yaml", "--quiet"])
    done = subprocess.run(
        ["bash", "-c", f"{command} | head -1; exit ${{PIPESTATUS[0]}}"], cwd=home, env=environment(), capture_output=True, text=True, check=False
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("WITH")


def test_a_closed_stdout_is_no_traceback(home: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    for words in (["--help"], ["sql", "demo.yaml", "--quiet"]):
        done = subprocess.run(
            [*RUN, *words], cwd=home, env=environment(), stdout=writer, stderr=subprocess.PIPE, text=True, check=False
        )
        assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr
        assert done.returncode == 0
    os.close(writer)


# Bad input


def listing(folder: Path) -> dict[str, bytes]:
    """Every file but locks, and MLflow's database, whose pages hold clocks."""
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file() and not p.name.endswith(".lock")
    }


def edited(home: Path, old: str, new: str) -> None:
    config = home / "demo.yaml"
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new))


def rewritten(home: Path, name: str, change: Callable[[pa.Table], pa.Table]) -> None:
    path = home / "data" / f"{name}.parquet"
    pq.write_table(change(pq.read_table(path)), path)


def set_column(table: pa.Table, name: str, values: list[object]) -> pa.Table:
    return table.set_column(table.schema.get_field_index(name), name, pa.array(values))


CASES: dict[str, tuple[int, str, Callable[[Path], object], list[str]]] = {
    "no config": (66, "no such file", lambda h: None, ["check", "nowhere.yaml"]),
    "a config that is no YAML": (78, "not YAML", lambda h: (h / "demo.yaml").write_text("a: [1"), ["train", "demo.yaml"]),
    "an unknown key": (78, "did you mean `seed`", lambda h: edited(h, "seed: 7", "seeed: 7"), ["score", "demo.yaml", "--as-of", NIGHT]),
    "a page of two leads": (2, "a page is of one lead", lambda h: None, ["explain", "demo.yaml", "--lead", "L1", "--lead", "L2", "--html", "x.html"]),
    "an unknown lead among two": (66, "--lead, number 1: no such lead", lambda h: None, ["explain", "demo.yaml", "--lead", CANARY, "--lead", "L2", "--as-of", NIGHT]),
    "an unknown command": (2, "Did you mean 'train'", lambda h: None, ["trane", "demo.yaml"]),
    "an unknown option": (2, "--as-of", lambda h: None, ["train", "demo.yaml", "--as-off", "1"]),
    "no as_of": (2, "--as-of", lambda h: None, ["score", "demo.yaml"]),
    "an as_of that is no time": (2, "expected", lambda h: None, ["score", "demo.yaml", "--as-of", "yesterday"]),
    "--leads with dated tables": (2, "flat file only", lambda h: None, ["score", "demo.yaml", "--as-of", NIGHT, "--leads", "x.csv"]),
    "an unknown ending": (2, "unknown ending", lambda h: None, ["score", "demo.yaml", "--as-of", NIGHT, "--out", "x.xlsx"]),
    "an unknown dialect": (2, "unknown", lambda h: None, ["sql", "demo.yaml", "--dialect", "klingon"]),
    "a mistyped dialect": (2, "did you mean `snowflake`?", lambda h: None, ["sql", "demo.yaml", "--dialect", "snowflke"]),
    "a column that is nearly one": (65, "did you mean `created_at`?", lambda h: edited(h, "created_at: created_at,", "created_at: created_on,"), ["train", "demo.yaml"]),
    "a data file without its outcome": (2, "--outcome Converted", lambda h: None, ["train", "leads.csv"]),
    "a page that isn't named so": (2, "not a page", lambda h: None, ["report", "demo.yaml", "--out", "x.pdf"]),
    "a missing file": (66, "tables.leads.source", lambda h: (h / "data/leads.parquet").unlink(), ["train", "demo.yaml"]),
    "an unreadable file": (65, "tables.leads.source", lambda h: (h / "data/leads.parquet").write_bytes(b"PAR1 Canary Zq17"), ["train", "demo.yaml"]),
    "a missing column": (65, "leads.", lambda h: rewritten(h, "leads", lambda t: t.drop_columns(["job_title"])), ["train", "demo.yaml"]),
    "a wrong type": (65, "created_at", lambda h: rewritten(h, "leads", lambda t: set_column(t, "created_at", [CANARY] * len(t))), ["train", "demo.yaml"]),
    "an empty file": (65, "leads", lambda h: rewritten(h, "leads", lambda t: t.slice(0, 0)), ["train", "demo.yaml"]),
    "one class": (65, "are negative", lambda h: (rewritten(h, "stages", lambda t: set_column(t, "stage", ["mql"] * len(t))), rewritten(h, "opportunities", lambda t: t.slice(0, 0))), ["train", "demo.yaml", "--as-of", KNOWN_AT]),
    "nothing ripe": (65, "no labelled snapshot", lambda h: edited(h, "reaches: sql, within: 30d", "reaches: sql, within: 2000d"), ["train", "demo.yaml", "--as-of", "2025-01-01"]),
    "a mutable attribute": (65, "LL201", lambda h: (edited(h, "attributes: [source,", "attributes: [Rating, source,"), rewritten(h, "leads", lambda t: t.append_column("Rating", t["source"]))), ["check", "demo.yaml"]),
    "a model of another schema": (65, "the model needs", lambda h: edited(h, "[source, campaign, job_title, country]", "[source]"), ["score", "demo.yaml", "--as-of", NIGHT]),
    "a damaged bundle": (65, "SHA256SUMS", lambda h: (h / "models/demo/1/model.txt").write_text("tree"), ["score", "demo.yaml", "--as-of", NIGHT]),
    "no champion yet": (66, "leadline train", lambda h: (h / "mlflow.db").unlink(), ["score", "demo.yaml", "--as-of", NIGHT]),
    "no such model": (66, "no bundle", lambda h: None, ["score", "demo.yaml", "--as-of", NIGHT, "--model", "models/demo/9"]),
    "no nights": (66, "score first", lambda h: None, ["monitor", "demo.yaml"]),
    "no challenger": (66, "no challenger", lambda h: None, ["promote", "demo.yaml"]),
    "an unknown lead": (66, "no such lead", lambda h: None, ["explain", "demo.yaml", "--lead", CANARY, "--as-of", NIGHT]),
    "a place that can't be written": (73, "expected to be able to write", lambda h: None, ["score", "demo.yaml", "--as-of", NIGHT, "--out", "demo.yaml/x.csv"]),
    "a registry that is down": (75, "run the command again", lambda h: edited(h, "sqlite:///mlflow.db", "http://127.0.0.1:9"), ["score", "demo.yaml", "--as-of", NIGHT]),
    "a champion to be promoted": (79, "champion already", lambda h: None, ["promote", "demo.yaml", "--version", "1"]),
    "an unset variable": (78, "NOT_SET_HERE", lambda h: edited(h, "sqlite:///mlflow.db", "${NOT_SET_HERE}"), ["check", "demo.yaml"]),
}  # fmt: skip


@pytest.fixture
def here(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[list[str]], Done]]:
    """The same command without a process of its own, which costs seconds."""
    before = signal.getsignal(signal.SIGTERM)

    def run(words: list[str]) -> Done:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main(words)
        told = capsys.readouterr()
        return Done(int(end.value.code or 0), told.out, told.err)

    yield run
    signal.signal(signal.SIGTERM, before)


STARTED_ANEW = ("no as_of", "a missing column")  # before anything heavy is imported, and after


@pytest.mark.parametrize(
    "name", ["no as_of", "a missing column", "a missing file", "a place that can't be written", "a registry that is down", "an unknown key", "a champion to be promoted"]
)  # fmt: skip
def test_each_exit_code_is_that_of_the_process(name: str, home: Path, forking: Forks) -> None:
    code, words, spoil, command = CASES[name]
    spoil(home)
    done = (leadline if name in STARTED_ANEW else forking)(*command, cwd=home)
    assert (done.code, done.out) == (code, "") and words in done.err and "Traceback" not in done.err


@pytest.mark.parametrize("name", CASES)
def test_bad_input_is_told_in_one_sentence_with_its_code_and_leaves_nothing(
    name: str, home: Path, here: Callable[[list[str]], Done]
) -> None:
    code, words, spoil, command = CASES[name]
    spoil(home)
    before = listing(home)
    done = here(command)
    assert done.code == code, done.err
    if name not in ("an unknown command", "an unknown option", "a mutable attribute"):
        assert done.out == ""
        assert done.sentence.count("\n") == 0 and words in done.sentence + done.err
    else:
        assert words in done.out + done.err
    assert "Traceback" not in done.err
    if name != "an unknown lead":
        assert CANARY not in done.err + done.out
    assert not re.search(r"\bL\d{6}\b", done.err)
    assert listing(home) == before


def test_a_locked_place_says_try_again(home: Path, forking: Forks) -> None:
    with locked(home / "scores" / "demo" / ".lock"):
        done = forking("score", "demo.yaml", "--as-of", NIGHT, cwd=home)
    assert done.code == 75 and "another leadline run" in done.sentence


def test_a_full_disk_leaves_last_nights_output(home: Path, forking: Forks) -> None:
    assert forking("score", "demo.yaml", "--as-of", NIGHT, "--out", "a.csv", cwd=home).code == 0
    before = (home / "a.csv").read_bytes()
    small = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000)); {RUN[-1]}"
    done = subprocess.run(
        [*RUN[:-1], small, "score", "demo.yaml", "--as-of", "2025-06-16", "--model", "models/demo/1", "--out", "a.csv"],
        cwd=home, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 73, done.stderr
    assert (home / "a.csv").read_bytes() == before and not list(home.rglob(".staging-*"))


def test_a_bug_shows_where_it_struck_and_no_leads_data(home: Path) -> None:
    code = f"import leadline.workflows.scoring.explain as s\ndef broken(*a, **k): raise ValueError({CANARY!r})\ns.rank_leads = broken\n{RUN[-1]}"
    done = subprocess.run(
        [*RUN[:-1], code, "score", "demo.yaml", "--as-of", NIGHT], cwd=home, env=environment(), capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 1
    assert "a bug (ValueError" in done.stderr and "explain.py" in done.stderr
    assert CANARY not in done.stderr.replace(code, "")


# Interrupts


@pytest.mark.parametrize(
    ("words", "after", "sign"),
    [
        (["train", "demo.yaml", "--as-of", KNOWN_AT], "reading", signal.SIGINT),
        (["train", "demo.yaml", "--as-of", KNOWN_AT], "fitting", signal.SIGTERM),
        pytest.param(["train", "demo.yaml", "--as-of", KNOWN_AT], "tracking", signal.SIGINT, marks=pytest.mark.long),
        (["score", "demo.yaml", "--as-of", NIGHT], "reading", signal.SIGTERM),
        (["score", "demo.yaml", "--as-of", NIGHT], "scoring", signal.SIGINT),
        (["check", "demo.yaml"], "taking", signal.SIGINT),
    ],
)
def test_an_interrupt_leaves_nothing_half_written(
    home: Path, words: list[str], after: str, sign: signal.Signals, forking: Forks
) -> None:
    before = {k: v for k, v in listing(home).items() if not k.startswith("ml")}
    done = interrupted(*words, cwd=home, after=after, sign=sign)
    assert done.code == 130, done.err
    assert done.sentence == "leadline: interrupted; nothing was half-written; run the command again"
    assert "Traceback" not in done.err and "Exception ignored" not in done.err and done.out == ""
    assert {k: v for k, v in listing(home).items() if not k.startswith("ml")} == before
    assert not [p for p in home.rglob("*") if p.name.startswith(".staging")]
    if after == "tracking":
        assert forking("score", "demo.yaml", "--as-of", NIGHT, cwd=home).code == 0


def test_a_config_can_be_made_and_then_told_what_it_lacks(tmp_path: Path, forking: Forks) -> None:
    done = forking("init", "mine", "--preset", "csv", cwd=tmp_path)
    assert done.code == 0
    config = tmp_path / "mine" / "leadline.yaml"
    assert config.is_file() and "written: mine/leadline.yaml" in done.out
    assert forking("init", "mine", "--preset", "klingon", cwd=tmp_path).code == 2
    assert forking("check", str(config), cwd=tmp_path).code in (65, 66, 78)


def test_the_demos_story_as_json_holds_what_each_command_gives(home: Path, trained_home, capsys) -> None:
    from leadline.cli.console import Console
    from leadline.workflows.check import check
    from leadline.workflows.demo import DemoResult
    from leadline.workflows.scoring.explain import explain
    from leadline.workflows.scoring.score import score

    night = score("demo.yaml", NIGHT)
    told = explain("demo.yaml", str(night.scores.lead_id[0]), NIGHT)
    page = home / "report.html"
    Console(True, "text", True).demo(
        DemoResult(home / "demo.yaml", page, check("demo.yaml", KNOWN_AT), trained_home[1], night, told, 0.5)
    )
    record = json.loads(capsys.readouterr().out)
    assert list(record) == ["config", "page", "check", "train", "score", "explain", "true_correlation"]
    assert record["page"] == str(page) and record["check"]["ok"] and record["train"]["version"] == "1"
    assert record["score"] == json.loads(json.dumps(night.to_record()))
    assert record["explain"]["lead_id"] == night.scores.lead_id[0] and record["explain"]["causes"]


def test_the_features_statement_as_json(home: Path, here: Callable[[list[str]], Done]) -> None:
    told = here(["sql", "demo.yaml", "--json", "--quiet"]).json()
    assert told["dialect"] == "duckdb" and told["sql"].startswith("WITH")


def test_an_empty_config_is_named_in_json(tmp_path: Path, monkeypatch, here: Callable[[list[str]], Done]) -> None:
    monkeypatch.chdir(tmp_path)
    assert here(["init", "mine", "--json"]).json() == {"config": "mine/leadline.yaml", "proposal": None}
