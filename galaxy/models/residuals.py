"""What valid's residuals say about new predictions: split conformal prediction, by question and predicted fraction.

A residual is the voted minus the predicted fraction, over the distance of the predicted one to the nearer of 0 and 1,
so that a vote of 0 for a small prediction stays a vote of 0 for a similar one. Of new galaxies like those of valid,
a share u has a residual below valid's quantile u, whatever the model is.

Fractions that belong to no question, and numbers, have bins of their own for each output. A residual of a number is the
difference itself.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from galaxy.core.decision_tree import STEPS, by_column

LEVELS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.25, 0.5, 0.75, 0.8, 0.9, 0.95, 0.975, 0.99, 0.995)
"""The quantiles that are kept; between them they are interpolated."""

MOST_BINS, FEWEST = 6, 60
"""Most bins of a question, and the fewest fractions in one, if the question has so many."""

NEAREST = 1e-4
"""The least distance to 0 or 1 that counts."""


Part = tuple[int, int]
"""The first of some columns, and the one after their last."""

OF_THE_TREE: list[Part] = [(step.block.start, step.block.stop) for step in by_column(STEPS)]
"""The columns of each question."""


def fit(
    predicted: np.ndarray, actual: np.ndarray, parts: Sequence[Part] = OF_THE_TREE, *, numbers: bool = False
) -> dict[str, Any]:
    """Return the quantiles of the residuals of N×C predictions, for a model's card.

    Args:
        predicted, actual: fractions, or numbers.
        parts: columns that share their bins.
        numbers: whether they may lie outside of 0 and 1.

    Returns:
        `levels`, `numbers`, `parts`, and `questions`: one list of bins per part. A bin has `up_to`, the largest
        prediction in it, the number of `values`, the shares of them that are `zero` and `one`, at which fractions end,
        and the `quantiles` of the residuals.
    """
    questions = []
    for start, stop in parts:
        p, y = (np.asarray(part[:, start:stop], np.float64).ravel() for part in (predicted, actual))
        order = np.argsort(p, kind="stable")
        bins = np.array_split(order, min(max(len(p) // FEWEST, 1), MOST_BINS))
        questions.append([_bin(p[own], y[own], numbers) for own in bins])
    return {"levels": list(LEVELS), "numbers": numbers, "parts": [list(part) for part in parts], "questions": questions}


def fit_each(predicted: np.ndarray, actual: np.ndarray, *, numbers: bool = False) -> dict[str, Any]:
    """Return what `fit` does, with bins of its own for each column."""
    return fit(predicted, actual, [(column, column + 1) for column in range(predicted.shape[1])], numbers=numbers)


def _bin(predicted: np.ndarray, actual: np.ndarray, numbers: bool) -> dict[str, Any]:
    residuals = (actual - predicted) / _unit(predicted, numbers)
    # The quantile of rank k among n is that at k / (n + 1): a new residual is as likely to fall between any two.
    quantiles = np.quantile(residuals, LEVELS, method="weibull")
    return {
        "up_to": float(predicted.max()),
        "values": len(actual),
        "zero": 0.0 if numbers else round(float((actual == 0).mean()), 5),
        "one": 0.0 if numbers else round(float((actual == 1).mean()), 5),
        "quantiles": [float(f"{value:.5g}") for value in quantiles],
    }


def _unit(predicted: np.ndarray, numbers: bool) -> np.ndarray:
    """Return in what residuals are counted: for fractions the distance to the nearer of 0 and 1, for numbers 1."""
    return np.ones_like(predicted) if numbers else np.maximum(np.minimum(predicted, 1 - predicted), NEAREST)


class Fitted:
    """The distribution of actual fractions or numbers around predicted ones, N×C, by what `fit` returned."""

    def __init__(self, fitted: dict[str, Any], predicted: np.ndarray) -> None:
        self.levels, self.predicted = np.array(fitted["levels"]), np.asarray(predicted, np.float64)
        self.numbers = fitted.get("numbers", False)  # older cards are of fractions of the tree
        rows: list[np.ndarray] = []
        self.bins = np.empty(predicted.shape, int)  # each value's row of the table of all bins
        for (start, stop), bins in zip(fitted.get("parts", OF_THE_TREE), fitted["questions"], strict=True):
            edges = [own["up_to"] for own in bins[:-1]]
            self.bins[:, start:stop] = len(rows) + np.searchsorted(edges, self.predicted[:, start:stop])
            rows += [np.array([own["zero"], own["one"], own["values"], *own["quantiles"]]) for own in bins]
        self.table = np.array(rows)

    @property
    def zero(self) -> np.ndarray:
        """The chance that the fraction is 0."""
        return self.table[self.bins, 0]

    @property
    def one(self) -> np.ndarray:
        """The chance that the fraction is 1."""
        return self.table[self.bins, 1]

    def quantile(self, chance: np.ndarray) -> np.ndarray:
        """Return the value below which another one lies with a chance, N×C for N×C.

        If valid has too few, that is 0 or 1, for numbers minus or plus infinity.
        """
        place = np.clip(np.searchsorted(self.levels, chance) - 1, 0, len(self.levels) - 2)
        below, above = self.levels[place], self.levels[place + 1]
        first, second = (self.table[self.bins, 3 + place + offset] for offset in (0, 1))
        residual = first + (second - first) * np.clip((chance - below) / (above - below), 0, 1)
        rank = chance * (self.table[self.bins, 2] + 1)
        residual = np.where((rank < 1) | (chance < self.levels[0]), -np.inf, residual)
        residual = np.where((rank > self.table[self.bins, 2]) | (chance > self.levels[-1]), np.inf, residual)
        value = self.predicted + residual * _unit(self.predicted, self.numbers)
        return value if self.numbers else np.clip(value, 0, 1)
