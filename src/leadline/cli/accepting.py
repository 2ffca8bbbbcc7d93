"""`--accept CODE "WHY"`: what refuses is told, and gone on with for a reason that stands in the record."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from leadline.errors import UsageError

__all__ = ["Accept", "AcceptingCommand", "accepted_codes", "joined_reasons"]

Accept = Annotated[
    list[str] | None,
    typer.Option(
        "--accept",
        metavar='CODE "WHY"',
        help="Go on though this check refuses, and why; may be given again.",
        show_default=False,
    ),
]


class AcceptingCommand(TyperCommand):
    """A command whose `--accept` takes two words: Typer's options that may be given again take one."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the command line, each code and its reason as one word."""
        return super().parse_args(ctx, joined_reasons(args))


def joined_reasons(words: Sequence[str]) -> list[str]:
    """Make one word of each code behind `--accept` and the reason behind it.

    Examples
    --------
    >>> joined_reasons(["c.yaml", "--accept", "LL441", "all left", "--quiet"])
    ['c.yaml', '--accept', 'LL441=all left', '--quiet']
    >>> joined_reasons(["--accept", "LL441", "--quiet"])
    ['--accept', 'LL441', '--quiet']
    """
    joined: list[str] = []
    for word in words:
        if (
            joined[-2:-1] == ["--accept"]
            and re.fullmatch(r"[A-Z][A-Z0-9_-]*\d", joined[-1])
            and not word.startswith("--")
        ):
            joined[-1] = f"{joined[-1]}={word}"
        else:
            joined.append(word)
    return joined


def accepted_codes(given: Sequence[str]) -> dict[str, str]:
    """Return the reason by code.

    Examples
    --------
    >>> accepted_codes(["LL441=all left"])
    {'LL441': 'all left'}
    >>> accepted_codes(["LL441"])
    Traceback (most recent call last):
    ...
    leadline.errors.UsageError: --accept LL441: no reason; expected a code and why it is right, as in --accept LL441 "all of them left"; say why
    """
    told = {}
    for word in given:
        code, equals, why = word.partition("=")
        if not (equals and why.strip()):
            raise UsageError(
                f'--accept {code[:20]}: no reason; expected a code and why it is right, as in --accept LL441 "all of them left"; say why'
            )
        told[code.strip()] = why.strip()
    return told
