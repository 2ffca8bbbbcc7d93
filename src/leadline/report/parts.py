"""What a page is made of: groups of sections of sentences, tables and charts; a chart can't be without its table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from leadline.core import format

__all__ = [
    "COUNTED",
    "Action",
    "Actions",
    "BulletList",
    "Cell",
    "Chart",
    "Collapsed",
    "Control",
    "Group",
    "PageSection",
    "PageTable",
    "Panel",
    "Panels",
    "Part",
    "Shape",
    "TableColumn",
    "Tile",
    "Tiles",
    "cell",
]  # fmt: skip


@dataclass(frozen=True)
class Cell:
    """A cell's text, and the number that it sorts by (none for text or where a figure isn't defined)."""

    text: str
    sort: float | None = None


@dataclass(frozen=True)
class TableColumn:
    """A column's heading; whether it holds numbers; and what it means, where that isn't plain."""

    title: str
    number: bool = False
    means: str = ""


@dataclass(frozen=True)
class PageTable:
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
    columns: tuple[TableColumn, ...]
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
    """A picture, what it shows in words, and the table that holds the same figures.

    Attributes
    ----------
    folded : str
        If not empty, picture and table are folded away under these words.
    """

    key: str
    title: str
    shows: str
    width: int
    height: int
    shapes: tuple[Shape, ...]
    table: PageTable
    folded: str = ""


@dataclass(frozen=True)
class Panel:
    """One of several pictures of a kind: its title and its shapes."""

    title: str
    width: int
    height: int
    shapes: tuple[Shape, ...]


@dataclass(frozen=True)
class Panels:
    """Small pictures side by side, below one another in a narrow window; one table holds the figures of all."""

    key: str
    title: str
    shows: str
    panels: tuple[Panel, ...]
    table: PageTable
    folded: str = ""


@dataclass(frozen=True)
class Control:
    """The threshold control: which row of a table it starts at; what it says it reads there."""

    table: PageTable
    start: int
    label: str


@dataclass(frozen=True)
class BulletList:
    """A short list of lines."""

    lines: tuple[str, ...]


@dataclass(frozen=True)
class Tile:
    """One figure at a glance: its name and value, how sure it is, what it is held against, and its last months as a small line.

    Attributes
    ----------
    trend : str
        The line in words, for those who don't see it.
    verdict : str
        How the figure lies to the benchmark: good, bad or open; "" for none.
    """

    name: str
    value: str
    sure: str
    benchmark: str
    verdict: str
    trend: str
    width: int
    height: int
    shapes: tuple[Shape, ...]


@dataclass(frozen=True)
class Tiles:
    """Figures beside one another."""

    tiles: tuple[Tile, ...]


@dataclass(frozen=True)
class Action:
    """Something to do: what, why, and the file beside the page that lists whom ("" for none)."""

    what: str
    why: str
    file: str = ""


@dataclass(frozen=True)
class Actions:
    """A few things to do, the most urgent first."""

    actions: tuple[Action, ...]


@dataclass(frozen=True)
class Collapsed:
    """Parts that are folded away on the screen under some words; on paper they are not."""

    words: str
    parts: tuple[PageTable | Chart | Panels | BulletList | str, ...]


COUNTED = "How this is counted"
"""The words under which a section folds its method away."""

Part: TypeAlias = PageTable | Chart | Panels | Control | BulletList | Collapsed | Tiles | Actions | str


@dataclass(frozen=True)
class PageSection:
    """One section of the page.

    Attributes
    ----------
    key, title : str
        Its id and heading.
    found : str
        One plain sentence that says what was found.
    parts : sequence of Part
        What follows, in order; a str is a paragraph.
    """

    key: str
    title: str
    found: str
    parts: Sequence[Part] = field(default_factory=tuple)


@dataclass(frozen=True)
class Group:
    """Sections that answer one kind of question, under a heading of their own (none for a page of few sections).

    A folded group opens at a press on its heading, and is printed only if it is open.
    """

    title: str
    sections: tuple[PageSection, ...]
    folded: bool = False

    @property
    def key(self) -> str:
        """Its id in the page.

        Examples
        --------
        >>> Group("What to change", ()).key
        'g-what-to-change'
        """
        return "g-" + self.title.lower().replace(" ", "-")


def cell(text: str, sort: Any = None) -> Cell:
    """Make a cell; what isn't a number sorts last.

    Examples
    --------
    >>> cell("12%", 0.12), cell("–", float("nan"))
    (Cell(text='12%', sort=0.12), Cell(text='–', sort=None))
    """
    return Cell(text, float(sort) if format.is_number(sort) else None)
