"""What `init` and a data file in a config's place print: the config, what was guessed and how sure, and what is missing."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING

from leadline.printing import Printer

if TYPE_CHECKING:
    from pathlib import Path

    from leadline.pipeline.pointing import Pointed
    from leadline.tables.presets.proposal import Proposal

__all__ = ["ConfigScreen"]


class ConfigScreen(Printer):
    """Prints configs that were guessed."""

    def pointed(self, found: Pointed) -> None:
        """Print the config that a data file got, and warn of what was guessed and of what it can't protect against."""
        self._config = str(found.config)
        if not self._json:
            self._say(f"the config, {'written to' if found.proposal else 'as it stands in'} {found.config}:\n")
            self._say("\n".join(f"  {line}".rstrip() for line in found.text.splitlines()) + "\n")
        for text in found.warnings:
            self.progress.warn(text)

    def proposed(self, place: Path, proposal: Proposal | None) -> None:
        """Print where a config was written, what was found, and what was guessed with how sure it is."""
        if self._as_json({"config": str(place), "proposal": None if proposal is None else proposal.to_record()}):
            return
        for line in () if proposal is None else proposal.found:
            self._say(line)
        if proposal is not None and proposal.guesses:
            self._say("\nguessed (the config says so beside each line):")
            for guess in proposal.guesses:
                self._say(fill(str(guess), 80, initial_indent="  ", subsequent_indent="      "))
        for text in () if proposal is None else proposal.warnings:
            self._say(fill(f"warning: {text}", 80, subsequent_indent="  "))
        for name in () if proposal is None else proposal.files:
            self._say(f"written: {place.parent / name}")
        self._say(f"written: {place}")
        self._say(f"next: mend what is marked <— in it, then `leadline check {place}`")
