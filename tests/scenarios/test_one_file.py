"""A data file in a config's place, by the command line: from the leak gate's refusal, by its own advice, to scored rows."""

from __future__ import annotations

import csv
import json
import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from leadline.cli.app import main
from leadline.config.load import load_config
from projects import CANARY, Done

ROWS = 400


def rows(seed: int = 5) -> list[dict[str, object]]:
    """Leads whose visits drive the outcome, with a field that sales wrote afterwards and one that names people."""
    draw = random.Random(seed)
    made = []
    for n in range(ROWS):
        visits, source = draw.randrange(6), draw.choice(["ads", "fair", "web"])
        won = draw.random() < (0.08 + 0.09 * visits) * (1.5 if source == "fair" else 1)
        verdict = ("Will revert" if won else "Ringing") if draw.random() < 0.9 else ""
        made.append({
            "Lead Number": 1000 + n, "Lead Id": f"L{n:04d}", "Contact": f"{CANARY} {n}", "Source": source, "Visits": visits,
            "Lead Status": draw.choice(["open", "closed"]), "Tags": verdict, "Converted": int(won),
        })  # fmt: skip
    return made


def written(place: Path, made: list[dict[str, object]]) -> Path:
    with place.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(made[0]))
        writer.writeheader()
        writer.writerows(made)
    return place


@pytest.fixture
def run(tmp_path: Path, monkeypatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Done]]:
    """Run a command in a folder with leads.csv, without a process of its own."""
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "leads.csv", rows())

    def command(*words: str) -> Done:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([*words, "--quiet"])
        told = capsys.readouterr()
        return Done(int(end.value.code or 0), told.out, told.err)

    yield command
    signal.signal(signal.SIGTERM, before)


def advised(config: Path, err: str) -> None:
    """Do what the refusal says, as a user would."""
    told = err.split("\n\n", 1)[1].splitlines()
    lines = config.read_text(encoding="utf-8").splitlines()
    place = lines.index("    exclude:") + 1
    text = "\n".join([*lines[:place], *(t for t in told if t.startswith("      - ")), *lines[place:]]) + "\n"
    config.write_text(text.replace("test: 0.2 }", "test: 0.2, ablation: false, stability: false }"))  # to be quicker


def test_from_the_gates_refusal_by_its_own_advice_to_scored_rows(run: Callable[..., Done], tmp_path: Path) -> None:
    refused = run("train", "leads.csv", "--outcome", "Converted")
    config = tmp_path / "leads.yaml"
    assert refused.code == 65 and "leads.Tags" in refused.err and not (tmp_path / "models").exists()
    assert refused.out.startswith("the config, written to leads.yaml:\n")
    assert all(f"  {line}".rstrip() in refused.out for line in config.read_text("utf-8").splitlines())
    assert "a flat file says how each lead ended but not when" in refused.err
    assert "      - Tags\n" in refused.err and refused.err.rstrip().endswith("Then run: leadline train leads.yaml")
    assert CANARY not in refused.out + refused.err + config.read_text("utf-8")

    advised(config, refused.err)
    trained = run(
        "train", "leads.csv", "--outcome", "Converted"
    )  # the same words; the config that stands there is used
    assert trained.code == 0, trained.err
    assert "the config, as it stands in leads.yaml:" in trained.out
    assert "next: leadline score leads.yaml --leads NEW_ROWS.csv" in trained.out
    assert "warning" not in trained.err

    new = [{k: v for k, v in row.items() if k not in ("Converted", "Tags")} for row in rows(6)[:50]]
    written(tmp_path / "new.csv", new)
    scored = run("score", "leads.yaml", "--leads", "new.csv", "--out", "scores.csv")
    assert scored.code == 0, scored.err
    with (tmp_path / "scores.csv").open(encoding="utf-8") as stream:
        table = list(csv.DictReader(stream))
    assert {row["lead_id"] for row in table} == {row["Lead Id"] for row in new}


def test_check_writes_the_config_too_and_says_so_in_json(run: Callable[..., Done], tmp_path: Path) -> None:
    done = run("check", "leads.csv", "--outcome", "converted", "--config-out", "mine.yaml", "--json")
    assert done.code == 65 and done.err.rstrip().endswith("Then run: leadline check mine.yaml")
    told = json.loads(done.out)
    assert told["config"] == "mine.yaml" and not told["ok"]
    config = load_config(tmp_path / "mine.yaml")
    assert (config.outcome.column, config.outcome.positive) == ("Converted", 1)
    assert (config.snapshots.order_by, config.tables.leads.key) == ("Lead Number", "Lead Id")
    assert set(config.tables.leads.exclude) == {"Contact", "Lead Status"}


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["train", "leads.csv"], 2, "name it, as in --outcome Converted"),
        (["train", "leads.csv", "--outcome", "Convertd"], 2, "did you mean `Converted`?"),
        (["train", "leads.csv", "--outcome", "Source"], 2, "name it with --positive VALUE"),
        (["train", "leads.csv", "--outcome", "Converted", "--order-by", "Lead Numbr"], 2, "did you mean `Lead Number`?"),
        (["train", "leads.csv", "--outcome", "Converted", "--config-out", "x.txt"], 2, "expected a name that ends in .yaml"),
        (["train", "nowhere.csv", "--outcome", "Converted"], 66, "no file matches"),
        (["train", "leads.yaml", "--outcome", "Converted"], 2, "for a data file"),
        (["score", "leads.csv", "--as-of", "3"], 2, "name that, as in leads.yaml"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_in_one_sentence(
    words: list[str], code: int, sentence: str, run: Callable[..., Done], tmp_path: Path
) -> None:
    done = run(*words)
    assert done.code == code and sentence in done.sentence and CANARY not in done.err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["leads.csv"]


def test_a_config_that_asks_something_else_is_not_used(run: Callable[..., Done], tmp_path: Path) -> None:
    assert run("check", "leads.csv", "--outcome", "Converted").code == 65
    before = (tmp_path / "leads.yaml").read_bytes()
    done = run("check", "leads.csv", "--outcome", "Converted", "--order-by", "row")
    assert done.code == 2 and "says something else than --order-by" in done.sentence
    assert (tmp_path / "leads.yaml").read_bytes() == before
