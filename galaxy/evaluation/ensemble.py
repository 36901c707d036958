"""Several models as one: their mean, and sums with weights that were fitted on other galaxies."""

from collections.abc import Callable

import numpy as np
from scipy.optimize import nnls

from galaxy.core import decision_tree
from galaxy.core.errors import GalaxyError
from galaxy.core.params import BY_QUESTION, MEAN, WEIGHTED

ByName = dict[str, np.ndarray]
"""N×37 predictions by model or ensemble."""

Weights = dict[str, float]
"""Non-negative weights by model; their sum is 1."""

PARTS = 5
"""Into so many parts galaxies are dealt: each is predicted with the weights that fit the others."""


def fit_weights(predictions: ByName, voted: np.ndarray) -> Weights:
    """Return the weights with the least squared error on these galaxies.

    Args:
        predictions: N×C by model.
        voted: N×C.
    """
    columns = np.stack([predicted.ravel() for predicted in predictions.values()], axis=1).astype(np.float64)
    # A heavy row forces the sum of 1: if the decision tree's sums hold for each model, they hold for the ensemble.
    heavy = 1e4 * np.sqrt(columns.shape[0])
    weights, _ = nnls(np.vstack([columns, np.full(columns.shape[1], heavy)]), np.append(voted.ravel(), heavy))
    return {name: float(weight / weights.sum()) for name, weight in zip(predictions, weights, strict=True)}


def fit_by_question(predictions: ByName, voted: np.ndarray) -> dict[int, Weights]:
    """Return weights by the number of the question, for those questions that gain by weights of their own.

    A gain is one on galaxies whose weights were fitted on others (`cross_fitted`), by more than twice its standard
    error. With such weights, the decision tree's sums no longer hold exactly.

    Args:
        predictions: N×37 by model.
        voted: N×37.
    """
    shared = cross_fitted(predictions, voted, _weighted)
    found = {}
    for question in decision_tree.QUESTIONS:
        part = decision_tree.column_slice(question)
        own = {name: predicted[:, part] for name, predicted in predictions.items()}
        crossed = cross_fitted(own, voted[:, part], _weighted)
        errors = [np.square(predicted - voted[:, part]).mean(axis=1) for predicted in (shared[:, part], crossed)]
        gains = errors[0] - errors[1]
        if gains.mean() > 2 * gains.std() / np.sqrt(len(gains)):
            found[question.number] = fit_weights(own, voted[:, part])
    return found


def cross_fitted(
    predictions: ByName, voted: np.ndarray, fit: Callable[[ByName, np.ndarray], Callable[[ByName], np.ndarray]]
) -> np.ndarray:
    """Return an ensemble's predictions for N galaxies, each with weights that were fitted on other galaxies.

    Args:
        predictions: N×C by model.
        voted: N×C.
        fit: turns predictions and votes into the function that combines predictions.
    """
    parts = np.random.default_rng(0).permutation(len(voted)) % PARTS
    crossed = np.empty_like(next(iter(predictions.values())), dtype=np.float64)
    for part in range(PARTS):
        own = parts == part
        combined = fit({name: p[~own] for name, p in predictions.items()}, voted[~own])
        crossed[own] = combined({name: p[own] for name, p in predictions.items()})
    return crossed


def combine(predictions: ByName, weights: Weights, by_question: dict[int, Weights] | None = None) -> ByName:
    """Return the models' predictions, their mean, and their sums with these weights; M×37 arrays by name.

    Raises:
        GalaxyError: the weights were fitted for other models.
    """
    if weights.keys() != predictions.keys():
        theirs, own = ", ".join(weights), ", ".join(predictions)
        raise GalaxyError(
            f"the ensemble's weights belong to {theirs}, but the models are {own}; run dvc repro evaluate"
        )
    combined = predictions | {MEAN: _mean(predictions), WEIGHTED: _sum(predictions, weights)}
    return combined if by_question is None else combined | {BY_QUESTION: _sum(predictions, weights, by_question)}


def combine_fitted(predictions: ByName, voted: np.ndarray, by_question: bool = False) -> ByName:
    """Return what `combine` does, with weights for each galaxy that were fitted on others: to score with votes at hand.

    Args:
        predictions: N×37 by model.
        voted: N×37.
        by_question: add the ensemble with weights by question.
    """
    combined = predictions | {MEAN: _mean(predictions), WEIGHTED: cross_fitted(predictions, voted, _weighted)}
    return (
        combined | {BY_QUESTION: cross_fitted(predictions, voted, _weighted_by_question)} if by_question else combined
    )


def _mean(predictions: ByName) -> np.ndarray:
    return np.mean(list(predictions.values()), axis=0)


def _sum(predictions: ByName, weights: Weights, by_question: dict[int, Weights] | None = None) -> np.ndarray:
    """Return the weighted sum, for some questions with weights of their own; M×C float32."""
    summed = np.sum([weights[name] * predicted for name, predicted in predictions.items()], axis=0)
    for number, own in (by_question or {}).items():
        part = decision_tree.column_slice(decision_tree.question(number))
        summed[:, part] = np.sum([own[name] * predicted[:, part] for name, predicted in predictions.items()], axis=0)
    return summed.astype(np.float32)


def _weighted(predictions: ByName, voted: np.ndarray) -> Callable[[ByName], np.ndarray]:
    weights = fit_weights(predictions, voted)
    return lambda others: _sum(others, weights)


def _weighted_by_question(predictions: ByName, voted: np.ndarray) -> Callable[[ByName], np.ndarray]:
    weights, by_question = fit_weights(predictions, voted), fit_by_question(predictions, voted)
    return lambda others: _sum(others, weights, by_question)
