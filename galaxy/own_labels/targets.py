"""What is learned: labels as a list has them, as arrays to train on, and the heads and objectives that fit them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from galaxy.core.decision_tree import Block
from galaxy.core.errors import GalaxyError
from galaxy.own_labels.params import Kind, Target

MOST_CLASSES = 1000


@dataclass(frozen=True)
class Labels:
    """The labels of N images.

    Attributes:
        outputs: what a model of them predicts: the names of the K classes, or the columns.
        values: N class numbers (int64), or N×K fractions, numbers or counts (float32).
        questions: of counts, the questions of the tree.
    """

    kind: Kind
    outputs: tuple[str, ...]
    values: np.ndarray
    questions: Sequence[Block] = ()

    def of(self, rows: np.ndarray) -> "Labels":
        """Return the labels of some of the images."""
        return replace(self, values=self.values[rows])

    @property
    def first(self) -> slice:
        """The classes, or the answers to the first question."""
        return slice(*self.questions[0][:2]) if self.questions else slice(None)

    @property
    def shares(self) -> np.ndarray:
        """What models predict, N×K: 1 for the class of each image and 0 for others; votes as shares of all votes.

        Votes for a later question of a tree are shares of those asked, times the share of the answer that leads there.
        """
        if self.kind == "class":
            return np.eye(len(self.outputs), dtype=np.float32)[self.values]
        if self.kind != "counts":
            return self.values
        found = np.zeros_like(self.values)
        for start, stop, parent in self.questions:
            votes = self.values[:, start:stop]
            asked = votes.sum(axis=1, keepdims=True)
            found[:, start:stop] = votes / np.maximum(asked, 1) * (1 if parent is None else found[:, [parent]])
        return found

    @property
    def voters(self) -> np.ndarray:
        """Of counts, the number of votes for the answers to the first question, N whole numbers from 1 on."""
        return np.maximum(np.rint(self.values[:, self.first].sum(axis=1)), 1).astype(int)

    @property
    def strata(self) -> np.ndarray:
        """N numbers of groups that should be in each set: classes, likeliest answers, or fifths of the first column."""
        if self.kind == "class":
            return self.values
        if self.kind == "counts":
            return self.values[:, self.first].argmax(axis=1)
        return pd.qcut(self.values[:, 0], 5, labels=False, duplicates="drop")


def read(table: pd.DataFrame, target: Target, where: str) -> tuple[Labels, dict[int, str]]:
    """Read the labels of a list; return them, and by row why others cannot be used.

    The values of such rows are 0.

    Args:
        table: N rows of text, or of numbers as Parquet has them.
        where: what to call the list.

    Raises:
        GalaxyError: a column is absent, or there are too few or too many classes.
    """
    kind, columns = target.kind, target.columns
    require_columns(table, columns, "target.columns", where)
    if kind == "class":
        return _classes(table[columns[0]], where)
    values, problems = np.zeros((len(table), len(columns)), np.float32), {}
    for row, cells in enumerate(table[columns].itertuples(index=False)):
        try:
            numbers = [_number(cell, name) for cell, name in zip(cells, columns, strict=True)]
            values[row] = CHECKS[kind](numbers, columns)
            if kind == "counts" and not values[row, slice(*target.blocks[0][:2])].sum():
                raise ValueError("nobody answers the first question")
        except ValueError as error:
            problems[row] = str(error)
    usable = np.setdiff1d(np.arange(len(table)), list(problems))
    same = np.ptp(values[usable], axis=0) == 0 if len(usable) else np.zeros(len(columns), bool)
    if kind != "counts" and (constant := [name for name, is_same in zip(columns, same, strict=True) if is_same]):
        raise GalaxyError(f"{where}: all labels in {', '.join(constant)} are the same, so there is nothing to learn")
    return Labels(kind, tuple(columns), values, target.blocks if kind == "counts" else ()), problems


def require_columns(table: pd.DataFrame, columns: list[str], param: str, where: str) -> None:
    """Raise GalaxyError unless the table has the columns that a param names."""
    if missing := [name for name in columns if name not in table]:
        raise GalaxyError(
            f"{where}: no column {', '.join(missing)} ({param}); it has {', '.join(map(str, table.columns))}"
        )


def _classes(cells: pd.Series, where: str) -> tuple[Labels, dict[int, str]]:
    names = ["" if pd.isna(cell) else str(cell).strip() for cell in cells]
    problems = {row: f"{cells.name} is empty" for row, name in enumerate(names) if not name}
    classes = sorted(set(names) - {""})
    if len(classes) < 2:
        raise GalaxyError(
            f"{where}: column {cells.name} holds {len(classes)} classes ({', '.join(classes)}); two are the least"
        )
    if len(classes) > MOST_CLASSES:
        raise GalaxyError(
            f"{where}: column {cells.name} holds {len(classes):,} different values, such as {classes[0]!r}; for "
            "numbers set target.kind to number"
        )
    number = {name: i for i, name in enumerate(classes)}
    return Labels("class", tuple(classes), np.array([number.get(name, 0) for name in names])), problems


def _number(cell: Any, name: str) -> float:
    text = "" if pd.isna(cell) else str(cell).strip()
    if not text:
        raise ValueError(f"{name} is empty")
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{name} is {text!r}, which is no number") from None
    if not np.isfinite(value):
        raise ValueError(f"{name} is {text}")
    return value


def _fractions(numbers: list[float], columns: list[str]) -> list[float]:
    if outside := [f"{name} is {value:g}" for name, value in zip(columns, numbers, strict=True) if not 0 <= value <= 1]:
        raise ValueError(f"{outside[0]}; a fraction is from 0 to 1")
    return numbers


def _counts(numbers: list[float], columns: list[str]) -> list[float]:
    if outside := [f"{name} is {value:g}" for name, value in zip(columns, numbers, strict=True) if value < 0]:
        raise ValueError(f"{outside[0]}; a count is 0 or more")
    return numbers


CHECKS: dict[str, Callable[[list[float], list[str]], list[float]]] = {
    "fraction": _fractions,
    "number": lambda numbers, _: numbers,
    "counts": _counts,
}
"""By kind: return a row's numbers, or raise ValueError, which says why they are no labels of that kind."""
