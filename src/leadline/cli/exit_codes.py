"""How a command ends: one sentence on stderr and an exit code, whatever happened on the way."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from leadline.cli.progress import clear_moving
from leadline.cli.stopping import answer_stops
from leadline.cli.streams import keep_results_apart
from leadline.errors import LeadlineError, OutputError
from leadline.masking import mask, mask_record

__all__ = ["INTERRUPTED", "end_as_json", "exit_code_of", "leave"]

INTERRUPTED = 130
STOPPED = "leadline: interrupted; nothing was half-written; run the command again"
_runs: list[str] = []  # the id of the run whose log is lines of JSON, if any


def end_as_json(run_id: str) -> None:
    """Tell from now on how the command ends as a line of JSON, with the run's id.

    Examples
    --------
    >>> end_as_json("a1")
    >>> exit_code_of(lambda: None)
    0
    """
    _runs[:] = [run_id]


def exit_code_of(command: Callable[[], object]) -> int:
    """Run a command and return its exit code; what went wrong is told on stderr in one sentence.

    Examples
    --------
    >>> exit_code_of(lambda: None)
    0
    """
    _runs.clear()
    with keep_results_apart() as out:
        try:
            with answer_stops(_leave):
                code = _run(command)
        except LeadlineError as error:
            code = error.exit_code
            _tell(f"leadline: {error}", code, "\n".join(getattr(error, "__notes__", ())))
        except KeyboardInterrupt:
            code = INTERRUPTED
        except BrokenPipeError:
            code = 0  # the reader of stdout left (`leadline … | head`)
        except Exception as error:  # noqa: BLE001 (the last resort: a bug's own message may quote a lead's data)
            code = 1
            _tell(_bug(error), code)
        if code == INTERRUPTED:
            _tell(STOPPED, code)
        out.flush()
        if code == 0 and out.failure is not None and not out.has_left:
            code = OutputError.exit_code
            why = os.strerror(getattr(out.failure, "errno", None) or 0).lower()
            _tell(
                f"leadline: stdout: {why}; expected room for the result; what the command did stands; free some", code
            )
        return code


def leave(code: int) -> NoReturn:
    """End the process at once: taking apart what a training has imported takes seconds, which whoever stops it may not give."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)


def _leave() -> None:
    """Tell that it is interrupted and end the process, whatever its main thread waits for."""
    _tell(STOPPED, INTERRUPTED)
    leave(INTERRUPTED)


def _run(command: Callable[[], object]) -> int:
    """Run it; Typer ends every command with `SystemExit`."""
    try:
        command()
    except SystemExit as end:
        if isinstance(end.__context__, BrokenPipeError):
            raise end.__context__ from None
        return int(end.code or 0)
    finally:
        clear_moving()
    return 0


def _tell(text: str, code: int, advice: str = "") -> None:
    """Tell what went wrong, and below it what would mend it, where somebody noted that on the error."""
    if _runs:
        line = {"run_id": _runs[0], "error": text.removeprefix("leadline: "), "exit_code": code}
        text = json.dumps(mask_record({**line, "advice": advice} if advice else line), ensure_ascii=False)
    elif advice:
        text = f"{text}\n\n{advice}"
    print(mask(text), file=sys.stderr)


def _bug(error: Exception) -> str:
    """Say where a bug struck, without the values that its own message may quote."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    return (
        f"{frames}leadline: a bug ({type(error).__name__}, its message withheld as it may quote a lead's data); "
        "expected none; please report it with the lines above"
    )
