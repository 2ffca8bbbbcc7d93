"""What other installed packages add to leadline, found by the group of their entry points, only where it is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from leadline.errors import ConfigError, LeadlineError

__all__ = ["Plugin", "plugins"]

Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Plugin(Generic[Thing]):
    """A thing that a package gives, with where it comes from, so that whatever goes wrong in it is told as that package's.

    Examples
    --------
    >>> with Plugin("acme-leads 1.0 (leadline.checks: late)", None).guarded():
    ...     {}["a lead's own value"]
    Traceback (most recent call last):
    ...
    leadline.errors.ConfigError: plug-in acme-leads 1.0 (leadline.checks: late): KeyError;
    expected a package that works with this leadline; mend, update or uninstall it
    """

    where: str
    thing: Thing

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Tell any error of the plug-in as one sentence, without its message: that may hold a lead's data."""
        try:
            yield
        except LeadlineError:
            raise
        except Exception as error:
            raise _refusal(self.where, f"{type(error).__name__}{_place(error)}") from error


def plugins(group: str, kind: type[Thing]) -> tuple[Plugin[Thing], ...]:
    """Load what installed packages give under a group, in the order of the names there.

    Raises
    ------
    ConfigError
        A package can't be imported, or gives something else there.

    Examples
    --------
    >>> plugins("leadline.nothing", str)
    ()
    """
    from importlib.metadata import entry_points

    found = []
    for entry in sorted(entry_points(group=group), key=lambda e: (e.name, e.value)):
        where = f"{_package(entry)} ({group}: {entry.name})"
        with Plugin(where, None).guarded():
            thing = entry.load()
        if not isinstance(thing, kind):
            raise _refusal(where, f"{entry.value} is a {type(thing).__name__}, no {kind.__name__}")
        found.append(Plugin(where, thing))
    return tuple(found)


def _package(entry: Any) -> str:
    """Name the package as it was installed; a folder without metadata by its module."""
    try:
        named = f"{entry.dist.name} {entry.dist.version}"
    except Exception:  # noqa: BLE001 - whoever else reads metadata in this process decides what is raised without any
        named = "None"
    return str(entry.module.partition(".")[0]) if named.startswith("None") else named


def _refusal(where: str, found: str) -> ConfigError:
    return ConfigError(
        f"plug-in {where}: {found}; expected a package that works with this leadline; mend, update or uninstall it"
    )


def _place(error: BaseException) -> str:
    """Say in which file and line it broke, past the frames of leadline and of the import system."""
    place, trace = "", error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if (
            not file.startswith("<frozen")
            and trace.tb_frame.f_globals.get("__name__", "").partition(".")[0] != "leadline"
        ):
            place = f" at {file.replace(chr(92), '/').rpartition('/')[2]} line {trace.tb_lineno}"
        trace = trace.tb_next
    return place
