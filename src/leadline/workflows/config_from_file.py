"""Point-and-run: a data file or a DataFrame in a config's place gets a config of its own, which can be read and mended."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leadline.config.frames import FrameSource, is_frame, with_frames
from leadline.config.load import load_config, parse_config
from leadline.config.schema import Config
from leadline.core.checks import Findings, Severity
from leadline.core.files import write_text
from leadline.core.format import yaml_list, yaml_scalar
from leadline.errors import DataError, UsageError
from leadline.leakage.column_names import is_counted, is_elapsed, is_mutable, is_rescored
from leadline.storage.locations import ENDINGS
from leadline.workflows.common import Progress, as_config

if TYPE_CHECKING:
    from leadline.presets.proposal import Proposal

__all__ = [
    "DataFileConfig",
    "add_fix_hint",
    "config_for",
    "config_from_data",
    "config_from_frame",
    "fix_hint",
    "is_data",
    "leak_reason",
]

STRENGTH = {"LL207", "LL208", "LL218"}
"""Codes of columns that are only strong, or named oddly: whether they are honest, somebody must say."""


@dataclass(frozen=True)
class DataFileConfig:
    """A config for a data file.

    Attributes
    ----------
    config : Path
        Where it stands.
    text : str
        What it says.
    proposal : Proposal or None
        What was guessed, and what the file can't protect against; None where the config stood there before.
    """

    config: Path
    text: str
    proposal: Proposal | None = None

    @property
    def warnings(self) -> tuple[str, ...]:
        """What somebody should look at: guesses of which little is sure, and what a flat file can't protect against."""
        if self.proposal is None:
            return ()
        return (*(str(guess) for guess in self.proposal.guesses if not guess.sure), *self.proposal.warnings)


def is_data(place: str | Path) -> bool:
    """Tell a data file from a config by its ending.

    Examples
    --------
    >>> is_data("leads.csv"), is_data("leads.parquet"), is_data("LEADS.CSV.gz"), is_data("leads.yaml"), is_data("leads")
    (True, True, True, False, False)
    """
    bare = str(place).lower().removesuffix(".gz").removesuffix(".zst")
    return bare.endswith(tuple(ENDINGS))


def leak_reason(column: str) -> str:
    """Say why a column's name is that of a leak; "" where it isn't.

    Examples
    --------
    >>> leak_reason("Last Activity"), leak_reason("profile_score"), leak_reason("call attempts"), leak_reason("country")
    ('CRMs overwrite a field of this name', 'tools recompute a score of this name', 'a count of this name grows while a lead is worked', '')
    """
    if is_mutable(column):
        return "CRMs overwrite a field of this name"
    if is_rescored(column):
        return "tools recompute a score of this name"
    if is_counted(column):
        return "a count of this name grows while a lead is worked"
    if is_elapsed(column):
        return "a measure of this name is known once the lead has ended"
    return ""


def config_from_data(
    source: str | Path,
    outcome: str | None = None,
    positive: str | None = None,
    order_by: str | None = None,
    save: str | Path | None = None,
) -> DataFileConfig:
    """Write a config for a data file, or take the one that stands there since.

    Parameters
    ----------
    source : str or path
        The file: one row a lead.
    outcome, positive, order_by : str, optional
        The outcome's column, its value that means yes, and the column that runs with time; guessed where missing,
        except for the outcome.
    save : str or path, optional
        Where the config is written; by default NAME.yaml in the working directory.

    Raises
    ------
    UsageError
        The outcome isn't named; or a config stands there that asks something else.
    MissingError, ConfigError, DataError, OutputError
        The file can't be read, or the config can't be written.

    Examples
    --------
    >>> config_from_data("leads.csv")
    Traceback (most recent call last):
    ...
    leadline.errors.UsageError: leads.csv: a data file, not a config; expected the column that holds the outcome, too; name it, as in --outcome Converted
    """
    stem = Path(source).name.split(".")[0]
    place = (
        Path(save)
        if save is not None
        else Path(f"{stem if stem.isprintable() and not set('*?[') & set(stem) else 'leads'}.yaml")
    )
    if outcome is None:
        raise UsageError(
            f"{source}: a data file, not a config; expected the column that holds the outcome, too; name it, as in --outcome Converted"
        )
    if place.suffix not in (".yaml", ".yml"):
        raise UsageError(f"--config-out {str(place)!r}: not a config; expected a name that ends in .yaml")
    if place.exists():
        config = load_config(place)
        _same(config, place, str(source), outcome, positive, order_by)
        return DataFileConfig(place, config.text)
    from leadline.presets.csv.preset import propose_flat

    proposal = propose_flat(str(source), leak_reason, outcome, positive, order_by)
    parse_config(proposal.config, str(place))
    write_text(place, proposal.config)
    return DataFileConfig(place, proposal.config, proposal)


def config_from_frame(
    frame: Any,
    outcome: str | None = None,
    positive: str | None = None,
    order_by: str | None = None,
    save: str | Path | None = None,
) -> tuple[Config, tuple[str, ...]]:
    """Make a config for a DataFrame with one row a lead, named after its outcome; it carries the rows.

    Parameters
    ----------
    outcome, positive, order_by, save
        As in `config_from_data`; nothing is written where `save` is missing, and what stands there is written over.

    Returns
    -------
    tuple
        The config, and what somebody should look at.

    Raises
    ------
    UsageError, DataError
        The outcome isn't named; or the frame can't be read as leads.

    Examples
    --------
    >>> import pandas as pd
    >>> config_from_frame(pd.DataFrame({"converted": [0, 1] * 5, "visits": range(10)}), "converted")[0].name
    'converted'
    >>> config_from_frame(pd.DataFrame({"converted": [0, 1]}))
    Traceback (most recent call last):
    ...
    leadline.errors.UsageError: a DataFrame, not a config; expected the column that holds the outcome, too; name it, as in outcome="converted"
    """
    if outcome is None:
        raise UsageError(
            'a DataFrame, not a config; expected the column that holds the outcome, too; name it, as in outcome="converted"'
        )
    from leadline.presets.csv.preset import propose_flat

    source = FrameSource.of(frame, "leads")
    proposal = propose_flat(source, leak_reason, outcome, positive, order_by)
    config = parse_config(proposal.config, "the DataFrame's config")
    if save is not None:
        write_text(Path(save), proposal.config)
        config = load_config(save)
    return with_frames(config, {"leads": source}), DataFileConfig(Path(), proposal.config, proposal).warnings


def config_for(
    given: Any,
    progress: Progress,
    outcome: str | None = None,
    positive: str | None = None,
    order_by: str | None = None,
    config_out: str | Path | None = None,
    tables: Mapping[str, Any] | None = None,
) -> Config:
    """Return the config that a call means: the one that is given, or one made for a data file or a DataFrame.

    Raises
    ------
    UsageError
        What only data need stands beside a config, or `tables` beside data.
    """
    data = is_frame(given) or (isinstance(given, (str, Path)) and is_data(given))
    options = {"outcome": outcome, "positive": positive, "order_by": order_by, "config_out": config_out}
    odd = ["tables"] * (tables is not None) if data else [name for name, value in options.items() if value is not None]
    if odd:
        told = "a config says it itself" if not data else "a DataFrame or data file alone is the table of leads"
        raise UsageError(
            f"{', '.join(odd)}: not beside {'data' if data else 'a config'}, as {told}; expected one of them; leave the other out"
        )
    if not data:
        return as_config(given, progress, tables)
    if is_frame(given):
        config, warnings = config_from_frame(given, outcome, positive, order_by, config_out)
    else:
        made = config_from_data(given, outcome, positive, order_by, config_out)
        config, warnings = load_config(made.config), made.warnings
    for warning in warnings:
        progress(warning)
    return as_config(config, progress)


def _same(config: Config, place: Path, source: str, outcome: str, positive: str | None, order_by: str | None) -> None:
    """Refuse to use a config that asks something else than the command does; what it says of columns is the user's."""
    there = (
        ("the file", config.tables.leads.source, source),
        ("--outcome", config.outcome.column, outcome),
        ("--positive", config.outcome.positive, positive),
        ("--order-by", config.snapshots.order_by, order_by),
    )
    for words, has, asked in there:
        if asked is not None and str(has).lower() != asked.lower():
            raise UsageError(
                f"{place}: stands there already and says something else than {words}; expected the same; "
                f"mend it and run `leadline train {place}`, or name another place with --config-out FILE.yaml"
            )


def fix_hint(config: Path, findings: Findings, command: str) -> str:
    """Say which lines leave refused columns out of a flat file's config, and how to run again; "" where none would.

    Parameters
    ----------
    config : path
        The config that was refused.
    findings : Findings
        What the checks saw.
    command : str
        train or check.
    """
    codes: dict[str, set[str]] = {}
    for finding in findings.of(Severity.ERROR):
        table, _, column = finding.subject.partition(".")
        if table == "leads" and column and finding.code.startswith("LL2"):
            codes.setdefault(column, set()).add(finding.code)
    read = load_config(config)
    line = _outcome_line(findings)
    if line:
        begins = next((n for n, at in enumerate(read.text.splitlines(), 1) if at.startswith("outcome:")), 1)
        return f"In {config}, put this in place of `outcome:` (line {begins}) and what belongs to it:\n{line}\nThen run: leadline {command} {config}"
    if not codes or not read.is_flat or read.tables.leads.attributes != "all":
        return ""
    asked = [column for column, found in codes.items() if found <= STRENGTH]
    echoes = [column for column in codes if column not in asked]
    lines = read.text.splitlines()
    head = next((n for n, line in enumerate(lines, 1) if line.rstrip() == "    exclude:"), None)
    where = f"{config}, below `exclude:` (line {head})" if head else f"{config}, below `leads:`"
    told = []
    if echoes:
        told += [f"These lines leave out what looks written after the outcome; add them to {where}:"]
        told += [*([] if head else ["    exclude:"]), *(f"      - {yaml_scalar(column)}" for column in echoes)]
    if asked:
        them, it = ("these columns were", "them") if len(asked) > 1 else ("this column was", "it")
        told += [
            f"Only somebody who knows the file can say whether {them} filled in when the",
            "lead came in, and never changed since. If so, add this line below `leads:`; if",
            f"not, add {it} to `exclude:`, too:",
            f"    known_at_creation: {yaml_list(asked)}",
        ]
    return "\n".join([*told, f"Then run: leadline {command} {config}"])


def _outcome_line(findings: Findings) -> str:
    """Return the line that says of every value of the outcome what it means, where that was asked; else ""."""
    asked = (re.search(r"`(outcome: \{.*\})`", f.fix) for f in findings.of(Severity.ERROR) if f.code == "LL151")
    return next((found[1] for found in asked if found), "")


def add_fix_hint(refusal: DataError, config: Config | Path, command: str) -> None:
    """Note on the leak gate's refusal of a flat file, or a DataFrame, how it is mended."""
    if refusal.findings is None:
        return
    place = config if isinstance(config, Path) else config.path
    if place is None:
        columns = dict.fromkeys(
            f.subject.removeprefix("leads.") for f in refusal.findings.of(Severity.ERROR) if f.code.startswith("LL2")
        )
        advice = (
            f'Leave out what isn\'t known when a lead comes in, as in frame.drop(columns={[*columns]}); or let config_out="leads.yaml" '
            f'write the config, say there which are `known_at_creation:`, and run leadline.{command}("leads.yaml", tables={{"leads": frame}})'
        )
        advice = (
            advice
            if columns
            else _outcome_line(refusal.findings)
            and (
                f'Leave open rows out, or let config_out="leads.yaml" write the config, mend its line, and run leadline.{command}("leads.yaml", tables={{"leads": frame}})'
            )
        )
    else:
        advice = fix_hint(Path(place), refusal.findings, command)
    if advice:
        refusal.add_note(advice)
