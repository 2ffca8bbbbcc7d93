"""A server's load: the same questions one after another, and at a steady pace, against `leadline serve` on loopback.

python -m benchmarks.serving CONFIG [--pace 50] [--seconds 20]
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.dataset as ds

from leadline import load_config

__all__ = ["main"]

PORT = 8131


def ask(body: dict[str, Any]) -> tuple[int, float]:
    """Put a question; return the answer's status, and milliseconds."""
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=60)
    connection.request("POST", "/score", json.dumps(body), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, 1000 * (time.perf_counter() - began)


def wait(process: subprocess.Popen[bytes]) -> float:
    """Wait until the server answers; return the seconds."""
    began = time.monotonic()
    while process.poll() is None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=5)
            connection.request("GET", "/health")
            if connection.getresponse().status == 200:
                return time.monotonic() - began
        except OSError:
            time.sleep(0.2)
    raise SystemExit("the server ended")


def told(name: str, answers: list[tuple[int, float]], seconds: float) -> None:
    """Print how long answers took, and which weren't given."""
    ms = np.array([t for _, t in answers])
    bad = sum(status != 200 for status, _ in answers)
    p50, p95 = np.percentile(ms, [50, 95])
    print(
        f"{name}: {len(ms)} requests, {len(ms) / seconds:.1f} a second, p50 {p50:.0f} ms, p95 {p95:.0f} ms, {bad} not answered with 200",
        flush=True,
    )


def main(arguments: list[str] | None = None) -> None:
    """Serve a config, and put the load on it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("config")
    parser.add_argument("--pace", type=float, default=50.0)
    parser.add_argument("--seconds", type=float, default=20.0)
    asked = parser.parse_args(arguments)
    leads = load_config(Path(asked.config)).tables.leads
    ids = ds.dataset(str(leads.source)).to_table(columns=[leads.key]).column(0).to_pylist()
    drawn = np.random.default_rng(1).choice(ids, 5_000)
    event = {"type": "demo_request", "occurred_at": "2025-01-01T00:00:00Z"}
    bodies = [{"leads": [{"lead_id": str(lead), "events": [event] if n % 2 else []}]} for n, lead in enumerate(drawn)]
    command = [str(Path(sys.executable).with_name("leadline")), "serve", asked.config, "--port", str(PORT), "--quiet"]
    process = subprocess.Popen(command, env=os.environ)
    try:
        print(f"ready after {wait(process):.1f} s", flush=True)
        for body in bodies[:5]:
            ask(body)
        began = time.perf_counter()
        one = [ask(body) for body in bodies[:100]]
        told("one after another", one, time.perf_counter() - began)
        many = int(asked.pace * asked.seconds)
        began = time.perf_counter()
        with ThreadPoolExecutor(64) as pool:
            waiting = []
            for n in range(many):
                time.sleep(max(0.0, began + n / asked.pace - time.perf_counter()))
                waiting.append(pool.submit(ask, bodies[100 + n]))
            answers = [future.result() for future in waiting]
        told(f"{asked.pace:g} a second", answers, time.perf_counter() - began)
        memory = next(
            line for line in Path(f"/proc/{process.pid}/status").read_text().splitlines() if line.startswith("VmRSS")
        )
        print(f"memory {int(memory.split()[1]) / 1e6:.2f} GB")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


if __name__ == "__main__":
    main()
