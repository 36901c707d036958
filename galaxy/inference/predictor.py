"""Predict your own images with trained models: `galaxy.load("models/cnn").predict("images/")`."""

import math
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from joblib import cpu_count

from galaxy.core import decision_tree
from galaxy.core.errors import GalaxyError
from galaxy.core.files import read_json
from galaxy.core.paths import PATHS
from galaxy.core.runtime import progress
from galaxy.inference import find_images
from galaxy.inference.find_images import Source
from galaxy.inference.fits import FitsOptions
from galaxy.inference.read_image import Crop, Reader
from galaxy.ingest.decode import BadImageError

if TYPE_CHECKING:
    from galaxy.models.network import Network  # torch takes seconds, which a wrong name need not wait for

FILE = "file"
"""The first column of the results: the image's name."""

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
        *images: str | Path,
        views: int = 1,
        crop: float | int | None = None,
        fits_scale: float = 1.0,
        batch_size: int = 64,
    ) -> pd.DataFrame:
        """Predict the vote fractions of images: the mean over models and views, on a GPU if there is one.

        Args:
            images: files, folders, globs, zips or CSVs of paths, see `galaxy.inference.find_images`.
            views: 8 for quarter turns, each mirrored too; any other number for as many turns.
            crop: the central square to keep, in pixels (10 or more) or as a fraction of the shorter side (up to 1);
                None for the fraction that each model was trained on.
            fits_scale: factor on the pixels of FITS files, see `galaxy.inference.fits`.
            batch_size: images at a time.

        Returns:
            `file` and the 37 columns, one row per image.

        Raises:
            GalaxyError: there is no image, one cannot be read, or an option is out of range.
        """
        options = Options(views, None if crop is None else Crop.parse(str(crop)), fits_scale, batch_size)
        return self.predict_readable(find_images.find(images), options, strict=True)[0]

    def predict_readable(
        self, sources: Sequence[Source], options: Options, *, strict: bool
    ) -> tuple[pd.DataFrame, dict[str, str]]:
        """Predict the images that can be read; return their vote fractions, and by name why others cannot be read.

        Raises:
            GalaxyError: no image can be read; or, if `strict`, one cannot.
        """
        from galaxy.data import test_time_views
        from galaxy.models.predict import predict

        views = test_time_views.of_number(options.views)
        readers = self.readers(options)
        images: dict[Reader, np.ndarray] = {}  # networks with equal crop and size share a reader, and so the images
        problems: dict[int, str] = {}
        for reader in readers:
            if reader not in images:
                images[reader], unreadable = read_images(sources, reader, strict=strict)
                problems.update(unreadable)
        rows = np.setdiff1d(np.arange(len(sources)), list(problems))
        if not len(rows):
            raise GalaxyError(f"none of the {len(sources)} images can be read; {_first(sources, problems)}")
        predictions = [
            predict(network, images[reader], options.batch_size, rows, views, label=f"predict {Path(name).name}")
            for (name, network), reader in zip(self.networks.items(), readers, strict=True)
        ]
        table = pd.DataFrame(np.mean(predictions, axis=0), columns=list(decision_tree.COLUMNS))
        table.insert(0, FILE, [sources[row].name for row in rows])
        return table, {sources[row].name: problem for row, problem in problems.items()}

    def readers(self, options: Options) -> list[Reader]:
        """Return each network's reader of images; networks with equal crop and size have equal readers."""
        specs = [network.spec for network in self.networks.values()]
        return [
            Reader(options.crop or Crop.of_training(s.crop), s.size, FitsOptions(options.fits_scale)) for s in specs
        ]


def read_images(sources: Sequence[Source], reader: Reader, *, strict: bool) -> tuple[np.ndarray, dict[int, str]]:
    """Read images on all cores into N×size×size×3 uint8, in a temporary file, and collect problems by row.

    If `strict`, the first problem raises GalaxyError.
    """
    shape = (len(sources), reader.size, reader.size, 3)
    with tempfile.TemporaryFile() as file:  # the array keeps it open
        images = np.memmap(file, np.uint8, "w+", shape=shape)
    problems: dict[int, str] = {}
    with progress("read", len(sources)) as bar:
        for row, image in enumerate(_read_each(sources, reader)):
            if isinstance(image, str):
                problems[row] = image
                if strict:
                    raise GalaxyError(_first(sources, problems))
            else:
                images[row] = image
            bar.update()
    return images, problems


def _read_each(sources: Sequence[Source], reader: Reader) -> Iterator[np.ndarray | str]:
    """Yield each image, or why it cannot be read, in order."""

    def read(source: Source) -> np.ndarray | str:
        try:
            return reader(source.name, source.read()).pixels
        except BadImageError as error:
            return str(error)
        except OSError as error:
            return error.strerror or str(error)

    with ThreadPoolExecutor(cpu_count()) as pool:
        try:
            yield from pool.map(read, sources)
        finally:
            pool.shutdown(cancel_futures=True)


def _first(sources: Sequence[Source], problems: dict[int, str]) -> str:
    row, problem = next(iter(problems.items()))
    return f"{sources[row].name}: {problem}; fix it or leave it out"
