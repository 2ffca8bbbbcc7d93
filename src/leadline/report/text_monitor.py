"""A monitor in lines and tables that fit 80 columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from leadline.core import format
from leadline.report.sections.movement import moved_sentence

__all__ = ["Part", "monitor_parts"]

Table: TypeAlias = tuple[Sequence[str], list[list[str]]]
Part: TypeAlias = str | Table

FARTHEST = 5


def monitor_parts(record: Mapping[str, Any]) -> list[Part]:
    """Say what a monitor found; `record` is `MonitorResult.to_record`'s."""
    nights = record["nights"]
    said: list[Part] = [
        f"{record['rows']:,} scores of {nights} night{'' if nights == 1 else 's'} are old enough to count at {record['as_of']}, "
        f"{record['positives']:,} positive;\n{record['censored']:,} are censored"
    ]
    if record["rows"]:
        said += [
            f"AUC {_auc(record)}, ECE {_figure(record['ece'])}; {_observed_words(record)}",
            (["tier", "rows", "predicted", "observed", "95%"], [[t["tier"], *_row(t)] for t in record["tiers"]]),
            *_by_source(record),
            *_versions(record["versions"]),
            *_accepted(record["accepted"]),
        ]
    said += [
        *_moved(record.get("moved")),
        *_drift(record["drift"]),
        *_exploration(record["exploration"]),
        *record["notes"],
    ]
    return [*said, record["advice"]]


def _row(t: Mapping[str, Any]) -> list[str]:
    return [
        f"{t['rows']:,}",
        format.share(t["predicted"]),
        format.share(t["observed"]),
        f"{format.share(t['low'])}–{format.share(t['high'])}",
    ]


def _observed_words(t: Mapping[str, Any]) -> str:
    return f"{format.share(t['predicted'])} was predicted and {format.share(t['observed'])} observed ({format.share(t['low'])}–{format.share(t['high'])})"


def _by_source(record: Mapping[str, Any]) -> list[Part]:
    """Tell sources and their calibration; and all segments that are off."""
    every = (record["segments"] or {}).get("segments", [])
    sources = [s for s in every if s["by"] == "source" and s["positives"] is not None]
    rows = [[s["level"], *_row(s), s["verdict"]] for s in sources]
    off = [f"{s['by']} {s['level']}" for s in every if s["verdict"] == "miscalibrated" and s["by"] != "source"]
    said: list[Part] = [(["source", "rows", "predicted", "observed", "95%", "verdict"], rows)] if rows else []
    return [*said, *([f"miscalibrated beyond chance: {', '.join(off)}"] if off else [])]


def _versions(versions: Sequence[Mapping[str, Any]]) -> list[Part]:
    if len(versions) < 2:
        return []
    rows = [[v["version"], *_row(v), _auc(v)] for v in versions]
    return [(["version", "rows", "predicted", "observed", "95%", "AUC"], rows)]


def _accepted(told: Mapping[str, Any]) -> list[Part]:
    """Tell what became of leads by the tier in which sales saw them, and why they were rejected."""
    rows = [
        [t["level"], *(f"{t[name]:,}" for name in ("leads", "accepted", "rejected", "neither"))] for t in told["tiers"]
    ]
    said: list[Part] = (
        [(["tier", "leads", "accepted", "rejected", "neither"], rows)]
        if any(t["rejected"] for t in told["tiers"])
        else []
    )
    for name in ("words", "reasons"):
        if told[name]:
            said.append(f"rejected, by {name[:-1]}: " + ", ".join(f"{why} {n:,}" for why, n in told[name].items()))
    return said


def _moved(told: Mapping[str, Any] | None) -> list[Part]:
    """Tell who moved between the last two nights, and the commonest causes."""
    if not told:
        return []
    rows = [[c["cause"], f"{c['up']:,}", f"{c['down']:,}"] for c in told["causes"][:FARTHEST]]
    return [moved_sentence(told), *([(["what moved it most", "up", "down"], rows)] if rows else [])]


def _drift(drift: Mapping[str, Any]) -> list[Part]:
    if "features" not in drift:
        return [f"drift: {drift['why']}"] if drift.get("why") else []
    score, beyond = drift["score"], [d for d in drift["features"] if d["beyond"]]
    said = f"drift at {drift['as_of']} (PSI): the score {_figure(score['psi'], 2)}{' (beyond the bound)' if score['beyond'] else ''}; "
    said += f"{len(beyond)} of {len(drift['features'])} features beyond {drift['bound']:g} and chance"
    rows = [[d["name"], _figure(d["psi"], 2), _figure(d["chance"], 2)] for d in beyond[:FARTHEST]]
    return [said, *([(["feature", "PSI", "by chance up to"], rows)] if rows else [])]


def _exploration(told: Mapping[str, Any] | None) -> list[Part]:
    if told is None:
        return []
    mine, rest = told["holdout"], told["rest"]
    said = f"holdout, worked at random: {mine['leads']:,} leads, AUC {_auc(mine)}; {_observed_words(mine)}\nthe rest: AUC {_auc(rest)}; {_observed_words(rest)}"
    rows = [
        [f"{format.share(b['from'])}–{format.share(b['to'])}", f"{b['holdout']['rows']:,}", _with(b["holdout"]), f"{b['rest']['rows']:,}", _with(b["rest"])]
        for b in told["bands"]
    ]  # fmt: skip
    best, others = told["by_lot"]["best"], told["by_lot"]["others"]
    lot = f"of the holdout, those assigned the best tier: {_with(best)}; the others: {_with(others)}"
    return [said, (["score", "holdout", "observed (95%)", "the rest", "observed (95%)"], rows), lot]


def _with(t: Mapping[str, Any]) -> str:
    return f"{format.share(t['observed'])} ({format.share(t['low'])}–{format.share(t['high'])})"


def _auc(t: Mapping[str, Any]) -> str:
    return f"{_figure(t['auc'])} ({_figure(t['auc_low'])}–{_figure(t['auc_high'])})"


def _figure(value: float | None, digits: int = 3) -> str:
    """Say a figure.

    Examples
    --------
    >>> _figure(0.5), _figure(None)
    ('.500', '–')
    """
    if value is None:
        return "–"
    text = f"{value:.{digits}f}"
    return text[1:] if digits == 3 and text.startswith("0.") else text
