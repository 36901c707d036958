"""What the benchmarks on real galaxies share: packed sets, trainings that are kept, and their scores."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from galaxy.core import decision_tree, metrics, params
from galaxy.core.params import Train
from galaxy.core.paths import FIELD_OF_VIEW, TrainingPaths
from galaxy.data.field_of_view import FieldOfView
from galaxy.data.galaxies import Galaxies
from galaxy.data.test_time_views import ONE, View
from galaxy.ingest.preprocess import preprocess
from galaxy.models import saved
from galaxy.models.network import Network
from galaxy.models.predict import predict
from galaxy.training import vote_fractions

COURSE = params.load(Path(__file__).parent.parent / "recipes/course/params.yaml").models
"""The course's two networks with its own settings: no augmentation, no schedule, one view."""


def section(changes: dict[str, Any], base: str = "resnet18") -> Train:
    """The section of one of the course's networks with these changes; those of augmentation may be a part of it."""
    content = COURSE[base].model_dump()
    augmentation = content["augmentation"] | changes.get("augmentation", {})
    return Train.model_validate(content | changes | {"augmentation": augmentation})


def packed(raw: Path, folder: Path, asked: FieldOfView) -> Galaxies:
    """Return the labelled galaxies of the competition's files in `raw`, packed in `folder` unless they are there."""
    if not (folder / FIELD_OF_VIEW).exists() or FieldOfView.read(folder) != asked:
        preprocess(raw, folder, asked.crop, asked.size)
    return Galaxies.open(folder, "training")


def train(folder: Path, options: Train, galaxies: Galaxies, table: pd.DataFrame, source: str) -> None:
    """Train a model into `folder`, unless one with those options is there.

    Args:
        table: the split.
        source: what the model's card says of the data.
    """
    card = folder / saved.CARD
    asked = options.model_dump()
    same = {"precision": options.precision}  # the card has what `auto` came to
    if not card.exists() or json.loads(card.read_text())["params"] | same != asked:
        names = ("history.csv", "metrics.json", "checkpoints", "events")
        paths = TrainingPaths(folder, *(folder / name for name in names))
        vote_fractions.train(options, galaxies, table, {"source": source}, paths)


def trained(folder: Path, options: Train, galaxies: Galaxies, table: pd.DataFrame, source: str) -> Network:
    """Return the model in `folder`, trained there as `train` does it."""
    train(folder, options, galaxies, table, source)
    return saved.load(folder)[0]


def predicted(network: Network, galaxies: Galaxies, rows: np.ndarray, views: Sequence[View] = ONE) -> np.ndarray:
    """Return M×37 fractions for those rows of the packed galaxies."""
    return predict(network, galaxies.images, 256, rows, views, galaxies.field_of_view)


def score(fractions: np.ndarray, voted: np.ndarray) -> tuple[float, float]:
    """RMSE, and accuracy of question 1."""
    return metrics.rmse(fractions, voted), metrics.accuracy(decision_tree.question(1), fractions, voted)
