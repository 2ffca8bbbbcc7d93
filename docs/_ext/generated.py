"""What the pages of the reference take from the code when they are built, so that it can't go stale."""

from __future__ import annotations

import inspect
import re
import sys
import typing
from enum import Enum
from typing import Any

from pygments.lexers.special import TextLexer

__all__ = ["commands", "errors", "functions", "results", "setup", "signatures"]


def commands() -> str:
    """Return Markdown that tells of every command, with its arguments and options, in the order of `--help`."""
    from typer.main import get_command

    from leadline.cli.app import app

    return "\n\n".join(_command(name, c) for name, c in get_command(app).commands.items())  # type: ignore[attr-defined]


def _command(name: str, command: Any) -> str:
    """Return a command's section."""
    shown = [p for p in command.params if not getattr(p, "hidden", False)]
    arguments = [p for p in shown if p.param_type_name == "argument"]
    options = [p for p in shown if p.param_type_name == "option"]
    words = [p.metavar or p.name.upper() for p in arguments] + [
        f"{p.opts[0]} {p.metavar}" for p in options if p.required
    ]
    usage = " ".join(["leadline", name, *words, *(["[OPTIONS]"] if options else [])])
    lines = [f"## {name}", "", f"`{usage}`", "", str(command.help or "").split("\f")[0].strip(), ""]
    lines += [f"- `{p.metavar or p.name.upper()}`: {_cell(p.help or '')}" for p in arguments]
    if options:
        lines += ["", "| option | means | default |", "| --- | --- | --- |", *map(_option, options)]
    return "\n".join(lines)


def _option(parameter: Any) -> str:
    """Return an option's row."""
    value = parameter.default
    flags = ", ".join(f"`{flag}`" for flag in [*parameter.opts, *parameter.secondary_opts])
    if not parameter.is_flag:
        kinds = "|".join(str(kind.value) for kind in type(value)) if isinstance(value, Enum) else "N"
        flags += f" `{_cell(parameter.metavar or kinds)}`"
    told = value.value if isinstance(value, Enum) else value
    default = "" if told in (None, False, ()) or callable(told) else f"`{told}`"
    return f"| {flags} | {_cell(parameter.help or '')}{' (needed)' if parameter.required else ''} | {default} |"


def _cell(text: str) -> str:
    return re.sub(r"(?<![\w`])(--[a-z][a-z-]*)", r"`\1`", " ".join(text.replace("|", "\\|").split()))


ORDER = (
    "check",
    "train",
    "recalibrate",
    "promote",
    "roll_back",
    "retrain",
    "score",
    "explain",
    "report",
    "monitor",
    "forget",
)
"""The functions in the order of a model's life; any others come behind, by name."""


def functions() -> list[Any]:
    """List the public functions."""
    import leadline

    names = [n for n in leadline.__all__ if inspect.isfunction(getattr(leadline, n))]
    names.sort(key=lambda n: (ORDER.index(n) if n in ORDER else len(ORDER), n))
    return [getattr(leadline, n) for n in names]


def _rst(lines: list[str]) -> str:
    return "\n".join(["```{eval-rst}", *lines, "```"])


def signatures() -> str:
    """Return directives that tell of every public function, from its docstring."""
    return _rst([".. currentmodule:: leadline", "", *[f".. autofunction:: {f.__name__}" for f in functions()]])


def results() -> str:
    """Return directives that tell of what the public functions return, each once."""
    kinds = {}
    for function in functions():
        made = typing.get_type_hints(function, vars(sys.modules[function.__module__])).get("return")
        if inspect.isclass(made) and made.__module__.startswith("leadline.") and made.__name__ != "Config":
            kinds[f"{made.__module__}.{made.__qualname__}"] = made
    return _rst([f".. autoclass:: {place}" for place in kinds])


def errors() -> str:
    """Return directives that tell of every error."""
    from leadline.errors import LeadlineError

    names = [kind.__name__ for kind in LeadlineError.__subclasses__()]
    root = [
        ".. currentmodule:: leadline",
        "",
        ".. autoexception:: LeadlineError",
        "",
        ".. currentmodule:: leadline.errors",
        "",
    ]
    return _rst([*root, *[f".. autoexception:: {name}" for name in names]])


MAKERS = {"commands": commands, "functions": signatures, "results": results, "errors": errors}
"""What a page asks for by `<!-- made: NAME -->`, and what makes it."""


def fill(_app: Any, _page: str, source: list[str]) -> None:
    """Put what was asked for in its place."""
    source[0] = re.sub(r"^<!-- made: (\w+) -->$", lambda mark: MAKERS[mark[1]](), source[0], flags=re.MULTILINE)


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("source-read", fill)
    for name in ("cron", "usage"):
        app.add_lexer(name, TextLexer)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
