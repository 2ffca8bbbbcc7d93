"""Conditions on a lead in plain English: what the pages, the terminal and the model card say of a definition or a rule."""

from __future__ import annotations

from leadline.config.conditions import When
from leadline.config.schema import Config
from leadline.core.format import duration
from leadline.core.privacy import printable_level
from leadline.features.catalog import words_for

__all__ = ["sentence"]


def sentence(config: Config, when: When) -> str:
    """Say what a condition asks.

    Examples
    --------
    >>> config = Config.model_construct(behaviours={}, icp={"country": 1, "industry": 2})
    >>> two = {"asset": "any", "at_least": 2, "distinct": True, "within": "30d"}
    >>> sentence(config, When.model_validate({"all": [two, {"icp": 2}]}))
    '2 or more of the core assets within 30 days and ICP match'
    >>> sentence(config, When.model_validate({"not": {"any": [{"grade": "B2"}, {"behaviour": "demo_request"}]}}))
    'not (grade B2 or better, or did demo request)'
    """
    if when.kind == "not":
        return f"not {_inner(config, when.parts[0])}"
    if when.parts:
        words = [_inner(config, part) if part.kind in ("all", "any") else sentence(config, part) for part in when.parts]
        return (" and " if when.all else ", or ").join(words)
    tellers = {
        "behaviour": _behaviour, "intent": _intent, "asset": _asset, "attribute": _attribute, "icp": _icp, "role": _role,
        "account": _account,
    }  # fmt: skip
    if when.kind in tellers:
        return tellers[when.kind](config, when)
    if when.grade is not None:
        return f"grade {when.grade} or better"
    if when.points is not None:
        return f"{when.points:g} points or more by today’s rules"
    name = {"score": "score", "fit": "fit score", "engagement": "engagement score"}[when.kind]
    return f"{name} of {getattr(when, when.kind)} or more"


def _inner(config: Config, when: When) -> str:
    words = sentence(config, when)
    return f"({words})" if len(when.parts) > 1 else words


def _within(when: When) -> str:
    return f" within {duration(str(when.within))}" if when.within is not None else ""


def _either(words: list[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _behaviour(config: Config, when: When) -> str:
    words = [words_for(config, name) for name in when.behaviours]
    if when.distinct and when.at_least > 1:
        return f"{when.at_least} or more of: {', '.join(words)}{_within(when)}"
    often = f" {when.at_least} times or more" if when.at_least > 1 else ""
    return f"{_either(words)}{often}{_within(when)}"


def _intent(config: Config, when: When) -> str:
    what = "kinds of event" if when.distinct else "events"
    many = f"{when.at_least} or more {what}" if when.at_least > 1 else "an event"
    return f"{many} of {when.intent} intent{_within(when)}"


def _asset(config: Config, when: When) -> str:
    every = when.assets == ("any",)
    names = "the core assets" if every else f"the assets {', '.join(when.assets)}"
    if when.distinct and when.at_least > 1:
        return f"{when.at_least} or more of {names}{_within(when)}"
    often = f" {when.at_least} times or more" if when.at_least > 1 else ""
    return f"used {'a core asset' if every else _either(list(when.assets))}{often}{_within(when)}"


def _attribute(config: Config, when: When) -> str:
    name = str(when.attribute).replace("_", " ")
    if when.has is not None:
        has = [when.has] if isinstance(when.has, str) else list(when.has)
        return f"{name} has {_either([printable_level(word) for word in has])}"
    if when.in_ is not None:
        return f"{name} is {_either([printable_level(str(word)) for word in when.in_])}"
    if when.min is not None:
        return f"{name} of {when.min:g} or more" if when.max is None else f"{name} from {when.min:g} to {when.max:g}"
    return (
        f"{name} of {when.max:g} or less" if when.max is not None else f"{name} is {printable_level(str(when.equals))}"
    )


def _icp(config: Config, when: When) -> str:
    if when.icp == len(config.icp):
        return "ICP match"
    return f"{when.icp} or more of the {len(config.icp)} criteria of the ICP"


def _role(config: Config, when: When) -> str:
    roles = [when.role] if isinstance(when.role, str) else list(when.role or ())
    return f"role is {_either([role.replace('_', ' ') for role in roles])}"


def _account(config: Config, when: When) -> str:
    engaged = when.account
    if engaged is None:
        return ""
    many = [f"{n} or more {what}" for n, what in ((engaged.people, "people"), (engaged.roles, "roles")) if n]
    within = f" within {duration(str(engaged.within))}" if engaged.within is not None else ""
    return f"{' and '.join(many)} of the account active{within}"
