"""Run every bench in turn, each at its small default: `python -m benchmarks`.

A bench is a module of this folder with ``main(arguments) -> int``; it prints its own tables and returns an exit code.
"""

from __future__ import annotations

import importlib
import sys

MODULES = ("features", "gate", "models", "next_period", "report", "scoring", "train")
"""The benches, in the order in which they run."""


def main() -> int:
    """Run all benches; return the first exit code that isn't 0, after the others have run."""
    codes = []
    for name in MODULES:
        print(f"== benchmarks.{name} ==", flush=True)
        codes.append(importlib.import_module(f"benchmarks.{name}").main([]))
    return next((code for code in codes if code), 0)


if __name__ == "__main__":
    sys.exit(main())
