"""Small trainings on noisy squares, which tests of the engine share."""

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from conftest import augmentation, spec, whole
from torch import nn

from galaxy.core.params import Train
from galaxy.data.augmentation import Augment
from galaxy.data.batches import Images, TrainingData
from galaxy.models.network import Network, build_network
from galaxy.training import objectives, vote_fractions
from galaxy.training.fit import fit

SIDE = 16

PLAIN = {
    "epochs": 3,
    "batch_size": 16,
    "optimizer": "adam",
    "learning_rate": 0.003,
    "weight_decay": 0,
    "schedule": "constant",
    "head": "sigmoid",
    "output_bias": False,
    "loss": "mse",
    "augmentation": augmentation(),
}
"""The simplest training, so that each test changes one thing."""


def blobs(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Noisy squares whose votes follow from their brightness alone: easy to learn."""
    draw = np.random.default_rng(seed)
    level = draw.random(count)
    images = draw.integers(0, 40, (count, SIDE, SIDE, 3)) + (200 * level)[:, None, None, None]
    votes = np.zeros((count, 37), np.float32)
    votes[:, 0], votes[:, 1] = level, 1 - level
    return images.astype(np.uint8), votes


def train(
    tmp_path: Path, options: Train, count: int = 128, backbone: nn.Module | None = None
) -> tuple[Network, pd.DataFrame]:
    """Train a small network on blobs, or this one; the last quarter is valid."""
    images, votes = blobs(count)
    cut = count * 3 // 4
    torch.manual_seed(options.seed)
    network = build_network(spec(model=options.model, head=options.head, size=SIDE, mean=(120.0,) * 3, std=(60.0,) * 3))
    network.backbone = backbone or network.backbone
    augment = Augment.of(options.augmentation, whole(SIDE), options.seed)
    targets = vote_fractions.targets_of(options, votes)
    own, valid = Images(images, targets, np.arange(cut), augment), Images(images, targets, np.arange(cut, count))
    history, _ = fit(
        network,
        objectives.vote_fractions(options.loss),
        options,
        TrainingData(own, valid, {}),
        Path(tempfile.mkdtemp(dir=tmp_path)),
    )
    return network, history
