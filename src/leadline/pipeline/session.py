"""What the nights of one command share: the model, the place, and what was asked."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from leadline.config import Config, Source
from leadline.errors import UsageError
from leadline.ops import pinned
from leadline.ops.registry import Bundle
from leadline.ops.sink_urls import open_sink
from leadline.ops.sinks import Sink
from leadline.pipeline.scoring import champion, fitting

__all__ = ["Session", "asked_for", "content_hash", "open_session"]


@dataclass(frozen=True)
class Session:
    """What the nights of one command share.

    Attributes
    ----------
    config : Config
        What is asked.
    reference : str
        The REF of the model, and what it means:
    bundle : Bundle
        By whom nights are scored.
    said : str
        What is to be said of how the bundle was found; "" for nothing.
    sink : Sink
        Where nights go.
    leads : str, optional
        For a flat file: rows to score.
    again, wait, run_id
        As `score` and `Order` have them.
    """

    config: Config
    reference: str
    bundle: Bundle
    said: str
    sink: Sink
    leads: Source | None = None
    again: bool = False
    wait: float = 0.0
    run_id: str = ""


def open_session(
    config: Config,
    model: str | None = None,
    out: str | None = None,
    leads: Source | None = None,
    again: bool = False,
    wait: float = 0.0,
    run_id: str = "",
    changed: bool = False,
) -> Session:
    """Find the model and the place that a command's nights share.

    Raises
    ------
    UsageError, MissingError, DataError, RetryError
        There is no such model or place, or it doesn't fit.
    """
    if changed:
        config = config.model_copy(update={"nightly": config.nightly.model_copy(update={"changed": True})})
    reference = model or champion(config)
    bundle, said = pinned.find(reference, config.tracking.uri)
    bundle = fitting(config, bundle)
    if out is None and isinstance(leads, str):
        out = str(Path("scores") / bundle.name / f"{Path(leads).name.split('.')[0]}.parquet")
    sink = open_sink(out, bundle.name)
    return Session(config, reference, bundle, said, sink, leads, again, wait, run_id or secrets.token_hex(8))


def content_hash(session: Session) -> str:
    """Hash the config by what it says, and the rows' source where they are given apart."""
    config = session.config
    text = re.sub(r"://[^@/\s\"]*@", "://", config.model_dump_json(by_alias=True))  # a new password is no new config
    return hashlib.sha256(f"{text}\n{session.leads or ''}\n{config.nightly.changed}".encode()).hexdigest()


def asked_for(config: Config, as_of: str | int | None, leads: Source | None) -> str | int | None:
    """Return the night that is asked for, where one is needed and given.

    Raises
    ------
    UsageError
        `as_of` is missing, or `leads` isn't for such a config.
    """
    if leads is not None and not config.is_flat:
        raise UsageError(
            "--leads: for a flat file only (snapshots.order_by); with dated tables every open lead is scored; leave it out"
        )
    if as_of is None and leads is None:
        raise UsageError(
            "--as-of: missing; expected the instant of the night; name it, as in --as-of 2024-05-01T02:00:00Z"
        )
    return as_of
