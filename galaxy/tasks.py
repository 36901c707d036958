"""What the training engine trains for: a task is a loss, its metrics, and which of them chooses the epoch."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn import functional
from torchmetrics import MeanSquaredError, MetricCollection


@dataclass(frozen=True)
class Task:
    """A loss of (predictions, targets), the metrics to follow, and the one (lower or higher is better) that decides."""

    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    metrics: Callable[[], MetricCollection]
    monitor: str
    mode: str


LOSSES: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "mse": functional.mse_loss,
    "bce": functional.binary_cross_entropy,
}


def vote_fractions(loss: str) -> Task:
    """Predict the 37 vote fractions; the epoch with the lowest RMSE wins."""
    return Task(LOSSES[loss], lambda: MetricCollection({"rmse": MeanSquaredError(squared=False)}), "rmse", "min")
