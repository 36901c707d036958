"""What valid's residuals say about new predictions: split conformal prediction, by question and predicted fraction.

A residual is the voted minus the predicted fraction, over the distance of the predicted one to the nearer of 0 and 1,
so that a vote of 0 for a small prediction stays a vote of 0 for a similar one. Of new galaxies like those of valid,
a share u has a residual below valid's quantile u, whatever the model is.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from galaxy.core.decision_tree import STEPS, Step, by_column

LEVELS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.25, 0.5, 0.75, 0.8, 0.9, 0.95, 0.975, 0.99, 0.995)
"""The quantiles that are kept; between them they are interpolated."""

MOST_BINS, FEWEST = 6, 60
"""Most bins of a question, and the fewest fractions in one, if the question has so many."""

NEAREST = 1e-4
"""The least distance to 0 or 1 that counts."""


def fit(predicted: np.ndarray, voted: np.ndarray, steps: Sequence[Step] = STEPS) -> dict[str, Any]:
    """Return the quantiles of the residuals of N×C predictions, for a model's card.

    Returns:
        `levels`, and `questions`: one list of bins per question, in the order of the columns. A bin has `up_to`, the
        largest prediction in it, the number of `values`, the shares of them that are `zero` and `one`, and the
        `quantiles` of the residuals.
    """
    questions = []
    for step in by_column(steps):
        p, y = (np.asarray(part[:, step.block], np.float64).ravel() for part in (predicted, voted))
        order = np.argsort(p, kind="stable")
        bins = np.array_split(order, min(max(len(p) // FEWEST, 1), MOST_BINS))
        questions.append([_bin(p[own], y[own]) for own in bins])
        questions[-1][-1]["up_to"] = 1.0
    return {"levels": list(LEVELS), "questions": questions}


def _bin(predicted: np.ndarray, voted: np.ndarray) -> dict[str, Any]:
    residuals = (voted - predicted) / _distance(predicted)
    # The quantile of rank k among n is that at k / (n + 1): a new residual is as likely to fall between any two.
    quantiles = np.quantile(residuals, LEVELS, method="weibull")
    return {
        "up_to": float(predicted.max()),
        "values": len(voted),
        "zero": round(float((voted == 0).mean()), 5),
        "one": round(float((voted == 1).mean()), 5),
        "quantiles": [float(f"{value:.5g}") for value in quantiles],
    }


def _distance(predicted: np.ndarray) -> np.ndarray:
    """Return the distance to the nearer of 0 and 1."""
    return np.maximum(np.minimum(predicted, 1 - predicted), NEAREST)


class Fitted:
    """The distribution of voted fractions around predicted ones, N×C, by what `fit` returned."""

    def __init__(self, fitted: dict[str, Any], predicted: np.ndarray, steps: Sequence[Step] = STEPS) -> None:
        self.levels, self.predicted = np.array(fitted["levels"]), np.asarray(predicted, np.float64)
        rows: list[np.ndarray] = []
        self.bins = np.empty(predicted.shape, int)  # each value's row of the table of all bins
        for step, bins in zip(by_column(steps), fitted["questions"], strict=True):
            edges = [own["up_to"] for own in bins[:-1]]
            self.bins[:, step.block] = len(rows) + np.searchsorted(edges, self.predicted[:, step.block])
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
        """Return the fraction below which another one lies with a chance, N×C for N×C; 0 or 1 if valid has too few."""
        place = np.clip(np.searchsorted(self.levels, chance) - 1, 0, len(self.levels) - 2)
        below, above = self.levels[place], self.levels[place + 1]
        first, second = (self.table[self.bins, 3 + place + offset] for offset in (0, 1))
        residual = first + (second - first) * np.clip((chance - below) / (above - below), 0, 1)
        rank = chance * (self.table[self.bins, 2] + 1)
        residual = np.where((rank < 1) | (chance < self.levels[0]), -np.inf, residual)
        residual = np.where((rank > self.table[self.bins, 2]) | (chance > self.levels[-1]), np.inf, residual)
        return np.clip(self.predicted + residual * _distance(self.predicted), 0, 1)
