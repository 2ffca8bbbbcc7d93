"""What is wrong with a CSV file that an engine can't read as a table: its encoding, or the first line that doesn't fit.

The engine reads whole files fast and says little; this looks line by line, and only at a file that it couldn't make sense of.
"""

from __future__ import annotations

import csv
import glob
import gzip
import io
import re
import shlex
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Literal

__all__ = ["csv_encoding", "csv_files_of", "csv_trouble"]

DELIMITERS = ",;\t|"
LOOKED_AT = 4096
ORDINARY = 0.5
"""Share of lines that must have as many cells, for the others to be the odd ones."""


def csv_encoding(path: Path) -> Literal["utf-8", "utf-16", "utf-16le", "utf-16be"]:
    """Tell a file's encoding by its first bytes; `utf-16` is the kind that says so itself, and that the engine reads.

    Examples
    --------
    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp()) / "a.csv"
    >>> for text in ("id,at".encode(), "id,at".encode("utf-16"), "id,at".encode("utf-16-be")):
    ...     _ = place.write_bytes(text)
    ...     print(csv_encoding(place))
    utf-8
    utf-16
    utf-16be
    """
    with _opened(path) as stream:
        data = stream.read(LOOKED_AT)
    if data.startswith(b"\xff\xfe"):
        return "utf-16"
    if data.startswith(b"\xfe\xff"):
        return "utf-16be"
    even, odd = data[::2].count(0), data[1::2].count(0)
    if max(even, odd) > len(data) // 4:
        return "utf-16le" if odd > even else "utf-16be"
    return "utf-8"


def csv_files_of(query: str) -> list[Path]:
    """List the CSV files that a query reads, by the paths and globs in it.

    Examples
    --------
    >>> csv_files_of("SELECT * FROM read_csv('no-such-folder/*.csv') WHERE a = 'x'")
    []
    """
    named = re.findall(r"'([^'\n]+\.(?:csv|tsv)(?:\.gz)?)'", query, re.IGNORECASE)
    return [Path(p) for name in named for p in sorted(glob.glob(name, recursive=True)) if Path(p).is_file()]  # noqa: PTH207


def csv_trouble(path: Path) -> str:
    """Say which line of a file doesn't fit, what was expected, and the fix; "" where nothing is found.

    Never a cell's content: the file, the line's number, and how many cells it has.

    Examples
    --------
    >>> import tempfile
    >>> place = Path(tempfile.mkdtemp()) / "a.csv"
    >>> def told(text):
    ...     _ = place.write_bytes(text)
    ...     return csv_trouble(place).replace(str(place.parent), "exports")
    >>> told(b"id,at\\n1,2\\n1,2,3\\n1,2\\n")
    'exports/a.csv, line 3: 3 cells, expected 2 (a comma that no quotes enclose?); quote the cell or mend the export'
    >>> told(b"id,at\\n1,2\\n1,2\\nConfidential\\n")
    'exports/a.csv, line 4: 1 cell, expected 2 (a footer?); remove this line'
    >>> told("id,at\\n1,é\\n".encode("latin-1"))
    "exports/a.csv, line 2: isn't UTF-8 (Latin-1, or Windows-1252?), expected UTF-8 text; export it as UTF-8, or convert it: iconv -f latin1 -t utf-8 exports/a.csv > exports/a.utf8.csv"
    >>> told(b"id,at\\n1,2\\n")
    ''
    """
    if path.name.lower().endswith(".zst"):
        return ""  # Python can't look inside
    encoding = csv_encoding(path)
    if encoding in ("utf-16le", "utf-16be"):
        return f"{path}: is UTF-16 of a kind that isn't read, expected UTF-8 text; {_convert(path, encoding)}"
    if encoding == "utf-8":
        line, guess = _not_utf8(path)
        if line:
            said = "Windows-1252" if guess == "cp1252" else "Latin-1, or Windows-1252"
            return f"{path}, line {line}: isn't UTF-8 ({said}?), expected UTF-8 text; {_convert(path, guess)}"
    try:
        return _misfit(path, "utf-8-sig" if encoding == "utf-8" else encoding) or _mixed_ends(path)
    except (csv.Error, UnicodeError):
        return ""


def _convert(path: Path, encoding: str) -> str:
    stem = re.sub(r"(\.\w+)$", r".utf8\1", str(path.with_name(path.name.removesuffix(".gz"))))
    unpack = f"gunzip -c {shlex.quote(str(path))} | " if path.name.endswith(".gz") else ""
    given = "" if unpack else f" {shlex.quote(str(path))}"
    return f"export it as UTF-8, or convert it: {unpack}iconv -f {encoding} -t utf-8{given} > {shlex.quote(stem)}"


def _opened(path: Path) -> IO[bytes]:
    return gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb")  # type: ignore[return-value]


def _not_utf8(path: Path) -> tuple[int, str]:
    """Find the first line that isn't UTF-8, and what it rather is; 0 where all are."""
    with _opened(path) as stream:
        for number, line in enumerate(stream, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number, "cp1252" if re.search(rb"[\x80-\x9f]", line) else "latin1"
    return 0, ""


def _mixed_ends(path: Path) -> str:
    """Tell the first line that ends otherwise than the first one, as where two exports were put together."""
    with _opened(path) as stream:
        ends = [line.endswith(b"\r\n") for line in stream if line.endswith(b"\n")]
    odd = next((n for n, end in enumerate(ends, 1) if end != ends[0]), 0)
    kinds = "CRLF, expected LF" if ends and not ends[0] else "LF, expected CRLF"
    return f"{path}, line {odd}: ends in {kinds} as the lines above; save it with one kind of line ends" if odd else ""


def _shapes(path: Path, encoding: str, delimiter: str) -> Iterator[tuple[int, int]]:
    """Yield the number of each line that begins a row, blank ones apart, and how many cells that row has."""
    with _opened(path) as raw:
        reader = csv.reader(io.TextIOWrapper(raw, encoding, newline=""), delimiter=delimiter)
        begins = 1
        for row in reader:
            if row and row != [""]:
                yield begins, len(row)
            begins = reader.line_num + 1


def _misfit(path: Path, encoding: str) -> str:
    """Tell the first row with other cells than most, cut at the delimiter for which most rows are alike."""
    best: tuple[float, int, str, list[tuple[int, int]]] | None = None
    for delimiter in DELIMITERS:
        shapes = list(_shapes(path, encoding, delimiter))
        counts = Counter(cells for _, cells in shapes)
        # The header's own number of cells is the ordinary one, unless others are clearly commoner.
        cells = max(counts, key=lambda n: (counts[n], n == shapes[0][1]), default=1)
        share = counts[cells] / max(1, len(shapes))
        if cells > 1 and share >= ORDINARY and (best is None or (share, cells) > best[:2]):
            best = share, cells, delimiter, shapes
    if best is None:
        return ""
    _, expected, delimiter, shapes = best
    odd = [at for at, (_, cells) in enumerate(shapes) if cells != expected]
    if not odd:
        return ""
    line, cells = shapes[odd[0]]
    looks, fix = _reading(path, odd, shapes, expected, delimiter)
    return f"{path}, line {line}: {cells} cell{'s' * (cells != 1)}, expected {expected} ({looks}?); {fix}"


def _reading(
    path: Path, odd: list[int], shapes: list[tuple[int, int]], expected: int, delimiter: str
) -> tuple[str, str]:
    """Say what lines that don't fit look like, and how to mend them."""
    cells = shapes[odd[0]][1]
    if odd[0] == 0:
        with _opened(path) as stream:
            if stream.readline(20).lstrip(b"\xef\xbb\xbf").replace(b"\0", b"").lower().startswith(b"sep="):
                return "a sep= line for Excel", "remove it"
        if cells == 1 or len(odd) > 1 or expected > cells + 1:
            return "a title above the header", "remove these lines" if len(odd) > 1 else "remove this line"
        return "a header that doesn't name every column", "name each column once, in the first line"
    if cells == 1 and odd == list(range(odd[0], len(shapes))):
        return "a footer", "remove these lines" if len(odd) > 1 else "remove this line"
    mark = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}[delimiter]
    if cells > expected:
        return f"a {mark} that no quotes enclose", "quote the cell or mend the export"
    return "a row cut short, or a line break that no quotes enclose", "mend the export"
