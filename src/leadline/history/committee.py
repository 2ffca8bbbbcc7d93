"""The account and its buying committee: which features colleagues give, beside what the lead does itself."""

from __future__ import annotations

from leadline.config import Config
from leadline.history.members import role_column
from leadline.history.spec import Aggregate, Feature, Kind
from leadline.tables import Loaded
from leadline.tables.attributes import slug, unique
from leadline.times import Horizon

__all__ = ["account_features", "committee_features", "nameless_features", "past_features"]

DECIDERS = ("economic_buyer", "executive_sponsor")
PAIR = ("technical_evaluator", "economic_buyer")


def account_features(config: Config) -> list[Feature]:
    """List what the other leads of the account did."""
    specs = []
    for w in config.features.windows:
        specs.append(_colleagues(f"n_colleague_acts_{w}", "count", "colleague_acts", "events of colleagues", window=w))
        if any(b.intent == "purchase" for b in config.behaviours.values()):
            words = "events of purchase intent by colleagues"
            specs.append(
                _colleagues(
                    f"n_colleague_purchase_{w}",
                    "count",
                    "colleague_acts",
                    words,
                    field="purchase",
                    by="intent",
                    window=w,
                )
            )
        specs.append(
            _colleagues(f"engaged_colleagues_{w}", "count", "colleagues_engaged", "colleagues active", window=w)
        )
    main = main_window(config)
    return [
        *specs,
        _colleagues(f"new_colleagues_{main}", "count", "colleagues_new", "colleagues newly active", window=main),
        _colleagues("known_colleagues", "count", "colleagues_known", "colleagues known"),
        _colleagues(
            f"share_engaged_{main}", "number", "share_engaged", "share of known colleagues active", window=main
        ),
        _colleagues("since_colleague_act", "days", "since_colleague", "events of colleagues"),
    ]


def nameless_features(config: Config) -> list[Feature]:
    """List what events tell of the account that name nobody in it, such as intent that a third party saw."""
    if config.tables.events is None or config.tables.events.account is None:
        return []

    def spec(name: str, kind: Kind, aggregate: Aggregate, window: Horizon | None = None) -> Feature:
        words = "anonymous events of the account"
        return Feature(name, "account", "account_acts", kind, aggregate, words, "colleagues", window=window)

    counts = [spec(f"n_account_acts_{w}", "count", "account_acts", w) for w in config.features.windows]
    return [*counts, spec("since_account_act", "days", "since_account_act")]


def committee_features(config: Config, loaded: Loaded) -> list[Feature]:
    """List which roles of the account, the lead's own included, are engaged; none without roles and job titles."""
    roles = list(config.roles)
    if not roles or role_column(loaded) is None:
        return []
    w = main_window(config)

    def spec(name: str, kind: Kind, aggregate: Aggregate, words: str, field: str = "") -> Feature:
        return Feature(name, "committee", "committee", kind, aggregate, words, "colleagues", field, "role", w)

    specs = [spec(f"roles_engaged_{w}", "count", "roles_engaged", "roles active")]
    slugs = unique(slug(r) for r in roles)
    specs += [
        spec(f"role_{n}_{w}", "flag", "any_role", r.replace("_", " "), r) for n, r in zip(slugs, roles, strict=True)
    ]
    deciders = [r for r in DECIDERS if r in roles]
    if len(deciders) == len(DECIDERS):
        specs.append(spec(f"decision_maker_{w}", "flag", "any_role", "a decision maker", "|".join(deciders)))
    if all(r in roles for r in PAIR):
        specs.append(
            spec(
                f"evaluator_and_buyer_{w}",
                "flag",
                "every_role",
                "technical evaluator and economic buyer",
                "|".join(PAIR),
            )
        )
    specs.append(spec("since_new_role", "days", "since_new_role", "newest role's arrival"))
    return specs


def past_features(config: Config) -> list[Feature]:
    """List what became of the account's other leads, as far as it was known."""
    stages = [s for s in ("sql", "won", "lost", "rejected") if config.words(s) or s == "sql"]
    return [
        Feature(
            f"colleagues_{s}",
            "history",
            "account_past",
            "count",
            "colleagues_reached",
            f"colleagues who reached {s.upper() if s == 'sql' else s}",
            "colleagues",
            s,
            "stage",
        )
        for s in stages
    ]


def main_window(config: Config) -> Horizon:
    """Return the window that says "now" for a committee: the second shortest, as a buying round lasts weeks."""
    windows = sorted(config.features.windows)
    return windows[min(1, len(windows) - 1)]


def _colleagues(
    name: str,
    kind: Kind,
    aggregate: Aggregate,
    words: str,
    field: str = "",
    by: str = "any",
    window: Horizon | None = None,
) -> Feature:
    return Feature(name, "account", "colleagues", kind, aggregate, words, "colleagues", field, by, window)
