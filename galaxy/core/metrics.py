"""How good predicted vote fractions are. Arrays are N×37, in the order of `galaxy.tree.COLUMNS`."""

import numpy as np
import pandas as pd

from galaxy.core import decision_tree

VOLUNTEERS = 44
"""Median number of volunteers a galaxy (Willett et al. 2013); the competition's files do not hold the numbers."""

REACHED = 0.5
"""A question's accuracy is taken over the galaxies where at least this share of the volunteers reached it."""


def rmse(predicted: np.ndarray, voted: np.ndarray) -> float:
    """Root mean squared error over all galaxies and columns: the competition's score."""
    return float(np.sqrt(np.mean(np.square(np.asarray(predicted, np.float64) - voted))))


def vote_noise_floor(voted: np.ndarray, volunteers: float = VOLUNTEERS) -> float:
    """A lower bound of any model's RMSE, if a column is the fraction of `volunteers` voters.

    The sampling variance of a fraction with expectation p is p(1−p)/n, of which y(1−y)/(n−1) is the unbiased
    estimate from the fraction y itself.
    """
    return float(np.sqrt(np.mean(voted * (1 - voted)) / (volunteers - 1)))


def reached(question: decision_tree.Question, voted: np.ndarray) -> np.ndarray:
    """N booleans: whether at least half of the volunteers reached the question."""
    if question.parent is None:
        return np.ones(len(voted), dtype=bool)
    return voted[:, decision_tree.COLUMN_INDEX[question.parent]] >= REACHED


def accuracy(question: decision_tree.Question, predicted: np.ndarray, voted: np.ndarray) -> float:
    """Share of the galaxies that reached the question whose likeliest answer is the volunteers'; NaN if none did."""
    rows = reached(question, voted)
    if not rows.any():
        return float("nan")
    answers = decision_tree.column_slice(question)
    agree = predicted[rows, answers].argmax(axis=1) == voted[rows, answers].argmax(axis=1)
    return float(agree.mean())


def by_question(predicted: np.ndarray, voted: np.ndarray) -> pd.DataFrame:
    """One row a question: `question`, `name`, `rmse`, `accuracy` (NaN where no galaxy reached it), `galaxies`."""
    return pd.DataFrame(
        [
            {
                "question": question.number,
                "name": question.name,
                "rmse": rmse(predicted[:, decision_tree.column_slice(question)], voted[:, decision_tree.column_slice(question)]),
                "accuracy": accuracy(question, predicted, voted),
                "galaxies": int(reached(question, voted).sum()),
            }
            for question in decision_tree.QUESTIONS
        ]
    )


def by_column(predicted: np.ndarray, voted: np.ndarray) -> pd.DataFrame:
    """One row a column: `column`, `description`, `rmse`."""
    errors = np.sqrt(np.mean(np.square(np.asarray(predicted, np.float64) - voted), axis=0))
    return pd.DataFrame({"column": decision_tree.COLUMNS, "description": list(decision_tree.DESCRIPTIONS.values()), "rmse": errors})
