"""The pinned champion: which version an alias meant when the registry last said so, with the bundle's hash.

A night doesn't need the registry to be up: it takes the bundle that the alias meant at the last finished night, says so
loudly, and refuses a bundle that has changed since.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from leadline.core.files import read_json, write_json
from leadline.core.point_in_time import DAY, HOUR, Horizon, format_instant, parse_instant
from leadline.errors import DataError, LeadlineError, MissingError, RetryError, UsageError
from leadline.registry.bundle import MODELS, REGISTERED, Bundle, bundle_digest, read_bundle, resolve_bundle
from leadline.registry.reaching import RegistryDenied

__all__ = ["find_bundle", "pin_bundle"]


def find_bundle(reference: str, uri: str, max_age: Horizon | None = None, key: str | None = None) -> tuple[Bundle, str]:
    """Find the bundle that a REF means, by the pin where the registry doesn't answer; return it, and what is to be said.

    Parameters
    ----------
    max_age : Horizon, optional
        How long ago the registry may have confirmed the pin.
    key : str, optional
        What bundles must be signed with.

    Raises
    ------
    RetryError, RegistryDenied
        The registry doesn't answer, or doesn't let leadline in, and there is no pin, it is too old, or it is no longer
        the bundle that was pinned.
    UsageError, MissingError, DataError
        As `resolve_bundle` says.
    """
    try:
        return resolve_bundle(reference, uri, key), ""
    except (RetryError, RegistryDenied) as error:
        match = REGISTERED.match(reference)
        pin = _pin(match["name"], match["alias"]) if match and match["alias"] else None
        if match is None or pin is None:
            raise
        age = max(0, int(time.time() * 1_000_000) - pin.confirmed_at)
        if max_age is not None and age > max_age.micros:
            raise type(error)(
                f"{str(error).partition(';')[0]}, and @{match['alias']} was pinned {_days(age)} ago; expected at most "
                f"nightly.pin_max_age, {max_age}; {str(error).rpartition('; ')[2]}"
            ) from None
        bundle = _same(MODELS / match["name"] / pin.version, pin, error, key)
        why = "refuses these credentials" if isinstance(error, RegistryDenied) else "doesn't answer"
        more = f" ({str(error).partition(';')[0]})" if isinstance(error, RegistryDenied) else ""
        return bundle, (
            f"the registry {why}{more}: scored with {bundle.name} {pin.version}, which was @{match['alias']} "
            f"when it last did answer, {_days(age)} ago; a newer champion may be missing"
        )


@dataclass(frozen=True)
class Pin:
    """Which version an alias meant, by the hash of its bundle, and when the registry last said so."""

    version: str
    digest: str
    confirmed_at: int


def pin_bundle(reference: str, bundle: Bundle) -> None:
    """Remember which version an alias means, as the registry just said; a bundle that isn't kept here can't be pinned."""
    match = REGISTERED.match(reference)
    if not match or not match["alias"] or bundle.folder.resolve() != (MODELS / bundle.name / bundle.version).resolve():
        return
    digest, now = bundle_digest(bundle.folder), int(time.time() * 1_000_000)
    there = _pin(bundle.name, match["alias"])
    if there is None or (there.version, there.digest) != (bundle.version, digest) or now - there.confirmed_at > HOUR:
        told = {"version": bundle.version, "sha256": digest, "confirmed_at": format_instant(now)}
        write_json(_file(bundle.name, match["alias"]), told)


def _same(folder: Path, pin: Pin, error: LeadlineError, key: str | None) -> Bundle:
    """Read the pinned bundle, if it still is the one that was pinned."""
    try:
        if bundle_digest(folder) == pin.digest:
            return read_bundle(folder, pin.version, key)
    except (OSError, MissingError, DataError):
        pass
    raise type(error)(
        f"{str(error).partition(';')[0]}, and the bundle kept in {folder} isn't the one that was pinned; "
        "expected one of the two; restore it, or wait for the registry"
    ) from None


def _days(micros: int) -> str:
    """Say how long ago something was, in whole days or hours."""
    count, unit = (micros // DAY, "day") if micros >= DAY else (micros // HOUR, "hour")
    return f"{count} {unit}{'' if count == 1 else 's'}"


def _file(name: str, alias: str) -> Path:
    return MODELS / name / f"{alias}.json"


def _pin(name: str, alias: str) -> Pin | None:
    """Read a pin; one of an older leadline, which didn't say when, is as old as its file."""
    try:
        record = read_json(_file(name, alias))
        said = record.get("confirmed_at")
        when = parse_instant(str(said)) if said else _file(name, alias).stat().st_mtime_ns // 1_000
        return Pin(str(int(record["version"])), str(record["sha256"]), when)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, UsageError):
        return None
