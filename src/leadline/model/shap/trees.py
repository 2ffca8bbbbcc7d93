"""LightGBM's text as arrays: splits in one list, and each tree cut into small units that a few bits decide.

A *unit* is a branch of one tree with everything below it. Which of its leaves a row reaches, and what Shapley value each
feature has there, follows from at most `BITS` yes-or-no facts: for each feature of the path down to the branch, whether
the row passes all the path's splits by it; for each split of the branch itself, whether the row goes left.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from leadline.errors import DataError

__all__ = ["BITS", "Leaf", "Tree", "TreeUnit", "check_trees", "read_trees", "tree_units"]

Floats: TypeAlias = NDArray[np.float64]

Ints: TypeAlias = NDArray[np.int64]

BITS = 8

"""More bits are fewer and larger tables: 8 keep a unit's tables in the fastest cache, and were as fast as 10."""


class SplitStep(NamedTuple):
    """A split on the way down, and whether the way goes left."""

    split: int
    left: bool


@dataclass(frozen=True)
class Tree:
    """One tree: its splits by number (children below 0 are leaves, ``~child``), and its leaves.

    Attributes
    ----------
    column, threshold, decision : arrays
        Of each split; `decision` is LightGBM's: 2 for missing goes left, 4 for zero is missing, 8 for NaN is missing.
    left, right, count : arrays of int
        Of each split: its children, and how many training rows it saw.
    value, leaf_count : arrays
        Of each leaf.
    """

    column: Ints
    threshold: Floats
    decision: Ints
    left: Ints
    right: Ints
    count: Ints
    value: Floats
    leaf_count: Ints

    def rows(self, child: int) -> int:
        """Return how many training rows a child saw."""
        return int(self.count[child] if child >= 0 else self.leaf_count[~child])

    def below(self, child: int, path: tuple[SplitStep, ...]) -> Iterator[tuple[int, tuple[SplitStep, ...]]]:
        """Yield the leaves at or below a child, each with its way from the root."""
        if child < 0:
            yield ~child, path
            return
        yield from self.below(int(self.left[child]), (*path, SplitStep(child, True)))
        yield from self.below(int(self.right[child]), (*path, SplitStep(child, False)))


class Leaf(NamedTuple):
    """A leaf: its value, the columns of its way down, and for each the share of training rows that its splits let pass."""

    value: float
    columns: tuple[int, ...]
    passed: tuple[float, ...]
    way: tuple[SplitStep, ...]


@dataclass(frozen=True)
class TreeUnit:
    """A unit: what its bits ask, and its leaves.

    Attributes
    ----------
    asked : tuple of int
        The columns of the path down to it: one bit each, all the path's splits by it passed.
    path : tuple of Step
        The path.
    splits : tuple of int
        The branch's own splits: one bit each, goes left.
    leaves : tuple of Leaf
        All leaves of the branch.
    """

    asked: tuple[int, ...]
    path: tuple[SplitStep, ...]
    splits: tuple[int, ...]
    leaves: tuple[Leaf, ...]

    @property
    def bits(self) -> int:
        """How many facts decide it."""
        return len(self.asked) + len(self.splits)

    @property
    def columns(self) -> tuple[int, ...]:
        """The columns that any of its leaves depends on."""
        return tuple(dict.fromkeys(column for leaf in self.leaves for column in leaf.columns))


def read_trees(text: str) -> list[Tree]:
    """Read the trees of a text that is whole (see `check_trees`); a tree of one leaf has no splits.

    Examples
    --------
    >>> [(len(tree.column), tree.value.tolist()) for tree in read_trees("tree\\nTree=0\\nnum_leaves=1\\nleaf_value=0.5\\n")]
    [(0, [0.5])]
    """
    blocks = re.split(r"(?m)^(?=Tree=)", text)[1:]
    return [_tree(dict(line.split("=", 1) for line in block.splitlines() if "=" in line)) for block in blocks]


def _tree(fields: Mapping[str, str]) -> Tree:
    value = np.array([float(number) for number in fields["leaf_value"].split()])
    if len(value) == 1:
        none = np.empty(0, dtype=np.int64)
        return Tree(none, np.empty(0), none, none, none, none, value, np.ones(1, dtype=np.int64))

    def whole(name: str) -> Ints:
        return np.array([int(number) for number in fields[name].split()], dtype=np.int64)

    threshold = np.array([float(number) for number in fields["threshold"].split()])
    return Tree(
        whole("split_feature"), threshold, whole("decision_type"), whole("left_child"), whole("right_child"),
        whole("internal_count"), value, whole("leaf_count"),
    )  # fmt: skip


def tree_units(tree: Tree, bits: int = BITS) -> list[TreeUnit]:
    """Cut a tree into units of at most so many bits, the largest that there are; a tree of one leaf is one, of no bits.

    Raises
    ------
    DataError
        More columns than bits on the way to a leaf; `train` makes no tree deeper than 6.
    """
    size = np.ones(len(tree.column), dtype=np.int64)
    for split in range(len(size) - 1, -1, -1):  # children have higher numbers than their parents
        size[split] += sum(size[child] for child in (tree.left[split], tree.right[split]) if child >= 0)
    found: list[TreeUnit] = []
    waiting: list[tuple[int, tuple[SplitStep, ...]]] = [(0 if len(size) else -1, ())]
    while waiting:
        child, path = waiting.pop()
        asked = dict.fromkeys(int(tree.column[step.split]) for step in path)
        if len(asked) > bits:
            raise DataError(
                f"model.txt: a way through a tree asks {len(asked)} columns; expected at most {bits}; train again"
            )
        if child < 0 or len(asked) + size[child] <= bits:
            found.append(_branch(tree, child, path, tuple(asked)))
        else:
            waiting += [(int(side[child]), (*path, SplitStep(child, goes))) for side, goes in
                        ((tree.right, False), (tree.left, True))]  # fmt: skip
    return found


def _branch(tree: Tree, child: int, path: tuple[SplitStep, ...], asked: tuple[int, ...]) -> TreeUnit:
    leaves = [_leaf(tree, leaf, way) for leaf, way in tree.below(child, path)]
    splits = sorted({step.split for leaf in leaves for step in leaf.way[len(path) :]})
    return TreeUnit(asked, path, tuple(splits), tuple(leaves))


def _leaf(tree: Tree, leaf: int, way: tuple[SplitStep, ...]) -> Leaf:
    passed: dict[int, float] = {}
    for split, left in way:
        column = int(tree.column[split])
        share = tree.rows(int(tree.left[split] if left else tree.right[split])) / tree.rows(split)
        passed[column] = passed.get(column, 1.0) * share
    return Leaf(float(tree.value[leaf]), tuple(passed), tuple(passed.values()), way)


# Whether a text is a whole LightGBM model: LightGBM aborts the process on a damaged one, so look first.


HEAD = "tree\nversion=v4\n"

END = "end of trees\n"

FIXED = {"num_class": "1", "num_tree_per_iteration": "1", "label_index": "0", "objective": "binary sigmoid:1"}

PER_SPLIT = (
    "split_feature",
    "threshold",
    "decision_type",
    "left_child",
    "right_child",
    "internal_value",
    "internal_count",
)

PER_LEAF = ("leaf_value", "leaf_weight", "leaf_count")


def check_trees(text: str, width: int) -> None:
    """Raise `DataError` unless the text is whole: head, end, sizes, and every tree's lists and links in range.

    Examples
    --------
    >>> check_trees("tree\\nversion=v4\\nhalf a mod", width=3)
    Traceback (most recent call last):
    ...
    leadline.errors.DataError: model.txt: damaged (its end is missing); expected LightGBM's text; restore or train again
    """
    for problem in _problems(text, width):
        raise DataError(f"model.txt: damaged ({problem}); expected LightGBM's text; restore or train again")


def _problems(text: str, width: int) -> Iterator[str]:
    if not text.startswith(HEAD):
        yield "its head is unknown"
    if not text.endswith(END):
        yield "its end is missing"
    head, *trees = re.split(r"(?m)^(?=Tree=)", text[: -len(END)])
    fields = _fields(head)
    lists = [len(fields.get(name, "").split()) for name in ("feature_names", "feature_infos")]
    if fields.get("max_feature_idx") != str(width - 1) or lists != [width, width]:
        yield f"it isn't made for {width} columns"
    for name, value in FIXED.items():
        if fields.get(name) != value:
            yield f"its {name} isn't {value}"
    if fields.get("tree_sizes", "").split() != [str(len(tree.encode())) for tree in trees]:
        yield "its trees' sizes don't fit"
    for number, tree in enumerate(trees):
        for problem in _tree_problems(tree, number, width):
            yield f"tree {number}: {problem}"


def _tree_problems(tree: str, number: int, width: int) -> Iterator[str]:
    fields = _fields(tree)
    try:
        leaves = int(fields["num_leaves"])
        splits = leaves - 1
        if fields["Tree"] != str(number) or leaves < 1 or fields["num_cat"] != "0" or fields["is_linear"] != "0":
            yield "its head doesn't fit"
        for name in PER_LEAF if splits else ("leaf_value",):
            if len(_numbers(fields[name])) != leaves:
                yield f"{name} doesn't fit"
        for name in PER_SPLIT if splits else ():
            # A split of all that is there from all that is missing stands at inf, which LightGBM reads back.
            told = fields[name].replace("inf", "0") if name == "threshold" else fields[name]
            if len(_numbers(told)) != splits:
                yield f"{name} doesn't fit"
        if splits:
            yield from _link_problems(fields, splits, width)
    except (KeyError, ValueError, OverflowError) as error:
        yield f"{type(error).__name__} in a list"


def _link_problems(fields: dict[str, str], splits: int, width: int) -> Iterator[str]:
    if not all(0 <= int(column) < width for column in fields["split_feature"].split()):
        yield "a split's column is out of range"
    links = sorted(int(link) for side in ("left_child", "right_child") for link in fields[side].split())
    if links != [*range(-splits - 1, 0), *range(1, splits + 1 - 1)]:
        yield "its branches don't join"
    for side in ("left_child", "right_child"):
        if any(0 <= int(link) <= place for place, link in enumerate(fields[side].split())):
            yield "its branches run in a ring"


def _fields(block: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in block.splitlines() if "=" in line)


def _numbers(field: str) -> list[float]:
    numbers = [float(number) for number in field.split()]
    if not all(math.isfinite(number) for number in numbers):
        raise ValueError
    return numbers
