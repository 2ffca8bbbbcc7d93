"""Fields as a CRM keeps them: overwritten after the outcome (leaks, on purpose), with their history beside; and spend.

`lead_status`, `owner` and `last_activity_date` of a lead show what stands there at the end of the world. Used as
features they tell the outcome; the history says what stood there when.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leadline.demo.activity import DemoEvents
from leadline.demo.calendar import START, WEEKS, Floats, Ints
from leadline.demo.funnel import STAGES, DemoStages
from leadline.demo.population import DemoLeads
from leadline.demo.rates import SOURCES

STATUS = {
    "mql": "working", "sql": "qualified", "opportunity": "in_opportunity",
    "closed_won": "customer", "closed_lost": "lost", "disqualified": "disqualified",
}  # fmt: skip
SDRS = tuple(f"sdr-{number:02d}" for number in range(1, 9))
CLOSERS = tuple(f"ae-{number:02d}" for number in range(1, 6))


@dataclass(frozen=True)
class DemoHistory:
    """The field history, ordered by changed_at."""

    lead: Ints
    field: list[str]
    value: list[str]
    changed_at: Ints


def field_history(rng: np.random.Generator, leads: DemoLeads, stages: DemoStages) -> DemoHistory:
    """Tell each change of `lead_status` and `owner`: set when the lead comes in, changed with its stage.

    Parameters
    ----------
    rng
        The generator to draw from.
    leads, stages
        Who came in, and the stage log.

    Returns
    -------
    History
    """
    everyone = np.arange(len(leads))
    sql = np.flatnonzero(stages.stage == STAGES.index("sql"))
    sdr, closer = rng.integers(0, len(SDRS), len(leads)), rng.integers(0, len(CLOSERS), sql.size)
    lead = np.concatenate([everyone, everyone, stages.lead, stages.lead[sql]])
    changed_at = np.concatenate([leads.created_at, leads.created_at, stages.changed_at, stages.changed_at[sql]])
    field = ["lead_status"] * len(leads) + ["owner"] * len(leads)
    field += ["lead_status"] * stages.lead.size + ["owner"] * sql.size
    value = ["new"] * len(leads) + [SDRS[who] for who in sdr.tolist()]
    value += [STATUS[STAGES[stage]] for stage in stages.stage.tolist()] + [CLOSERS[who] for who in closer.tolist()]
    order = np.argsort(changed_at, kind="stable")
    places = order.tolist()
    return DemoHistory(lead[order], [field[at] for at in places], [value[at] for at in places], changed_at[order])


def last_values(told: DemoHistory, field: str, size: int) -> list[str | None]:
    """The value of a field that stands at the end of the world, for each lead.

    Parameters
    ----------
    told
        The field history.
    field
        Which field.
    size
        How many leads there are.

    Returns
    -------
    list of str or None
    """
    values: list[str | None] = [None] * size
    for lead, name, value in zip(told.lead.tolist(), told.field, told.value, strict=True):
        if name == field:
            values[lead] = value
    return values


def last_activity(leads: DemoLeads, events: DemoEvents, stages: DemoStages) -> Ints:
    """The last thing that happened to each lead, sales' own doings included: a leak, as in real CRMs.

    Parameters
    ----------
    leads, events, stages
        Who came in, the event log, the stage log.

    Returns
    -------
    array of int
        Microseconds since 1970.
    """
    latest = leads.created_at.copy()
    np.maximum.at(latest, events.lead, events.occurred_at)
    np.maximum.at(latest, stages.lead, stages.changed_at)
    return latest


@dataclass(frozen=True)
class DemoSpend:
    """What each campaign cost in each month; months are whole months since 1970."""

    campaign: list[str]
    month: Ints
    cost: Floats


def campaign_spend(rng: np.random.Generator, leads: DemoLeads) -> DemoSpend:
    """Charge each campaign for its leads, a fixed part included; an evergreen campaign costs in every month.

    Parameters
    ----------
    rng
        The generator to draw from.
    leads
        Who came in, and by which campaign.

    Returns
    -------
    Spend
    """
    first_month = int(np.datetime64(START.date(), "M").astype(np.int64))
    months = (WEEKS * 7) // 30
    paid = [source.name for source in SOURCES if source.cost]
    numbers = {(f"{name}-always", first_month + month): 0 for name in paid for month in range(months)}
    created = leads.created_at.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)
    for campaign, month in zip(leads.campaign, created.tolist(), strict=True):
        if campaign is not None:
            numbers[campaign, month] = numbers.get((campaign, month), 0) + 1
    prices = {source.name: source.cost for source in SOURCES}
    keys = sorted(numbers)
    price = np.array([prices[campaign.rpartition("-")[0]] for campaign, _ in keys])
    count = np.array([numbers[key] for key in keys])
    cost = np.round((200.0 + price * count) * np.exp(rng.normal(0.0, 0.15, len(keys))), 2)
    return DemoSpend([campaign for campaign, _ in keys], np.array([month for _, month in keys]), cost)
