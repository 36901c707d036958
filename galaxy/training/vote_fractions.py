"""Training on vote fractions: one section of the params, from packed galaxies to a saved model and its metrics."""

from typing import Any

import pandas as pd
import torch

from galaxy.core import files
from galaxy.core import metrics
from galaxy.training import objectives
from galaxy.training import run
from galaxy.core import decision_tree
from galaxy.data.augmentation import Augment
from galaxy.data.augmentation import colour_axis
from galaxy.data.batches import Images
from galaxy.data.field_of_view import Cutout
from galaxy.data.field_of_view import FieldOfView
from galaxy.models.heads import LOGITS_OF
from galaxy.core.paths import Outs
from galaxy.data.galaxies import Galaxies
from galaxy.core.params import Preprocess
from galaxy.core.params import Train


def train(
    options: Train,
    preprocess: Preprocess,
    galaxies: Galaxies,
    split: pd.DataFrame,
    source: dict[str, Any],
    outs: Outs,
) -> None:
    """Train the model that `options` describe; write the model, its history by epoch, and its metrics.

    `source` says where the galaxies came from (`galaxy.core.source_info`); the model's card keeps it. The metrics are those
    of the best epoch on valid. See `galaxy.training.run`.
    """
    rows = galaxies.rows(split)
    frame = seen(options, preprocess)
    pixels, train = frame.central(galaxies.images), rows["train"]
    start = run.start(options, pixels, train)
    spec = start.spec(head=options.head, outputs=decision_tree.COLUMNS, crop=frame.seen.crop, size=frame.seen.size)
    colour = colour_axis(pixels, train) if options.augmentation.colour else None
    means = torch.from_numpy(galaxies.votes[train].mean(axis=0))
    data = {"training_galaxies": len(train), "split": files.fingerprint(split), "source": source}
    voted = galaxies.votes[rows["valid"]]
    run.run(
        start,
        spec,
        objectives.vote_fractions(options.loss),
        Images(galaxies.images, galaxies.votes, train, Augment.of(options.augmentation, frame, options.seed, colour)),
        Images(galaxies.images, galaxies.votes, rows["valid"]),
        data,
        lambda best, predicted: {
            "train_rmse": float(best["train_rmse"]),
            "valid_rmse": metrics.rmse(predicted, voted),
            "valid_accuracy_question_1": metrics.accuracy(decision_tree.question(1), predicted, voted),
        },
        outs,
        bias=LOGITS_OF[options.head](means) if options.output_bias else None,
        frame=frame,
    )


def seen(options: Train, preprocess: Preprocess) -> Cutout:
    """What the network of `options` sees of preprocessed images.

    Raises:
        GalaxyError: more than they show.
    """
    shown = preprocess.window
    crop = shown.crop if options.crop is None else options.crop
    size = max(round(shown.size * crop / shown.crop), 1) if options.size is None else options.size
    return Cutout(FieldOfView(crop, size), shown)
