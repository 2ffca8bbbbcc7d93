"""Sources that installed packages read, by the scheme of their URLs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from leadline.config.frames import FrameSource
from leadline.core.plugins import plugins
from leadline.errors import ConfigError

__all__ = ["SourceScheme", "plugged_fetch"]

GROUP = "leadline.sources"  # of entry points


@dataclass(frozen=True)
class SourceScheme:
    """How the tables behind URLs of one scheme are read.

    Attributes
    ----------
    scheme : str
        What stands before ``://``.
    fetch : callable
        Gives the rows of a URL, as a table of Arrow, pandas or polars. It is also given the config's key, with which errors begin.

    Examples
    --------
    >>> rows = SourceScheme("letters", lambda url, where: {"lead": list(url.partition("://")[2])})
    >>> rows.fetch("letters://ab", "tables.leads.source")
    {'lead': ['a', 'b']}
    """

    scheme: str
    fetch: Callable[[str, str], Any]


def plugged_fetch(url: str, where: str, built_in: frozenset[str]) -> Callable[[], Any] | None:
    """Return what gives a URL's rows as an Arrow table, if an installed package reads its scheme (group `leadline.sources`).

    Raises
    ------
    ConfigError
        A package can't be imported, gives no scheme, or one that is read already.
    """
    readers: dict[str, Callable[[], Any]] = {}
    for plugin in plugins(GROUP, SourceScheme):
        scheme = plugin.thing.scheme
        if scheme in built_in or scheme in readers:
            raise ConfigError(
                f"plug-in {plugin.where}: {scheme}:// is read already; expected a scheme of its own; rename it there"
            )

        def fetch(plugin: Any = plugin) -> Any:
            with plugin.guarded():
                return FrameSource.of(plugin.thing.fetch(url, where), where).table

        readers[scheme] = fetch
    return readers.get(url.partition("://")[0])
