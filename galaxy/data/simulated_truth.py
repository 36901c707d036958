"""`simulated_truth.csv`: what a simulation knows beside the labels. It lies in the folder of the galaxies it speaks of.

One row a labelled galaxy: its id, its physical parameters, the number of its volunteers, and for each of the 37 columns
the expected value over all that could have been drawn as volunteers: what a perfect model would predict. The RMSE of
these against the labels is the exact noise floor. Real galaxies have no such file.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from galaxy.core import files
from galaxy.core import decision_tree
from galaxy.core.errors import GalaxyError

NAME = "simulated_truth.csv"


def carry(source: Path, target: Path) -> None:
    """Copy the file from one folder to another, where there is one."""
    if (source / NAME).exists():
        with files.atomic(target / NAME) as part:
            part.write_bytes((source / NAME).read_bytes())


def expected(folder: Path, ids: np.ndarray) -> np.ndarray | None:
    """N×37 expected values of the columns of the galaxies `ids`; None where the galaxies are real.

    Raises:
        GalaxyError: the file lacks one of the galaxies.
    """
    if not (folder / NAME).exists():
        return None
    table = pd.read_csv(folder / NAME, usecols=["GalaxyID", *decision_tree.COLUMNS]).set_index("GalaxyID")
    if not np.isin(ids, table.index).all():
        raise GalaxyError(f"{folder / NAME} lacks some of the galaxies; run dvc repro --force download")
    return table.loc[ids, list(decision_tree.COLUMNS)].to_numpy()
