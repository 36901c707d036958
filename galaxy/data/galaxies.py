"""Packed sets of galaxies, as the preprocess stage writes them.

A set is `<name>.npy` (uint8, N×size×size×3, RGB, to be memory-mapped) and `<name>.csv` (one row per galaxy in the same
order: its id, the mean colour of its central 10×10 pixels and, if it is labelled, the 37 vote fractions).
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from galaxy.core import decision_tree
from galaxy.core.errors import GalaxyError
from galaxy.core.paths import CENTRAL_COLOURS
from galaxy.data.field_of_view import FieldOfView
from galaxy.data.split import SETS


@dataclass(frozen=True)
class Galaxies:
    """One packed set: N×H×W×3 uint8 images, a table of N rows in the same order, and their field of view."""

    images: np.ndarray
    table: pd.DataFrame
    field_of_view: FieldOfView

    @classmethod
    def open(cls, folder: Path, name: str) -> "Galaxies":
        """Open `<name>.npy` (memory-mapped), `<name>.csv` and `field_of_view.json`."""
        images = np.load(folder / f"{name}.npy", mmap_mode="r")
        return cls(images, pd.read_csv(folder / f"{name}.csv"), FieldOfView.read(folder))

    @cached_property
    def ids(self) -> np.ndarray:
        """N GalaxyIDs, int64."""
        return self.table["GalaxyID"].to_numpy()

    @cached_property
    def votes(self) -> np.ndarray:
        """N×37 vote fractions, float32."""
        return self.table[list(decision_tree.COLUMNS)].to_numpy(np.float32)

    @cached_property
    def colours(self) -> np.ndarray:
        """N×3 mean colours of the central 10×10 pixels, 0–255."""
        return self.table[list(CENTRAL_COLOURS)].to_numpy()

    def rows(self, split: pd.DataFrame) -> dict[str, np.ndarray]:
        """Return the rows of each set of a split.

        Raises:
            GalaxyError: the split was made for other galaxies.
        """
        if not np.array_equal(split["GalaxyID"].to_numpy(), self.ids):
            raise GalaxyError("the split holds other galaxies than the preprocessed images; run dvc repro split")
        return {name: np.flatnonzero(split["Set"].to_numpy() == name) for name in SETS}


def table(ids: np.ndarray, fractions: np.ndarray) -> pd.DataFrame:
    """Return N galaxies' fractions (N×37) as a table: `GalaxyID` and the 37 columns."""
    made = pd.DataFrame(fractions, columns=list(decision_tree.COLUMNS))
    made.insert(0, "GalaxyID", ids)
    return made
