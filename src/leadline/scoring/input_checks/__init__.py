"""The input checks of a night, LL4xx: what was read, whom it is about, which lists protect people, and what would go out."""

from leadline.scoring.input_checks.catalog import CATALOG, check_night, described, refuse_unknown_codes, verdict_of
from leadline.scoring.input_checks.night import NEVER, InputCheck, LeadMoves, NightInputs, Outgoing

__all__ = [
    "CATALOG",
    "NEVER",
    "InputCheck",
    "LeadMoves",
    "NightInputs",
    "Outgoing",
    "check_night",
    "described",
    "refuse_unknown_codes",
    "verdict_of",
]
