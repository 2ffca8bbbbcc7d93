"""Where a lead came from: which attribute of leads tells its source, and which its campaign."""

from __future__ import annotations

from collections.abc import Sequence

from leadline.config import Config
from leadline.errors import DataError
from leadline.tables import Loaded
from leadline.tables.attributes import Attribute, slug

__all__ = ["CAMPAIGNS", "SOURCES", "chosen", "origin"]

SOURCES = ("source", "channel", "origin")
CAMPAIGNS = ("campaign",)
"""The words in an attribute's name that tell of a lead's source, and of its campaign."""


def origin(config: Config, loaded: Loaded, which: str) -> Attribute | None:
    """Return the attribute that tells the `source` or the `campaign`; None where there is none.

    Raises
    ------
    DataError
        The config names one that isn't in use.
    """
    named, usual = {
        "source": (config.funnel.source, SOURCES), "campaign": (config.funnel.campaign, CAMPAIGNS),
    }[which]  # fmt: skip
    found = chosen(loaded.attributes, named, usual)
    if named is not None and found is None:
        raise DataError(
            f"funnel.{which}: {named!r} is no attribute of leads in use; expected one of them; add it to tables.leads.attributes, "
            f"or leave funnel.{which} out"
        )
    return found


def chosen(attributes: Sequence[Attribute], named: str | None, usual: Sequence[str]) -> Attribute | None:
    """Pick the attribute of leads that tells the source or the campaign.

    Parameters
    ----------
    named : str or None
        The column that the config names, by its letters.
    usual : sequence of str
        Words that tell it where the config is silent: an attribute of that name, or else one with the word in its name.

    Examples
    --------
    >>> one, two = (Attribute("leads", c, slug(c), "category") for c in ("Lead Source", "country"))
    >>> chosen([one, two], None, SOURCES).column, chosen([one, two], "Country", SOURCES).column, chosen([two], None, SOURCES)
    ('Lead Source', 'country', None)
    """
    mine = [a for a in attributes if a.table == "leads"]
    wanted = usual if named is None else (slug(named),)
    exact = [a for want in wanted for a in mine if slug(a.column) == want]
    near = [a for want in usual for a in mine if want in slug(a.column)] if named is None else []
    return next(iter([*exact, *near]), None)
