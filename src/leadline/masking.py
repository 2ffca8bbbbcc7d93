"""Secrets in text that leaves the process: what a URL says of a user, and the values that `${NAME}` stood for.

Every error, every line on stderr and every result on stdout passes through `mask`. A secret can only come in by a URL
or by an environment variable that the config, or an option, names: both are known here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, quote_plus, unquote

__all__ = ["VARIABLE", "fill_variables", "forget_secrets", "mask", "mask_record", "remember_secret"]

VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
USERINFO = re.compile(r"\b(?!models:)([A-Za-z][A-Za-z0-9+.-]*:/+)[^\s\"'<>|]*@")
SAID = re.compile(
    r"((?:\b|[?&;_-])[\w.-]*(?:password|passwd|pwd|secret|token|signature|credential|access_?key|api_?key)[\w.-]*=)[^&;\s\"',)]+",
    re.IGNORECASE,
)
"""A secret that is told by its name, as in a URL's options and in a libpq connection string."""

SHORTEST = 4
"""A value with fewer characters stands in too many places that tell nothing of it."""

CLEAR = 8
"""From so many characters on a value is masked inside longer words, too; shorter ones and whole numbers only as words."""

_known: dict[str, str] = {}  # what is to be masked, and what stands in its place


def remember_secret(name: str, value: str) -> None:
    """Mask a value from now on, also as a URL or JSON spells it, and the password that is in it.

    Examples
    --------
    >>> remember_secret("DB_OF_DOCS", "pg://ann:tops%40cret@db/crm")
    >>> mask("can't reach pg://ann:tops%40cret@db/crm"), mask("tops@cret is wrong")
    ("can't reach ${DB_OF_DOCS}", '${DB_OF_DOCS} is wrong')
    """
    found = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://([^\s]*)@", value)
    parts = [value, value.strip()] + ([found[1].partition(":")[2]] if found else [])
    for part in [*parts, *(unquote(part) for part in parts)]:
        for form in {part, quote(part, safe=""), quote_plus(part), json.dumps(part)[1:-1], repr(part)[1:-1]}:
            if len(form) >= SHORTEST and not (form.isdigit() and len(form) < CLEAR):
                _known.setdefault(form, f"${{{name}}}")


def forget_secrets() -> None:
    """Mask no value any more: for tests, which have a secret each."""
    _known.clear()


def mask(text: str) -> str:
    """Return a text without the secrets in it.

    Examples
    --------
    >>> mask("no answer from https://ann:s3cret@db.example/x?table=t&password=p")
    'no answer from https://***@db.example/x?table=t&password=***'
    >>> mask("models:/demo@champion wrote to ann@lead.example")
    'models:/demo@champion wrote to ann@lead.example'
    >>> mask("no such file https:/ann:s3cret@db.example")  # as a path spells it
    'no such file https:/***@db.example'
    """
    for value in sorted(_known, key=len, reverse=True) if _known else ():
        if value not in text:
            continue
        if len(value) >= CLEAR:
            text = text.replace(value, _known[value])
        else:
            text = re.sub(rf"(?<![\w]){re.escape(value)}(?![\w])", lambda _, said=_known[value]: said, text)  # type: ignore[misc]
    text = USERINFO.sub(r"\1***@", text) if ":/" in text else text
    return SAID.sub(r"\1***", text) if "=" in text else text


def mask_record(record: Any) -> Any:
    """Mask every text of a record of plain JSON values, so that what is masked is still JSON.

    Examples
    --------
    >>> mask_record({"place": ["ftp://u:p@h/x", 3]})
    {'place': ['ftp://***@h/x', 3]}
    """
    if isinstance(record, str):
        return mask(record)
    if isinstance(record, Mapping):
        return {key: mask_record(value) for key, value in record.items()}
    if isinstance(record, (list, tuple)):
        return [mask_record(value) for value in record]
    return record


def fill_variables(text: str, environment: Mapping[str, str], missing: list[str]) -> str:
    """Put environment variables in the places of `${NAME}`, and mask their values from now on.

    Parameters
    ----------
    missing : list of str
        Gathers the names of those that aren't set.

    Examples
    --------
    >>> gone = []
    >>> fill_variables("a/${OUT_OF_DOCS}/${NONE_OF_DOCS}", {"OUT_OF_DOCS": "b"}, gone), gone
    ('a/b/', ['NONE_OF_DOCS'])
    """

    def take(match: re.Match[str]) -> str:
        if match[1] not in environment:
            missing.append(match[1])
            return ""
        remember_secret(match[1], environment[match[1]])
        return environment[match[1]]

    return VARIABLE.sub(take, text)
