"""A training from its options to its outs: a saved model, its history by epoch and its metrics, whatever the task."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import lightning as L  # noqa: N812 (the library's own name)
import numpy as np
import pandas as pd
import timm
import torch

from galaxy.training import resume
from galaxy.core import files
from galaxy.models.network import build_network
from galaxy.models import saved
from galaxy.models import initial_weights
from galaxy.core import runtime
from galaxy.training.fit import fit
from galaxy.training.engine import DivergedError
from galaxy.data.batches import Images
from galaxy.core.errors import GalaxyError
from galaxy.data.field_of_view import Cutout
from galaxy.models.network import Network
from galaxy.models.network import Spec
from galaxy.core.paths import Outs
from galaxy.core.params import Training
from galaxy.models.predict import predict
from galaxy.models.initial_weights import Weights
from galaxy.training.objectives import Task


@dataclass(frozen=True)
class Start:
    """What a training starts from: its options, weights read from elsewhere (None: none), and pixel statistics."""

    options: Training
    weights: Weights | None
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def spec(self, *, head: str, outputs: tuple[str, ...], crop: int, size: int) -> Spec:
        """The network to train."""
        return Spec(
            model=self.options.model,
            model_args=self.options.model_args,
            head=head,
            outputs=outputs,
            crop=crop,
            size=size,
            mean=self.mean,
            std=self.std,
        )


def start(options: Training, images: np.ndarray, rows: np.ndarray) -> Start:
    """Read the weights that the options name; take pixel statistics from them, or else from those rows of the images.

    Raises:
        GalaxyError: see `galaxy.models.initial_weights`.
    """
    weights = None if options.weights is None else initial_weights.read(options.weights, options.model)
    mean, std = pixel_statistics(options, images, rows) if weights is None else (weights.mean, weights.std)
    return Start(options, weights, mean, std)


def run(
    start: Start,
    spec: Spec,
    task: Task,
    train: Images,
    valid: Images,
    data: dict[str, Any],
    scores: Callable[[pd.Series, np.ndarray], dict[str, float]],
    outs: Outs,
    *,
    bias: torch.Tensor | None = None,
    frame: Cutout | None = None,
) -> None:
    """Train the network of `spec`; write the model, its history by epoch, and its metrics.

    An interrupted training goes on from its last epoch. The history's epoch 0 is the untrained network. Of several
    processes that train together, the main one writes; the others return as soon as training has ended.

    Args:
        data: what the model's card says of its data; a checkpoint is resumed only where it is the same.
        scores: the metrics, from the best epoch's row of the history and the predictions for `valid`.
        bias: the logits that a new last layer starts from.
        frame: what the network sees of `valid.images`; None: all.

    Raises:
        GalaxyError: see `galaxy.training.fit`. Where training diverged, the best model so far is kept, in a folder
            beside the checkpoints that the next training of these outs leaves alone.
    """
    options = start.options
    data = data | {"weights": None if start.weights is None else start.weights.origin}
    L.seed_everything(options.seed, workers=True, verbose=False)
    network = build_network(spec, options.pretrained)
    if bias is not None or options.pretrained or start.weights is not None:
        network.reset_last(bias)
    if start.weights is not None:
        start.weights.fill(network.backbone)
    if options.channels_last:
        network.channels_last()
    shown = None if frame is None else frame.shown
    card = {"params": options.model_dump(), "metrics": {}, "data": data}
    with resume.folder(outs.checkpoints, [options.model_dump(), spec.model_dump(), data]) as scratch:
        try:
            history = fit(network, task, options, train, valid, scratch, outs.events, frame)
        except DivergedError as error:
            if not runtime.is_main():
                return
            kept = _keep_best(network, scratch, outs.checkpoints.with_name(f"{outs.checkpoints.name}-best"), card)
            raise GalaxyError(f"{error}; {kept}") from None
        if not runtime.is_main():
            return
        predicted = predict(network, valid.images, 2 * options.batch_size, valid.rows, shown=shown)
        # Epoch 0 is not among the candidates: its weights are no training's result.
        trained = history[history["epoch"] > 0]
        monitored = trained[f"valid_{task.monitor}"]
        best = trained.iloc[int(monitored.argmin() if task.mode == "min" else monitored.argmax())]
        content = {
            "parameters": network.parameters_count,
            "epochs": int(history["epoch"].max()),
            "best_epoch": int(best["epoch"]),
            **scores(best, predicted),
        }
        saved.save(outs.model, network, card | {"metrics": content})
        files.write_csv(outs.history, history, float_format="%.6g")
        files.write_json(outs.metrics, content)


def _keep_best(network: Network, scratch: Path, folder: Path, card: dict[str, Any]) -> str:
    """Save the best epoch of a training that ended badly as a model, in a folder that is no stage's out; say so."""
    if not (scratch / resume.BEST).exists():
        return "no epoch was finished, so there is no model to keep"
    epoch = resume.restore_best(network, scratch)
    saved.save(folder, network, card | {"metrics": {"best_epoch": epoch}})
    return f"the best model so far, of epoch {epoch}, is kept in {folder}"


def pixel_statistics(
    options: Training, images: np.ndarray, rows: np.ndarray
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation by channel, 0–255: what pretrained weights expect, else those of the images."""
    if options.pretrained and (published := timm.get_pretrained_cfg(options.model)) is not None:
        mean, std = np.array(published.mean) * 255, np.array(published.std) * 255
    else:
        values, counts = np.arange(256.0), histograms(images, rows)
        mean, square = (counts @ powers / counts.sum(axis=1) for powers in (values, values**2))
        std = np.sqrt(np.maximum(square - mean**2, 1e-6))
    return tuple(mean.tolist()), tuple(std.tolist())


def histograms(images: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """C×256: how often each value occurs in each channel of those rows of N×H×W×C uint8 images."""
    _, height, width, channels = images.shape
    counts = np.zeros((channels, 256))
    most = max(2**24 // (height * width), 1)  # OpenCV counts in float32; the images may be larger than the memory, too
    for start in range(0, len(rows), most):
        pixels = np.ascontiguousarray(images[rows[start : start + most]]).reshape(-1, width, channels)
        for channel in range(channels):
            counts[channel] += cv2.calcHist([pixels], [channel], None, [256], [0, 256]).ravel()
    return counts
