"""The server as a user runs it: a process on loopback that is asked over HTTP."""

from __future__ import annotations

import asyncio
import http.client
import json
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from leadline import load_config, score, train
from leadline.registry import tracking
from leadline.serving.answers import Answers
from leadline.serving.app import PER_SECOND, create_app
from projects import KNOWN_AT, NIGHT, environment, inside, wait_for

COMMAND = str(Path(sys.executable).with_name("leadline"))
TOKEN = "s3cret-token"
LATER = "2025-06-08T10:00:00Z"


@dataclass
class Server:
    """A server that runs, and what it said."""

    process: subprocess.Popen[str]
    token: str | None
    port: int = 0
    said: list[str] = field(default_factory=list)

    def ask(
        self, method: str, path: str, body: Any = None, token: str | None = "own"
    ) -> tuple[int, Any, dict[str, str]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Content-Type": "application/json"}
        bearer = self.token if token == "own" else token
        if bearer is not None:
            headers["Authorization"] = f"Bearer {bearer}"
        text = body if body is None or isinstance(body, (str, bytes)) else json.dumps(body)
        connection.request(method, path, text, headers)
        answer = connection.getresponse()
        data = answer.read().decode()
        connection.close()
        told = json.loads(data) if "json" in answer.headers.get("content-type", "") else data
        return answer.status, told, {k.lower(): v for k, v in answer.headers.items()}

    def score(self, *leads: str, as_of: str | None = NIGHT, **more: Any) -> tuple[int, Any]:
        body = {"leads": [{"lead_id": lead, **more} for lead in leads], **({"as_of": as_of} if as_of else {})}
        return self.ask("POST", "/score", body)[:2]


@contextmanager
def serving(folder: Path, token: str | None = None) -> Iterator[Server]:
    command = [COMMAND, "serve", "demo.yaml", "--port", "0"]
    env = environment({"LEADLINE_TOKEN": token} if token else {})
    process = subprocess.Popen(command, cwd=folder, env=env, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    server = Server(process, token)
    reading = threading.Thread(target=lambda: server.said.extend(iter(process.stderr.readline, "")), daemon=True)  # type: ignore[union-attr]
    reading.start()
    try:
        wait_for(lambda: process.poll() is not None or any("listening on" in line for line in server.said), 60)
        assert process.poll() is None, "".join(server.said)
        server.port = int(re.findall(r"listening on http://127\.0\.0\.1:(\d+)", "".join(server.said))[0])
        yield server
    finally:
        process.kill()
        process.wait()
        reading.join(5)
        process.stdout.close()  # type: ignore[union-attr]
        process.stderr.close()  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def folder(trained_home: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("served") / "home"
    shutil.copytree(trained_home[0], place)
    return place


@pytest.fixture(scope="module")
def night(folder: Path) -> dict[str, dict[str, Any]]:
    with inside(folder):
        done = score("demo.yaml", NIGHT, "models/demo/1")
        rows = pq.ParquetFile(Path(done.place) / "scores.parquet").read().to_pylist()
    return {row["lead_id"]: row for row in rows}


@pytest.fixture(scope="module")
def server(folder: Path, night: Any) -> Iterator[Server]:
    with serving(folder, TOKEN) as running:
        yield running


def test_answers_are_the_nights_rows(server: Server, night: dict[str, dict[str, Any]]) -> None:
    leads = sorted(night)[::97]
    status, told = server.score(*leads, "L-nobody")
    assert status == 200 and told["unknown"] == ["L-nobody"] and told["model"] == "demo 1"
    assert told["as_of"] == NIGHT and sorted(row["lead_id"] for row in told["scores"]) == leads
    for row in told["scores"]:
        same = night[row["lead_id"]]
        assert {k: row[k] for k in ("probability", "score", "grade")} == {
            k: same[k] for k in ("probability", "score", "grade")
        }
        assert row["reasons"] == [same[f"reason_{n}"] for n in range(1, 6) if same[f"reason_{n}"]] and row["tier"]


def test_many_at_once_get_the_same_numbers(server: Server, night: dict[str, dict[str, Any]]) -> None:
    """Half of them bring an act that no table has: nobody else's answer has it."""
    leads = sorted(night)[:24]
    act = [{"type": "demo_request", "occurred_at": LATER}]
    alone = {lead: server.score(lead, events=act)[1]["scores"][0]["probability"] for lead in leads[:4]}
    asked = [(lead, n % 2 == 0) for lead in leads for n in range(2)]
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda a: server.score(a[0], **({"events": act} if a[1] else {})), asked))
    for (lead, brings), (status, told) in zip(asked, found, strict=True):
        assert status == 200
        p = told["scores"][0]["probability"]
        assert p == alone.get(lead, p) if brings else p == night[lead]["probability"]
    assert any(alone[lead] != night[lead]["probability"] for lead in alone)


@pytest.mark.parametrize("token", [None, "wrong"])
@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/score"), ("GET", "/leads/L1"), ("GET", "/accounts/A1"), ("GET", "/metrics")]
)
def test_nobody_is_answered_without_the_token(server: Server, method: str, path: str, token: str | None) -> None:
    status, told, headers = server.ask(
        method, path, {"leads": [{"lead_id": "L1"}]} if method == "POST" else None, token
    )
    assert (
        status == 401
        and "expected `Authorization: Bearer TOKEN`" in told["detail"]
        and headers["www-authenticate"] == "Bearer"
    )
    assert TOKEN not in json.dumps(told)


BAD = {
    "no JSON": "{",
    "no leads": {"leads": []},
    "a key that nobody knows": {"leads": [{"lead_id": "L1"}], "asof": NIGHT},
    "an as_of that is no time": {"leads": [{"lead_id": "L1"}], "as_of": "soon"},
    "an as_of that lies ahead": {"leads": [{"lead_id": "L1"}], "as_of": "2999-01-01T00:00:00Z"},
    "an act that isn't before as_of": {
        "leads": [{"lead_id": "L1", "events": [{"type": "x", "occurred_at": NIGHT}]}],
        "as_of": NIGHT,
    },
    "a lead twice": {"leads": [{"lead_id": "L1"}, {"lead_id": "L1"}]},
    "too many leads": {"leads": [{"lead_id": f"L{n}"} for n in range(51)]},
    "an id that is no text": {"leads": [{"lead_id": 7}]},
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
def test_bad_input_is_told_in_one_sentence(server: Server, body: Any) -> None:
    status, told, _ = server.ask("POST", "/score", body)
    assert status == 422 and "; expected " in told["detail"] and told["detail"].count("; ") >= 2


def test_who_isnt_known_is_404(server: Server) -> None:
    assert server.score("L-nobody")[0] == 404
    for path in ("/leads/L-nobody", "/accounts/A-nobody", "/nowhere"):
        assert server.ask("GET", path)[0] == 404


def test_one_lead_and_one_account_as_of_now(server: Server, night: dict[str, dict[str, Any]]) -> None:
    row = next(r for r in night.values() if r["account_id"])
    status, told, _ = server.ask("GET", f"/leads/{row['lead_id']}")
    assert status == 200 and [r["lead_id"] for r in told["scores"]] + [r["lead_id"] for r in told["left_out"]] == [
        row["lead_id"]
    ]
    status, told, _ = server.ask("GET", f"/accounts/{row['account_id']}")
    assert status == 200 and told["account_id"] == row["account_id"]
    assert all(r["account_id"] == row["account_id"] for r in told["scores"])
    chances = [r["probability"] for r in told["scores"]]
    assert chances == sorted(chances, reverse=True)


def test_health_metrics_and_the_api_page_name_nobody(server: Server, night: dict[str, dict[str, Any]]) -> None:
    lead = next(iter(night))
    server.ask("GET", f"/leads/{lead}")
    status, told, _ = server.ask("GET", "/health", token=None)
    assert status == 200 and told["status"] == "ok" and told["model"] == "demo 1"
    status, text, _ = server.ask("GET", "/metrics")
    assert status == 200 and re.search(r'leadline_requests_total\{route="/leads/\{lead_id\}",status="200"\} \d+', text)
    assert "leadline_ready 1" in text and lead not in text
    assert set(server.ask("GET", "/openapi.json", token=None)[1]["paths"]) >= {
        "/score",
        "/leads/{lead_id}",
        "/accounts/{account_id}",
        "/health",
        "/metrics",
    }
    assert not any(name in line for line in server.said for name in (lead, TOKEN))


def test_too_large_a_body_is_refused(server: Server) -> None:
    assert server.ask("POST", "/score", "x" * 1_000_001)[0] == 413


def test_too_many_within_a_second_are_refused_until_it_is_over(folder: Path) -> None:
    """The app itself, asked by its own protocol, which takes less time than a second has."""
    with inside(folder):
        app = create_app(Answers(load_config("demo.yaml"), print), None)
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/health",
        "headers": [],
        "query_string": b"",
        "http_version": "1.1",
    }
    seen: list[tuple[int, dict[bytes, bytes]]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            seen.append((message["status"], dict(message["headers"])))

    async def ask_all() -> None:
        for _ in range(PER_SECOND + 5):
            await app(dict(scope), receive, send)
        await asyncio.sleep(1.1)
        await app(dict(scope), receive, send)

    asyncio.run(ask_all())
    statuses = [status for status, _ in seen]  # nothing is started: 503 is what it has to say
    assert statuses == [503] * PER_SECOND + [429] * 5 + [503]
    assert seen[-2][1][b"retry-after"] == b"1"


def test_a_client_that_leaves_stops_nobody(server: Server, night: dict[str, dict[str, Any]]) -> None:
    lead = next(iter(night))
    for _ in range(3):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        connection.request("POST", "/score", json.dumps({"leads": [{"lead_id": lead}], "as_of": NIGHT}), headers)
        connection.close()
    assert server.score(lead)[1]["scores"][0]["probability"] == night[lead]["probability"]


def test_a_new_champion_answers_without_a_restart_and_the_last_one_while_the_registry_is_down(
    folder: Path, night: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    shutil.copytree(folder, home)
    lead = next(iter(night))
    with inside(home):
        made = train("demo.yaml", KNOWN_AT)
    with serving(home) as running:
        assert running.score(lead)[1]["model"] == "demo 1"
        with inside(home):
            tracking.set_alias(load_config("demo.yaml").tracking.uri, "demo", "champion", made.version)
        wait_for(lambda: running.score(lead)[1]["model"] == f"demo {made.version}", 60)
        shutil.move(home / "mlflow.db", home / "gone.db")
        (home / "mlflow.db").write_text("no database")
        wait_for(lambda: running.ask("GET", "/health")[1]["status"] == "degraded", 60)
        assert running.score(lead)[1]["model"] == f"demo {made.version}"


def test_it_says_503_while_no_model_can_be_had(folder: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(folder, home)
    for pin in (home / "models" / "demo").glob("*.json"):
        pin.unlink()
    text = (home / "demo.yaml").read_text()
    (home / "demo.yaml").write_text(re.sub(r"tracking: .*", "", text) + "\ntracking: {uri: 'http://127.0.0.1:9'}\n")
    with serving(home) as running:
        for method, path, body in (
            ("POST", "/score", {"leads": [{"lead_id": "L1"}]}),
            ("GET", "/leads/L1", None),
            ("GET", "/health", None),
        ):
            status, _, headers = running.ask(method, path, body)
            assert status == 503 and int(headers["retry-after"]) > 0


def test_it_ends_with_sigterm_and_says_what_keeps_it_from_starting(folder: Path, server: Server) -> None:
    def ends(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, "serve", "demo.yaml", *words],
            cwd=folder,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=60,
        )

    taken = ends("--port", str(server.port))
    assert taken.returncode == 75 and "taken by another process" in taken.stderr
    open_to_all = ends("--host", "0.0.0.0", "--port", "0")
    assert open_to_all.returncode == 78 and "set LEADLINE_TOKEN" in open_to_all.stderr
    with serving(folder) as running:
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(5) == 130
