"""Two canaries sing nowhere: a secret of the config and an e-mail address of a lead, over the whole job and its failures."""

from __future__ import annotations

import re
import shutil
import socket
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from forked import Forks
from projects import KNOWN_AT, NIGHT, Done

SECRET = "Canary-Secret-q7Zx91"
EMAIL = "canary.q7zx92@lead.example"
ENV = {"SECRET_OF_TESTS": SECRET}
QUERY = "select * from read_parquet('data/stages.parquet') where '${SECRET_OF_TESTS}' <> ''"
AT = ["--as-of", NIGHT]


def fill(table: pa.Table, column: str, rows: slice) -> pa.Table:
    """Put the address in a few cells of a column."""
    values = table[column].to_pylist()
    values[rows] = [EMAIL] * len(values[rows])
    return table.set_column(table.schema.get_field_index(column), column, pa.array(values, pa.string()))


@pytest.fixture(scope="module")
def sung(
    tiny_trained: Path, tmp_path_factory: pytest.TempPathFactory, run: Forks
) -> tuple[Path, list[tuple[str, Done]]]:
    """A home with both canaries, in which every command was run, in text and in JSON, and what each said."""
    home = tmp_path_factory.mktemp("canaries") / "home"
    home.mkdir()
    shutil.copytree(tiny_trained / "data", home / "data")
    for name, columns in {
        "leads": ("job_title", "campaign", "country", "source"), "stages": ("stage", "reason"), "history": ("value",),
        "events/all": ("event_type",), "accounts": ("industry",),
    }.items():  # fmt: skip
        path = home / f"data/{name}.parquet"
        table = pq.read_table(path)
        for number, column in enumerate(columns):
            table = fill(table, column, slice(-10 - 12 * number, -2 - 12 * number))
        pq.write_table(table, path)
    text = (tiny_trained / "demo.yaml").read_text()
    text = text.replace('"data/stages.parquet"', f'{{query: "{QUERY}"}}').replace(
        "cache_events: false", "cache_events: true"
    )
    assert QUERY in text
    text = text.replace("threads: 1}", "threads: 1, cache_events: true}")
    (home / "demo.yaml").write_text(f"{text}\nnightly: {{deliver: [{{to: salesforce, folder: sent}}]}}\n")
    said = []
    for words in (
        ["check", "demo.yaml", "--html", "check.html"], ["train", "demo.yaml", "--as-of", KNOWN_AT, "--log", "json"],
        ["score", "demo.yaml", "--as-of", "2025-05-05", "--write-changes"], ["score", "demo.yaml", *AT, "--log", "json"], ["score", "demo.yaml", *AT, "--out", "o.csv", "--json"],
        ["report", "demo.yaml", "--out", "r.html"], ["monitor", "demo.yaml", "--json", "--log", "json"],
        ["train", "demo.yaml"], ["promote", "demo.yaml", "--json", "--log", "json"], ["sql", "demo.yaml"],
    ):  # fmt: skip
        done = run(*words, cwd=home, env=ENV)
        assert done.code in (0, 79), (words, done.err)
        said.append((" ".join(words), done))
    return home, said


FAILURES: dict[str, tuple[str, str, int]] = {
    "PostgreSQL is down": ("source: \"data/leads.parquet\"", "source: \"postgresql://u:${SECRET_OF_TESTS}@127.0.0.1:9/d?table=t\"", 75),
    "a broken query": ("select * from read_parquet", "selekt * from read_parquet", 78),
    "a query of no such column": ("where '${", "where nothing = '${", 65),
    "the registry is down": ("sqlite:///mlflow.db", "http://u:${SECRET_OF_TESTS}@127.0.0.1:9", 0),
    "an unknown key": ("seed: 7", "seed: 7\nsecret_key: ${SECRET_OF_TESTS}", 78),
    "a value of another kind": ("seed: 7", "seed: ${SECRET_OF_TESTS}", 78),
    "no YAML": ("seed: 7", "seed: [${SECRET_OF_TESTS}", 78),
    "a bad name": ("name: demo", "name: ${SECRET_OF_TESTS}", 78),
    "times that are addresses": ("changed_at: changed_at,\n", "changed_at: reason,\n", 65),
}  # fmt: skip


LEADS, STORE = 'source: "data/leads.parquet"', "sqlite:///mlflow.db"
AT_HOST = "://u:${SECRET_OF_TESTS}@127.0.0.1:9/x.db"
FAILURES |= {
    f"a source that is {scheme}": (LEADS, f'source: "{scheme}{AT_HOST}?table=t"', code)
    for scheme, code in {
        "mysql": 78,
        "https": 78,
        "s3": 78,
        "postgresql+psycopg2": 78,
        "duckdb": 66,
        "postgres": 75,
    }.items()
}
FAILURES |= {
    f"a store that is {scheme}": (STORE, scheme + AT_HOST, 78)
    for scheme in ("mysql", "s3", "postgresql+psycopg2", "duckdb")
}
FAILURES |= {
    "a query's database": (LEADS, f"source: {{query: \"select 1\", database: \"mysql{AT_HOST}\"}}", 78),
    "a query in a database": (LEADS, f"source: {{query: \"select 1\", database: \"duckdb{AT_HOST}\"}}", 66),
    "a file": (LEADS, "source: \"${SECRET_OF_TESTS}/leads.parquet\"", 66),
    "a delivery": ("seed: 7", "seed: 7\nsigning: {key: \"x${SECRET_OF_TESTS}\"}", 78),
}  # fmt: skip


@pytest.mark.parametrize(("name", "log"), [(name, ("text", "json")[n % 2]) for n, name in enumerate(FAILURES)])
def test_no_failure_tells_a_canary(name: str, log: str, sung, run: Forks, trial, tmp_path: Path) -> None:
    home = sung[0]
    old, new, code = FAILURES[name]
    config = (home / "demo.yaml").read_text()
    assert old in config
    (home / "bad.yaml").write_text(config.replace(old, new, 1))
    # A night whose registry is down goes on with the pinned champion, and says so; all others end.
    with trial("canaries in failures"):
        command = "train" if name == "times that are addresses" else "score"
        done = run(command, "bad.yaml", *AT, "--log", log, cwd=home, env=ENV)
        assert done.code == code, done.err
        assert SECRET not in done.err + done.out and EMAIL not in done.err + done.out


URL = f"u:{SECRET}@127.0.0.1:9/x"
OPTIONS = {
    "score --out": (["score", "demo.yaml", *AT, "--out", f"mysql://{URL}"], 2),
    "score --out, down": (["score", "demo.yaml", *AT, "--out", f"postgresql://{URL}?table=t"], 75),
    "score --out, no table": (["score", "demo.yaml", *AT, "--out", f"postgresql://{URL}"], 2),
    "score --model": (["score", "demo.yaml", *AT, "--model", f"https://{URL}"], 66),
    "score --leads": (["score", "demo.yaml", "--leads", f"s3://{URL}.csv"], 2),
    "score CONFIG": (["score", f"https://{URL}.yaml", *AT], 66),
    "init --source": (["init", "new", "--source", f"mysql://{URL}"], 66),
    "init --source, down": (["init", "new", "--source", f"postgresql://{URL}"], 75),
    "report --out": (["report", "demo.yaml", "--out", f"s3://{URL}.pdf"], 2),
    "explain --html": (["explain", "demo.yaml", "--lead", "L1", *AT, "--html", f"s3://{URL}.pdf"], 2),
    "check --html": (["check", "demo.yaml", "--html", f"https://{URL}.pdf"], 2),
    "forget --leads": (["forget", "demo.yaml", "--leads", f"https://{URL}.txt"], 66),
    "forget --out": (["forget", "demo.yaml", "--lead", "L1", "--out", f"ftp://{URL}"], 2),
    "train DATA": (["train", f"https://{URL}.csv", "--outcome", "won"], 66),
}  # fmt: skip


@pytest.mark.parametrize("name", OPTIONS)
def test_no_option_tells_the_user_of_a_url(name: str, sung, run: Forks, trial) -> None:
    """A literal one: no variable tells what to mask."""
    words, code = OPTIONS[name]
    for more in ([], ["--log", "json"]):
        with trial("canaries in options"):
            done = run(*words, *more, cwd=sung[0], env=ENV if "demo.yaml" in words else {})
            assert done.code == code, done.err
            assert SECRET not in done.err + done.out


def test_no_command_tells_a_canary(sung, trial) -> None:
    for words, done in sung[1]:
        with trial("canaries in what commands say"):
            assert SECRET not in done.out + done.err, words
            assert EMAIL not in done.out + done.err, words


def holds(path: Path, canary: str) -> bool:
    """Tell whether a file holds a text; cells of Parquet are looked at one by one, as pages are compressed."""
    data = path.read_bytes()
    if path.suffix == ".parquet":
        data += "\n".join(map(str, pq.ParquetFile(path).read().to_pylist())).encode()
    return any(form in data for form in (canary.encode(), canary.encode("utf-16-le"), canary.encode("utf-16-be")))


def test_no_file_but_the_users_own_and_the_kept_log_holds_a_canary(sung, trial) -> None:
    """The kept log, in `.leadline/fold`, holds the acts' own columns, as it must; it is never sent anywhere."""
    home = sung[0]
    mine = {"data", "bad.yaml"}
    looked = [p for p in home.rglob("*") if p.is_file() and p.relative_to(home).parts[0] not in mine]
    places = {"mlflow.db", "mlruns", "models", "scores", "sent", "backtests", "r.html", "o.csv", "check.html"}
    assert places <= {p.relative_to(home).parts[0] for p in looked} and len(looked) > 60
    for path in looked:
        where = path.relative_to(home).as_posix()
        with trial("canaries in files, MLflow's database and artifacts"):
            assert not holds(path, SECRET), where
            assert where.startswith(".leadline/fold/") or not holds(path, EMAIL), where


def test_the_look_at_files_sees_a_canary(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [EMAIL] * 3}), tmp_path / "a.parquet")
    (tmp_path / "b.db").write_bytes(b"\x00" + SECRET.encode() + b"\x00")
    assert (
        holds(tmp_path / "a.parquet", EMAIL)
        and holds(tmp_path / "b.db", SECRET)
        and not holds(tmp_path / "b.db", EMAIL)
    )


def test_a_black_holed_registry_is_told_without_the_secret_by_every_command(sung, run: Forks, trial) -> None:
    home = sung[0]
    commands = [
        ["train", "hole.yaml", "--as-of", KNOWN_AT], ["promote", "hole.yaml"], ["promote", "hole.yaml", "--rollback"],
        ["score", "hole.yaml", *AT, "--model", "models:/demo/99"], ["recalibrate", "hole.yaml"],
    ]  # fmt: skip
    for port in (None, 9):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            uri = f"http://u:${{SECRET_OF_TESTS}}@127.0.0.1:{port or silent.getsockname()[1]}"
            config = (home / "demo.yaml").read_text().replace("sqlite:///mlflow.db", uri)
            (home / "hole.yaml").write_text(config)
            import time

            began = time.monotonic()
            for words, done in zip(commands, run.together(commands, cwd=home, env=ENV), strict=True):
                with trial("registry refused or black-holed"):
                    assert done.code == 75, (words, done.err)
                    assert SECRET not in done.err and not re.search("Traceback", done.err)
            assert time.monotonic() - began < 10 * len(commands) / 2
    (home / "hole.yaml").unlink()
