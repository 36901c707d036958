"""`simulated_truth.csv`, which lies beside simulated galaxies: their expected votes. Real galaxies have no such file.

One row per labelled galaxy: its id, its physical parameters, its number of volunteers, and the expected value of each
of the 37 columns over all possible draws of volunteers. A perfect model would predict these. Their RMSE against the
labels is the exact noise floor, the lowest RMSE that a model can reach.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from galaxy.core import decision_tree
from galaxy.core.errors import GalaxyError
from galaxy.core.paths import SIMULATED_TRUTH


def expected(folder: Path, ids: np.ndarray) -> np.ndarray | None:
    """Return the N×37 expected values of the columns of the galaxies `ids`. None: the galaxies are real.

    Raises:
        GalaxyError: the file lacks one of the galaxies.
    """
    return _columns(folder, ids, decision_tree.COLUMNS)


def volunteers(folder: Path, ids: np.ndarray) -> np.ndarray | None:
    """Return the N numbers of volunteers of the galaxies `ids`. None: the galaxies are real.

    Raises:
        GalaxyError: the file lacks one of the galaxies.
    """
    numbers = _columns(folder, ids, ("volunteers",))
    return None if numbers is None else numbers[:, 0]


def median_volunteers(folder: Path) -> int | None:
    """Return the median number of volunteers per simulated galaxy. None: the galaxies are real."""
    if not (folder / SIMULATED_TRUTH).exists():
        return None
    return int(pd.read_csv(folder / SIMULATED_TRUTH, usecols=["volunteers"])["volunteers"].median())


def _columns(folder: Path, ids: np.ndarray, names: Sequence[str]) -> np.ndarray | None:
    if not (folder / SIMULATED_TRUTH).exists():
        return None
    table = pd.read_csv(folder / SIMULATED_TRUTH, usecols=["GalaxyID", *names]).set_index("GalaxyID")
    if not np.isin(ids, table.index).all():
        raise GalaxyError(f"{folder / SIMULATED_TRUTH} lacks some of the galaxies; run dvc repro --force download")
    return table.loc[ids, list(names)].to_numpy()
