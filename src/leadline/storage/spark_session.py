"""A Spark session: one of whoever called leadline, or one of its own, whose Java process ends with it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leadline.config.schema import Engine
from leadline.errors import ConfigError, OutputError, UsageError

__all__ = ["JAVA", "SparkHandle", "launch_spark", "require_spark", "settings", "start_session", "unfit"]

JAVA = 17
"""The oldest Java that Spark 4 runs on."""

LEAST_MEMORY = 512
"""Megabytes below which Spark's driver doesn't start."""

MEGABYTES = {"K": 1e3 / 2**20, "M": 1e6 / 2**20, "G": 1e9 / 2**20, "T": 1e12 / 2**20}
BINARY = {"K": 2.0**-10, "M": 1.0, "G": 2.0**10, "T": 2.0**20}

SQL = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.caseSensitive": "false",
    "spark.sql.ansi.enabled": "true",  # an overflow, or a division by zero, is an error, as in other engines
    "spark.sql.ansi.doubleQuotedIdentifiers": "true",
}
"""How a session reads leadline's SQL; they hold for leadline's own sessions only."""


@dataclass(frozen=True)
class SparkHandle:
    """A session, and how to let go of it."""

    session: Any
    stop: Callable[[], None]


def unfit() -> str:
    """Say what Spark lacks here, with the line that mends it; "" where it can run."""
    try:
        import pyspark  # noqa: F401
    except ImportError:
        return "PySpark isn't installed; `pip install leadline[spark]`"
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home, "bin", "java")) if home else shutil.which("java")
    fix = f"`apt install openjdk-{JAVA}-jre-headless`"
    if java is None or not Path(java).is_file():
        return f"there is no Java; {fix}"
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', said)
    version = int(found[1]) if found else 0
    return "" if version >= JAVA else f"its Java is {version or 'of no known version'}, older than {JAVA}; {fix}"


def require_spark(engine: Engine) -> None:
    """Refuse at once what would fail once the tables are read.

    Raises
    ------
    UsageError
        PySpark, or a Java that it runs on, isn't there.
    ConfigError
        `engine.master` is of Spark Connect.

    Examples
    --------
    >>> require_spark(Engine(kind="spark", master="sc://cluster:15002"))
    Traceback (most recent call last):
    ...
    leadline.errors.ConfigError: engine.master: names a server of Spark Connect; expected a driver in this process; ...
    """
    if str(engine.master).startswith("sc://"):
        raise ConfigError(
            "engine.master: names a server of Spark Connect; expected a driver in this process; name a master such as local[2]"
        )
    lacking = unfit()
    if lacking:
        raise UsageError(f"engine.kind: spark can't run here: {lacking}")


def settings(engine: Engine, folder: Path) -> dict[str, str]:
    """Return what a context of leadline's own is started with.

    Examples
    --------
    >>> made = settings(Engine(kind="spark", memory="4GB", threads=2), Path("spill"))
    >>> made["spark.master"], made["spark.driver.memory"]
    ('local[2]', '3814m')
    """
    number, unit = re.fullmatch(r"([\d.]+)\s?(\w+)", engine.memory).groups()  # type: ignore[union-attr]
    memory = float(number) * (BINARY if "i" in unit else MEGABYTES)[unit[0]]
    master = engine.master or f"local[{engine.threads}]"
    made = {
        "spark.master": master,
        "spark.app.name": "leadline",
        "spark.driver.memory": f"{max(int(memory), LEAST_MEMORY)}m",
        "spark.driver.maxResultSize": "0",  # the model is fitted on the driver: its rows must come whole
        "spark.local.dir": str(folder / "spill"),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.ui.enabled": "false",
    }
    if master.startswith("local"):
        made |= {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    return made


def start_session(engine: Engine, folder: Path) -> SparkHandle:
    """Return a session with temporary views and settings of its own.

    Where the process already has a Spark context (a notebook on a cluster), that one is used and stays; else one is
    started, and stopped at the end. Its Java process tells nothing: leadline tells its own progress.

    Raises
    ------
    OutputError
        Spark doesn't start.
    """
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    # There is no public way to ask whether a context runs without starting one.
    running = SparkContext._active_spark_context is not None
    stop: Callable[[], None] = (lambda: None) if running else launch_spark(settings(engine, folder))
    session = SparkSession.builder.getOrCreate().newSession()
    for key, value in SQL.items():
        session.conf.set(key, value)
    if not running:
        session.conf.set("spark.sql.shuffle.partitions", str(2 * session.sparkContext.defaultParallelism))
    return SparkHandle(session, stop)


def launch_spark(told: dict[str, str]) -> Callable[[], None]:
    """Start a Java process and a Spark context in it; return what ends both.

    Raises
    ------
    OutputError
        Spark doesn't start.
    """
    from py4j.protocol import Py4JError
    from pyspark import SparkConf, SparkContext
    from pyspark.errors import PySparkException
    from pyspark.java_gateway import launch_gateway

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    conf = SparkConf(loadDefaults=False)
    for key, value in told.items():
        conf.set(key, value)
    in_main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT) if in_main else None
    gateway = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # PySpark forks beside threads
            gateway = launch_gateway(conf=conf, popen_kwargs={"stderr": subprocess.DEVNULL})
            context = SparkContext(conf=conf, gateway=gateway)
    except (PySparkException, Py4JError, OSError) as error:
        if gateway is not None:
            _end(gateway)
        raise OutputError(
            f"engine: Spark didn't start ({type(error).__name__}); expected a master that answers and {told['spark.driver.memory']}B "
            "of free memory; mend engine.master or engine.memory"
        ) from None
    finally:
        if in_main:  # PySpark takes Ctrl-C for itself, and forgets that others may listen
            signal.signal(signal.SIGINT, before)

    def stop() -> None:
        try:
            context.stop()
        except (PySparkException, Py4JError, OSError):
            pass  # the Java process is gone already
        finally:
            _end(gateway)

    return stop


def _end(gateway: Any) -> None:
    """End the Java process, and make PySpark forget it, so that a later context gets a new one."""
    from pyspark import SparkContext

    SparkContext._gateway = SparkContext._jvm = None
    gateway.shutdown()
    gateway.proc.stdin.close()
    try:
        gateway.proc.wait(timeout=20)
    except subprocess.TimeoutExpired:
        gateway.proc.kill()
        gateway.proc.wait()
