"""A field's value at each snapshot, by its name: what capacity is told apart by, be it a feature of the model or not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from leadline.config.schema import Config
from leadline.core.point_in_time import visible_sql
from leadline.dataset.snapshots import NEWEST_FIRST
from leadline.errors import DataError
from leadline.storage.dialect import Dialect, identifier, literal
from leadline.tables import LoadedTables
from leadline.tables.attributes import Attribute, matching, slugify

__all__ = ["CAMPAIGNS", "SOURCES", "field_values", "newest_sql", "origin_attribute", "pick_origin"]


def field_values(loaded: LoadedTables, field: str | None, known: bool = False) -> npt.NDArray[np.object_] | None:
    """Return the field's value at each row of ``snapshots``, sorted by (as_of, lead_id); None where no field is asked for.

    A field that ``history`` tells of has its newest visible value at as_of (law 3); else it is an attribute, which the
    config names as fixed at creation.

    Parameters
    ----------
    known : bool
        Whether a model was trained with the field: then no row of history need tell of it tonight.

    Raises
    ------
    DataError
        There is no such attribute, nor does history tell of it; or two attributes have that name.
    """
    if field is None:
        return None
    found = _attribute(loaded, field)
    store = loaded.store
    column = field if found is None else found.column
    told = found is None or found.table == "leads"
    if told and "history" in loaded.rows and ((known and found is None) or _has(loaded, column)):
        part = newest_sql("named", column, False, store.dialect)
        text = f"WITH {part}\nSELECT s.lead_id, s.as_of, n.value FROM snapshots AS s LEFT JOIN named AS n ON n.lead_id = s.lead_id AND n.as_of = s.as_of"
    elif found is None:
        raise _unknown(loaded, field)
    else:
        text = _column_sql(found, identifier(found.name, store.dialect))
    rows = store.arrow(f"{text} ORDER BY s.as_of, s.lead_id").column("value").to_pylist()
    result = np.empty(len(rows), dtype=object)
    result[:] = rows
    return result


def _column_sql(found: Attribute, column: str) -> str:
    """Write the statement that reads an attribute of the lead or of its account."""
    if found.table == "leads":
        return f"SELECT s.lead_id, s.as_of, l.{column} AS value FROM snapshots AS s JOIN leads AS l ON l.lead_id = s.lead_id"
    return (
        f"SELECT s.lead_id, s.as_of, c.{column} AS value FROM snapshots AS s "
        f"LEFT JOIN accounts AS c ON c.account_id = s.account_id AND {visible_sql('c', 's.as_of', 'recorded_at')}"
    )


def _attribute(loaded: LoadedTables, field: str) -> Attribute | None:
    """Find the attribute that a field's name means, if any."""
    hits = matching(field, loaded.attributes)
    if len(hits) > 1:
        names = " or ".join(a.name for a in hits)
        raise DataError(f"capacity.by: {len(hits)} attributes are named {field!r}; expected one; write {names}")
    return hits[0] if hits else None


def _has(loaded: LoadedTables, column: str) -> bool:
    named = literal(column, loaded.store.dialect)
    return bool(loaded.store.rows(f"SELECT COUNT(*) FROM history WHERE field = {named}")[0][0])


def _unknown(loaded: LoadedTables, field: str) -> DataError:
    known = ", ".join(dict.fromkeys(a.column for a in loaded.attributes)) or "none"
    return DataError(
        f"capacity.by: {field!r} is no attribute, and history doesn't tell of it; expected an attribute in use ({known}) or a "
        "field of history; name it under `attributes` where it is fixed at creation, else give its history"
    )


def newest_sql(name: str, field: str, is_number: bool, dialect: Dialect) -> str:
    """Write the WITH clause of a field's value at as_of: by its newest visible row in history."""
    value = "h.value_number" if is_number else "h.value"
    return (
        f"{name} AS (\n  SELECT lead_id, as_of, value FROM (\n    SELECT s.lead_id, s.as_of, {value} AS value,\n"
        f"      ROW_NUMBER() OVER (PARTITION BY s.lead_id, s.as_of ORDER BY {NEWEST_FIRST}) AS newest\n"
        f"    FROM snapshots AS s\n    JOIN history AS h ON h.lead_id = s.lead_id AND h.field = {literal(field, dialect)} "
        f"AND {visible_sql('h', 's.as_of', 'changed_at')}\n  ) AS ranked WHERE newest = 1\n)"
    )


# Where a lead came from: which attribute of leads tells its source, and which its campaign.


SOURCES = ("source", "channel", "origin")

CAMPAIGNS = ("campaign",)

"""The words in an attribute's name that tell of a lead's source, and of its campaign."""


def origin_attribute(config: Config, loaded: LoadedTables, which: str) -> Attribute | None:
    """Return the attribute that tells the `source` or the `campaign`; None where there is none.

    Raises
    ------
    DataError
        The config names one that isn't in use.
    """
    named, usual = {
        "source": (config.funnel.source, SOURCES), "campaign": (config.funnel.campaign, CAMPAIGNS),
    }[which]  # fmt: skip
    found = pick_origin(loaded.attributes, named, usual)
    if named is not None and found is None:
        raise DataError(
            f"funnel.{which}: {named!r} is no attribute of leads in use; expected one of them; add it to tables.leads.attributes, "
            f"or leave funnel.{which} out"
        )
    return found


def pick_origin(attributes: Sequence[Attribute], named: str | None, usual: Sequence[str]) -> Attribute | None:
    """Pick the attribute of leads that tells the source or the campaign.

    Parameters
    ----------
    named : str or None
        The column that the config names, by its letters.
    usual : sequence of str
        Words that tell it where the config is silent: an attribute of that name, or else one with the word in its name.

    Examples
    --------
    >>> one, two = (Attribute("leads", c, slugify(c), "category") for c in ("Lead Source", "country"))
    >>> pick_origin([one, two], None, SOURCES).column, pick_origin([one, two], "Country", SOURCES).column, pick_origin([two], None, SOURCES)
    ('Lead Source', 'country', None)
    """
    mine = [a for a in attributes if a.table == "leads"]
    wanted = usual if named is None else (slugify(named),)
    exact = [a for want in wanted for a in mine if slugify(a.column) == want]
    near = [a for want in usual for a in mine if want in slugify(a.column)] if named is None else []
    return next(iter([*exact, *near]), None)
