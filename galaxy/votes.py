"""Training on vote fractions: one section of the params, from packed galaxies to a saved model and its metrics."""

import shutil
from pathlib import Path
from typing import Any

import lightning as L  # noqa: N812 (the library's own name)
import numpy as np
import pandas as pd
import timm

from galaxy import checkpoints, files, metrics, models, pretraining, tasks, training, tree
from galaxy.augmentation import Augment
from galaxy.datasets import Images
from galaxy.models import Spec
from galaxy.packed import Packed
from galaxy.params import Preprocess, Train
from galaxy.prediction import predict


def train(
    options: Train,
    preprocess: Preprocess,
    galaxies: Packed,
    split: pd.DataFrame,
    source: dict[str, Any],
    *,
    model_folder: Path,
    history_path: Path,
    metrics_path: Path,
    checkpoint_root: Path,
) -> None:
    """Train the model that `options` describe; write the model, its history by epoch, and its metrics.

    `source` says where the galaxies came from (`galaxy.provenance`); the model's card keeps it. An interrupted training
    goes on from its last epoch, from a checkpoint under `checkpoint_root`. The history's epoch 0 is the untrained
    network. The metrics are those of the best epoch on valid.
    """
    rows = galaxies.rows(split)
    start = None if options.weights is None else pretraining.read(Path(options.weights), options.model)
    mean, std = pixel_statistics(options, galaxies.images, rows["train"]) if start is None else (start.mean, start.std)
    spec = Spec(
        model=options.model,
        model_args=options.model_args,
        head=options.head,
        outputs=tree.COLUMNS,
        crop=preprocess.crop,
        size=preprocess.size,
        mean=mean,
        std=std,
    )
    data = {
        "training_galaxies": len(rows["train"]),
        "split": files.fingerprint(split),
        "source": source,
        "weights": None if start is None else start.origin,
    }
    L.seed_everything(options.seed, workers=True, verbose=False)
    network = models.build(spec, options.pretrained)
    if start is not None:
        start.fill(network.backbone)
    augment = Augment.of(options.augmentation, options.seed)
    history = training.fit(
        network,
        tasks.vote_fractions(options.loss),
        options,
        Images(galaxies.images, galaxies.votes, rows["train"], augment),
        Images(galaxies.images, galaxies.votes, rows["valid"]),
        checkpoints.folder(checkpoint_root, [options.model_dump(), spec.model_dump(), data]),
    )
    voted = galaxies.votes[rows["valid"]]
    predicted = predict(network, galaxies.images, 2 * options.batch_size, rows["valid"])
    # Epoch 0 is not among the candidates: its weights are no training's result.
    trained = history[history["epoch"] > 0]
    best = trained.iloc[int(trained["valid_rmse"].argmin())]
    content = {
        "parameters": network.parameters_count,
        "epochs": int(history["epoch"].max()),
        "best_epoch": int(best["epoch"]),
        "train_rmse": float(best["train_rmse"]),
        "valid_rmse": metrics.rmse(predicted, voted),
        "valid_accuracy_question_1": metrics.accuracy(tree.question(1), predicted, voted),
    }
    models.save(model_folder, network, {"params": options.model_dump(), "metrics": content, "data": data})
    files.write_csv(history_path, history, float_format="%.6g")
    files.write_json(metrics_path, content)
    shutil.rmtree(checkpoint_root)


def pixel_statistics(
    options: Train, images: np.ndarray, rows: np.ndarray
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation by channel, 0–255: what pretrained weights expect, else those of the images."""
    if options.pretrained and (published := timm.get_pretrained_cfg(options.model)) is not None:
        mean, std = np.array(published.mean) * 255, np.array(published.std) * 255
    else:
        sums = np.zeros((2, images.shape[-1]))
        for start in range(0, len(rows), 1024):  # a part at a time: the images may be larger than the memory
            pixels = images[rows[start : start + 1024]].astype(np.float64)
            sums += pixels.sum(axis=(0, 1, 2)), np.square(pixels).sum(axis=(0, 1, 2))
        mean, square = sums / (len(rows) * images.shape[1] * images.shape[2])
        std = np.sqrt(np.maximum(square - mean**2, 1e-6))
    return tuple(mean.tolist()), tuple(std.tolist())
