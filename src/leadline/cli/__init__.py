"""The command line: thin commands, what is printed, progress, exit codes."""

from leadline.cli.app import main

__all__ = ["main"]
