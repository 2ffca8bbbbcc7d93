"""Presets: commented configs to fill in, for exports as HubSpot, Salesforce or a CSV folder spell them."""

from __future__ import annotations

from importlib.resources import files as resources
from pathlib import Path

from leadline.errors import OutputError, UsageError
from leadline.files import write_text

__all__ = ["PRESETS", "preset_text", "write_preset"]

PRESETS = ("csv", "hubspot", "salesforce")


def preset_text(preset: str) -> str:
    """Return a preset's config.

    Raises
    ------
    UsageError
        There is no such preset.

    Examples
    --------
    >>> preset_text("csv").splitlines()[0]
    '# leadline: a config for a folder of CSV exports. Fill in what is marked with <—, then run `leadline check`.'
    """
    if preset not in PRESETS:
        raise UsageError(f"--preset {preset[:40]!r}: unknown; expected one of {', '.join(PRESETS)}")
    return resources("leadline.tables.presets").joinpath(f"{preset}.yaml").read_text(encoding="utf-8")


def write_preset(folder: Path, preset: str) -> Path:
    """Write a preset's config into a folder; a config that stands there is never overwritten.

    Raises
    ------
    OutputError
        A config stands there already.
    """
    text = preset_text(preset)
    place = folder / "leadline.yaml"
    if place.exists():
        raise OutputError(
            f"{place}: a config stands there already; expected a free place; move it away or choose another DIR"
        )
    write_text(place, text)
    return place
