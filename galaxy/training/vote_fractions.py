"""Training one model on vote fractions, as its section of the params says, from packed galaxies to a saved model."""

from typing import Any

import numpy as np
import pandas as pd
import torch

from galaxy.core import decision_tree, files
from galaxy.core.params import DIRICHLET_MULTINOMIAL, Train
from galaxy.core.paths import TrainingPaths
from galaxy.data import appearance
from galaxy.data.augmentation import Augment, colour_axis
from galaxy.data.batches import Images, Taught, TrainingData
from galaxy.data.field_of_view import Cutout, FieldOfView
from galaxy.data.galaxies import Galaxies
from galaxy.models import starts
from galaxy.models.heads import LOGITS_OF
from galaxy.training import objectives
from galaxy.training.run import describe_network, run
from galaxy.training.teacher import Lesson


def train(
    options: Train,
    galaxies: Galaxies,
    split: pd.DataFrame,
    source: dict[str, Any],
    paths: TrainingPaths,
    lesson: Lesson | None = None,
    volunteers: np.ndarray | None = None,
) -> None:
    """Train the model that `options` describe; write the model, its history by epoch, and its metrics.

    The metrics are those of the best epoch on valid. See `galaxy.training.run`.

    Args:
        split: `GalaxyID` and `Set`, see `galaxy.data.split`.
        source: where the galaxies came from (`galaxy.core.source_info`), for the model's card.
        lesson: what `options.teacher` predicts.
        volunteers: the number of volunteers of each galaxy, if it is known.
    """
    rows = galaxies.rows(split)
    cutout = network_input(options, galaxies.field_of_view)
    pixels, train = cutout.central(galaxies.images), rows["train"]
    start = starts.read(options, cutout.input.size)
    spec = describe_network(
        options,
        start,
        pixels,
        train,
        head=options.head,
        outputs=decision_tree.COLUMNS,
        crop=cutout.input.crop,
        size=cutout.input.size,
    )
    colour = colour_axis(pixels, train) if options.augmentation.colour else None
    augment = Augment.of(options.augmentation, cutout, options.seed, colour)
    description = {
        "training_galaxies": len(train),
        "split": files.fingerprint(split),
        "source": source,
        "appearance": appearance.statistics(pixels, train, cutout.input.size),
    }
    taught = None
    if lesson is not None and options.teacher is not None:
        rows_taught = np.arange(len(lesson.predicted))
        images = Images(lesson.images, targets_of(options, lesson.predicted), rows_taught, augment)
        taught = Taught(images, options.teacher.share)
        description["teacher"] = lesson.origin
    targets = targets_of(options, galaxies.votes, volunteers)
    data = TrainingData(
        train=Images(galaxies.images, targets, train, augment),
        valid=Images(galaxies.images, targets, rows["valid"]),
        description=description,
        cutout=cutout,
        taught=taught,
    )
    means = torch.from_numpy(galaxies.votes[train].mean(axis=0))
    bias = LOGITS_OF[options.head](means) if options.output_bias else None
    run(options, spec, start.weights, objectives.vote_fractions(options.loss), data, paths, bias)


def targets_of(options: Train, fractions: np.ndarray, volunteers: np.ndarray | None = None) -> np.ndarray:
    """Return what the loss takes for N×37 fractions: these, and for the likelihood of votes a column of volunteers."""
    if options.loss != DIRICHLET_MULTINOMIAL:
        return fractions
    numbers = np.full(len(fractions), options.volunteers) if volunteers is None else volunteers
    return np.column_stack([fractions, numbers]).astype(np.float32)


def network_input(options: Train, packed: FieldOfView) -> Cutout:
    """Return what the network of `options` takes out of packed images.

    Raises:
        GalaxyError: the packed images show less than that.
    """
    crop = packed.crop if options.crop is None else options.crop
    size = max(round(packed.size * crop / packed.crop), 1) if options.size is None else options.size
    return Cutout(FieldOfView(crop, size), packed)
