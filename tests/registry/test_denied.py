"""A registry that answers and doesn't let in, runs of trainings that died, and a store that was moved."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import ssl
import subprocess
import sys
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from leadline.core.files import write_json
from leadline.core.point_in_time import Horizon
from leadline.errors import ConfigError, MissingError, RetryError
from leadline.registry import pinned, sqlite_store, tracking
from leadline.registry.moved import rewrite_paths
from projects import NIGHT, environment, inside, leadline

HERE, CHAMPION = "sqlite:///mlflow.db", "models:/demo@champion"


@contextmanager
def answering(
    status: int, body: bytes, asked: list[str] | None = None, tls: ssl.SSLContext | None = None
) -> Iterator[str]:
    """A server that is well, and answers everything else with one status."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if asked is not None:
                asked.append(self.headers.get("Authorization") or "")
            self.send_response(200 if self.path == "/health" else status)
            if 300 <= status < 400:
                self.send_header("Location", "/login")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PATCH = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http{'s' if tls else ''}://someone:hunter2canary@127.0.0.1:{server.server_address[1]}"
        server.shutdown()


ANSWERS = {
    401: (b"You are not authenticated.", "doesn't know who asks"),
    403: (json.dumps({"error_code": "PERMISSION_DENIED", "message": "canary-in-body"}).encode(), "doesn't allow"),
}


@pytest.mark.parametrize("status", ANSWERS)
def test_who_is_not_let_in_is_told_so_and_no_retry_helps(status: int) -> None:
    body, words = ANSWERS[status]
    asked: list[str] = []
    with answering(status, body, asked) as uri, pytest.raises(ConfigError, match=rf"{words}.*\({status}\)") as refusal:
        tracking.version_of(uri, "demo", "champion")
    assert "canary" not in str(refusal.value)
    assert f"Basic {b64encode(b'someone:hunter2canary').decode()}" in asked
    assert not {"MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"} & set(os.environ)


PAGES = {
    "a login page": (200, b"<html>login please</html>", "a page, not an MLflow server.*MLFLOW_TRACKING_TOKEN"),
    "another place": (302, b"", "sends leadline elsewhere.*MLFLOW_TRACKING_TOKEN"),
    "nothing there": (404, b"no such page", "has no MLflow there.*version 3 or newer"),
    "an old server": (200, b"2.16.2", "runs MLflow 2.16.2; expected 3 or newer"),
}


@pytest.mark.parametrize("what", PAGES)
def test_what_is_no_mlflow_server_that_can_be_used_is_told_before_anything_is_fitted(what: str) -> None:
    status, body, words = PAGES[what]
    with answering(status, body) as uri:
        for asked in (tracking.require_usable, tracking.version_of):
            with pytest.raises(ConfigError, match=words):
                asked(uri, "demo", *(["champion"] if asked is tracking.version_of else []))


@pytest.mark.parametrize("status", [429, 502, 503])
def test_a_server_that_is_busy_is_worth_another_try(status: int) -> None:
    with answering(status, b"later") as uri, pytest.raises(RetryError, match=f"it says {status}"):
        tracking.require_usable(uri, "demo")


def certified(folder: Path) -> ssl.SSLContext:
    """A server's side of TLS, with a certificate that nobody trusts."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")]),
    )
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    (folder / "cert.pem").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "key.pem").write_bytes(secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


def test_a_certificate_that_nobody_trusts_is_told_with_where_to_name_its_authority(tmp_path: Path) -> None:
    with answering(200, b"3.1.0", tls=certified(tmp_path)) as uri, pytest.raises(ConfigError) as refusal:
        tracking.require_usable(uri, "demo")
    assert "certificate isn't trusted" in str(refusal.value) and "MLFLOW_TRACKING_SERVER_CERT_PATH" in str(
        refusal.value
    )


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("file:./mlruns", "a folder"), ("./mlruns", "a folder"), ("mlruns", "a folder"), ("azureml://x", "no MLflow store"),
        ("databricks", "its login"), ("databricks://profile", "its login"),
    ],
)  # fmt: skip
def test_a_store_that_no_retry_makes_usable_is_a_matter_of_the_config(
    uri: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(ConfigError, match=words):
        tracking.require_usable(uri, "demo")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A small store in a folder of its own, with one experiment."""
    monkeypatch.chdir(tmp_path)
    tracking.log_record(HERE, "demo", "first", {})
    return HERE


def test_an_experiment_that_was_deleted_is_told_with_the_command_that_restores_it(store: str) -> None:
    import mlflow

    client = mlflow.MlflowClient(f"sqlite:///{Path('mlflow.db').absolute()}")
    client.delete_experiment(client.get_experiment_by_name("demo").experiment_id)
    for asked in (tracking.require_usable, lambda uri, name: tracking.log_record(uri, name, "again", {})):
        with pytest.raises(ConfigError, match="mlflow experiments restore --experiment-id 1"):
            asked(store, "demo")
    tracking.require_usable(store, "another")


@pytest.mark.parametrize(
    ("revision", "words"),
    [("f5a4f2784254", "mlflow db upgrade sqlite:///.*/mlflow.db"), ("0123456789ab", "newer MLflow")],
)
def test_a_schema_of_another_mlflow_is_told_with_what_mends_it(store: str, revision: str, words: str) -> None:
    with closing(sqlite3.connect("mlflow.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    with pytest.raises(ConfigError, match=words):
        # in a process of its own: MLflow remembers that it has looked at a store
        told = subprocess.run(
            [sys.executable, "-c", "from leadline.registry import tracking as t; t.require_usable('sqlite:///mlflow.db', 'demo')"],
            env=environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        raise ConfigError(told.stderr.strip().splitlines()[-1])


@pytest.mark.parametrize("name", ["a%20b", "what?", "100% ü #1"])
def test_a_folder_of_any_name_holds_a_store(name: str, tmp_path: Path) -> None:
    home = tmp_path / name
    home.mkdir()
    code = "from leadline.registry import tracking as t; t.log_record('sqlite:///mlflow.db', 'demo', 'one', {'a.json': {}})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=home, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (home / "mlflow.db").is_file() and [*home.glob("mlruns/*/*/artifacts/a.json")]
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_two_first_runs_at_once_both_find_a_whole_store(tmp_path: Path) -> None:
    code = "import sys; from leadline.registry import tracking as t; t.log_record('sqlite:///mlflow.db', sys.argv[1], 'one', {})"
    runs = [
        subprocess.Popen([sys.executable, "-c", code, f"model-{n}"], cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, text=True)
        for n in range(3)
    ]  # fmt: skip
    said = [run.communicate()[1] for run in runs]
    assert [run.returncode for run in runs] == [0] * 3 and not any("Traceback" in one for one in said), said
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as store:
        names = {name for (name,) in store.execute("SELECT name FROM experiments")}
    assert {f"model-{n}" for n in range(3)} <= names


def test_a_server_in_trouble_is_worth_another_try() -> None:
    with answering(500, b"oops") as uri, pytest.raises(RetryError, match="can't be used"):
        tracking.version_of(uri, "demo", "champion")


def test_a_night_that_is_not_let_in_says_so_and_how_old_its_champion_is(home: Path) -> None:
    bundle, _ = pinned.find_bundle(CHAMPION, HERE)
    pinned.pin_bundle(CHAMPION, bundle)
    config = home / "demo.yaml"
    text = config.read_text()
    with answering(401, b"no") as uri:
        config.write_text(text.replace(HERE, uri))
        done = leadline("score", "demo.yaml", "--as-of", NIGHT, "--quiet", cwd=home)
        assert done.code == 0, done.err
        assert "refuses these credentials" in done.err and "(401)" in done.err and "0 hours ago" in done.err
        record = json.loads(next((home / "scores/demo").glob("as_of=2025-06-09*/night.json")).read_text())
        assert "refuses these credentials" in record["registry"] and "hunter2canary" not in json.dumps(record)
        place = home / "models/demo/champion.json"
        write_json(place, {**json.loads(place.read_text()), "confirmed_at": "2020-01-01T00:00:00Z"})
        for answer, code in ((uri, 78), ("http://someone:hunter2canary@127.0.0.1:9", 75)):
            config.write_text(text.replace(HERE, answer))
            done = leadline("score", "demo.yaml", "--as-of", NIGHT, "--force", cwd=home)
            assert done.code == code and "nightly.pin_max_age" in done.sentence and "hunter2canary" not in done.err


def test_a_pin_is_taken_up_to_its_age(home: Path) -> None:
    bundle, _ = pinned.find_bundle(CHAMPION, HERE)
    pinned.pin_bundle(CHAMPION, bundle)
    down = "http://127.0.0.1:9"
    place = Path("models/demo/champion.json")
    two_days = place.stat().st_mtime - 2 * 86_400
    write_json(place, {name: value for name, value in json.loads(place.read_text()).items() if name != "confirmed_at"})
    os.utime(place, (two_days, two_days))  # a pin of an older leadline is as old as its file
    assert "2 days ago" in pinned.find_bundle(CHAMPION, down, Horizon.parse("3d"))[1]
    with pytest.raises(RetryError, match=r"was pinned 2 days ago; expected at most nightly\.pin_max_age, 1d"):
        pinned.find_bundle(CHAMPION, down, Horizon.parse("1d"))


RUN = """
import time
from leadline.registry import tracking
with tracking.open_run("sqlite:///mlflow.db", "trainings", "demo", "one") as run:
    print(run.id, flush=True)
    time.sleep(60)
"""


def status_of(run: str) -> str:
    with tracking._client(HERE) as (_, client):
        return str(client.get_run(run).info.status)


def test_the_run_of_a_process_that_died_is_ended_as_killed_by_the_next(tmp_path: Path) -> None:
    with inside(tmp_path):
        with tracking.open_run(HERE, "trainings", "demo", "before"):
            pass
        processes = [
            subprocess.Popen([sys.executable, "-c", RUN], env=environment(), stdout=subprocess.PIPE, text=True)
            for _ in "ab"
        ]
        runs = []
        for process in processes:
            assert process.stdout is not None
            runs.append(process.stdout.readline().strip())
        processes[0].send_signal(signal.SIGKILL)
        processes[0].wait()
        assert [status_of(run) for run in runs] == ["RUNNING", "RUNNING"]
        with tracking.open_run(HERE, "trainings", "demo", "after") as after:
            assert [status_of(run) for run in runs] == ["KILLED", "RUNNING"]  # the other one is at work
        assert status_of(after.id) == "FINISHED"
        processes[1].kill()
        for process in processes:
            process.wait()
            assert process.stdout is not None
            process.stdout.close()
        with tracking.open_run(HERE, "trainings", "demo", "last"):
            assert status_of(runs[1]) == "KILLED"
        assert not list(Path(".leadline/runs").iterdir())


@pytest.mark.parametrize("by_client", [True, False])
def test_a_folder_that_was_moved_whole_goes_on_where_it_is(tmp_path: Path, by_client: bool) -> None:
    """A night, too, which writes its run without MLflow's client, makes nothing where the folder once was."""
    old, new = tmp_path / "here", tmp_path / "there"
    old.mkdir()
    with inside(old):
        tracking.log_record(HERE, "demo", "one", {"a.txt": "x"})
    old.rename(new)
    with inside(new):
        if not by_client:
            told = ("demo", "night", {}, [], ("b.txt", {}))
            assert not sqlite_store.log_finished_run(Path("mlflow.db"), *told), (
                "left to the client, which mends the paths"
            )
        tracking.log_record(HERE, "demo", "two", {"b.txt": "y"})
        assert sqlite_store.log_finished_run(Path("mlflow.db"), "demo", "night", {}, [], ("c.json", {}))
        assert [len([*Path("mlruns").rglob(name)]) for name in ("a.txt", "b.txt", "c.json")] == [1, 1, 1]
    assert not old.exists()


def test_paths_of_a_store_that_was_moved_are_told_with_the_command_that_mends_them(home: Path, tmp_path: Path) -> None:
    old, new = tmp_path / "old home", tmp_path / "new"
    for place in (old, new):
        place.mkdir()
    with inside(old), tracking.open_run(HERE, "demo", "demo", "one") as run:
        run.mlflow.log_text("x", "a.txt")
    shutil.move(old / "mlflow.db", new / "mlflow.db")
    shutil.move(old / "mlruns", tmp_path / "kept")
    with inside(new):
        with pytest.raises(MissingError, match="the store was moved") as refusal:
            tracking.log_record(HERE, "demo", "two", {"b.txt": "y"})
        assert not (old / "mlruns").exists()
        shutil.move(tmp_path / "kept", new / "mlruns")
        words = str(refusal.value).partition("run `")[2].rstrip("`")
        assert words.startswith("python -m leadline.registry.moved mlflow.db ")
        done = subprocess.run(
            words.replace("python", sys.executable, 1),
            shell=True,
            env=environment(),
            check=True,
            capture_output=True,
            text=True,
        )
        assert "paths changed in mlflow.db" in done.stdout
        tracking.log_record(HERE, "demo", "two", {"b.txt": "y"})
        with tracking._client(HERE) as (_, client):
            assert [a.path for a in client.list_artifacts(run.id)] == ["a.txt"]
        assert (
            len(list(Path("mlruns").rglob("b.txt"))) == 1 and rewrite_paths(Path("mlflow.db"), str(old), str(new)) == 0
        )
