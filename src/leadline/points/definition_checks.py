"""Checks of the definitions against the tables: names that nothing has (LL160), and definitions that nobody meets (LL161)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from leadline.config.conditions import When
from leadline.config.schema import Config
from leadline.core.checks import Finding, Findings, Severity
from leadline.core.choices import closest
from leadline.core.privacy import MIN_GROUP_SIZE
from leadline.features import build
from leadline.features.build import FeatureTable
from leadline.points.definition_words import sentence
from leadline.points.definitions import Definitions, title_attribute
from leadline.tables import LoadedTables
from leadline.tables.attributes import Attribute, matching

__all__ = ["met_by_nobody", "never_met", "unknown_in_definitions"]

SHOWN = 10


def unknown_in_definitions(config: Config, loaded: LoadedTables) -> Findings:
    """Refuse behaviours that no event has and `behaviours` doesn't name, and attributes that aren't there or can't answer.

    Those of rules of one behaviour or attribute are only warned of, as they always were.
    """
    asked = [(f"definitions.{name}", when) for name, whole in config.definitions.items() for when in whole.walk()]
    for number, rule in enumerate(config.rules):
        asked += [(f"rules.{number}.when", when) for when in rule.when.walk() if not rule.when.is_plain]
    found = [
        f
        for where, when in asked
        for f in (*_behaviours(config, loaded, where, when), *_attributes(loaded, where, when))
    ]
    return Findings(tuple(dict.fromkeys(found)))


def met_by_nobody(config: Config, loaded: LoadedTables) -> Findings:
    """Hold the snapshots at hand against the definitions, and tell those that not one meets."""
    if not config.definitions:
        return Findings()
    asked = Definitions.of(config, loaded, config.definitions)
    intents = {name: behaviour.intent for name, behaviour in config.behaviours.items()}
    return never_met(config, asked, build.compute_features(loaded, asked.specs, intents, config.roles))


def never_met(config: Config, asked: Definitions, made: FeatureTable) -> Findings:
    """Tell definitions that none of these rows meets; one that asks for a score can't be told before a model is there."""
    asked = asked.only([n for n, when in config.definitions.items() if not any(w.is_scored for w in when.walk())])
    held = asked.hold(made.specs, made.values)
    return Findings(tuple(
        Finding(
            "LL161", Severity.WARNING, f"definitions.{name}", f"none of {len(made):,} snapshots meets it ({sentence(config, asked.conditions[name])})",
            "some that do", "ask for less, look for a wrong word in it, or drop it",
        )
        for name, holds in held.items() if not holds.any()
    ))  # fmt: skip


def _behaviours(config: Config, loaded: LoadedTables, where: str, when: When) -> Iterator[Finding]:
    if not when.behaviours or "events" not in loaded.rows:
        return
    heard = {
        str(row[0]) for row in loaded.store.rows("SELECT DISTINCT behaviour FROM events WHERE behaviour IS NOT NULL")
    }
    for name in when.behaviours:
        if name not in heard and name not in config.behaviours:
            rows = loaded.store.rows(
                "SELECT behaviour FROM events WHERE behaviour IS NOT NULL GROUP BY behaviour "
                f"HAVING COUNT(DISTINCT lead_id) >= {MIN_GROUP_SIZE}"
            )
            seen, expected = f"no event has the type {name[:40]!r}", "a type of tables.events, or one of `behaviours`"
            yield _unknown(where, seen, expected, name, sorted({*(str(row[0]) for row in rows), *config.behaviours}))


def _attributes(loaded: LoadedTables, where: str, when: When) -> Iterator[Finding]:
    if when.role is not None and title_attribute(loaded.attributes) is None:
        yield Finding(
            "LL160", Severity.ERROR, where, "asks for a role, and leads have no job title among their attributes", "job_title in use",
            "name it under `attributes` of tables.leads, or drop the condition",
        )  # fmt: skip
    if when.attribute is None:
        return
    hits = matching(when.attribute, loaded.attributes)
    if not hits:
        seen = f"no attribute is called {when.attribute[:40]!r}"
        yield _unknown(
            where, seen, "one of those in use", when.attribute, sorted({a.column for a in loaded.attributes})
        )
    elif len(hits) > 1:
        names = " or ".join(a.name for a in hits)
        yield Finding(
            "LL160",
            Severity.ERROR,
            where,
            f"{len(hits)} attributes are called {when.attribute[:40]!r}",
            "one",
            f"write {names}",
        )
    else:
        yield from _misread(where, when, hits[0])


def _misread(where: str, when: When, a: Attribute) -> Iterator[Finding]:
    """Refuse a question that the attribute's kind can't answer."""
    if (when.min is not None or when.max is not None) and a.kind != "number":
        seen, fix = f"asks for min or max of {a.column[:40]}, which holds words", "list the words that fit with `in`"
        yield Finding("LL160", Severity.ERROR, where, seen, "a column of numbers", fix)
    if when.has is not None and a.kind == "number":
        seen, fix = f"asks what {a.column[:40]} has, and it holds numbers", "write `equals`, `in`, `min` or `max`"
        yield Finding("LL160", Severity.ERROR, where, seen, "a column of lists", fix)


def _unknown(where: str, seen: str, expected: str, name: str, known: Sequence[str]) -> Finding:
    near = closest(name, known)
    more = ", …" if len(known) > SHOWN else ""
    listed = f" ({', '.join(k[:40] for k in known[:SHOWN])}{more})" if known else ""
    fix = f"mend the name{f' (did you mean `{near[:40]}`?)' if near else ''}, or drop the condition"
    return Finding("LL160", Severity.ERROR, where, seen, expected + listed, fix)
