"""Hold own images and labels in memory and on disk, as the prepare stage writes them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from galaxy.core import files
from galaxy.data.field_of_view import FieldOfView
from galaxy.data.split import SETS
from galaxy.own_labels.targets import Labels
from galaxy.tasks.examples import UNUSED, Examples

LABELS, CATALOGUE = "labels.npy", "catalogue.csv"

WHOLE = 424
"""Side of a whole image in a field of view: own images have many sizes, and only shares of them count."""


@dataclass(frozen=True)
class Labelled:
    """Images with labels, and all columns of the list, a row each.

    `examples` holds the images and their sets; its classes are the outputs.
    """

    examples: Examples
    labels: Labels
    catalogue: pd.DataFrame

    @property
    def field_of_view(self) -> FieldOfView:
        """What the packed images show."""
        return FieldOfView(self.examples.source["crop"], self.examples.images.shape[1])

    @classmethod
    def open(cls, folder: Path) -> "Labelled":
        """Read a folder that `write` wrote."""
        examples = Examples.open(folder)
        source = examples.source
        labels = Labels(source["kind"], examples.classes, np.load(folder / LABELS), source["questions"])
        return cls(examples, labels, pd.read_csv(folder / CATALOGUE, dtype=str, keep_default_na=False))

    def write(self, folder: Path) -> None:
        """Write everything into `folder`."""
        self.examples.write(folder)
        with files.atomic(folder / LABELS) as part, part.open("wb") as file:
            np.save(file, self.labels.values)
        files.write_csv(folder / CATALOGUE, self.catalogue)

    def counts(self) -> pd.DataFrame:
        """Count the images of each class, or all, in each set: `class`, and one column per set."""
        found = pd.crosstab(self.examples.table["class"], self.examples.table["set"])
        return found.reindex(columns=[*SETS, UNUSED], fill_value=0).rename_axis(columns=None).reset_index()

    def rows(self, name: str) -> np.ndarray:
        """Return the row numbers of a set."""
        return self.examples.rows(name)
