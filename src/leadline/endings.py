"""How a command ends: one sentence on stderr and an exit code, whatever happened on the way."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable

from leadline.errors import LeadlineError

__all__ = ["INTERRUPTED", "outcome"]

INTERRUPTED = 130


def outcome(command: Callable[[], object]) -> int:
    """Run a command and return its exit code; what went wrong is told on stderr in one sentence.

    Examples
    --------
    >>> outcome(lambda: None)
    0
    """
    try:
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # a stop by cron or Airflow cleans up as Ctrl-C does
        code = _run(command)
        sys.stdout.flush()
    except LeadlineError as error:
        code = error.exit_code
        _tell(f"leadline: {error}")
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        # The reader of stdout left (`leadline … | head`); Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = 0
    except Exception as error:  # noqa: BLE001 (the last resort: a bug's own message may quote a lead's data)
        code = 1
        _tell(_bug(error))
    if code == INTERRUPTED:
        _tell("leadline: interrupted; nothing was half-written; run the command again")
    return code


def _run(command: Callable[[], object]) -> int:
    """Run it; Typer ends every command with `SystemExit`."""
    try:
        command()
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):
            raise end.__context__ from None
        return int(end.code or 0)
    return 0


def _tell(text: str) -> None:
    print(text, file=sys.stderr)


def _bug(error: Exception) -> str:
    """Say where a bug struck, without the values that its own message may quote."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    return (
        f"{frames}leadline: a bug ({type(error).__name__}, its message withheld as it may quote a lead's data); "
        "expected none; please report it with the lines above"
    )
