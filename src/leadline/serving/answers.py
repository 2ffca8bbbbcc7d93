"""Answers: tables and a model that are kept fresh behind the questions, and questions answered several at once.

Most of what a question costs is the statement, not its leads: so whoever waits while one is answered is answered together.
Two questions about one account of which one brings acts that no table has yet are kept apart.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace

import numpy as np

from leadline.config.schema import Config
from leadline.core.point_in_time import SECOND
from leadline.errors import LeadlineError, RetryError
from leadline.registry import pinned
from leadline.registry.bundle import Bundle
from leadline.storage import Store
from leadline.workflows.common import Progress
from leadline.workflows.scoring.explain import champion_reference, require_matching
from leadline.workflows.scoring.on_demand import (
    LeadQuestion,
    LeadScores,
    OpenTables,
    instant_now,
    open_desk,
    open_on_demand,
)

__all__ = ["LOOK", "Answers"]

REFRESH = 300 * SECOND
"""How old the tables may get before they are read again."""

LOOK = 10.0
"""Seconds between two looks at who is champion."""

TOGETHER = 50
"""Leads that are answered at once."""


@dataclass
class _Held:
    """Tables and a model in use, and how to let go of them."""

    tables: OpenTables
    desk: Store
    stack: ExitStack


@dataclass
class _Waiting:
    """A question somebody waits for."""

    questions: Sequence[LeadQuestion]
    as_of: int | None
    answer: Future[LeadScores] = field(default_factory=Future)


class Answers:
    """What a server knows.

    Parameters
    ----------
    config : Config
        What is asked.
    progress : callable
        Who is told when tables or models change; nothing that is said names a lead.
    """

    def __init__(self, config: Config, progress: Progress) -> None:
        self.config, self._progress = config, progress
        self._held: _Held | None = None
        self._lock = threading.Lock()
        self._queue: queue.Queue[_Waiting | None] = queue.Queue()
        self._ended = threading.Event()
        self.trouble = "the model and the tables are being read"

    def start(self) -> None:
        """Read what there is, and answer from now on; where no model can be had yet, go on looking for one."""
        try:
            self.look()
        except RetryError as error:
            self._say(error)
        for work in (self._answer_all, self._look_again):
            threading.Thread(target=work, daemon=True).start()

    def close(self) -> None:
        """Answer nobody any more."""
        self._ended.set()
        self._queue.put(None)
        with self._lock:
            if self._held is not None:
                self._held.stack.close()
                self._held = None

    @property
    def tables(self) -> OpenTables | None:
        """The tables in use; None where nothing can be answered."""
        held = self._held
        return None if held is None else held.tables

    def ask(self, questions: Sequence[LeadQuestion], as_of: int | None) -> Future[LeadScores]:
        """Put a question; without an instant it is about the one at which it is answered."""
        waiting = _Waiting(questions, as_of)
        self._queue.put(waiting)
        return waiting.answer

    def look(self) -> None:
        """Take the champion of now, and read the tables again where they are old or the champion is new."""
        bundle, said = pinned.find_bundle(
            champion_reference(self.config),
            self.config.tracking.uri,
            self.config.nightly.pin_max_age,
            self.config.signing_key,
        )
        self.trouble = said
        held = self._held
        if held is not None:
            mine = held.tables.bundle
            if (mine.name, mine.version) == (
                bundle.name,
                bundle.version,
            ) and instant_now() - held.tables.read_at < REFRESH:
                return
        self._take(require_matching(self.config, bundle))
        if not said:
            with suppress(LeadlineError):  # that it can't be remembered ends no answer
                pinned.pin_bundle(champion_reference(self.config), bundle)

    def _take(self, bundle: Bundle) -> None:
        """Read the tables for a model; what was in use goes once its last answer is given."""
        with ExitStack() as stack:
            known_at = instant_now() + 2 * REFRESH  # what is asked about lies before it until they are read again
            tables = stack.enter_context(open_on_demand(self.config, bundle, known_at))
            desk = open_desk(self.config)
            stack.callback(desk.close)
            fresh = _Held(tables, desk, stack.pop_all())
        with self._lock:
            old, self._held = self._held, fresh
            if old is not None:
                old.stack.close()
        self._progress(f"tables read for {bundle.name} {bundle.version}")

    def _look_again(self) -> None:
        while not self._ended.wait(LOOK):
            try:
                self.look()
            except LeadlineError as error:
                self._say(error)

    def _say(self, error: LeadlineError) -> None:
        if self.trouble != str(error):
            self._progress(str(error))
        self.trouble = str(error)

    def _answer_all(self) -> None:
        while (first := self._queue.get()) is not None:
            batch, leads = [first], len(first.questions)
            while leads < TOGETHER:
                try:
                    more = self._queue.get_nowait()
                except queue.Empty:
                    break
                if more is None:
                    self._queue.put(None)
                    break
                batch.append(more)
                leads += len(more.questions)
            with self._lock:
                self._answer(batch)

    def _answer(self, batch: list[_Waiting]) -> None:
        """Answer those who wait: together where that changes nothing."""
        held = self._held
        if held is None:
            for waiting in batch:
                waiting.answer.set_exception(
                    RetryError(f"no model can be had now ({self.trouble}); expected one; try again later")
                )
            return
        for group in _groups(held.tables, batch):
            self._answer_group(held, group)

    def _answer_group(self, held: _Held, group: list[_Waiting]) -> None:
        as_of = group[0].as_of
        when = min(instant_now(), held.tables.known_at) if as_of is None else as_of
        try:
            told = held.tables.ask(held.desk, [q for waiting in group for q in waiting.questions], when)
        except Exception as error:  # noqa: BLE001 (whoever asked is told; the next is answered)
            if len(group) == 1:
                group[0].answer.set_exception(error)
                return
            for waiting in group:  # one of them is refused, the others aren't
                self._answer_group(held, [waiting])
            return
        for waiting in group:
            waiting.answer.set_result(_part(told, {q.lead_id for q in waiting.questions}))


def _groups(tables: OpenTables, batch: Sequence[_Waiting]) -> list[list[_Waiting]]:
    """Part those who wait by instant, and so that nobody's new acts touch whom another asks about."""
    groups: list[tuple[list[_Waiting], set[str], bool]] = []
    for waiting in batch:
        _, circle = tables.circle(q.lead_id for q in waiting.questions)
        brings = any(q.events for q in waiting.questions)
        for n, (group, touched, brought) in enumerate(groups):
            if group[0].as_of == waiting.as_of and not ((brings or brought) and circle & touched):
                groups[n] = ([*group, waiting], touched | circle, brought or brings)
                break
        else:
            groups.append(([waiting], circle, brings))
    return [group for group, _, _ in groups]


def _part(told: LeadScores, leads: set[str]) -> LeadScores:
    """Keep what is about these leads."""
    s = told.scores
    rows = np.array([lead in leads for lead in s.lead_id.tolist()], dtype=bool)
    scores = replace(
        s, lead_id=s.lead_id[rows], account_id=s.account_id[rows], probability=s.probability[rows], tier=s.tier[rows],
        reasons=s.reasons[rows], previous_probability=s.previous_probability[rows],
        later={name: values[rows] for name, values in s.later.items()},
    )  # fmt: skip
    return LeadScores(
        scores, tuple(x for x in told.unknown if x in leads), {k: v for k, v in told.left_out.items() if k in leads}
    )
