"""`simulated_truth.csv`, which lies beside simulated galaxies: their expected votes. Real galaxies have no such file.

One row per labelled galaxy: its id, its physical parameters, its number of volunteers, and the expected value of each
of the 37 columns over all possible draws of volunteers. A perfect model would predict these. Their RMSE against the
labels is the exact noise floor, the lowest RMSE that a model can reach.
"""

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
    if not (folder / SIMULATED_TRUTH).exists():
        return None
    table = pd.read_csv(folder / SIMULATED_TRUTH, usecols=["GalaxyID", *decision_tree.COLUMNS]).set_index("GalaxyID")
    if not np.isin(ids, table.index).all():
        raise GalaxyError(f"{folder / SIMULATED_TRUTH} lacks some of the galaxies; run dvc repro --force download")
    return table.loc[ids, list(decision_tree.COLUMNS)].to_numpy()
