"""Packed sets of galaxies, as the preprocess stage leaves them.

A set is `<name>.npy` (uint8, N×size×size×3, RGB, to be memory-mapped) and `<name>.csv` (one row a galaxy in the same
order: its id, the mean colour of its central 10×10 pixels, and, where it is labelled, the 37 vote fractions).
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from galaxy.core import decision_tree
from galaxy.core.errors import GalaxyError
from galaxy.data.split import SETS

COLOURS = ("CentralRed", "CentralGreen", "CentralBlue")


@dataclass(frozen=True)
class Galaxies:
    """Galaxies of one set: N×H×W×3 uint8 images and a table of N rows in the same order (see `galaxy.ingest.preprocess`)."""

    images: np.ndarray
    table: pd.DataFrame

    @classmethod
    def open(cls, folder: Path, name: str) -> "Galaxies":
        """Open `<name>.npy` (memory-mapped) and `<name>.csv`."""
        return cls(np.load(folder / f"{name}.npy", mmap_mode="r"), pd.read_csv(folder / f"{name}.csv"))

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
        return self.table[list(COLOURS)].to_numpy()

    def rows(self, split: pd.DataFrame) -> dict[str, np.ndarray]:
        """The rows of each set of a split.

        Raises:
            GalaxyError: the split was made of other galaxies.
        """
        if not np.array_equal(split["GalaxyID"].to_numpy(), self.ids):
            raise GalaxyError("the split holds other galaxies than the preprocessed images; run dvc repro split")
        return {name: np.flatnonzero(split["Set"].to_numpy() == name) for name in SETS}
