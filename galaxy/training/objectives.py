"""Objectives of a training: its loss, its metrics, and the metric that chooses the epoch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.nn import functional
from torchmetrics import MeanSquaredError, Metric, MetricCollection
from torchmetrics.classification import MulticlassAccuracy

from galaxy.core import decision_tree, metrics
from galaxy.core.params import DIRICHLET_MULTINOMIAL
from galaxy.models import residuals
from galaxy.training import likelihood


@dataclass(frozen=True)
class Objective:
    """A loss, the metrics of each epoch, and the metrics that are written for the best epoch.

    Attributes:
        loss: turns predictions (B×outputs) and targets (B rows) into a scalar.
        metrics: makes the metrics of one set, to score each epoch with.
        monitor: the metric on valid that chooses the epoch.
        mode: `min` if a lower value is better, else `max`.
        reported: columns of the history that are written for the best epoch.
        score: turns the best epoch's predictions for valid, and what `scored` returns for valid's targets, into further
            metrics to write.
        on_logits: the loss takes the network's logits in place of its predictions.
        scored: returns the part of the targets, tensors or arrays, that predictions are compared with.
        residuals: turns the arguments of `score` into what a model's card has for intervals; None: it needs nothing.
    """

    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    metrics: Callable[[], MetricCollection]
    monitor: str
    mode: str
    reported: tuple[str, ...]
    score: Callable[[np.ndarray, np.ndarray], dict[str, float]]
    on_logits: bool = False
    scored: Callable[[Any], Any] = lambda targets: targets
    residuals: Callable[[np.ndarray, np.ndarray], dict[str, Any]] | None = None


def _binary_cross_entropy(predicted: torch.Tensor, voted: torch.Tensor) -> torch.Tensor:
    """Return the binary cross-entropy, or NaN if any prediction is: torch would stop the process, on a GPU without a
    reason.

    It is computed outside mixed precision, in which torch refuses it on a GPU; predictions are always float32.
    """
    finite = predicted.isfinite()
    with torch.autocast(predicted.device.type, enabled=False):
        loss = functional.binary_cross_entropy(predicted.where(finite, 0.5), voted)
    return loss.where(finite.all(), torch.nan)


LOSSES: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "mse": functional.mse_loss,
    "bce": _binary_cross_entropy,
    DIRICHLET_MULTINOMIAL: likelihood.loss,
}
"""Losses by the param `loss`: of B×37 predicted and B×37 voted fractions, or see `galaxy.training.likelihood`."""


def vote_fractions(loss: str) -> Objective:
    """Return the objective for the 37 vote fractions; the epoch with the lowest RMSE on valid is the best.

    For the loss dirichlet_multinomial, targets have a further column: the number of volunteers.
    """

    def score(predicted: np.ndarray, voted: np.ndarray) -> dict[str, float]:
        return {
            "valid_rmse": metrics.rmse(predicted, voted),
            "valid_accuracy_question_1": metrics.accuracy(decision_tree.question(1), predicted, voted),
        }

    objective = fractions(loss, score)
    if loss != DIRICHLET_MULTINOMIAL:
        return replace(objective, residuals=residuals.fit)
    columns = list(range(len(decision_tree.COLUMNS)))  # a list gives a copy: torchmetrics does not take slices
    return replace(objective, on_logits=True, scored=lambda targets: targets[:, columns], residuals=None)


def fractions(loss: str, score: Callable[[np.ndarray, np.ndarray], dict[str, float]]) -> Objective:
    """Return the objective for fractions of any kind; `score` is the objective's, see `Objective`."""
    return Objective(
        loss=LOSSES[loss],
        metrics=lambda: MetricCollection({"rmse": MeanSquaredError(squared=False)}),
        monitor="rmse",
        mode="min",
        reported=("train_rmse",),
        score=score,
        residuals=residuals.fit_each,
    )


def counts(
    score: Callable[[np.ndarray, np.ndarray], dict[str, float]], questions: Sequence[decision_tree.Block]
) -> Objective:
    """Return the objective for votes by answer of a tree's questions, of which the shares are scored.

    Targets are the N×K votes followed by the N×K shares; `score` is as in `Objective`.
    """

    def scored(targets: Any) -> Any:
        return targets[:, list(range(targets.shape[1] // 2, targets.shape[1]))]

    loss = partial(likelihood.loss_of_counts, questions=questions)
    return replace(fractions("bce", score), loss=loss, on_logits=True, scored=scored, residuals=None)


class ScaledError(MeanSquaredError):
    """Root mean squared error of numbers, in units of each label's standard deviation."""

    deviations: torch.Tensor

    def __init__(self, deviations: torch.Tensor) -> None:
        super().__init__(squared=False)
        self.register_buffer("deviations", deviations, persistent=False)

    def update(self, predicted: torch.Tensor, labelled: torch.Tensor) -> None:
        """Add a batch: B×K predicted and B×K labelled numbers."""
        super().update(predicted / self.deviations, labelled / self.deviations)


def numbers(deviations: np.ndarray) -> Objective:
    """Return the objective for numbers with K standard deviations, in units of which all errors are."""
    scale = torch.from_numpy(deviations.astype(np.float32))

    def loss(predicted: torch.Tensor, labelled: torch.Tensor) -> torch.Tensor:
        units = scale.to(predicted.device)
        return functional.mse_loss(predicted / units, labelled / units)

    def score(predicted: np.ndarray, labelled: np.ndarray) -> dict[str, float]:
        return {"valid_rmse": metrics.rmse(predicted / deviations, labelled / deviations)}

    return Objective(
        loss=loss,
        metrics=lambda: MetricCollection({"rmse": ScaledError(scale)}),
        monitor="rmse",
        mode="min",
        reported=("train_rmse",),
        score=score,
        residuals=partial(residuals.fit_each, numbers=True),
    )


class CrossEntropy(Metric):
    """Mean cross-entropy of logits and class numbers, in nats, without the loss's label smoothing."""

    total: torch.Tensor
    images: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.tensor(0.0, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("images", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, logits: torch.Tensor, classes: torch.Tensor) -> None:
        """Add a batch: B×K logits and B class numbers."""
        self.total += functional.cross_entropy(logits.float(), classes, reduction="sum")
        self.images += len(classes)

    def compute(self) -> torch.Tensor:
        """Return the mean over all batches since the last reset."""
        return (self.total / self.images).float()


def classes(count: int, label_smoothing: float) -> Objective:
    """Return the objective for `count` classes; the epoch with the highest accuracy on valid is the best."""
    return Objective(
        loss=partial(functional.cross_entropy, label_smoothing=label_smoothing),
        metrics=lambda: MetricCollection(
            {"loss": CrossEntropy(), "accuracy": MulticlassAccuracy(count, average="micro")}, compute_groups=False
        ),
        monitor="accuracy",
        mode="max",
        reported=("train_loss", "valid_loss", "train_accuracy"),
        score=lambda logits, targets: {"valid_accuracy": float((logits.argmax(axis=1) == targets).mean())},
    )
