"""What a page is made of: sections of sentences, tables and charts; a chart can't be without its table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from leadline.report import say

__all__ = ["Cell", "Chart", "Column", "Control", "Section", "Shape", "Table", "cell"]


@dataclass(frozen=True)
class Cell:
    """A cell's text, and the number that it sorts by (none for text or where a figure isn't defined)."""

    text: str
    sort: float | None = None


@dataclass(frozen=True)
class Column:
    """A column's heading; whether it holds numbers; and what it means, where that isn't plain."""

    title: str
    number: bool = False
    means: str = ""


@dataclass(frozen=True)
class Table:
    """A table: its caption, its columns and rows. The first cell of a row is the row's heading.

    Attributes
    ----------
    key : str
        Its id in the page.
    marked : int or None
        The row that stands out, as the capacity asked for.
    folded : str
        If not empty, the table is folded away under these words.
    """

    key: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    marked: int | None = None
    folded: str = ""

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"table {self.key}: a row's cells differ from its columns in number")


@dataclass(frozen=True)
class Shape:
    """One SVG element: its kind (rect, line, circle, path or text), its attributes, and a text's words."""

    kind: str
    at: dict[str, str | float]
    words: str = ""


@dataclass(frozen=True)
class Chart:
    """A picture, what it shows in words, and the table that holds the same figures."""

    key: str
    title: str
    shows: str
    width: int
    height: int
    shapes: tuple[Shape, ...]
    table: Table


@dataclass(frozen=True)
class Control:
    """The threshold control: which row of a table it starts at; what it says it reads there."""

    table: Table
    start: int
    label: str


@dataclass(frozen=True)
class Section:
    """One section of the page.

    Attributes
    ----------
    key, title : str
        Its id and heading.
    found : str
        One plain sentence that says what was found.
    parts : sequence of Table, Chart, Control or str
        What follows, in order; a str is a paragraph.
    """

    key: str
    title: str
    found: str
    parts: Sequence[Table | Chart | Control | str] = field(default_factory=tuple)


def cell(text: str, sort: Any = None) -> Cell:
    """Make a cell; what isn't a number sorts last.

    Examples
    --------
    >>> cell("12%", 0.12), cell("–", float("nan"))
    (Cell(text='12%', sort=0.12), Cell(text='–', sort=None))
    """
    return Cell(text, float(sort) if say.known(sort) else None)
