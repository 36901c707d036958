"""Read and predict one image that somebody dropped on the page."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

from galaxy.app.similar import Similar, SimilarImages
from galaxy.core import decision_tree
from galaxy.core.errors import GalaxyError
from galaxy.inference import find_images, fits, prediction
from galaxy.inference.lists import WARNING
from galaxy.inference.prediction import LIKELIEST
from galaxy.inference.predictor import Options, Predictor
from galaxy.inference.read_ahead import read_images
from galaxy.inference.read_image import Reader
from galaxy.inference.sources import printable

PICTURE = 400
"""Side in pixels of the picture that a person sees; what a network gets is smaller."""

INTERVAL = 0.9
"""The chance with which the votes lie in an interval."""

LOW, HIGH = "_low", "_high"
"""What the columns with the ends of intervals end in."""


@dataclass(frozen=True)
class Predicted:
    """What the models predict of one column, and the interval in which it lies, if they give one."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Look:
    """What is known of one image.

    Attributes:
        name: as the user has it.
        picture: the central square that the first network sees, `PICTURE`×`PICTURE`×3 uint8.
        inputs: what the networks get, size×size×3 uint8; equal ones once.
        gives: what the models predict, see `galaxy.models.heads`.
        predicted: by column.
        likeliest: the likeliest class; None unless the models predict classes.
        warning: what is doubtful, or "".
        similar: the most similar images first; None without a file of embeddings.
    """

    name: str
    picture: np.ndarray
    inputs: list[np.ndarray]
    gives: str
    predicted: dict[str, Predicted]
    likeliest: str | None
    warning: str
    similar: list[Similar] | None

    @property
    def fractions(self) -> np.ndarray | None:
        """The 37 vote fractions, if these are what the models predict."""
        if tuple(self.predicted) != decision_tree.COLUMNS:
            return None
        return np.array([item.value for item in self.predicted.values()])


@dataclass(frozen=True)
class Looker:
    """Looks at images with models, at each with the same options; `no_intervals` says why there are none, if so."""

    models: Predictor
    options: Options
    no_intervals: str
    similar: SimilarImages | None = None

    def __call__(self, upload: Path, name: str) -> Look:
        """Look at a file, which is removed; `name` is what its user calls it.

        Raises:
            GalaxyError: the image cannot be read; the message begins with its name.
        """
        shown = printable(name)
        with TemporaryDirectory() as folder:
            # Without its ending a list or a zip is but an image that cannot be read: what it names is not opened.
            ending = next((suffix for suffix in fits.SUFFIXES if name.lower().endswith(suffix)), "")
            path = Path(folder) / f"image{ending}"
            shutil.move(upload, path)
            readers = self.models.readers(self.options)
            inputs = [_read(path, shown, reader) for reader in dict.fromkeys(readers)]
            picture = _read(path, shown, readers[0].finer(PICTURE))
            try:
                table, _ = self.models.predict_readable(find_images.find([path]), self.options, strict=True)
                similar = None if self.similar is None else self.similar(path)
            except GalaxyError as error:
                raise GalaxyError(str(error).replace(str(path), shown)) from None
        row = table.iloc[0]
        spec = next(iter(self.models.networks.values())).spec
        columns = [name for name in prediction.columns(spec) if name != LIKELIEST]
        predicted = _predicted(row, columns)
        return Look(shown, picture, inputs, spec.head_gives, predicted, row.get(LIKELIEST), row[WARNING], similar)


def looker(models: Predictor, options: Options, similar: SimilarImages | None = None) -> Looker:
    """Return what looks at images with models, with intervals if these models give them.

    Raises:
        GalaxyError: the models cannot look at images with these options.
    """
    models.readers(options)
    with_intervals = replace(options, interval=INTERVAL)
    try:
        models.computations(with_intervals)
    except GalaxyError as error:
        return Looker(models, options, str(error), similar)
    return Looker(models, with_intervals, "", similar)


def _read(path: Path, shown: str, reader: Reader) -> np.ndarray:
    """Read an image in another process, so that a file that crashes its decoder does not end this one."""
    pixels, problems, _ = read_images(find_images.find([path]), reader, strict=False)
    if problems:
        raise GalaxyError(f"{shown}: {problems[0]}")
    return pixels[0]


def _predicted(row: pd.Series, columns: list[str]) -> dict[str, Predicted]:
    """Return what is predicted by column; the ends of an interval stand in columns of their own."""
    ends = {name: float(row[name]) for name in row.index if name.endswith((LOW, HIGH)) and name not in columns}
    return {name: Predicted(float(row[name]), ends.get(f"{name}{LOW}"), ends.get(f"{name}{HIGH}")) for name in columns}
