"""Training on vote fractions: one section of the params, from packed galaxies to a saved model and its metrics."""

from typing import Any

import pandas as pd

from galaxy import files, metrics, tasks, training_run, tree
from galaxy.augmentation import Augment
from galaxy.datasets import Images
from galaxy.outs import Outs
from galaxy.packed import Packed
from galaxy.params import Preprocess, Train


def train(
    options: Train,
    preprocess: Preprocess,
    galaxies: Packed,
    split: pd.DataFrame,
    source: dict[str, Any],
    outs: Outs,
) -> None:
    """Train the model that `options` describe; write the model, its history by epoch, and its metrics.

    `source` says where the galaxies came from (`galaxy.provenance`); the model's card keeps it. The metrics are those
    of the best epoch on valid. See `galaxy.training_run`.
    """
    rows = galaxies.rows(split)
    start = training_run.start(options, galaxies.images, rows["train"])
    spec = start.spec(head=options.head, outputs=tree.COLUMNS, crop=preprocess.crop, size=preprocess.size)
    data = {"training_galaxies": len(rows["train"]), "split": files.fingerprint(split), "source": source}
    voted = galaxies.votes[rows["valid"]]
    training_run.run(
        start,
        spec,
        tasks.vote_fractions(options.loss),
        Images(galaxies.images, galaxies.votes, rows["train"], Augment.of(options.augmentation, options.seed)),
        Images(galaxies.images, galaxies.votes, rows["valid"]),
        data,
        lambda best, predicted: {
            "train_rmse": float(best["train_rmse"]),
            "valid_rmse": metrics.rmse(predicted, voted),
            "valid_accuracy_question_1": metrics.accuracy(tree.question(1), predicted, voted),
        },
        outs,
    )
