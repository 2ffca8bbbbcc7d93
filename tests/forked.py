"""Real processes of the command line, forked from one whose imports are done: to be killed often, they must be cheap.

A child is leadline's own ``main`` with its own working directory, environment and streams; a kill -9 ends it as it
would end a process that was started in the ordinary way.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from projects import Done, environment

__all__ = ["Forks", "forks"]

SERVER = """
import atexit, gc, importlib, json, os, sys
for name in %r:
    importlib.import_module(name)
from leadline.cli.app import main
WRITES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.chmod", "os.truncate", "fcntl.flock", "ctypes.dlsym"}

def fail_at(number, how):
    # End the process, or fill the disk, at the n-th operation that changes a file.
    seen = [0]
    def count():
        seen[0] += 1
        if seen[0] == number and how == "kill":
            os.kill(os.getpid(), 9)
        if seen[0] == number:
            raise OSError(28, "No space left on device")
    def heard(event, arguments):
        if event in WRITES or (event == "open" and arguments[0] != os.devnull and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)):
            count()
    sync = os.fsync
    os.fsync = lambda handle: (count(), sync(handle))[1]
    sys.addaudithook(heard)

gc.freeze()
print("ready", flush=True)
while line := sys.stdin.readline():
    pids = []
    for order in json.loads(line):
        pid = os.fork()
        if pid == 0:
            os.chdir(order["cwd"])
            os.environ.update(order["env"])
            for handle, place in enumerate((os.devnull, order["out"], order["err"])):
                os.dup2(os.open(place, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), handle)
            if "FAULT_AT" in order["env"]:
                fail_at(int(order["env"]["FAULT_AT"]), order["env"]["FAULT_KIND"])
            try:
                main(order["words"])
            except SystemExit as end:
                sys.stdout.flush()
                sys.stderr.flush()
                atexit._run_exitfuncs()
                os._exit(end.code)  # taking apart all that is imported would cost a second
        pids.append(pid)
    print(json.dumps(pids), flush=True)
    print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids]), flush=True)
os._exit(0)
"""
HEAVY = (
    "leadline.cli.console", "leadline.workflows.training.train", "leadline.workflows.scoring.score", "leadline.workflows.training.publish",
    "leadline.workflows.monitor", "leadline.workflows.promote", "leadline.workflows.report",
    "duckdb", "lightgbm", "mlflow", "pandas", "pyarrow.parquet", "scipy.stats", "sklearn.linear_model",
    "matplotlib.figure", "matplotlib.backends.backend_agg", "mlflow.store.tracking.sqlalchemy_store", "mlflow.pyfunc", "sqlalchemy.dialects.sqlite", "alembic.command",
    "mlflow.store.model_registry.sqlalchemy_store", "mlflow.tracking", "jinja2", "rich.console", "rich.table",
)  # fmt: skip


@dataclass
class Forks:
    """The process that forks.

    Attributes
    ----------
    server : Popen
        It waits for orders on its stdin.
    folder : Path
        Where its children's streams are kept.
    """

    server: subprocess.Popen[str]
    folder: Path

    def together(
        self,
        commands: Sequence[Sequence[str]],
        cwd: Path,
        env: Mapping[str, str] | None = None,
        after: float | None = None,
    ) -> list[Done]:
        """Run commands at the same time; `after` seconds, kill -9 what still runs. A killed one has the code -9."""
        orders = [
            {
                "words": list(words), "cwd": str(cwd), "env": {"COLUMNS": "80", **(env or {})},
                "out": str(self.folder / f"{n}.out"), "err": str(self.folder / f"{n}.err"),
            }
            for n, words in enumerate(commands)
        ]  # fmt: skip
        assert self.server.stdin is not None and self.server.stdout is not None
        self.server.stdin.write(json.dumps(orders) + "\n")
        self.server.stdin.flush()
        pids = json.loads(self.server.stdout.readline())
        ended, _, _ = select.select([self.server.stdout], [], [], 120 if after is None else after)
        if not ended:
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    assert len(pids) > 1  # one of several had ended
        codes = json.loads(self.server.stdout.readline())
        texts = [(Path(o["out"]).read_text("utf-8"), Path(o["err"]).read_text("utf-8")) for o in orders]
        return [Done(code, *text) for code, text in zip(codes, texts, strict=True)]

    def __call__(
        self, *words: str, cwd: Path, env: Mapping[str, str] | None = None, after: float | None = None
    ) -> Done:
        """Run one command; see `together`."""
        return self.together([words], cwd, env, after)[0]

    def seconds(self, *words: str, cwd: Path) -> float:
        """Run one command, which must succeed, and say how long it took."""
        began = time.monotonic()
        done = self(*words, cwd=cwd)
        assert done.code == 0, done.err
        return time.monotonic() - began


@contextmanager
def forks() -> Iterator[Forks]:
    """Start the process that forks; it ends with the block."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="forks-") as folder:
        server = subprocess.Popen(
            [sys.executable, "-c", SERVER % (HEAVY,)], env=environment(), cwd=folder,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert server.stdin is not None and server.stdout is not None
        try:
            assert server.stdout.readline() == "ready\n"
            yield Forks(server, Path(folder))
        finally:
            server.stdin.close()
            server.wait(timeout=20)
            server.stdout.close()
