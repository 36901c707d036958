"""Train a model on own labels: from its section of the params and packed images to a saved model."""

import math
from typing import Any

import numpy as np
import torch

from galaxy.core import decision_tree, files, metrics
from galaxy.core.errors import GalaxyError
from galaxy.core.params import DIRICHLET
from galaxy.core.paths import TrainingPaths
from galaxy.data import appearance
from galaxy.data.augmentation import Augment, colour_axis
from galaxy.data.batches import Images, TrainingData
from galaxy.data.field_of_view import Cutout, FieldOfView
from galaxy.models import starts
from galaxy.models.heads import LOGITS, LOGITS_OF, Dirichlet
from galaxy.models.intervals import MOST_VOLUNTEERS
from galaxy.own_labels import split
from galaxy.own_labels.labelled import WHOLE, Labelled
from galaxy.own_labels.params import Train
from galaxy.own_labels.targets import Labels
from galaxy.tasks.split import balanced
from galaxy.training import objectives
from galaxy.training.objectives import Objective
from galaxy.training.run import describe_network, run

MORE_EPOCHS = 4
"""How many times as many epochs a training on a part of the labels has, at most: it has fewer steps an epoch."""


def train(options: Train, data: Labelled, paths: TrainingPaths) -> None:
    """Train the model that `options` describe; write the model, its history by epoch, and its metrics.

    The metrics are those of the best epoch on valid. See `galaxy.training.run`.
    """
    _train(options, data, {name: data.rows(name) for name in ("train", "valid")}, paths)


def train_part(options: Train, data: Labelled, count: int, paths: TrainingPaths) -> None:
    """Train on `count` labels of train and valid together (or all, if there are fewer), with more epochs.

    Raises:
        GalaxyError: they are fewer than a batch; or see `train`.
    """
    sets = data.examples.table["set"].to_numpy()
    chosen = split.part(data.labels.strata, sets, count, options.seed)
    rows = {name: np.intersect1d(data.rows(name), chosen) for name in ("train", "valid")}
    least = options.batch_size
    if len(rows["train"]) < least or not len(rows["valid"]):
        raise GalaxyError(
            f"few_labels.counts: of {count} labels {len(rows['train'])} train and {len(rows['valid'])} choose the "
            f"epoch, but a batch holds {least}; raise the count, or lower batch_size"
        )
    times = min(len(data.rows("train")) / len(rows["train"]), MORE_EPOCHS)
    frozen, epochs = (math.ceil(value * times) for value in (options.freeze_epochs, options.epochs))
    _train(options.model_copy(update={"freeze_epochs": frozen, "epochs": epochs}), data, rows, paths)


def _train(options: Train, data: Labelled, rows: dict[str, np.ndarray], paths: TrainingPaths) -> None:
    images, labels, train_rows = data.examples.images, data.labels, rows["train"]
    cutout = Cutout(FieldOfView(round(WHOLE * options.crop), options.size), data.field_of_view)
    pixels = cutout.central(images)
    start = starts.read(options, cutout.input.size)
    head, head_args, objective, bias = _learning(options, labels, train_rows)
    spec = describe_network(
        options,
        start,
        pixels,
        train_rows,
        head=head,
        head_args=head_args,
        outputs=labels.outputs,
        crop=cutout.input.crop,
        size=cutout.input.size,
        kept=data.field_of_view,
    )
    colour = colour_axis(pixels, train_rows) if options.augmentation.colour else None
    drawn = balanced(train_rows, labels.values, options.seed) if options.balance else train_rows
    targets = np.hstack([labels.values, labels.shares]) if labels.kind == "counts" else labels.values
    description = {
        "training_images": len(train_rows),
        "split": files.fingerprint(data.examples.table),
        "source": data.examples.source,
        "appearance": appearance.statistics(pixels, train_rows, cutout.input.size),
    }
    if labels.kind == "counts":
        description["volunteers"] = min(int(np.median(labels.of(train_rows).voters)), MOST_VOLUNTEERS)
    training = TrainingData(
        train=Images(images, targets, drawn, Augment.of(options.augmentation, cutout, options.seed, colour)),
        valid=Images(images, targets, rows["valid"]),
        description=description,
        cutout=cutout,
    )
    run(options, spec, start.weights, objective, training, paths, bias if options.output_bias else None)


def _learning(
    options: Train, labels: Labels, rows: np.ndarray
) -> tuple[str, dict[str, Any], Objective, torch.Tensor | None]:
    """Return the head, its arguments, the objective, and the logits of the best constant prediction."""
    if labels.kind == "class":
        shares = np.bincount(labels.values[rows], minlength=len(labels.outputs)) / len(rows)
        logits = torch.from_numpy(np.log(np.maximum(shares, 1e-4)).astype(np.float32))
        return LOGITS, {}, objectives.classes(len(labels.outputs), options.label_smoothing), logits
    means = labels.values[rows].mean(axis=0)
    if labels.kind == "number":
        deviations = np.maximum(labels.values[rows].std(axis=0), 1e-6)
        scale = {"means": means.tolist(), "deviations": deviations.tolist()}
        return "numbers", scale, objectives.numbers(deviations), torch.zeros(len(means))
    if labels.kind == "counts":
        mean = torch.from_numpy(labels.of(rows).shares.mean(axis=0))
        bias = Dirichlet.logits_of(mean, decision_tree.of_blocks(labels.questions))
        return DIRICHLET, {"questions": labels.questions}, objectives.counts(_rmse, labels.questions), bias
    return "sigmoid", {}, objectives.fractions("bce", _rmse), LOGITS_OF["sigmoid"](torch.from_numpy(means))


def _rmse(predicted: np.ndarray, actual: np.ndarray) -> dict[str, float]:
    return {"valid_rmse": metrics.rmse(predicted, actual)}
