"""Hold labelled images in memory and on disk, as the prepare stage of a task writes them.

A folder holds `images.npy` (uint8, N×size×size×C, to be memory-mapped), `images.csv` (one row per image in the same
order: `name` and, if labelled, `class` and `set`) and `source.json` (the classes in order, and provenance).
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from galaxy.core import files, source_info
from galaxy.core.centre_crop import central_square
from galaxy.data.split import SETS
from galaxy.ingest.decode import squares

UNUSED = "unused"
"""The set of images that are left out, besides train, valid and test."""

IMAGES, TABLE = "images.npy", "images.csv"


@dataclass(frozen=True)
class Examples:
    """N×H×W×C uint8 images, a table of N rows in the same order, the names of the classes, and provenance."""

    images: np.ndarray
    table: pd.DataFrame
    classes: tuple[str, ...]
    source: dict[str, Any]

    @classmethod
    def open(cls, folder: Path) -> "Examples":
        """Read a folder that `write` wrote; the images are memory-mapped."""
        source = source_info.read(folder)
        images = np.load(folder / IMAGES, mmap_mode="r")
        table = pd.read_csv(folder / TABLE, dtype=str, keep_default_na=False)
        return cls(images, table, tuple(source.pop("classes")), source)

    def write(self, folder: Path) -> None:
        """Write the images, the table and the provenance into `folder`."""
        with files.atomic(folder / IMAGES) as part, part.open("wb") as file:
            np.save(file, self.images)
        files.write_csv(folder / TABLE, self.table)
        source_info.write(folder, {"classes": list(self.classes), **self.source})

    @cached_property
    def labels(self) -> np.ndarray:
        """N class numbers, int64."""
        return self.table["class"].map({name: i for i, name in enumerate(self.classes)}).to_numpy(np.int64)

    def rows(self, name: str) -> np.ndarray:
        """Return the row numbers of a set."""
        return np.flatnonzero((self.table["set"] == name).to_numpy())

    def network_input(self, crop: int, size: int) -> np.ndarray:
        """Return what a network is scored on: the central `crop`×`crop` pixels of all images, as N×size×size×C."""
        central = central_square(self.images, crop)
        return central if crop == size else squares(central, size)

    def counts(self) -> pd.DataFrame:
        """Count the images of each class in each set: `class`, and one column per set."""
        found = pd.crosstab(self.table["class"], self.table["set"])
        return found.reindex(index=list(self.classes), columns=[*SETS, UNUSED], fill_value=0).reset_index(names="class")
