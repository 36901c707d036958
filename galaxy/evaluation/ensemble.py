"""Several models as one: their mean, and their sum with weights fitted on other galaxies."""

import numpy as np
from scipy.optimize import nnls

from galaxy.core.errors import GalaxyError
from galaxy.core.params import MEAN, WEIGHTED


def fit_weights(predictions: dict[str, np.ndarray], voted: np.ndarray) -> dict[str, float]:
    """Return non-negative weights, one per model, that sum to 1 and give the least squared error on these galaxies.

    Args:
        predictions: N×37 by model.
        voted: N×37.
    """
    columns = np.stack([predicted.ravel() for predicted in predictions.values()], axis=1).astype(np.float64)
    # A heavy row forces the sum of 1: if the decision tree's sums hold for each model, they hold for the ensemble.
    heavy = 1e4 * np.sqrt(columns.shape[0])
    weights, _ = nnls(np.vstack([columns, np.full(columns.shape[1], heavy)]), np.append(voted.ravel(), heavy))
    return {name: float(weight / weights.sum()) for name, weight in zip(predictions, weights, strict=True)}


def combine(predictions: dict[str, np.ndarray], weights: dict[str, float]) -> dict[str, np.ndarray]:
    """Return the models' predictions, their mean, and their sum with these weights; M×37 arrays by name.

    Raises:
        GalaxyError: the weights were fitted for other models.
    """
    if weights.keys() != predictions.keys():
        theirs, own = ", ".join(weights), ", ".join(predictions)
        raise GalaxyError(
            f"the ensemble's weights belong to {theirs}, but the models are {own}; run dvc repro evaluate"
        )
    models = [predictions[name] for name in weights]
    weighted = sum(weight * predicted for weight, predicted in zip(weights.values(), models, strict=True))
    return predictions | {MEAN: np.mean(models, axis=0), WEIGHTED: np.asarray(weighted, np.float32)}
