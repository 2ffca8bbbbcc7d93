"""Presets: commented configs to fill in, for exports as HubSpot, Salesforce or a CSV folder spell them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.resources import files as resources
from pathlib import Path

from leadline.core.choices import PRESETS, suggestion
from leadline.core.files import write_text
from leadline.errors import OutputError, UsageError
from leadline.presets.proposal import Proposal

__all__ = ["PRESETS", "never_mutable", "preset_text", "propose", "write_preset", "write_proposal"]


def never_mutable(_: str) -> str:
    """Suspect no column.

    Examples
    --------
    >>> never_mutable("status")
    ''
    """
    return ""


def propose(preset: str, source: str, folder: Path, suspect: Callable[[str], str] = never_mutable) -> Proposal:
    """Look at a source, and propose a config for it; nothing is written.

    Parameters
    ----------
    source : str
        A folder of exports or a file; for hubspot and salesforce also a DuckDB file or a PostgreSQL URL.
    folder : Path
        Where the config will stand.
    suspect : callable
        Says why a column's name is that of a leak; "" where it isn't.

    Raises
    ------
    UsageError, MissingError, ConfigError, DataError
        There is no such preset, or the source can't be read as one.
    """
    _require_preset(preset)
    if preset == "csv":
        from leadline.presets.csv import preset as csv_preset

        return csv_preset.propose(source, folder, suspect)
    found: Proposal = import_module(f"leadline.presets.crm.{preset}").propose(source, folder)
    return found


def write_proposal(folder: Path, proposal: Proposal) -> Path:
    """Write a proposed config and the SQL beside it; nothing that stands there is overwritten.

    Raises
    ------
    OutputError
        A config, or one of the SQL files, stands there already.
    """
    place = _free(folder)
    standing = next((folder / name for name in proposal.files if (folder / name).exists()), None)
    if standing is not None:
        raise OutputError(
            f"{standing}: stands there already; expected a free place; move it away or choose another DIR"
        )
    for name, text in proposal.files.items():
        write_text(folder / name, text)
    write_text(place, proposal.config)
    return place


def _require_preset(preset: str) -> None:
    if preset not in PRESETS:
        raise UsageError(f"--preset {preset[:40]!r}: unknown{suggestion(preset, PRESETS)}")


def _free(folder: Path) -> Path:
    place = folder / "leadline.yaml"
    if place.exists():
        raise OutputError(
            f"{place}: a config stands there already; expected a free place; move it away or choose another DIR"
        )
    return place


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
    _require_preset(preset)
    return resources("leadline.presets").joinpath(f"{preset}.yaml").read_text(encoding="utf-8")


def write_preset(folder: Path, preset: str) -> Path:
    """Write a preset's config into a folder; a config that stands there is never overwritten.

    Raises
    ------
    OutputError
        A config stands there already.
    """
    text = preset_text(preset)
    place = _free(folder)
    write_text(place, text)
    return place
