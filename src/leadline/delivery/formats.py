"""The forms that rows take on their way out: Parquet, CSV and JSON lines, as bytes."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

from leadline.core.point_in_time import format_instant

__all__ = ["FORMULA", "csv_bytes", "line_bytes", "parquet_bytes", "spreadsheet_safe"]

BLANK = r"\x00-\x20\x7f-\xa0" + "\u1680\u2000-\u200b\u2028\u2029\u202f\u205f\u3000\ufeff"
"""White space, control characters and what has no width: one class that Python's and Arrow's engines read alike (Arrow's \\s is ASCII's)."""

FORMULA = rf"^[{BLANK}]*[=+\-@\t\r]"
"""Text that begins so is run as a formula by a spreadsheet."""


def parquet_bytes(table: Any) -> bytes:
    """Return a table as the bytes of a Parquet file; columns of float32, which hardly repeat, are split by bytes to be smaller.

    Examples
    --------
    >>> import pyarrow as pa
    >>> parquet_bytes(pa.table({"a": [1]}))[:4]
    b'PAR1'
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = pa.BufferOutputStream()
    split = [field.name for field in table.schema if field.type == pa.float32()]
    how: dict[str, Any] = {}
    if split:
        how["use_dictionary"] = [name for name in table.column_names if name not in split]
        how["column_encoding"] = dict.fromkeys(split, "BYTE_STREAM_SPLIT")
    pq.write_table(table, buffer, compression="zstd", **how)
    return bytes(buffer.getvalue())


def csv_bytes(table: Any) -> bytes:
    """Return a table as the bytes of a CSV file; text that a spreadsheet would run as a formula is made harmless.

    Examples
    --------
    >>> import pyarrow as pa
    >>> print(csv_bytes(pa.table({"reason_1": ["=1+1", "fine"], "probability": [-0.5, 0.5]})).decode())
    "reason_1","probability"
    "'=1+1",-0.5
    "fine",0.5
    """
    import pyarrow.csv as pacsv

    buffer = io.BytesIO()
    pacsv.write_csv(spreadsheet_safe(table), buffer)
    return buffer.getvalue()


def spreadsheet_safe(table: Any) -> Any:
    """Return a table whose text is harmless in a spreadsheet, and whose instants are ISO 8601 text; numbers stay.

    Examples
    --------
    >>> import pyarrow as pa
    >>> spreadsheet_safe(pa.table({"a": ["@x"], "at": pa.array([0], pa.timestamp("us", "UTC"))})).to_pylist()
    [{'a': "'@x", 'at': '1970-01-01T00:00:00Z'}]
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = {}
    for name in table.column_names:
        column = table.column(name)
        if pa.types.is_string(column.type):
            runs = pc.match_substring_regex(column, FORMULA)
            column = pc.if_else(runs, pc.binary_join_element_wise("'", column, ""), column)
        elif pa.types.is_timestamp(column.type):
            instants = column.cast(pa.int64()).to_pylist()
            written = {instant: format_instant(instant) for instant in set(instants) if instant is not None}
            column = pa.array([written.get(instant) for instant in instants], pa.string())
        columns[name] = column
    return pa.table(columns)


def line_bytes(records: Iterable[Mapping[str, Any]]) -> bytes:
    """Return records as JSON lines, keys in their order; a line break inside a text is escaped.

    Examples
    --------
    >>> line_bytes([{"b": "x\\ny", "a": None}])
    b'{"b": "x\\\\ny", "a": null}\\n'
    """
    return "".join(json.dumps(r, ensure_ascii=False, allow_nan=False) + "\n" for r in records).encode("utf-8")
