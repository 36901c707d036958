"""Predict your own images with trained models: `galaxy.load("models/cnn").predict("images/")`."""

import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from galaxy.core import decision_tree
from galaxy.core.errors import GalaxyError
from galaxy.core.files import read_json
from galaxy.core.paths import PATHS
from galaxy.core.runtime import progress
from galaxy.inference import find_images, image_workers, plausibility
from galaxy.inference.fits import FitsOptions
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

    networks, trained_on, appearances = {}, {}, {}
    for path in found:
        networks[str(path)], card = saved.load(path)
        data = card.get("data", {})
        trained_on[str(path)] = data.get("source", {}).get("source", "unknown")
        appearances[str(path)] = data.get("appearance")
    return Predictor(networks, trained_on, appearances)


@dataclass(frozen=True)
class Options:
    """How to read and predict images. If `crop` is None, each model keeps the fraction that it was trained on."""

    views: int = 1
    crop: Crop | None = None
    fits: FitsOptions = field(default_factory=FitsOptions)
    batch_size: int = 64

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise GalaxyError(f"batch size is {self.batch_size}; it must be 1 or more")


@dataclass(frozen=True)
class Predictor:
    """Networks, and what each was trained on, by folder: the source ("simulated", "local", …) and how its images look.

    An appearance (`galaxy.data.appearance`) is None if the model was trained before cards had it.
    """

    networks: "dict[str, Network]"
    trained_on: dict[str, str]
    appearances: dict[str, dict[str, Any] | None]

    def predict(
        self,
        *images: Any,
        views: int = 1,
        crop: float | int | None = None,
        fits_scale: float | None = None,
        hdu: str | int | None = None,
        bands: str | None = None,
        survey: str | None = None,
        batch_size: int = 64,
    ) -> pd.DataFrame:
        """Predict the vote fractions of images: the mean over models and views, on a GPU if there is one.

        Args:
            images: files, folders, globs, zips or lists of paths, arrays (H×W×3 or N×H×W×3 uint8, RGB), pictures of
                Pillow's, and lists, Series or arrays of these; see `galaxy.inference.find_images`.
            views: 8 for quarter turns, each mirrored too; any other number for as many turns.
            crop: the central square to keep, in pixels (10 or more) or as a fraction of the shorter side (up to 1);
                None for the fraction that each model was trained on.
            fits_scale, hdu, bands, survey: what the headers of FITS files do not say, see
                `galaxy.inference.fits.FitsOptions`.
            batch_size: images at a time.

        Returns:
            `file`, the 37 columns and `warning` (what is doubtful about the image, or ""), one row per image, after the
            columns of the list that names the image, if one does. An array or a picture of Pillow's is called
            "image 1", "image 2", …

        Raises:
            GalaxyError: there is no image, one cannot be read, or an option is out of range.
            TypeError: an image or an option is of another type.
        """
        options = Options(
            operator.index(views),
            None if crop is None else Crop.parse(str(crop)),
            FitsOptions(
                None if fits_scale is None else float(fits_scale), None if hdu is None else str(hdu), bands, survey
            ),
            operator.index(batch_size),
        )
        return self.predict_readable(find_images.find(images), options, strict=True)[0].reset_index(drop=True)

    def predict_readable(
        self, sources: Sequence[Source], options: Options, *, strict: bool, refuse_doubtful: bool = False
    ) -> tuple[pd.DataFrame, dict[int, str]]:
        """Predict the images that can be read; return a table, and by row why others cannot be read.

        The table has the columns of lists, `file`, the 37 columns and `warning`. Its index is the image's number in
        `sources`. An image that cannot be read is left out, unless a list names it: then its fractions are NaN, and
        `warning` says why.

        Raises:
            GalaxyError: no image can be read; or, if `strict`, one cannot; or, if `refuse_doubtful`, one has a warning.
        """
        step = max(1, PART // sum(3 * reader.size**2 for reader in set(self.readers(options))))
        starts = range(0, len(sources), step)
        parts, problems, warned = [], {}, {}
        for number, start in enumerate(starts, 1):
            label = f", part {number} of {len(starts)}" if len(starts) > 1 else ""
            part = sources[start : start + step]
            predicted, unreadable, doubtful = self._predict_part(part, options, strict, refuse_doubtful, label)
            parts.append(predicted)
            problems.update({start + row: problem for row, problem in unreadable.items()})
            warned.update({start + row: text for row, text in doubtful.items()})
        if len(problems) == len(sources):
            raise GalaxyError(f"none of the {len(sources)} images can be read; {_first(sources, problems)}")
        fractions = pd.DataFrame(np.concatenate(parts), columns=list(decision_tree.COLUMNS))
        table = find_images.columns(sources).join(fractions)
        warned |= {row: f"cannot be read: {problem}" for row, problem in problems.items()}
        table[WARNING] = [warned.get(row, "") for row in table.index]
        return table.drop([row for row in problems if sources[row].row is None]), problems

    def _predict_part(
        self, sources: Sequence[Source], options: Options, strict: bool, refuse_doubtful: bool, label: str
    ) -> tuple[np.ndarray, dict[int, str], dict[int, str]]:
        """Predict images whose pixels are in memory together: N×37, NaN for those with problems.

        Return also the problems and the warnings by row.
        """
        from galaxy.data import test_time_views
        from galaxy.models.predict import predict

        views = test_time_views.of_number(options.views)
        readers = self.readers(options)
        images: dict[Reader, np.ndarray] = {}  # networks with equal crop and size share a reader, and so the images
        problems: dict[int, str] = {}
        warned: dict[int, list[str]] = {}
        for reader in readers:
            if reader not in images:
                images[reader], unreadable, doubtful = read_images(sources, reader, strict=strict, label=f"read{label}")
                problems.update(unreadable)
                warned.update(doubtful)
        fractions = np.full((len(sources), len(decision_tree.COLUMNS)), np.nan, np.float32)
        rows = np.setdiff1d(np.arange(len(sources)), list(problems))
        if not len(rows):
            return fractions, problems, {}
        for reader, appearance in zip(readers, self.appearances.values(), strict=True):
            if appearance is not None:
                for row, sentence in zip(rows, plausibility.warnings(images[reader], rows, appearance), strict=True):
                    if sentence and sentence not in warned.get(row, []):
                        warned[int(row)] = [*warned.get(row, []), sentence]
        texts = {row: "; ".join(sentences) for row, sentences in sorted(warned.items()) if row not in problems}
        if texts and refuse_doubtful:
            raise GalaxyError(_first(sources, texts))
        names = [Path(folder).name for folder in self.networks]
        predictions = [
            predict(network, images[reader], options.batch_size, rows, views, label=f"predict {name}{label}")
            for name, network, reader in zip(names, self.networks.values(), readers, strict=True)
        ]
        fractions[rows] = np.mean(predictions, axis=0)
        return fractions, problems, texts

    def readers(self, options: Options) -> list[Reader]:
        """Return each network's reader of images; networks with equal crop and size have equal readers."""
        specs = [network.spec for network in self.networks.values()]
        return [Reader(options.crop or Crop.of_training(s.crop), s.size, options.fits) for s in specs]


def read_images(
    sources: Sequence[Source], reader: Reader, *, strict: bool, label: str = "read"
) -> tuple[np.ndarray, dict[int, str], dict[int, list[str]]]:
    """Read images on all cores into N×size×size×3 uint8, and collect problems and warnings by row.

    If `strict`, the first problem raises GalaxyError. `label` is the progress bar's.
    """
    pixels = image_workers.Pixels(len(sources), reader.size)
    problems: dict[int, str] = {}
    warned: dict[int, list[str]] = {}
    with progress(label, len(sources)) as bar:
        for row, outcome in image_workers.read(sources, reader, pixels):
            if outcome.problem:
                problems[row] = outcome.problem
                if strict:
                    raise GalaxyError(_first(sources, problems))
            if outcome.warnings:
                warned[row] = list(outcome.warnings)
            bar.update()
    return pixels.array, dict(sorted(problems.items())), warned


def _first(sources: Sequence[Source], problems: dict[int, str]) -> str:
    row, problem = next(iter(problems.items()))
    return f"{sources[row].name}: {problem}; fix it or leave it out"
