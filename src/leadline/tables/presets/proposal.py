"""What a preset proposes for a source that it has looked at: a config, the SQL beside it, and how sure each guess is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import Any

from leadline.tables.presets.guess import Guess

__all__ = ["Guess", "Proposal"]


@dataclass(frozen=True)
class Proposal:
    """What a preset proposes.

    Attributes
    ----------
    preset, source : str
        Which preset looked at what; the source without secrets.
    config : str
        The text of `leadline.yaml`.
    files : mapping of str to str
        SQL that the config reads, by a name relative to the config's folder; empty where none is needed.
    guesses : tuple of Guess
        What was chosen, and how sure.
    warnings : tuple of str
        What is missing or can't be known from this source, what that costs, and how to get it; a sentence each.
    found : tuple of str
        What is there; a line each.
    """

    preset: str
    source: str
    config: str
    files: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    guesses: tuple[Guess, ...] = ()
    warnings: tuple[str, ...] = ()
    found: tuple[str, ...] = ()

    def to_record(self) -> dict[str, Any]:
        """Return plain JSON values, the texts of the files left out.

        Examples
        --------
        >>> Proposal("csv", "data", "version: 1", {"sql/leads.sql": "SELECT 1"}).to_record()
        {'preset': 'csv', 'source': 'data', 'found': [], 'files': ['sql/leads.sql'], 'guesses': [], 'warnings': []}
        """
        return {
            "preset": self.preset,
            "source": self.source,
            "found": list(self.found),
            "files": list(self.files),
            "guesses": [{**asdict(g), "others": list(g.others)} for g in self.guesses],
            "warnings": list(self.warnings),
        }
