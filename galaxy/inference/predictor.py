"""Predict your own images with trained models: `galaxy.load("models/cnn").predict("images/")`."""

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from galaxy.core import decision_tree
from galaxy.core.errors import GalaxyError
from galaxy.core.files import read_json
from galaxy.core.paths import PATHS
from galaxy.core.runtime import progress
from galaxy.inference import find_images, image_workers
from galaxy.inference.lists import WARNING
from galaxy.inference.read_image import Crop, Reader
from galaxy.inference.sources import Source

if TYPE_CHECKING:
    from galaxy.models.network import Network  # torch takes seconds, which a wrong name need not wait for

PART = 2**28
"""Bytes of pixels that are in memory at a time: the memory needed does not depend on the number of images."""

_ADVICE = (
    "run dvc repro, or name a model's folder (--model FOLDER); if a training is running, wait until it ends, because "
    "DVC removes a model before it trains it again"
)


def best() -> Path:
    """Return the folder of the project's best model, by RMSE on valid; raise GalaxyError if none is trained here."""
    if PATHS.evaluation.is_file():
        folder = PATHS.model(read_json(PATHS.evaluation)["best"])
        if folder.is_dir():
            return folder
    raise GalaxyError(
        f"no trained model here ({Path.cwd()}): {PATHS.evaluation} and {PATHS.models} do not name one; {_ADVICE}"
    )


def find_models(*folders: str | Path) -> list[Path]:
    """Return the models' folders; without any, that of the project's best model. This does not import torch.

    Raises:
        GalaxyError: a folder is absent or holds no model.
    """
    found = [Path(folder) for folder in folders] or [best()]
    for folder in found:
        if not (folder / "model.json").is_file():
            if folder.is_file():
                raise GalaxyError(
                    f"{folder}: a file; name the folder with model.json and model.safetensors, as training writes it"
                )
            problem = "no model.json in it" if folder.is_dir() else "no such folder"
            raise GalaxyError(f"{folder}: {problem}; {_ADVICE}")
    return found


def load(*folders: str | Path) -> "Predictor":
    """Load the models in these folders, to predict their mean; without a folder, load the project's best model.

    Raises:
        GalaxyError: a folder does not hold a complete model.
    """
    found = find_models(*folders)
    from galaxy.models import saved

    networks, trained_on = {}, {}
    for path in found:
        networks[str(path)], card = saved.load(path)
        trained_on[str(path)] = card.get("data", {}).get("source", {}).get("source", "unknown")
    return Predictor(networks, trained_on)


@dataclass(frozen=True)
class Options:
    """How to read and predict images. If `crop` is None, each model keeps the fraction that it was trained on."""

    views: int = 1
    crop: Crop | None = None
    fits_scale: float = 1.0
    batch_size: int = 64

    def __post_init__(self) -> None:
        if not (math.isfinite(self.fits_scale) and self.fits_scale > 0):
            raise GalaxyError(f"the scale of FITS pixels is {self.fits_scale:g}; it must be above 0")
        if self.batch_size < 1:
            raise GalaxyError(f"batch size is {self.batch_size}; it must be 1 or more")


@dataclass(frozen=True)
class Predictor:
    """Networks, and the source of the galaxies that each was trained on ("simulated", "local", …), by folder."""

    networks: "dict[str, Network]"
    trained_on: dict[str, str]

    def predict(
        self,
        *images: Any,
        views: int = 1,
        crop: float | int | None = None,
        fits_scale: float = 1.0,
        batch_size: int = 64,
    ) -> pd.DataFrame:
        """Predict the vote fractions of images: the mean over models and views, on a GPU if there is one.

        Args:
            images: files, folders, globs, zips or lists of paths, arrays (H×W×3 or N×H×W×3 uint8, RGB), pictures of
                Pillow's, and lists, Series or arrays of these; see `galaxy.inference.find_images`.
            views: 8 for quarter turns, each mirrored too; any other number for as many turns.
            crop: the central square to keep, in pixels (10 or more) or as a fraction of the shorter side (up to 1);
                None for the fraction that each model was trained on.
            fits_scale: factor on the pixels of FITS files, see `galaxy.inference.fits`.
            batch_size: images at a time.

        Returns:
            `file` and the 37 columns, one row per image, after the columns of the list that names the image, if one
            does. An array or a picture of Pillow's is called "image 1", "image 2", …

        Raises:
            GalaxyError: there is no image, one cannot be read, or an option is out of range.
            TypeError: an image or an option is of another type.
        """
        options = Options(
            operator.index(views),
            None if crop is None else Crop.parse(str(crop)),
            float(fits_scale),
            operator.index(batch_size),
        )
        return self.predict_readable(find_images.find(images), options, strict=True)[0].reset_index(drop=True)

    def predict_readable(
        self, sources: Sequence[Source], options: Options, *, strict: bool
    ) -> tuple[pd.DataFrame, dict[int, str]]:
        """Predict the images that can be read; return a table, and by row why others cannot be read.

        The table has the columns of lists, `file` and the 37 columns. Its index is the image's number in `sources`. An
        image that cannot be read is left out, unless a list names it: then its fractions are NaN, and a column
        `warning` says why.

        Raises:
            GalaxyError: no image can be read; or, if `strict`, one cannot.
        """
        step = max(1, PART // sum(3 * reader.size**2 for reader in set(self.readers(options))))
        starts = range(0, len(sources), step)
        parts, problems = [], {}
        for number, start in enumerate(starts, 1):
            label = f", part {number} of {len(starts)}" if len(starts) > 1 else ""
            predicted, unreadable = self._predict_part(sources[start : start + step], options, strict, label)
            parts.append(predicted)
            problems.update({start + row: problem for row, problem in unreadable.items()})
        if len(problems) == len(sources):
            raise GalaxyError(f"none of the {len(sources)} images can be read; {_first(sources, problems)}")
        fractions = pd.DataFrame(np.concatenate(parts), columns=list(decision_tree.COLUMNS))
        table = find_images.columns(sources).join(fractions)
        if any(sources[row].row for row in problems):
            table[WARNING] = pd.Series({row: f"cannot be read: {problem}" for row, problem in problems.items()})
        return table.drop([row for row in problems if sources[row].row is None]), problems

    def _predict_part(
        self, sources: Sequence[Source], options: Options, strict: bool, label: str
    ) -> tuple[np.ndarray, dict[int, str]]:
        """Predict images whose pixels are in memory together: N×37, NaN for those with problems, and these by row."""
        from galaxy.data import test_time_views
        from galaxy.models.predict import predict

        views = test_time_views.of_number(options.views)
        readers = self.readers(options)
        images: dict[Reader, np.ndarray] = {}  # networks with equal crop and size share a reader, and so the images
        problems: dict[int, str] = {}
        for reader in readers:
            if reader not in images:
                images[reader], unreadable = read_images(sources, reader, strict=strict, label=f"read{label}")
                problems.update(unreadable)
        fractions = np.full((len(sources), len(decision_tree.COLUMNS)), np.nan, np.float32)
        rows = np.setdiff1d(np.arange(len(sources)), list(problems))
        if len(rows):
            names = [Path(folder).name for folder in self.networks]
            predictions = [
                predict(
                    network, images[reader], options.batch_size, rows, views, label=f"predict {Path(name).name}{label}"
                )
                for name, network, reader in zip(names, self.networks.values(), readers, strict=True)
            ]
            fractions[rows] = np.mean(predictions, axis=0)
        return fractions, problems

    def readers(self, options: Options) -> list[Reader]:
        """Return each network's reader of images; networks with equal crop and size have equal readers."""
        specs = [network.spec for network in self.networks.values()]
        return [Reader(options.crop or Crop.of_training(s.crop), s.size, options.fits_scale) for s in specs]


def read_images(
    sources: Sequence[Source], reader: Reader, *, strict: bool, label: str = "read"
) -> tuple[np.ndarray, dict[int, str]]:
    """Read images on all cores into N×size×size×3 uint8, and collect problems by row.

    If `strict`, the first problem raises GalaxyError. `label` is the progress bar's.
    """
    pixels = image_workers.Pixels(len(sources), reader.size)
    problems: dict[int, str] = {}
    with progress(label, len(sources)) as bar:
        for row, outcome in image_workers.read(sources, reader, pixels):
            if outcome.problem:
                problems[row] = outcome.problem
                if strict:
                    raise GalaxyError(_first(sources, problems))
            bar.update()
    return pixels.array, dict(sorted(problems.items()))


def _first(sources: Sequence[Source], problems: dict[int, str]) -> str:
    row, problem = next(iter(problems.items()))
    return f"{sources[row].name}: {problem}; fix it or leave it out"
