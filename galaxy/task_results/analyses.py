"""What a task's numbers say: when a training begins to overfit, and whether classes with more images are found better.

Nothing here needs a network, so the report does not wait for torch.
"""

from pathlib import Path

import pandas as pd
from scipy.stats import spearmanr

from galaxy.core.paths import Paths

AVERAGES = ("macro avg", "weighted avg")
"""Rows of the table by class that are no classes."""


def pictures(paths: Paths) -> Path:
    """Return the folder of figures that show images, which may be others': they are neither in Git nor pushed."""
    return paths.data / "figures"


def turning_points(histories: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Compare each training's epoch with the lowest loss on valid with its last one; later epochs overfit.

    Returns:
        `model`, `lowest_epoch`, `lowest_valid_loss`, `last_epoch`, `last_valid_loss`, and the accuracies of the last
        epoch, `last_train_accuracy` and `last_valid_accuracy`.
    """
    rows = []
    for name, history in histories.items():
        trained = history[history["epoch"] > 0]
        lowest, last = trained.iloc[int(trained["valid_loss"].argmin())], trained.iloc[-1]
        rows.append(
            {
                "model": name,
                "lowest_epoch": int(lowest["epoch"]),
                "lowest_valid_loss": lowest["valid_loss"],
                "last_epoch": int(last["epoch"]),
                "last_valid_loss": last["valid_loss"],
                "last_train_accuracy": last["train_accuracy"],
                "last_valid_accuracy": last["valid_accuracy"],
            }
        )
    return pd.DataFrame(rows)


def of_classes(by_class: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the table by class that are classes with test images."""
    return by_class[~by_class["class"].isin(AVERAGES) & (by_class["support"] > 0)]


def rank_correlations(by_class: pd.DataFrame) -> dict[str, float]:
    """Return Spearman's correlation of a class's training images with its recall, by model.

    A model is left out if there is none: all classes are equally large, or all are found equally well. With two classes
    it would always be 1 or -1.
    """
    found = {}
    for name, rows in of_classes(by_class).groupby("model", sort=False):
        if len(rows) > 2 and rows["training_images"].nunique() > 1 and rows["recall"].nunique() > 1:
            found[str(name)] = float(spearmanr(rows["training_images"], rows["recall"]).statistic)
    return found
