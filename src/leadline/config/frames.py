"""DataFrames in the place of files: a source that carries its rows. pandas, polars and Arrow are taken, by Arrow's own protocol."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leadline.core.choices import suggestion
from leadline.errors import DataError, UsageError

if TYPE_CHECKING:
    from leadline.config.schema import Config

__all__ = ["FRAME", "FrameSource", "as_source", "is_frame", "with_frames"]

FRAME = "dataframe"
"""What a config says where only Python can give the rows."""

UNFIT = (ValueError, TypeError, NotImplementedError, OverflowError)
"""How Arrow refuses what it can't hold."""


class FrameSource(str):
    """A source whose rows are at hand. To logs and records it is a text, `dataframe-HASH`: equal rows are equal sources.

    Attributes
    ----------
    table : pyarrow.Table
        The rows, in their order.

    Examples
    --------
    >>> import pandas as pd
    >>> one = FrameSource.of(pd.DataFrame({"lead": ["L1", "L2"], "visits": [3, None]}), "leads")
    >>> one.table.num_rows, one == FrameSource.of(one.table, "leads"), one.startswith("dataframe-")
    (2, True, True)
    >>> FrameSource.of(pd.DataFrame({"visits": [3, "many"]}), "leads")
    Traceback (most recent call last):
    ...
    leadline.errors.DataError: leads: the column 'visits' of the DataFrame holds values of several kinds; expected one kind; cast it, as in frame["visits"].astype("string")
    """

    table: Any

    @classmethod
    def of(cls, frame: Any, where: str) -> FrameSource:
        """Make a source of a DataFrame.

        Raises
        ------
        UsageError
            It is no table.
        DataError
            It has no columns, two of one name, or one that Arrow can't hold.
        """
        with warnings.catch_warnings():  # of pandas to Arrow, about what the two have to settle
            warnings.simplefilter("ignore", DeprecationWarning)
            table = _plain(_arrow_table(frame, where))
        digest = hashlib.sha256(table.schema.serialize())
        for batch in table.combine_chunks().to_batches():
            digest.update(batch.serialize())
        source = cls(f"{FRAME}-{digest.hexdigest()[:12]}")
        source.table = table
        return source


def is_frame(given: object) -> bool:
    """Tell a DataFrame, of whatever library.

    Examples
    --------
    >>> import pandas as pd
    >>> is_frame(pd.DataFrame()), is_frame("leads.csv"), is_frame({"leads": "leads.csv"})
    (True, False, False)
    """
    return hasattr(given, "__arrow_c_stream__")


def as_source(given: Any, where: str) -> Any:
    """Return what a config may have as a source: a DataFrame as one that carries it, a path as its text.

    Raises
    ------
    UsageError
        It is neither.

    Examples
    --------
    >>> as_source(Path("new.csv"), "leads"), as_source(None, "leads")
    ('new.csv', None)
    >>> as_source([1, 2], "leads")
    Traceback (most recent call last):
    ...
    leadline.errors.UsageError: leads: found a list; expected a DataFrame (pandas, polars or Arrow) or the path of a data file; give one of these
    """
    from leadline.config.tables import Query, SqlFile

    if isinstance(given, Path):
        return str(given)
    if given is None or isinstance(given, (str, Query, SqlFile)):
        return given
    if is_frame(given):
        return FrameSource.of(given, where)
    raise UsageError(
        f"{where}: found a {type(given).__name__}; expected a DataFrame (pandas, polars or Arrow) or the path of a data file; give one of these"
    )


def with_frames(config: Config, tables: Mapping[str, Any]) -> Config:
    """Return the config with DataFrames, or other files, in the place of some tables' sources.

    Parameters
    ----------
    tables : mapping of str to DataFrame or path
        By the tables' names in the config, which says what their columns mean.

    Raises
    ------
    UsageError
        It is no mapping, or the config has no such table.

    Examples
    --------
    >>> import pandas as pd
    >>> from leadline.config.schema import Config
    >>> flat = Config.model_validate({"version": 1, "name": "flat", "tables": {"leads": {"source": "dataframe"}},
    ...                               "outcome": {"column": "won", "positive": 1}, "snapshots": {"order_by": "row"}})
    >>> with_frames(flat, {"leads": pd.DataFrame({"won": [1, 0]})}).tables.leads.source.table.num_rows
    2
    >>> with_frames(flat, {"events": pd.DataFrame()})
    Traceback (most recent call last):
    ...
    leadline.errors.UsageError: tables: no 'events' in the config; expected one of leads; say there what its columns mean
    """
    if not isinstance(tables, Mapping):
        raise UsageError(
            f"tables: found a {type(tables).__name__}; expected DataFrames by table, as in {{'leads': frame}}; name the table"
        )
    sections = {name: getattr(config.tables, name) for name in type(config.tables).model_fields}
    there = [name for name, section in sections.items() if section is not None]
    for name in tables:
        if name not in there:
            raise UsageError(
                f"tables: no {str(name)!r} in the config{suggestion(str(name), there)}; say there what its columns mean"
            )
    changed = {
        name: sections[name].model_copy(update={"source": as_source(given, f"tables[{name!r}]")})
        for name, given in tables.items()
    }
    return config.model_copy(update={"tables": config.tables.model_copy(update=changed)})


def _arrow_table(frame: Any, where: str) -> Any:
    """Read a DataFrame as an Arrow table; of pandas' index, only what has a name is a column."""
    import pandas as pd
    import pyarrow as pa

    is_pandas = isinstance(frame, pd.DataFrame)
    names = [str(name) for name in frame.columns] if is_pandas else []
    try:
        if not is_pandas:
            table = pa.table(frame)
        elif len(set(names)) == len(names):
            table = pa.Table.from_pandas(frame, preserve_index=None not in frame.index.names)
        names = names or table.column_names
    except UNFIT:
        if not is_pandas:
            raise UsageError(
                f"{where}: found a {type(frame).__name__}; expected a DataFrame; put it into one"
            ) from None
        raise DataError(
            f"{where}: {_unfit_column(frame, names)} of the DataFrame holds values of several kinds; expected one kind; "
            'cast it, as in frame["visits"].astype("string")'
        ) from None
    twice = sorted({name for name in names if names.count(name) > 1})
    if not names or twice:
        raise DataError(
            f"{where}: the DataFrame has {f'two columns of the name {twice[0]!r}' if twice else 'no columns'}; "
            "expected columns with a name each; mend frame.columns"
        )
    return table


def _unfit_column(frame: Any, names: list[str]) -> str:
    """Name the column of a pandas DataFrame that Arrow can't hold."""
    import pyarrow as pa

    for place, name in enumerate(names):
        try:
            pa.array(frame.iloc[:, place], from_pandas=True)
        except UNFIT:
            return f"the column {name!r}"
    return "the index"


def _plain(table: Any) -> Any:
    """Give categories as what they stand for, and columns of nothing as text, as a file would have them."""
    import pyarrow as pa

    for place, field in enumerate(table.schema):
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        kind = pa.string() if pa.types.is_null(kind) else kind
        if kind != field.type:
            table = table.set_column(place, field.name, table.column(place).cast(kind))
    return table.replace_schema_metadata(None)
