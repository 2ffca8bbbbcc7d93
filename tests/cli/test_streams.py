"""What leaves a command: results alone on stdout, no secret on any line, and no bug where nobody reads."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from leadline import masking
from leadline.cli.streams import Outlet
from leadline.errors import LeadlineError
from projects import environment

NOISY = """
import os, sys
from leadline.cli.exit_codes import exit_code_of
from leadline.cli.output import Printer
from leadline.cli.streams import only_results

def command():
    only_results()
    print("a library's print with http://svc:canary-one@host/")
    os.write(1, b"a library's C code with http://svc:canary-two@host/\\n")
    os.system("echo a child with canary-three")
    sys.stderr.write("from http://svc:canary-four@host/\\n")
    Printer(True, "text", True)._as_json({"place": "postgresql://ann:canary-five@db/crm", "n": 3})

sys.exit(exit_code_of(command))
"""


def run(code: str, **options: object) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-c", code]
    return subprocess.run(words, env=environment(), text=True, check=False, timeout=60, **options)  # type: ignore[call-overload,no-any-return]


def test_stdout_has_the_result_alone_and_no_line_a_password() -> None:
    done = run(NOISY, capture_output=True)
    assert done.returncode == 0
    assert done.stdout == '{\n  "place": "postgresql://***@db/crm",\n  "n": 3\n}\n'
    assert done.stderr == "from http://***@host/\n"


TALKS = """
import sys
from leadline.cli.exit_codes import exit_code_of
from leadline.cli.streams import results

def command():
    for _ in range(20_000):
        print("x" * 60, file=results())
        print("x" * 60, file=sys.stderr)

sys.exit(exit_code_of(command))
"""


def test_a_reader_who_left_ends_nothing_as_a_bug() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    for stream in ("stdout", "stderr"):
        other = "stderr" if stream == "stdout" else "stdout"
        done = run(TALKS, **{stream: writer, other: subprocess.DEVNULL})
        assert done.returncode == 0, stream
    os.close(writer)


def test_streams_that_were_never_open_end_nothing_and_no_file_gets_what_is_printed(tmp_path: Path) -> None:
    code = TALKS.replace("def command():", f"def command():\n    kept = open({str(tmp_path / 'mine')!r}, 'w')")
    for closed in ((1,), (2,), (0, 1, 2)):
        done = subprocess.run(
            [sys.executable, "-c", f"import os, subprocess, sys\nfor n in {closed}: os.close(n)\nos.execv({sys.executable!r}, [{sys.executable!r}, '-c', {code!r}])"],
            env=environment(), check=False, timeout=60, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == 0, closed
        assert (tmp_path / "mine").read_bytes() == b""


def test_a_full_disk_behind_stdout_is_told_and_no_bug() -> None:
    with Path("/dev/full").open("wb") as full:
        done = run(TALKS.replace("20_000", "1"), stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 73
    assert "leadline: stdout: no space left on device; expected room for the result" in done.stderr


def test_a_pipe_that_is_full_and_does_not_wait_by_itself_is_waited_for() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    process = subprocess.Popen(
        [sys.executable, "-c", TALKS], env=environment(), stdout=writer, stderr=subprocess.DEVNULL
    )
    os.close(writer)
    time.sleep(1)
    size = 0
    while chunk := os.read(reader, 65_536):
        size += len(chunk)
    os.close(reader)
    assert process.wait(60) == 0 and size == 61 * 20_000


def test_an_outlet_remembers_who_left_and_who_is_full() -> None:
    class Broken:
        def __init__(self, number: int) -> None:
            self.number = number

        def write(self, _: str) -> int:
            raise OSError(self.number, "")

    left, full = Outlet(Broken(errno.EPIPE)), Outlet(Broken(errno.ENOSPC))
    for outlet in (left, full):
        assert outlet.write("x") == 1
    assert left.has_left and not full.has_left


WAITS = {
    "a lock in C": "import sqlite3\n    one = sqlite3.connect('x.db', isolation_level=None); one.execute('BEGIN EXCLUSIVE')\n"
    "    sqlite3.connect('x.db', timeout=60).execute('CREATE TABLE t (a)')",
    "a server in C": "from leadline.storage.postgres import fetch\n    fetch('postgresql://a:b@127.0.0.1:{port}/c?connect_timeout=60', 'select 1', 'x')",
    "the registry": "from leadline.registry.tracking import version_of\n    version_of('http://127.0.0.1:{port}', 'demo', 'champion')",
    "a lock": "from pathlib import Path\n    from leadline.core.files import locked\n    with locked(Path('l')), locked(Path('l'), 60): pass",
    "a stage": "import time\n    time.sleep(60)",
}  # fmt: skip


@pytest.mark.parametrize("name", WAITS)
def test_sigterm_is_answered_within_two_seconds_in_every_wait(name: str, tmp_path: Path) -> None:
    if name == "a server in C":
        pytest.importorskip("adbc_driver_postgresql")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        code = (
            "import sys\nfrom leadline.cli.exit_codes import exit_code_of\n"
            f"def command():\n    print('ready', file=sys.stderr, flush=True)\n    {WAITS[name].format(port=silent.getsockname()[1])}\n"
            "sys.exit(exit_code_of(command))\n"
        )
        process = subprocess.Popen(
            [sys.executable, "-c", code], env=environment(), cwd=tmp_path, stderr=subprocess.PIPE, text=True
        )
        assert process.stderr is not None and process.stderr.readline() == "ready\n"
        time.sleep(1.5)
        assert process.poll() is None, process.stderr.read()
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 130
        assert time.monotonic() - began < (
            2 if os.environ.get("LEADLINE_STRICT") else 4
        )  # two, on a machine with nothing else to do
        assert "leadline: interrupted" in process.stderr.read()
        process.stderr.close()


SCHEMES = (
    "mysql", "https", "s3", "postgresql+psycopg2", "duckdb", "postgresql", "http", "mongodb+srv", "snowflake", "gs", "redis", "sqlite",
)  # fmt: skip


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("secret", ["canary99", "c@nary/99", "c:an:ary", "ca{na}ry", "canary%40x"])
def test_no_error_tells_the_user_of_a_url(scheme: str, secret: str) -> None:
    error = str(
        LeadlineError(f"tables.leads.source: '{scheme}://ann:{secret}@db.example/crm?table=t' has no known ending")
    )
    assert secret not in error and "ann" not in error and f"{scheme}://***@" in error and "has no known ending" in error


@pytest.mark.parametrize(
    "value", ["canary-value", "c@n/ry\"wi'th", "p ss wörd", "postgresql://u:inner-pw@h/x", "short", "12345678"]
)
def test_no_line_tells_the_value_of_a_variable(value: str) -> None:
    import json
    from urllib.parse import quote, quote_plus

    masking.remember_secret("SECRET", value)
    for spelt in {value, quote(value, safe=""), quote_plus(value), json.dumps(value), repr(value)}:
        assert value not in masking.mask(f"before {spelt} after")
    assert "inner-pw" not in masking.mask("password inner-pw is wrong") or "inner-pw" not in value
    assert masking.mask("nothing to hide, 5 of 1234") == "nothing to hide, 5 of 1234"


def test_masks_are_for_all_threads() -> None:
    threading.Thread(target=masking.remember_secret, args=("SECRET", "from-elsewhere")).start()
    time.sleep(0.1)
    assert "from-elsewhere" not in masking.mask("x from-elsewhere")
