"""One training for any objective: from its options to a saved model, its history by epoch and its metrics."""

from pathlib import Path
from typing import Any

import cv2
import lightning as L  # noqa: N812 (the library's own name)
import numpy as np
import timm
import torch

from galaxy.core import files, runtime
from galaxy.core.errors import GalaxyError
from galaxy.core.params import Training
from galaxy.core.paths import TrainingPaths
from galaxy.data.batches import TrainingData
from galaxy.data.field_of_view import FieldOfView
from galaxy.models import saved
from galaxy.models.initial_weights import Weights
from galaxy.models.network import Network, Spec, build_network
from galaxy.models.predict import predict
from galaxy.models.starts import Start
from galaxy.training import precision, resume
from galaxy.training.engine import DivergedError
from galaxy.training.fit import fit
from galaxy.training.objectives import Objective


def run(
    options: Training,
    spec: Spec,
    weights: Weights | None,
    objective: Objective,
    data: TrainingData,
    paths: TrainingPaths,
    bias: torch.Tensor | None = None,
) -> None:
    """Train the network that `spec` describes; write the model, its history by epoch, its metrics and how long it took.

    An interrupted training resumes at its last epoch. Epoch 0 of the history is the untrained network. Of several
    processes that train together, the main one writes; the others return as soon as training has ended.

    Args:
        weights: what the network starts from; None: random weights, or timm's if the options ask for them.
        bias: the logits that a new last layer starts from, one per output.

    Raises:
        GalaxyError: see `galaxy.training.fit`. If training diverged, the best model so far is kept in a folder beside
            the checkpoints, which the next training of this model leaves alone.
    """
    description = data.description | {"weights": None if weights is None else weights.origin}
    network = _new_network(options, spec, weights, bias)
    options = precision.resolved(options, network)
    card = {"params": options.model_dump(), "metrics": {}, "data": description}
    with resume.folder(paths.checkpoints, [options.model_dump(), spec.model_dump(), description]) as scratch:
        try:
            history, duration = fit(network, objective, options, data, scratch, paths.events)
        except DivergedError as error:
            if not runtime.is_main():
                return
            best_folder = paths.checkpoints.with_name(f"{paths.checkpoints.name}-best")
            raise GalaxyError(f"{error}; {_keep_best(network, scratch, best_folder, card)}") from None
        if not runtime.is_main():
            return
        valid = data.valid
        packed = None if data.cutout is None else data.cutout.packed
        label = f"predict {paths.model.name}, valid"
        predicted = predict(network, valid.images, 2 * options.part_size, valid.rows, packed=packed, label=label)
        # Epoch 0, the untrained network, is no candidate.
        trained = history[history["epoch"] > 0]
        monitored = trained[f"valid_{objective.monitor}"]
        best = trained.iloc[int(monitored.argmin() if objective.mode == "min" else monitored.argmax())]
        targets = objective.scored(valid.targets[valid.rows])
        metrics = {
            "parameters": network.parameters_count,
            "epochs": int(history["epoch"].max()),
            "best_epoch": int(best["epoch"]),
            **{column: float(best[column]) for column in objective.reported},
            **objective.score(predicted, targets),
        }
        card["metrics"] = metrics
        if objective.residuals is not None:
            card["residuals"] = objective.residuals(predicted, targets)
        saved.save(paths.model, network, card)
        files.write_csv(paths.history, history, float_format="%.6g")
        files.write_json(paths.metrics, metrics)
        if paths.time is not None:
            rate = round(duration.images_per_second, 1)
            files.write_json(paths.time, {"seconds": round(duration.seconds, 1), "training_images_per_second": rate})


def describe_network(
    options: Training,
    start: Start,
    images: np.ndarray,
    rows: np.ndarray,
    *,
    head: str,
    outputs: tuple[str, ...],
    crop: int,
    size: int,
    head_args: dict[str, Any] | None = None,
    packed: int | None = None,
    kept: FieldOfView | None = None,
) -> Spec:
    """Describe the network to train; its pixel statistics are those of its weights, or else of the training images.

    Args:
        images, rows: N×H×W×C uint8, as the network sees them, and the rows to train on.
        head, outputs, crop, size, head_args, packed, kept: see `galaxy.models.network.Spec`.
    """
    weights = start.weights
    mean, std = pixel_statistics(options, images, rows) if weights is None else (weights.mean, weights.std)
    return Spec(
        model=start.model,
        model_args=start.model_args,
        head=head,
        head_args=head_args or {},
        outputs=outputs,
        crop=crop,
        size=size,
        mean=mean,
        std=std,
        packed=packed,
        kept=None if kept is None else (kept.crop, kept.size),
    )


def _new_network(options: Training, spec: Spec, weights: Weights | None, bias: torch.Tensor | None) -> Network:
    """Build the network with the weights that it starts from."""
    L.seed_everything(options.seed, workers=True, verbose=False)
    network = build_network(spec, options.pretrained and weights is None)
    network.check()
    if bias is not None or options.pretrained or weights is not None:
        network.reset_last(bias)
    if weights is not None:
        weights.fill(network.backbone)
    if options.channels_last:
        network.channels_last()
    return network


def _keep_best(network: Network, scratch: Path, folder: Path, card: dict[str, Any]) -> str:
    """Save the best epoch of a training that diverged in `folder`, which is no stage's out; return words about it."""
    if not (scratch / resume.BEST).exists():
        return "no epoch was finished, so there is no model to keep"
    epoch = resume.restore_best(network, scratch)
    saved.save(folder, network, card | {"metrics": {"best_epoch": epoch}})
    return f"the best model so far, of epoch {epoch}, is kept in {folder}"


def pixel_statistics(
    options: Training, images: np.ndarray, rows: np.ndarray
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation per channel, 0–255: what timm's weights expect, or else the images'."""
    if options.pretrained and (published := timm.get_pretrained_cfg(options.model)) is not None:
        mean, std = np.array(published.mean) * 255, np.array(published.std) * 255
    else:
        values, counts = np.arange(256.0), histograms(images, rows)
        total = counts.sum(axis=1)
        mean = counts @ values / total
        mean_square = counts @ values**2 / total
        std = np.sqrt(np.maximum(mean_square - mean**2, 1e-6))
    return tuple(mean.tolist()), tuple(std.tolist())


def histograms(images: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return how often each value occurs in each channel of some rows of N×H×W×C uint8 images, C×256."""
    _, height, width, channels = images.shape
    counts = np.zeros((channels, 256))
    most = max(2**24 // (height * width), 1)  # OpenCV counts in float32, and not all images may fit in memory
    for start in range(0, len(rows), most):
        pixels = np.ascontiguousarray(images[rows[start : start + most]]).reshape(-1, width, channels)
        for channel in range(channels):
            counts[channel] += cv2.calcHist([pixels], [channel], None, [256], [0, 256]).ravel()
    return counts
