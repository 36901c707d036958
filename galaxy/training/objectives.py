"""What the training engine trains for: a task is a loss, its metrics, and which of them chooses the epoch."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch.nn import functional
from torchmetrics import MeanSquaredError, Metric, MetricCollection
from torchmetrics.classification import MulticlassAccuracy


@dataclass(frozen=True)
class Task:
    """A loss of (predictions, targets), the metrics to follow, and the one (lower or higher is better) that decides."""

    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
    metrics: Callable[[], MetricCollection]
    monitor: str
    mode: str


def _binary_cross_entropy(predicted: torch.Tensor, voted: torch.Tensor) -> torch.Tensor:
    """torch's, but NaN where a prediction is: torch's stops the process there, on a GPU without saying why.

    And outside of mixed precision, where torch refuses it on a GPU; predictions are float32 in any case.
    """
    sound = predicted.isfinite()
    with torch.autocast(predicted.device.type, enabled=False):
        loss = functional.binary_cross_entropy(predicted.where(sound, 0.5), voted)
    return loss.where(sound.all(), torch.nan)


LOSSES: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "mse": functional.mse_loss,
    "bce": _binary_cross_entropy,
}


def vote_fractions(loss: str) -> Task:
    """Predict the 37 vote fractions; the epoch with the lowest RMSE wins."""
    return Task(LOSSES[loss], lambda: MetricCollection({"rmse": MeanSquaredError(squared=False)}), "rmse", "min")


class CrossEntropy(Metric):
    """Mean cross-entropy of logits and class numbers, in nats; without the smoothing that the loss may have."""

    total: torch.Tensor
    images: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.tensor(0.0, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("images", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, logits: torch.Tensor, classes: torch.Tensor) -> None:
        """Args: logits: B×K; classes: B numbers."""
        self.total += functional.cross_entropy(logits.float(), classes, reduction="sum")
        self.images += len(classes)

    def compute(self) -> torch.Tensor:
        return (self.total / self.images).float()


def classes(count: int, label_smoothing: float) -> Task:
    """Predict one of `count` classes; the epoch with the highest accuracy wins."""

    def loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(logits, targets, label_smoothing=label_smoothing)

    def metrics() -> MetricCollection:
        return MetricCollection(
            {"loss": CrossEntropy(), "accuracy": MulticlassAccuracy(count, average="micro")}, compute_groups=False
        )

    return Task(loss, metrics, "accuracy", "max")
