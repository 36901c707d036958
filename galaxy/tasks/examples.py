"""Packed sets of labelled images, as the prepare stage of a task leaves them.

A folder holds `images.npy` (uint8, N×size×size×C, to be memory-mapped), `images.csv` (one row an image in the same
order: `name`, and where it is labelled `class` and `set`) and `source.json` (the classes in order, and provenance).
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from galaxy.core import files
from galaxy.core import source_info
from galaxy.ingest.decode import squares

SETS = ("train", "valid", "test")
UNUSED = "unused"
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
        """Open what `write` wrote; images are memory-mapped."""
        source = source_info.read(folder)
        images = np.load(folder / IMAGES, mmap_mode="r")
        table = pd.read_csv(folder / TABLE, dtype=str, keep_default_na=False)
        return cls(images, table, tuple(source.pop("classes")), source)

    def write(self, folder: Path) -> None:
        """Write it into `folder`."""
        with files.atomic(folder / IMAGES) as part, part.open("wb") as file:
            np.save(file, self.images)
        files.write_csv(folder / TABLE, self.table)
        source_info.write(folder, {"classes": list(self.classes), **self.source})

    @cached_property
    def labels(self) -> np.ndarray:
        """N numbers of classes, int64."""
        return self.table["class"].map({name: i for i, name in enumerate(self.classes)}).to_numpy(np.int64)

    def rows(self, name: str) -> np.ndarray:
        """The rows of a set."""
        return np.flatnonzero((self.table["set"] == name).to_numpy())

    def seen(self, crop: int, size: int) -> np.ndarray:
        """What a network is scored on: the central `crop`×`crop` pixels of all images, made N×size×size×C."""
        start = (self.images.shape[1] - crop) // 2
        central = self.images[:, start : start + crop, start : start + crop]
        return central if crop == size else squares(central, size)

    def counts(self) -> pd.DataFrame:
        """How many images of each class each set has: `class`, and a column a set."""
        found = pd.crosstab(self.table["class"], self.table["set"])
        return found.reindex(index=list(self.classes), columns=[*SETS, UNUSED], fill_value=0).reset_index(names="class")
