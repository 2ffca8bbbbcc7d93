"""Feature families that installed packages add: their specs, and the SELECT that computes them beside leadline's own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import get_args

from leadline.config.schema import Config, FeaturePlan
from leadline.core.plugins import Plugin, plugins
from leadline.dataset.feature_spec import NAME, Feature
from leadline.errors import ConfigError
from leadline.storage.dialect import Dialect
from leadline.tables import LoadedTables

__all__ = ["PLUGGED", "FeatureFamily", "clauses", "column", "of", "part", "plugged_specs"]

GROUP = "leadline.families"  # of entry points
PLUGGED = "plugged"
BUILT_IN = get_args(get_args(FeaturePlan.model_fields["without"].annotation)[0])


@dataclass(frozen=True)
class FeatureFamily:
    """Features that a package computes, each a number.

    Attributes
    ----------
    name : str
        The family of its features: what the ablation leaves out together.
    specs : callable
        Lists its features for a config and its tables: each of this family, its aggregate and table `plugged`.
    select : callable
        Writes, for specs and an engine's dialect, a SELECT in the restricted dialect with `lead_id`, `as_of` and a column of each spec's
        name: at most one row for each row of ``snapshots``. Where there is none, a count is 0 and all else missing.

    Examples
    --------
    >>> spec = Feature("n_calls", "calls", "calls", "count", "plugged", "calls", "plugged")
    >>> FeatureFamily("calls", lambda config, loaded: [spec], lambda specs, dialect: "SELECT …").specs(None, None) == [spec]
    True
    """

    name: str
    specs: Callable[[Config, LoadedTables], Iterable[Feature]]
    select: Callable[[Sequence[Feature], Dialect], str]


def plugged_specs(config: Config, loaded: LoadedTables, taken: Collection[str]) -> list[Feature]:
    """List what installed packages add (group `leadline.families`) to the names that are taken.

    Raises
    ------
    ConfigError
        A package can't be imported, gives no family, one whose name is taken, or features that aren't its own.
    """
    found: list[Feature] = []
    for name, plugin in _families().items():
        with plugin.guarded():
            specs = list(plugin.thing.specs(config, loaded))
        names = {*taken, *(spec.name for spec in found)}
        for spec in specs:
            own = (spec.family, spec.aggregate, spec.table) == (name, PLUGGED, PLUGGED) and spec.kind != "category"
            if not own or spec.name in names:
                raise ConfigError(
                    f"plug-in {plugin.where}: the feature {spec.name} {'has a name that is taken' if own else 'is none of its family'}; expected a name "
                    f"of its own, family {name!r}, aggregate and table 'plugged', and a number; mend it there"
                )
            names.add(spec.name)
        found += specs
    return found


def _families() -> dict[str, Plugin[FeatureFamily]]:
    found: dict[str, Plugin[FeatureFamily]] = {}
    for plugin in plugins(GROUP, FeatureFamily):
        name = plugin.thing.name
        if name in found or name in BUILT_IN or not NAME.fullmatch(name):
            raise ConfigError(
                f"plug-in {plugin.where}: the family {name!r} is taken or no plain name; expected small letters, digits and _; rename it there"
            )
        found[name] = plugin
    return found


def of(specs: Sequence[Feature]) -> list[Feature]:
    """Pick the features that packages make."""
    return [s for s in specs if s.aggregate == PLUGGED]


def part(spec: Feature) -> str:
    """Name the WITH clause of a spec's family."""
    return f"family_{spec.family}"


def clauses(specs: Sequence[Feature], dialect: Dialect) -> list[str]:
    """Write a WITH clause for each family; a family that no installed package gives is an error."""
    if not specs:
        return []
    there, parts = _families(), []
    for family in dict.fromkeys(spec.family for spec in specs):
        plugin = there.get(family)
        if plugin is None:
            raise ConfigError(
                f"features: the model needs the family {family!r}, which no installed package gives; expected the package that it was trained "
                "with; install it, or train again"
            )
        mine = [spec for spec in specs if spec.family == family]
        with plugin.guarded():
            parts.append(f"{part(mine[0])} AS (\n  {plugin.thing.select(mine, dialect)}\n)")
    return parts


def column(spec: Feature, dialect: Dialect) -> str:
    """Write the expression of one output column."""
    value = f"{part(spec)}.{spec.name}"
    return f"CAST({f'COALESCE({value}, 0)' if spec.kind == 'count' else value} AS {dialect.double})"
