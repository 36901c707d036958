"""Scores of predicted vote fractions. Arrays are N×37, in the order of `decision_tree.COLUMNS`."""

import numpy as np
import pandas as pd

from galaxy.core import decision_tree

VOLUNTEERS = 44
"""Median number of volunteers per galaxy (Willett et al. 2013); the competition's files lack the numbers."""

REACHED = 0.5
"""A question's accuracy counts the galaxies for which at least this share of the volunteers reached it."""


def rmse(predicted: np.ndarray, voted: np.ndarray) -> float:
    """Return the root mean squared error over all galaxies and columns: the competition's score."""
    return float(np.sqrt(np.mean(np.square(np.asarray(predicted, np.float64) - voted))))


def vote_noise_floor(voted: np.ndarray, volunteers: float = VOLUNTEERS) -> float:
    """Return the noise floor: the RMSE of a perfect model, because each fraction is a sample of `volunteers` votes.

    A fraction with expectation p has the sampling variance p(1−p)/n. Its unbiased estimate from the sampled fraction y
    is y(1−y)/(n−1).
    """
    return float(np.sqrt(np.mean(voted * (1 - voted)) / (volunteers - 1)))


def reached(question: decision_tree.Question, voted: np.ndarray) -> np.ndarray:
    """Return N booleans: whether at least half of the volunteers reached the question."""
    if question.parent is None:
        return np.ones(len(voted), dtype=bool)
    return voted[:, decision_tree.COLUMN_INDEX[question.parent]] >= REACHED


def accuracy(question: decision_tree.Question, predicted: np.ndarray, voted: np.ndarray) -> float:
    """Return how often the most voted answer is predicted, among galaxies that reached the question, or NaN."""
    rows = reached(question, voted)
    if not rows.any():
        return float("nan")
    answers = decision_tree.column_slice(question)
    agree = predicted[rows, answers].argmax(axis=1) == voted[rows, answers].argmax(axis=1)
    return float(agree.mean())


def by_question(predicted: np.ndarray, voted: np.ndarray) -> pd.DataFrame:
    """Return one row per question: `question`, `name`, `rmse`, `accuracy` (or NaN), `galaxies` (that reached it)."""
    rows = []
    for question in decision_tree.QUESTIONS:
        answers = decision_tree.column_slice(question)
        error, agreement = rmse(predicted[:, answers], voted[:, answers]), accuracy(question, predicted, voted)
        rows.append((question.number, question.name, error, agreement, int(reached(question, voted).sum())))
    return pd.DataFrame(rows, columns=["question", "name", "rmse", "accuracy", "galaxies"])


def by_column(predicted: np.ndarray, voted: np.ndarray) -> pd.DataFrame:
    """Return one row per column: `column`, `description`, `rmse`."""
    errors = np.sqrt(np.mean(np.square(np.asarray(predicted, np.float64) - voted), axis=0))
    return pd.DataFrame(
        {"column": decision_tree.COLUMNS, "description": list(decision_tree.DESCRIPTIONS.values()), "rmse": errors}
    )
