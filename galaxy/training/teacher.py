"""What a model learns from another's predictions: unlabelled images, with predicted fractions in place of votes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from galaxy.core import decision_tree, files, outside
from galaxy.core.errors import GalaxyError
from galaxy.core.params import FOLD, Teacher
from galaxy.core.runtime import say
from galaxy.data.galaxies import Galaxies


@dataclass(frozen=True)
class Lesson:
    """M unlabelled images (M×H×W×3 uint8), another model's predictions for them (M×37), and where these came from."""

    images: np.ndarray
    predicted: np.ndarray
    origin: dict[str, Any]


def read(options: Teacher | None, folder: Path, fold: int | None) -> Lesson | None:
    """Read the predictions that `options` name for the test images in `folder`, as the preprocess stage packed them.

    Args:
        fold: the fold that this training does not see; None: there are no folds.

    Raises:
        GalaxyError: the predictions are absent, no table of the 37 fractions, or lack all or some of the images.
    """
    if options is None:
        return None
    name = options.of_fold(fold)
    galaxies = Galaxies.open(folder, "test")
    path = outside.locate(name)
    table = _table(path)
    if missing := np.setdiff1d(galaxies.ids, table.index).tolist():
        raise GalaxyError(
            f"{path}: no predictions for {len(missing)} of the {len(galaxies.ids)} test images ({missing[0]} is the "
            "first); name the teacher's predictions for the same images"
        )
    if fold is not None and FOLD not in options.predictions:
        say(
            f"warning: the teacher's predictions are the same for every fold ({name}). If it saw the votes of the "
            f"galaxies that a fold holds back, the scores are too good; {FOLD} in the path stands for the fold"
        )
    predicted = table.loc[galaxies.ids, list(decision_tree.COLUMNS)].to_numpy(np.float32)
    origin = {"predictions": name, "sha256": files.sha256(path), "share": options.share, "images": len(predicted)}
    return Lesson(galaxies.images, predicted, origin)


def _table(path: Path) -> pd.DataFrame:
    """Return the 37 fractions by GalaxyID."""
    try:
        table = pd.read_csv(path, usecols=["GalaxyID", *decision_tree.COLUMNS], index_col="GalaxyID")
    except FileNotFoundError:
        raise GalaxyError(f"{path}: no such file; make the teacher's predictions first") from None
    except (ValueError, UnicodeDecodeError) as error:
        raise GalaxyError(f"{path} is no table of GalaxyID and the 37 columns: {error}") from None
    fractions = table.to_numpy()
    if not (fractions.dtype.kind == "f" and ((fractions >= 0) & (fractions <= 1)).all() and table.index.is_unique):
        raise GalaxyError(f"{path}: a value is no fraction from 0 to 1, or a galaxy has two rows; make it again")
    return table
