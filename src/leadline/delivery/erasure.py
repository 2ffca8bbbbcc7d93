"""Deletion: leads get a tombstone, and their rows go from every output; others' rows stay as they are.

Each file is written anew whole, its night's record last. A run that dies on the way is finished by the same command: the
tombstones are written first, and purging what is purged changes nothing.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from leadline.config.scoring import Deliver
from leadline.core.files import discard, locked, read_json, sweep, write_bytes, write_json
from leadline.delivery.changes import CHANGE, CHANGES, HANDOFFS
from leadline.delivery.folder_sink import CONTRIBUTIONS, NIGHT, PART, accounts_beside, is_intact, write_partition
from leadline.delivery.formats import FORMULA, parquet_bytes
from leadline.errors import OutputError
from leadline.scoring.accounts import ACCOUNTS
from leadline.scoring.movement import count_causes
from leadline.tables.event_cache import FOLDER
from leadline.tables.tombstones import FILE, OLD_FILE, Tombstones, read_tombstones

__all__ = ["add_tombstones", "purge_deliveries", "purge_event_cache", "purge_file", "purge_folder"]

Has = Callable[[str | None], bool]


def add_tombstones(leads: Mapping[str, Mapping[str, Any]]) -> Tombstones:
    """Put leads on the list, with what is to be remembered of each; what was said of one before stays.

    Parameters
    ----------
    leads : mapping of str to mapping
        By id: which models were trained with it.
    """
    with locked(FILE.with_suffix(".lock"), 10, private=True):
        old = read_tombstones()
        stones = Tombstones(old.salt or secrets.token_hex(16), old.leads)
        added = {stones.hash(lead): dict(told) for lead, told in leads.items()}
        every = {**added, **stones.leads}
        if every != dict(old.leads) or not FILE.exists():
            write_json(FILE, {"salt": stones.salt, "leads": every}, private=True)
        discard(OLD_FILE)  # whole in its new place: from an older leadline
        return Tombstones(stones.salt, every)


def purge_folder(folder: Path, has: Has) -> tuple[int, int]:
    """Take leads out of a folder of nights, and of single files beside them; the caller holds its lock.

    A night that isn't finished, which nobody reads, goes whole.

    Returns
    -------
    tuple of int
        How many rows of scores went, and from how many nights and files.
    """
    if not folder.is_dir():
        return 0, 0
    sweep(folder)
    rows = places = 0
    for place in sorted(folder.glob("as_of=*")):
        gone = _purge_night(folder, place, has)
        rows, places = rows + gone, places + bool(gone)
    for file in sorted([*folder.glob("*.parquet"), *folder.glob("*.csv")]):
        gone = purge_file(file, has)
        rows, places = rows + gone, places + bool(gone)
    return rows, places


def _purge_night(folder: Path, place: Path, has: Has) -> int:
    """Write a night anew without some leads; return how many rows of scores, or of files for others, went."""
    try:
        record = dict(read_json(place / NIGHT))
        whole = type(record.get("as_of_value")) is int and is_intact(place, record)
    except (OSError, ValueError, TypeError, KeyError):
        whole = False
    if not whole:
        discard(place)
        return 0
    names = sorted(record["files"])
    kept, gone = {}, Counter[str]()
    firms = _accounts_of((place / PART).read_bytes(), PART, has) if ACCOUNTS in names else frozenset()
    for name in names:
        data = (place / name).read_bytes()
        if name == ACCOUNTS:
            kept[name], gone[name] = _without_accounts(data, name, has, firms)
        else:
            kept[name], gone[name] = _bytes_without_leads(data, name, has, record.get("to") is not None)
    if not any(gone.values()):
        return 0
    write_partition(folder, kept, _updated_record(record, kept, gone))
    return max(gone.values())


def _accounts_of(data: bytes, name: str, has: Has) -> frozenset[str]:
    """List the accounts of the forgotten leads in a file of rows: what is said of these accounts was made of theirs, too."""
    if Path(name).suffix == ".csv":
        spans = list(_records(data.decode("utf-8")))
        lead, account = (spans[0][1].index(column) for column in ("lead_id", "account_id"))
        return frozenset(cells[account] for _, cells in spans[1:] if any(map(has, _ids(cells, lead))))
    table = _table(data)
    pairs = zip(table.column("lead_id").to_pylist(), table.column("account_id").to_pylist(), strict=True)
    return frozenset(account for lead, account in pairs if account is not None and has(lead))


def _without_accounts(data: bytes, name: str, has: Has, firms: frozenset[str]) -> tuple[bytes, int]:
    """Return a file of accounts without those that a forgotten lead belonged to, and how many went."""
    import pyarrow as pa

    if Path(name).suffix == ".csv":
        spans = list(_records(data.decode("utf-8")))
        account, best = (spans[0][1].index(column) for column in ("account_id", "best_lead_id"))
        kept = [
            text for text, cells in spans[1:] if cells[account] not in firms and not any(map(has, _ids(cells, best)))
        ]
        gone = len(spans) - 1 - len(kept)
        return ("".join([spans[0][0], *kept]).encode(), gone) if gone else (data, 0)
    table = _table(data)
    pairs = zip(table.column("account_id").to_pylist(), table.column("best_lead_id").to_pylist(), strict=True)
    keep = [account not in firms and not has(best) for account, best in pairs]
    gone = len(keep) - sum(keep)
    return (parquet_bytes(table.filter(pa.array(keep, pa.bool_()))), gone) if gone else (data, 0)


def _updated_record(record: Mapping[str, Any], kept: Mapping[str, bytes], gone: Mapping[str, int]) -> dict[str, Any]:
    """Return a night's record as its files are now."""
    told = {**record, "forgotten": int(record.get("forgotten") or 0) + max(gone.values())}
    if PART in kept:
        table = _table(kept[PART])
        p = table.column("probability").to_numpy(zero_copy_only=False)
        told |= {"leads": table.num_rows, "mean_probability": float(p.mean()) if len(p) else None}
        told["tiers"] = dict(sorted(Counter(table.column("tier").to_pylist()).items()))
    if HANDOFFS in kept and "handoffs" in told:
        told["handoffs"] = kept[HANDOFFS].count(b"\n")
    if CHANGES in kept:
        told["changes"] = dict(sorted(Counter(_table(kept[CHANGES]).column(CHANGE).to_pylist()).items()))
    if CONTRIBUTIONS in kept and told.get("moved"):
        told["moved"] = {**told["moved"], **count_causes(_table(kept[CONTRIBUTIONS]))}
    if ACCOUNTS in kept:
        tiers = Counter(_table(kept[ACCOUNTS]).column("tier").to_pylist())
        told["accounts"] = {"accounts": tiers.total(), "tiers": dict(sorted(tiers.items()))}
    if "rows" in told:
        told["rows"] = int(told["rows"]) - sum(gone.values())
    return told


def purge_file(path: Path, has: Has) -> int:
    """Take leads out of one file of rows, and mend the record beside it; return how many rows went."""
    sweep(path.parent)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return 0
    kept, gone = _bytes_without_leads(data, path.name, has)
    if not gone:
        return 0
    old, new = (hashlib.sha256(part).hexdigest() for part in (data, kept))
    beside, firms = path.with_name(f"{path.name}.{NIGHT}"), accounts_beside(path)
    rest = (
        _without_accounts(firms.read_bytes(), firms.name, has, _accounts_of(data, path.name, has))[0]
        if firms.is_file()
        else None
    )
    hashes = {"sha256": new} if rest is None else {"sha256": new, "accounts_sha256": hashlib.sha256(rest).hexdigest()}
    with suppress(FileNotFoundError, ValueError, TypeError):
        record = dict(read_json(beside))
        if record.get("sha256") in (old, new):  # the record first: a run that dies here finds the rows again
            write_json(beside, {**record, **hashes}, private=True)
    if rest is not None:
        write_bytes(firms, rest, private=True)
    write_bytes(path, kept, private=True)
    return gone


def purge_deliveries(plans: Sequence[Deliver], has: Has) -> tuple[int, int]:
    """Take leads out of the files for other systems; what these have read already is theirs."""
    rows = places = 0
    for plan in plans:
        folder = Path(plan.folder)
        sweep(folder)
        for place in sorted(folder.glob("as_of=*")):
            gone = _purge_night(folder, place, has)
            rows, places = rows + gone, places + bool(gone)
    return rows, places


def purge_event_cache(wait: float = 0.0) -> int:
    """Remove what is kept of the log from night to night; it is made again, without those who are forgotten."""
    removed = 0
    for shelf in sorted(FOLDER.glob("*")):
        with locked(shelf / ".lock", wait):
            discard(shelf)
            removed += 1
    return removed


def _bytes_without_leads(data: bytes, name: str, has: Has, first: bool = False) -> tuple[bytes, int]:
    """Return a file's content without some leads' rows, and how many went.

    With `first`, the first column of a CSV file names the lead, whatever it is called, as in files for a CRM.
    """
    kind = Path(name).suffix
    if kind == ".parquet":
        return _without_rows(data, has)
    if kind == ".jsonl":
        return _without_lines(data, has)
    if kind == ".csv":
        return _without_records(data, has, first)
    raise OutputError(
        f"output {name}: not a file of scores; expected .parquet, .csv or .jsonl; move it elsewhere and run the command again"
    )


def _without_rows(data: bytes, has: Has) -> tuple[bytes, int]:
    import pyarrow as pa

    table = _table(data)
    if "lead_id" not in table.column_names:
        return data, 0
    keep = [not has(lead) for lead in table.column("lead_id").to_pylist()]
    gone = len(keep) - sum(keep)
    return (parquet_bytes(table.filter(pa.array(keep, pa.bool_()))), gone) if gone else (data, 0)


def _without_lines(data: bytes, has: Has) -> tuple[bytes, int]:
    lines = data.split(b"\n")[:-1]
    kept = [line for line in lines if not has(json.loads(line).get("lead_id"))]
    return b"".join(line + b"\n" for line in kept), len(lines) - len(kept)


def _without_records(data: bytes, has: Has, first: bool) -> tuple[bytes, int]:
    """Take records out of a CSV file by the column `lead_id`, or by the first."""
    spans = list(_records(data.decode("utf-8")))
    head = spans[0][1] if spans else []
    if "lead_id" not in head and not (first and head):
        return data, 0
    column = head.index("lead_id") if "lead_id" in head else 0
    kept = [text for text, cells in spans[1:] if not any(map(has, _ids(cells, column)))]
    gone = len(spans) - 1 - len(kept)
    return ("".join([spans[0][0], *kept]).encode(), gone) if gone else (data, 0)


def _ids(cells: Sequence[str], column: int) -> list[str]:
    """List the ids that a record's cell may mean: one that was made harmless for spreadsheets bears a quote before it."""
    text = cells[column] if column < len(cells) else ""
    return [text, text[1:]] if text[:1] == "'" and re.match(FORMULA, text[1:]) else [text]


def _records(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each record of a CSV text as it is written, line ends and all, with its cells."""
    lines = io.StringIO(text, newline="").readlines()
    used = 0
    reader = csv.reader(iter(lines))
    for cells in reader:
        yield "".join(lines[used : reader.line_num]), cells
        used = reader.line_num


def _table(data: bytes) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    return pq.ParquetFile(pa.BufferReader(data)).read()
