"""Trained models for anybody's images: `galaxy.load("models/train_cnn").predict("images/")`."""

import math
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import cpu_count
from tqdm import tqdm

from galaxy.inference import find_images
from galaxy.models import saved
from galaxy.core import decision_tree
from galaxy.data import test_time_views as views_
from galaxy.core.errors import GalaxyError
from galaxy.core.files import read_json
from galaxy.ingest.decode import BadImageError
from galaxy.inference.find_images import Source
from galaxy.models.network import Network
from galaxy.core.params import out
from galaxy.inference.read_image import Crop
from galaxy.inference.read_image import Reader
from galaxy.models.predict import predict

MODELS = Path("models")
REPORT = Path("metrics/evaluate.json")
"""Where `dvc repro` leaves the models, and which of them is best on valid."""

FILE = "file"
"""The first column of the results: which image."""


def best() -> Path:
    """The folder of the project's best model: of lowest RMSE on valid, by what the evaluate stage found.

    Raises:
        GalaxyError: nothing is trained here.
    """
    if REPORT.is_file():
        folder = out(MODELS, read_json(REPORT)["best"])
        if folder.is_dir():
            return folder
    raise GalaxyError(
        f"no trained model here ({Path.cwd()}): {REPORT} and {MODELS} do not name one; "
        "run dvc repro, or name a model's folder (--model FOLDER)"
    )


def load(*folders: str | Path) -> "Predictor":
    """The models saved in these folders, to predict the mean of them all; without any, the project's best one.

    Raises:
        GalaxyError: a folder holds no whole model.
    """
    networks, trained_on = {}, {}
    for path in [Path(folder) for folder in folders] or [best()]:
        networks[str(path)], card = saved.load(path)
        trained_on[str(path)] = card.get("data", {}).get("source", {}).get("source", "unknown")
    return Predictor(networks, trained_on)


@dataclass(frozen=True)
class Options:
    """How images are read and seen; `crop` None is the fraction that each model was trained on."""

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
    """Networks by the name of their folder, and by the same what they were trained on: "simulated", "local", …"""

    networks: dict[str, Network]
    trained_on: dict[str, str]

    def predict(
        self,
        *images: str | Path,
        views: int = 1,
        crop: float | int | None = None,
        fits_scale: float = 1.0,
        batch_size: int = 64,
    ) -> pd.DataFrame:
        """Vote fractions of images, the mean over models and views, on a GPU if there is one.

        Args:
            images: files, folders, globs, zips or CSVs of paths, see `galaxy.inference.find_images`.
            views: 1; 8 for quarter turns, each mirrored too; another number for as many turns.
            crop: the central square to keep, in pixels (above 1) or as a fraction of the shorter side; None: the
                fraction that the model was trained on.
            fits_scale: by what to multiply the pixels of FITS files, see `galaxy.inference.fits`.
            batch_size: images at a time.

        Returns:
            `file` and the 37 columns, a row an image.

        Raises:
            GalaxyError: there is no image, one cannot be read, or an option is out of range.
        """
        options = Options(views, None if crop is None else Crop.parse(str(crop)), fits_scale, batch_size)
        return self.predict_readable(find_images.find(images), options, strict=True)[0]

    def predict_readable(
        self, sources: Sequence[Source], options: Options, *, strict: bool
    ) -> tuple[pd.DataFrame, dict[str, str]]:
        """Vote fractions of those sources that can be read, and for each of the others why it cannot.

        Raises:
            GalaxyError: no source can be read; or, if `strict`, one cannot.
        """
        seen = views_.of_number(options.views)
        readers = self.readers(options)
        packs = {reader: pack(sources, reader, strict=strict) for reader in dict.fromkeys(readers)}
        problems = {row: problem for _, found in packs.values() for row, problem in found.items()}
        rows = np.setdiff1d(np.arange(len(sources)), list(problems))
        if not len(rows):
            raise GalaxyError(f"none of the {len(sources)} images can be read; {_name(sources, problems)}")
        predictions = [
            predict(network, packs[reader][0], options.batch_size, rows, seen)
            for network, reader in zip(self.networks.values(), readers, strict=True)
        ]
        table = pd.DataFrame(np.mean(predictions, axis=0), columns=list(decision_tree.COLUMNS))
        table.insert(0, FILE, [sources[row].name for row in rows])
        return table, {sources[row].name: problem for row, problem in problems.items()}

    def readers(self, options: Options) -> list[Reader]:
        """What reads the images for each network; the same for networks that were trained on the same."""
        specs = [network.spec for network in self.networks.values()]
        return [Reader(options.crop or Crop.of_training(s.crop), s.size, options.fits_scale) for s in specs]


def pack(sources: Sequence[Source], reader: Reader, *, strict: bool) -> tuple[np.ndarray, dict[int, str]]:
    """Read images on all cores into one array, N×size×size×3 uint8, in a temporary file; and by row what went wrong.

    Raises:
        GalaxyError: at the first image that cannot be read, if `strict`.
    """
    shape = (len(sources), reader.size, reader.size, 3)
    with tempfile.TemporaryFile() as file:  # the array keeps it
        images = np.memmap(file, np.uint8, "w+", shape=shape)
    problems: dict[int, str] = {}
    with tqdm(total=len(sources), desc="read", unit=" images", smoothing=0) as bar:
        for row, image in enumerate(_read_all(sources, reader)):
            if isinstance(image, str):
                problems[row] = image
                if strict:
                    raise GalaxyError(_name(sources, problems))
            else:
                images[row] = image
            bar.update()
    return images, problems


def _read_all(sources: Sequence[Source], reader: Reader) -> Iterator[np.ndarray | str]:
    """Each source's image, or why there is none, in order."""

    def read(source: Source) -> np.ndarray | str:
        try:
            return reader(source.name, source.read())
        except BadImageError as error:
            return str(error)
        except OSError as error:
            return error.strerror or str(error)

    with ThreadPoolExecutor(cpu_count()) as pool:
        try:
            yield from pool.map(read, sources)
        finally:
            pool.shutdown(cancel_futures=True)


def _name(sources: Sequence[Source], problems: dict[int, str]) -> str:
    row, problem = next(iter(problems.items()))
    return f"{sources[row].name}: {problem}; mend or leave it out"
