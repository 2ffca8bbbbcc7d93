"""Progress: lines where nobody looks, a spinner and bars on a terminal, and the same lines left behind."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from leadline.cli.output import Printer
from leadline.cli.progress import ProgressReporter, clear_moving
from leadline.workflows.common import track_steps

CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], str]]:
    """Put a real terminal in stderr's place; what it got is read at the end."""
    leader, follower = os.openpty()
    stream = os.fdopen(follower, "w", encoding="utf-8")
    got: list[str] = []

    def read() -> str:
        stream.flush()
        while True:
            os.set_blocking(leader, False)
            try:
                got.append(os.read(leader, 65_536).decode("utf-8", "replace"))
            except BlockingIOError:
                return "".join(got)

    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", stream)
        patch.setenv("TERM", "xterm")
        patch.delenv("NO_COLOR", raising=False)
        patch.setenv("COLUMNS", "80")
        yield read
    stream.close()
    os.close(leader)


def left(raw: str) -> list[str]:
    """The lines that stay on a screen: what a spinner or bar drew over is gone."""
    lines = [
        CODES.sub("", line.rpartition("\x1b[2K")[2]).rpartition("\r")[2]
        for line in raw.replace("\r\n", "\n").split("\n")
    ]
    return [line for line in lines if re.match(r" *\d+\.\ds  ", line) and not re.search(r"[⠀-⣿]", line)]


def work(progress: ProgressReporter) -> None:
    progress("reading tables")
    progress("fitting")
    with track_steps(progress, "refitting", 4, lines=0) as step:
        for number in range(1, 5):
            step(number, "fine")
    progress("exporting")
    clear_moving()


def test_on_a_terminal_each_stage_becomes_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch) as read:
        progress = ProgressReporter(False, "text")
        progress.begin()
        work(progress)
        raw = read()
    assert [line.split("s  ", 1)[1] for line in left(raw)] == [
        "reading tables",
        "fitting",
        "refitting: 4 of 4, fine",
        "exporting",
    ]
    assert "4/4" in raw and "starting" in raw and raw.count("\x1b[?25l") == raw.count("\x1b[?25h")  # the cursor is back


def test_results_and_progress_do_not_run_into_each_other(monkeypatch, capsys: pytest.CaptureFixture[str]) -> None:
    with terminal(monkeypatch) as read:
        printer = Printer(False, "text", False)
        printer.progress("reading tables")
        printer._say("a result")
        before = read()
        printer.progress("exporting")
        clear_moving()
        after = read()
    assert capsys.readouterr().out == "a result\n"
    assert left(before)[-1].endswith("reading tables") and left(after)[-1].endswith("exporting")


def test_a_stage_told_beside_a_bar_stands_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with terminal(monkeypatch) as read:
        progress = ProgressReporter(False, "text")
        with progress.bar("nights", 2, 0) as step:
            progress("reading tables")
            clear_moving()  # a night's result is printed
            step(1, "2024-05-01")
        raw = read()
    assert "reading tables" in raw and [line.split("s  ", 1)[1] for line in left(raw)] == ["nights: 1 of 2, 2024-05-01"]


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1")])
def test_no_colour_is_honoured(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    with terminal(monkeypatch) as read:
        monkeypatch.setenv(variable, value)
        work(ProgressReporter(False, "text"))
        raw = read()
    assert not re.search(r"\x1b\[(3\d|38;)[0-9;]*m", raw)


@pytest.mark.parametrize("kind", ["quiet", "json", "dumb"])
def test_where_nothing_may_move_nothing_does(monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    with terminal(monkeypatch) as read:
        if kind == "dumb":
            monkeypatch.setenv("TERM", "dumb")
        progress = ProgressReporter(kind == "quiet", "json" if kind == "json" else "text")
        progress.begin()
        work(progress)
        raw = read()
    assert "\x1b" not in raw and raw.count("\n") == (0 if kind == "quiet" else 4)


def test_elsewhere_each_stage_is_a_line_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    work(ProgressReporter(False, "text"))
    assert [line.split("s  ", 1)[1] for line in stream.getvalue().splitlines()] == [
        "reading tables",
        "fitting",
        "refitting",
        "exporting",
    ]
