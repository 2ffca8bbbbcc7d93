"""The config of a flat file as a commented text: each guess with what speaks for it, and what it might have been instead."""

from __future__ import annotations

import re
from importlib.resources import files as resources

from leadline.tables.presets.csv_flat import Flat
from leadline.tables.presets.words import scalar

__all__ = ["LIMITS", "flat_text", "model_name"]

LIMITS = (
    "a flat file says how each lead ended but not when anything was written down, so no rule of time can be held: a column "
    "filled in or overwritten after the outcome makes a model that looks excellent and fails on tonight's leads; export "
    "events and stages with their times to be protected from that",
    "the leak gate looks at names, values and strength, and refuses what looks like the outcome's echo; what it can't see "
    "it asks about (LL208), and somebody who knows how the file came about must answer",
)
"""What a flat file can't protect against, a sentence each."""


def model_name(text: str) -> str:
    """Make a model's name of a file's or folder's.

    Examples
    --------
    >>> model_name("Leads Export (2024)"), model_name("2024"), model_name("Köln"), model_name("公司")
    ('leads-export-2024', 'leads-2024', 'k-ln', 'leads')
    """
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:50].strip("-")
    if not name:
        return "leads"
    return name if name[0].isalpha() else f"leads-{name}"


def flat_text(flat: Flat, source: str, name: str) -> str:
    """Write the config of a flat file.

    Parameters
    ----------
    source : str
        The file, as the config reads it.
    name : str
        The model's name.
    """
    template = resources("leadline.tables.presets").joinpath("flat.yaml").read_text(encoding="utf-8")
    left_out = [f"      - {scalar(column)} # {why}" for column, why in flat.excluded.items()]
    block = "\n".join(["    exclude:", *left_out]) if left_out else "    # exclude: [a column, another]"
    positive = flat.positive.choice
    filled = {
        "SOURCE": scalar(source),
        "NAME": name,
        "KEY": f"{scalar(flat.key.choice)} {flat.key.remark}",
        "EXCLUDE": block,
        "OUTCOME": f"{scalar(flat.outcome.choice)} {flat.outcome.remark}",
        "POSITIVE": f"{positive if positive.isdecimal() else scalar(positive)} {flat.positive.remark}",
        "ORDER": f"{scalar(flat.order.choice)} {flat.order.remark}",
    }
    return re.sub(r"<([A-Z]+)>", lambda match: filled[match[1]], template)
