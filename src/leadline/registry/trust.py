"""What of a bundle is believed: a signature over its hashes, where the config has a key, and a manifest of the right shape.

Hashes tell damage, and anybody can make them anew. A signature is made with a key that only those have who may train.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from leadline.core.files import write_text
from leadline.core.point_in_time import Horizon
from leadline.errors import DataError, LeadlineError

__all__ = ["SIGNATURE", "is_sound", "require_signature", "sign"]

SIGNATURE, SUMS = "SIGNATURE", "SHA256SUMS"
SCHEME = "hmac-sha256"


def sign(folder: Path, key: str) -> None:
    """Write the signature of a bundle's SHA256SUMS beside it.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_text(folder / SUMS, "00  a")
    >>> sign(folder, "k"); require_signature(folder, b"00  a", "k")
    >>> (folder / SIGNATURE).read_text()[:15]
    'hmac-sha256 181'
    """
    write_text(folder / SIGNATURE, f"{SCHEME} {_digest((folder / SUMS).read_bytes(), key)}\n")


def require_signature(folder: Path, sums: bytes, key: str) -> None:
    """Make sure that a bundle was signed with a key.

    Raises
    ------
    DataError
        It isn't signed, or with another key, or was changed since.

    Examples
    --------
    >>> require_signature(Path("models/demo/1"), b"00  a", "k")
    Traceback (most recent call last):
    ...
    leadline.errors.DataError: model models/demo/1: it isn't signed; expected a bundle signed with signing.key; train again with that key, or name a signed one with --model
    """
    try:
        with (folder / SIGNATURE).open("rb") as stream:
            said = stream.read(200).decode("ascii").strip()
    except (OSError, UnicodeDecodeError):
        said = ""
    if not hmac.compare_digest(said.encode(), f"{SCHEME} {_digest(sums, key)}".encode()):
        what = "its signature is of another key, or of other files" if said else "it isn't signed"
        raise DataError(
            f"model {folder}: {what}; expected a bundle signed with signing.key; "
            "train again with that key, or name a signed one with --model"
        )


def _digest(sums: bytes, key: str) -> str:
    return hmac.new(key.encode(), sums, hashlib.sha256).hexdigest()


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_none_or_text(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _is_intent_rule(value: Any) -> bool:
    """Tell whether it is None, or a window and the intents that are looked for in it."""
    if value is None:
        return True
    try:
        Horizon.parse(value["window"])
        return isinstance(value["intents"], list) and all(isinstance(intent, str) for intent in value["intents"])
    except (TypeError, KeyError, AttributeError, LeadlineError):
        return False


def _is_record(value: Any) -> bool:
    return isinstance(value, dict)


def _is_words(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(word, str) for word in value.values())


def _is_lists(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(words, list) and all(isinstance(word, str) for word in words) for words in value.values()
    )


def _is_records(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def _is_later(value: Any) -> bool:
    return _is_records(value) and all(
        isinstance(one.get("column"), str) and re.fullmatch("[a-z][a-z0-9_]*", one["column"]) for one in value
    )


SHAPE: dict[str, Callable[[Any], bool]] = {
    "name": lambda value: isinstance(value, str) and bool(re.fullmatch("[a-z][a-z0-9-]{0,62}", value)),
    "features": _is_records,
    "intents": _is_words,
    "intent_stages": _is_intent_rule,
    "roles": _is_lists,
    "known_at": _is_none_or_text,
    "outcome": _is_record,
    "flat": lambda value: isinstance(value, bool),
    "dated": lambda value: isinstance(value, bool),
    "reference": _is_record,
    "then": _is_later,
    "leadline": _is_text,
}


def is_sound(manifest: Mapping[str, Any]) -> bool:
    """Tell whether what a night takes from a manifest is of the kind that it must be.

    Examples
    --------
    >>> is_sound({"name": "demo", "intents": {"call": "purchase"}}), is_sound({"name": "../x"}), is_sound({"intents": [1]})
    (True, False, False)
    """
    return all(fits(manifest[name]) for name, fits in SHAPE.items() if name in manifest)
