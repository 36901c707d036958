"""What the benchmarks on real galaxies share: packed sets, trainings that are kept, and their scores."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from galaxy.core import metrics
from galaxy.models.network import Network
from galaxy.models import saved
from galaxy.core import params
from galaxy.core import decision_tree
from galaxy.training import vote_fractions
from galaxy.ingest import preprocess as preprocessing
from galaxy.core.paths import Outs
from galaxy.data.galaxies import Galaxies
from galaxy.core.params import Preprocess
from galaxy.core.params import Train
from galaxy.models.predict import predict
from galaxy.data.test_time_views import ONE
from galaxy.data.test_time_views import View


def section(changes: dict[str, Any]) -> Train:
    """The section `train_resnet` of `params.yaml` with these changes; those of augmentation may be a part of it."""
    content = params.load().models["resnet"].model_dump()
    augmentation = content["augmentation"] | changes.get("augmentation", {})
    return Train.model_validate(content | changes | {"augmentation": augmentation})


def packed(raw: Path, folder: Path, asked: Preprocess) -> Galaxies:
    """The labelled galaxies of the competition's files in `raw`, preprocessed into `folder` unless they are there."""
    note, content = folder / "preprocess.json", asked.model_dump()
    if not note.exists() or json.loads(note.read_text()) != content:
        preprocessing.preprocess(raw, folder, asked.crop, asked.size)
        note.write_text(json.dumps(content))
    return Galaxies.open(folder, "training")


def train(folder: Path, options: Train, asked: Preprocess, galaxies: Galaxies, table: pd.DataFrame, source: str) -> None:
    """Train a model into `folder`, unless one with those options is there.

    Args:
        asked: what the packed galaxies show.
        table: the split.
        source: what the model's card says of the data.
    """
    card = folder / saved.CARD
    if not card.exists() or json.loads(card.read_text())["params"] != options.model_dump():
        outs = Outs(
            model=folder,
            history=folder / "history.csv",
            metrics=folder / "metrics.json",
            checkpoints=folder / "checkpoints",
            events=folder / "events",
        )
        vote_fractions.train(options, asked, galaxies, table, {"source": source}, outs)


def trained(
    folder: Path, options: Train, asked: Preprocess, galaxies: Galaxies, table: pd.DataFrame, source: str
) -> Network:
    """The model in `folder`, trained there as `train` does it."""
    train(folder, options, asked, galaxies, table, source)
    return saved.load(folder)[0]


def predicted(
    network: Network, galaxies: Galaxies, asked: Preprocess, rows: np.ndarray, views: Sequence[View] = ONE
) -> np.ndarray:
    """M×37 fractions for those rows of the packed galaxies."""
    return predict(network, galaxies.images, 256, rows, views, asked.window)


def score(fractions: np.ndarray, voted: np.ndarray) -> tuple[float, float]:
    """RMSE, and accuracy of question 1."""
    return metrics.rmse(fractions, voted), metrics.accuracy(decision_tree.question(1), fractions, voted)
