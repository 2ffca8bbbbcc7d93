"""Scores on demand: tables that stay open between questions, of which one lead costs its own and its colleagues' rows only.

A question is answered at its own as_of from a small copy, the desk: the rows of the leads asked about and of whoever was
ever in an account with them, by the path of a night. What hangs on all leads, the conversion rates, is summed up from moves
that are listed once, when the tables are read. Acts that no table has yet stand in the copy as rows that are visible.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from leadline.config.schema import Config
from leadline.core.point_in_time import format_instant, visible_sql
from leadline.dataset import snapshots
from leadline.dataset.account_members import role_column
from leadline.errors import MissingError, UsageError
from leadline.features.families import conversion_rates, plugged
from leadline.registry.bundle import Bundle
from leadline.scoring.ranking import Scores
from leadline.storage import Store, open_store
from leadline.storage.dialect import literal
from leadline.tables import LoadedTables
from leadline.tables.suppressions import ScoringLists
from leadline.workflows.common import Progress, as_config, no_progress, own_model, parse_as_of
from leadline.workflows.scoring.explain import find_model, score_rows
from leadline.workflows.scoring.inputs import known_specs, night_lists, night_rows, open_scoring_tables, take_rows

__all__ = [
    "LeadQuestion",
    "LeadScores",
    "NewEvent",
    "OpenTables",
    "instant_now",
    "open_desk",
    "open_on_demand",
    "require_dated",
    "score_leads",
]

OF_LEADS = ("leads", "events", "reached", "history", "merged", "survivors")
MOVES = "standing_moves"
SUMMED = ("moves", "clock", "seen_moves")
"""The parts of the statement that only the sums of moves read."""

NOT_OPEN = "not open: it has reached the outcome, has ended, or is too young"
LEFT_OUT = "on the list of those who are left out"


def instant_now() -> int:
    """Return the instant by this machine's clock, in microseconds."""
    return int(time.time() * 1_000_000)


@dataclass(frozen=True)
class NewEvent:
    """An act that the tables don't have yet."""

    type: str
    occurred_at: int


@dataclass(frozen=True)
class LeadQuestion:
    """A lead to score, with what it did that the tables don't have yet."""

    lead_id: str
    events: tuple[NewEvent, ...] = ()


@dataclass(frozen=True)
class LeadScores:
    """What came of asking.

    Attributes
    ----------
    scores : Scores
        One row for each open lead that was asked about, the best first; tiers by the trained cuts.
    unknown : tuple of str
        Who is no lead that was known at as_of.
    left_out : mapping of str to str
        Who is one and has no score, and why.
    """

    scores: Scores
    unknown: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)

    def rows(self) -> list[dict[str, Any]]:
        """Return the scores as plain JSON values, with `score` and `grade` null where the model has none."""
        s, found = self.scores, []
        for n in range(len(s)):
            more = {name: _plain(values[n]) for name, values in s.later.items()}
            found.append({
                "lead_id": str(s.lead_id[n]), "account_id": _plain(s.account_id[n]), "probability": float(s.probability[n]),
                "score": None, "tier": str(s.tier[n]), "grade": None, **more,
                "reasons": [str(text) for text in s.reasons[n] if text],
            })  # fmt: skip
        return found

    def to_record(self) -> dict[str, Any]:
        """Return all of it as plain JSON values."""
        return {
            "as_of": format_instant(self.scores.as_of) if self.scores.is_dated else self.scores.as_of,
            "model": f"{self.scores.model_name} {self.scores.model_version}",
            "scores": self.rows(),
            "unknown": list(self.unknown),
            "left_out": [{"lead_id": lead, "why": why} for lead, why in self.left_out.items()],
        }


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: NaN is null."""
    value = value.item() if isinstance(value, np.generic) else value
    return None if value is None or value != value else value


class OpenTables:
    """Tables as known up to an instant, held open for questions; several threads may ask, each at a desk of its own.

    Parameters
    ----------
    config, bundle
        What is asked, and by whose model.
    loaded : LoadedTables
        The tables with the snapshots of their instant; whoever opened them closes them.
    lists : ScoringLists
        Whom scores leave out.
    """

    def __init__(self, config: Config, bundle: Bundle, loaded: LoadedTables, lists: ScoringLists) -> None:
        self.config, self.bundle, self.loaded, self._lists = config, bundle, loaded, lists
        self.read_at = instant_now()
        self._lock = threading.Lock()
        self._rates = conversion_rates.of(known_specs(bundle))
        # What a package's own feature reads, only the package knows: then nothing is left away.
        self._whole = bool(plugged.of(known_specs(bundle)))
        store = loaded.store
        if "events" in loaded.rows:
            store.run(
                "CREATE OR REPLACE TABLE events AS SELECT * FROM events ORDER BY lead_id"
            )  # who is asked about lies together
        if self._rates:
            roles, title = bundle.manifest["roles"], role_column(loaded)
            text = conversion_rates.standing_moves(self._rates, roles, title, store.dialect)
            store.run(f"CREATE OR REPLACE TABLE {MOVES} AS {text}")
        self._firms, self._members = _circles(config, store)

    @property
    def known_at(self) -> int:
        """The instant up to which the tables were read: no later one can be asked about."""
        return int(self.loaded.known_at or 0)

    def circle(self, leads: Iterable[str]) -> tuple[set[str], set[str]]:
        """Return the accounts that these leads were ever in, and everybody who was ever in one of them, themselves included."""
        asked = set(leads)
        firms = {firm for lead in asked for firm in self._firms.get(lead, ())}
        return firms, asked.union(*(self._members[firm] for firm in firms))

    def members(self, account: str) -> tuple[str, ...]:
        """Return whoever was ever in an account."""
        return tuple(self._members.get(account, ()))

    def ask(self, desk: Store, questions: Sequence[LeadQuestion], as_of: int) -> LeadScores:
        """Score leads at one as_of, by the path of a night.

        Raises
        ------
        UsageError
            The instant is later than the tables were read for, an act isn't before it, or the config has no events.
        """
        self._check(questions, as_of)
        leads = list(dict.fromkeys(q.lead_id for q in questions))
        mine = self._lay(desk, leads, as_of)
        self._add(desk, questions)
        snapshots.for_night(self.config, mine, as_of)
        _keep(desk, leads)
        given = self._sum_up(desk, as_of)
        told, made, value, stage = night_rows(self.bundle, mine, given, swept="events" in self.loaded.rows)
        known = desk.rows(f"SELECT l.lead_id FROM leads AS l WHERE {visible_sql('l', str(as_of), 'created_at')}")
        there = {str(row[0]) for row in known}
        listed = [self._lists.reason(*who) for who in zip(made.lead_id, made.account_id, strict=True)]
        kept = np.array([reason is None for reason in listed], dtype=bool)
        out = dict.fromkeys(sorted((there & set(leads)) - set(made.lead_id)), NOT_OPEN)
        out |= dict.fromkeys(made.lead_id[~kept].tolist(), LEFT_OUT)
        if not kept.all():
            told, made, value = take_rows(told, kept), take_rows(made, kept), None if value is None else value[kept]
            stage = None if stage is None else stage[kept]
        defined = None if self.bundle.definitions is None else told
        scores = score_rows(self.config, self.bundle, made, as_of, True, None, value, stage, defined)
        place = {lead: n for n, lead in enumerate(made.lead_id.tolist())}
        order = np.array([place[lead] for lead in scores.lead_id.tolist()], dtype=np.int64)
        tier = self.bundle.scorer.bands.of(scores.probability, None if value is None else value[order]).astype(object)
        return LeadScores(replace(scores, tier=tier), tuple(x for x in leads if x not in there), out)

    def _check(self, questions: Sequence[LeadQuestion], as_of: int) -> None:
        """Refuse what can't be answered."""
        if as_of > self.known_at:
            raise UsageError(
                f"as_of: {format_instant(as_of)} lies ahead; expected now or an earlier instant; leave it out to ask about now"
            )
        events = [event for q in questions for event in q.events]
        if events and "events" not in self.loaded.rows:
            raise UsageError("events: given, but the config has no table of events; expected none; leave them out")
        if any(event.occurred_at >= as_of for event in events):
            raise UsageError(
                f"events: an act that isn't before as_of, {format_instant(as_of)}; expected acts of the past; mend its occurred_at, "
                "or ask about a later as_of"
            )

    def _lay(self, desk: Store, leads: Sequence[str], as_of: int) -> LoadedTables:
        """Copy the rows of these leads, and of their colleagues, onto the desk."""
        firms, circle = self.circle(leads)
        store, rows = self.loaded.store, self.loaded.rows
        mine, homes = _listed("lead_id", circle), _listed("account_id", firms)
        wanted = {table: mine for table in OF_LEADS if table in rows or table in ("reached", "merged", "survivors")}
        if "accounts" in rows:
            wanted["accounts"] = homes
        if "events" in rows and self.config.tables.events is not None and self.config.tables.events.account:
            wanted["events"] = f"({mine} OR (lead_id IS NULL AND {homes}))"
        if self._whole:
            wanted = dict.fromkeys((*rows, *wanted), "TRUE")
        with self._lock:
            if "history" in wanted:
                # That a field has a history holds for those of whom it says nothing, too.
                first = "ROW_NUMBER() OVER (PARTITION BY field ORDER BY changed_at, recorded_at)"
                seen = visible_sql("h", str(as_of), "changed_at")
                desk.put("history", store.arrow(
                    f"SELECT h.* FROM history AS h WHERE {seen} AND ({wanted.pop('history')}) UNION ALL SELECT * EXCLUDE (place) FROM ("
                    f"SELECT h.* REPLACE (CAST(NULL AS VARCHAR) AS lead_id), {first} AS place FROM history AS h WHERE {seen}) WHERE place = 1"
                ))  # fmt: skip
            for table, which in wanted.items():
                desk.put(table, store.arrow(f"SELECT * FROM {table} WHERE {which}"))
        return replace(self.loaded, store=desk)

    def _add(self, desk: Store, questions: Sequence[LeadQuestion]) -> None:
        """Add the acts that the tables don't have yet, known from the instant on at which they happened."""
        import pyarrow as pa

        told = [(q.lead_id, e.type.strip(), e.occurred_at) for q in questions for e in q.events]
        if not told:
            return
        columns = {str(row[0]): str(row[1]) for row in desk.rows("DESCRIBE events")}
        lead, kind, at = (list(values) for values in zip(*told, strict=True))
        given: dict[str, Any] = {"lead_id": lead, "behaviour": kind, "occurred_at": at, "recorded_at": at}
        given["row"] = [2**62 + n for n in range(len(told))]
        desk.put("arriving", pa.table({name: pa.array(values) for name, values in given.items() if name in columns}))
        desk.run("INSERT INTO events BY NAME SELECT * FROM arriving")
        desk.run("DROP TABLE arriving")

    def _sum_up(self, desk: Store, as_of: int) -> Collection[str]:
        """Sum up what the conversion rates count, over all leads; return the parts of the statement that it stands in for."""
        if not self._rates:
            return ()
        parts = conversion_rates.sums_at(self._rates, MOVES, as_of)
        with self._lock:
            for name, text in parts.items():
                desk.put(name, self.loaded.store.arrow(text))
        return (*SUMMED, *parts)


def _circles(config: Config, store: Store) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Tell of each lead the accounts that it was ever in, and of each account its leads."""
    firms: dict[str, list[str]] = {}
    members: dict[str, list[str]] = {}
    if config.tables.leads.account is None:
        return firms, members
    both = "SELECT lead_id, account_id FROM belongs UNION SELECT lead_id, account_id FROM leads"
    for lead, firm in store.rows(f"SELECT * FROM ({both}) WHERE lead_id IS NOT NULL AND account_id <> '' ORDER BY ALL"):
        firms.setdefault(str(lead), []).append(str(firm))
        members.setdefault(str(firm), []).append(str(lead))
    return firms, members


def _listed(column: str, ids: Iterable[str]) -> str:
    """Write that a column has one of these ids."""
    told = sorted(ids)
    return f"{column} IN ({', '.join(map(literal, told))})" if told else "FALSE"


def _keep(desk: Store, leads: Iterable[str]) -> None:
    """Ask about these leads alone."""
    desk.run(f"CREATE OR REPLACE TABLE snapshots AS SELECT * FROM snapshots WHERE {_listed('lead_id', leads)}")


def open_desk(config: Config) -> Store:
    """Open an empty store for small copies."""
    return open_store(config.engine.model_copy(update={"kind": "duckdb", "threads": 1}))


@contextmanager
def open_on_demand(
    config: Config, bundle: Bundle, known_at: int, progress: Progress = no_progress
) -> Iterator[OpenTables]:
    """Read the tables as known at an instant, and hold them open.

    Raises
    ------
    DataError
        The tables can't be read as tables; its `findings` say why.
    """
    config = config.model_copy(update={"engine": config.engine.model_copy(update={"kind": "duckdb"})})
    with ExitStack() as stack:
        loaded = stack.enter_context(open_scoring_tables(config, known_specs(bundle), known_at, None, progress))
        yield OpenTables(config, bundle, loaded, night_lists(config, loaded, known_at))


def score_leads(
    config: Config | str | Path | Any,
    leads: Sequence[str],
    as_of: str | int | None = None,
    model: str | None = None,
    progress: Progress = no_progress,
    *,
    tables: Mapping[str, Any] | None = None,
) -> LeadScores:
    """Score some leads as of one instant, now by default; nothing is written.

    Parameters
    ----------
    config : Config, path or TrainResult
        The config that the model was trained with; or what `train` returned, which scores with its own model.
    leads : sequence of str
        Whom to score.
    model : str, optional
        A folder, ``models:/NAME@champion`` (the default) or ``models:/NAME/3``.
    tables : mapping of str to DataFrame, optional
        What is read in the place of the config's sources, by table.

    Raises
    ------
    UsageError
        The config is of a flat file, whose rows have no instant.
    MissingError
        None of them is an open lead at that time.

    Examples
    --------
    >>> score_leads("no-such.yaml", ["L1"])
    Traceback (most recent call last):
    ...
    leadline.errors.MissingError: config no-such.yaml: no such file; expected a YAML config; `leadline init DIR` writes one to fill in
    """
    model, config = own_model(config, model), as_config(config, progress, tables)
    require_dated(config, "--lead")
    when = parse_as_of(config, as_of)
    when = instant_now() if when is None else when
    bundle = find_model(config, model)
    with open_on_demand(config, bundle, when, progress) as held:
        desk = open_desk(config)
        try:
            told = held.ask(desk, [LeadQuestion(lead) for lead in leads], when)
        finally:
            desk.close()
    if not len(told.scores):
        raise MissingError(
            f"--lead: {'not open' if told.left_out else 'no such lead is known'} at that time; expected an open lead; check the id and --as-of"
        )
    return told


def require_dated(config: Config, what: str) -> None:
    """Refuse a flat file, of which there is nothing to know between two nights.

    Raises
    ------
    UsageError
        The config is of a flat file.
    """
    if config.is_flat:
        raise UsageError(
            f"{what}: not for a flat file (snapshots.order_by), whose rows say all that is known; expected dated tables; score its rows with "
            "--leads FILE"
        )
