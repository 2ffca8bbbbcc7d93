"""The pinned champion: which version an alias meant when the registry last said so, with the bundle's hash.

A night doesn't need the registry to be up: it takes the bundle that the alias meant at the last finished night, says so
loudly, and refuses a bundle that has changed since.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from leadline.core.files import read_json, write_json
from leadline.errors import DataError, MissingError, RetryError
from leadline.registry.bundle import MODELS, REGISTERED, Bundle, read_bundle, resolve_bundle

__all__ = ["find_bundle", "pin_bundle"]

SUMS = "SHA256SUMS"


def find_bundle(reference: str, uri: str) -> tuple[Bundle, str]:
    """Find the bundle that a REF means, by the pin where the registry doesn't answer; return it, and what is to be said.

    Raises
    ------
    RetryError
        The registry doesn't answer, and there is no pin, or it is no longer the bundle that was pinned.
    UsageError, MissingError, DataError
        As `registry.resolve` says.
    """
    try:
        return resolve_bundle(reference, uri), ""
    except RetryError as error:
        match = REGISTERED.match(reference)
        pin = _pin(match["name"], match["alias"]) if match and match["alias"] else None
        if pin is None:
            raise
        version, digest = pin
        bundle = _same(MODELS / str(match and match["name"]) / version, version, digest, error)
        return bundle, (
            f"the registry doesn't answer: scored with {bundle.name} {version}, which was @{match['alias'] if match else ''} "
            "when it last did; a newer champion may be missing"
        )


def pin_bundle(reference: str, bundle: Bundle) -> None:
    """Remember which version an alias means, as the registry just said; a bundle that isn't kept here can't be pinned."""
    match = REGISTERED.match(reference)
    if not match or not match["alias"] or bundle.folder.resolve() != (MODELS / bundle.name / bundle.version).resolve():
        return
    digest = _digest(bundle.folder)
    if _pin(bundle.name, match["alias"]) != (bundle.version, digest):
        write_json(_file(bundle.name, match["alias"]), {"version": bundle.version, "sha256": digest})


def _same(folder: Path, version: str, digest: str, error: RetryError) -> Bundle:
    """Read the pinned bundle, if it still is the one that was pinned."""
    try:
        if _digest(folder) == digest:
            return read_bundle(folder, version)
    except (OSError, MissingError, DataError):
        pass
    raise RetryError(
        f"{str(error).partition(';')[0]}, and the bundle kept in {folder} isn't the one that was pinned; "
        "expected one of the two; restore it, or wait for the registry"
    ) from None


def _file(name: str, alias: str) -> Path:
    return MODELS / name / f"{alias}.json"


def _pin(name: str, alias: str) -> tuple[str, str] | None:
    try:
        record = read_json(_file(name, alias))
        return str(int(record["version"])), str(record["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _digest(folder: Path) -> str:
    """Hash the list of hashes, which stands for every file."""
    return hashlib.sha256((folder / SUMS).read_bytes()).hexdigest()
