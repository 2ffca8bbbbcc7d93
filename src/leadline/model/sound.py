"""Whether a text is a whole LightGBM model: LightGBM aborts the process on a damaged one, so look first."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from leadline.errors import DataError

__all__ = ["check_trees"]

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
