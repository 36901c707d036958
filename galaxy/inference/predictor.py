"""Predict your own images with trained models: `galaxy.load("models/cnn").predict("images/")`."""

import operator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from galaxy.core import decision_tree, metrics
from galaxy.core.errors import GalaxyError
from galaxy.core.files import read_json, sha256
from galaxy.core.paths import PATHS
from galaxy.inference import find_images, stream
from galaxy.inference.catalogue import Catalogue
from galaxy.inference.fits import FitsOptions
from galaxy.inference.image_list import Images
from galaxy.inference.lists import WARNING
from galaxy.inference.read_image import Crop, Reader
from galaxy.models import intervals

if TYPE_CHECKING:
    # torch takes seconds, which a wrong name need not wait for
    from galaxy.inference.prediction import Prediction
    from galaxy.models.network import Network, Spec

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
        GalaxyError: a folder does not hold a complete model, or the models predict different things.
    """
    found = find_models(*folders)
    from galaxy.models import saved

    networks, trained_on, appearances, residuals, volunteers = {}, {}, {}, {}, {}
    for path in found:
        networks[str(path)], card = saved.load(path, any_outputs=True)
        data = card.get("data", {})
        trained_on[str(path)] = data.get("source", {}).get("source", "unknown")
        appearances[str(path)] = data.get("appearance")
        residuals[str(path)] = card.get("residuals")
        volunteers[str(path)] = data.get("volunteers", metrics.VOLUNTEERS)
    first, *others = networks.items()
    for name, network in [first, *others]:
        if len(network.spec.mean) not in (1, 3):
            count = f"{len(network.spec.mean)} channels; they are read in colour (3) or in grey (1)"
            raise GalaxyError(f"{name}: the network takes images of {count}")
        if _predicts(network.spec) != _predicts(first[1].spec):
            both = f"{first[0]} predicts {_in_words(first[1].spec)}, {name} {_in_words(network.spec)}"
            raise GalaxyError(f"{both}; name models that predict the same, in the same order")
    return Predictor(networks, trained_on, appearances, residuals, volunteers)


def _predicts(spec: "Spec") -> tuple[tuple[str, ...], str]:
    return spec.outputs, spec.head_gives


def _in_words(spec: "Spec") -> str:
    return f"{len(spec.outputs)} {spec.head_gives} ({', '.join(spec.outputs[:3])}{' …' * (len(spec.outputs) > 3)})"


@dataclass(frozen=True)
class Options:
    """How to read and predict images. If `crop` is None, each model keeps the fraction that it was trained on.

    `interval` is the level of the intervals to give, for so many `volunteers` (None: as many as in the training).
    """

    views: int = 1
    crop: Crop | None = None
    fits: FitsOptions = field(default_factory=FitsOptions)
    batch_size: int = 64
    interval: float | None = None
    volunteers: int | None = None

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise GalaxyError(f"batch size is {self.batch_size}; it must be 1 or more")
        if self.interval is not None and not 0 < self.interval < 1:
            raise GalaxyError(f"interval is {self.interval:g}; it must be above 0 and below 1, such as 0.9")
        if self.interval is None and self.volunteers is not None:
            raise GalaxyError("volunteers are for intervals; give a level, too (interval 0.9)")


@dataclass(frozen=True)
class Predictor:
    """Networks, and what each was trained on, by folder: the source ("simulated", "local", …) and how its images look.

    An appearance (`galaxy.data.appearance`) is None if the model was trained before cards had it. Residuals
    (`galaxy.models.residuals`) are None for the head dirichlet, too. The number of volunteers is the median of an image
    of the training.
    """

    networks: "dict[str, Network]"
    trained_on: dict[str, str]
    appearances: dict[str, dict[str, Any] | None]
    residuals: dict[str, dict[str, Any] | None]
    volunteers: dict[str, int]

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
        interval: float | None = None,
        volunteers: int | None = None,
    ) -> pd.DataFrame:
        """Predict images: the mean over models and views, on all GPUs if there is one.

        Args:
            images: files, folders, globs, zips or lists of paths, arrays (H×W×3 or N×H×W×3 uint8, RGB), pictures of
                Pillow's, and lists, Series or arrays of these; see `galaxy.inference.find_images`.
            views: 8 for quarter turns, each mirrored too; any other number for as many turns.
            crop: the central square to keep, in pixels (10 or more) or as a fraction of the shorter side (up to 1);
                None for the fraction that each model was trained on.
            fits_scale, hdu, bands, survey: what the headers of FITS files do not say, see
                `galaxy.inference.fits.FitsOptions`.
            batch_size: images at a time.
            interval: also give, for each column, the interval in which the fraction or number lies with this chance.
            volunteers: the number of volunteers whose votes that would be, by default as many as an image of the
                training has (44 in the competition); for the head dirichlet only.

        Returns:
            `file`, the models' columns, with intervals `<column>_low` and `<column>_high`, and `warning` (what is
            doubtful about the image, or ""), one row per image, after the columns of the list that names the image, if
            one does. The models' columns are the 37 vote fractions; or of a classifier the likeliest class and each
            class's probability. An array or a picture of Pillow's is called "image 1", "image 2", …

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
            None if interval is None else float(interval),
            None if volunteers is None else operator.index(volunteers),
        )
        return self.predict_readable(find_images.find(images), options, strict=True)[0].reset_index(drop=True)

    def predict_readable(
        self, images: Images, options: Options, *, strict: bool, refuse_doubtful: bool = False
    ) -> tuple[pd.DataFrame, dict[int, str]]:
        """Predict the images that can be read; return a table, and by number why others cannot be read.

        The table is that of all parts, see `galaxy.inference.stream.Part`.

        Raises:
            GalaxyError: the models do not give intervals; no image can be read; or, if `strict`, one cannot; or, if
                `refuse_doubtful`, one has a warning.
        """
        computes = self.computations(options)
        catalogue = Catalogue(images, [*computes[0].columns, WARNING])
        found = list(
            stream.parts(
                images,
                catalogue,
                computes,
                range(len(images)),
                options.batch_size,
                strict=strict,
                refuse_doubtful=refuse_doubtful,
                label=self.label,
            )
        )
        problems = {number: problem for part in found for number, problem in part.problems.items()}
        if len(problems) == len(images):
            raise stream.none_readable(images, len(images), problems)
        return pd.concat([part.table for part in found]), problems

    def computations(self, options: Options) -> "list[Prediction]":
        """Return what predicts batches of images, one a device.

        Raises:
            GalaxyError: the options ask for intervals that these models do not give.
        """
        from galaxy.inference import prediction

        interval = None
        if options.interval is not None:
            self._check_intervals(options)
            volunteers = options.volunteers or max(self.volunteers.values())
            interval = prediction.Interval(options.interval, list(self.residuals.values()), volunteers)
        networks, appearances = list(self.networks.values()), list(self.appearances.values())
        return prediction.on_each_device(networks, self.readers(options), appearances, options.views, interval)

    def _check_intervals(self, options: Options) -> None:
        from galaxy.models.heads import PROBABILITIES

        name, network = next(iter(self.networks.items()))
        if network.spec.head_gives == PROBABILITIES:
            raise GalaxyError(
                f"{name} predicts classes: their probabilities, which it gives, say how sure it is, so there are no "
                "intervals; leave out --interval"
            )
        heads = {folder: network.spec.head for folder, network in self.networks.items()}
        intervals.check(heads, self.residuals, options.volunteers)

    def readers(self, options: Options) -> list[Reader]:
        """Return each network's reader of images; networks with equal crop and size have equal readers.

        Raises:
            GalaxyError: a card does not say which part of an image the network sees, and neither do the options.
        """
        return [self._reader(name, network.spec, options) for name, network in self.networks.items()]

    def _reader(self, name: str, spec: "Spec", options: Options) -> Reader:
        from galaxy.models.heads import LOGITS

        if options.crop is not None:
            return Reader(options.crop, spec.size, options.fits)
        if spec.packed is not None:
            return Reader(Crop(1.0, spec.crop), spec.size, options.fits, spec.packed)
        if spec.kept is not None:
            return Reader.of_kept(spec.crop, spec.size, spec.kept, options.fits)
        if spec.head == LOGITS and self.appearances[name] is None:  # of a task, trained before cards had `packed`
            raise GalaxyError(
                f"{name}: its card does not say what part of an image the network sees; train it again, or say it "
                "(--crop)"
            )
        return Reader(Crop.of_training(spec.crop), spec.size, options.fits)

    def digests(self) -> dict[str, str]:
        """Return a checksum of each model."""
        from galaxy.models import saved

        return {
            name: " ".join(sha256(Path(name) / part) for part in (saved.CARD, saved.WEIGHTS)) for name in self.networks
        }

    @property
    def label(self) -> str:
        """What is being done, for the progress bar."""
        return f"predict {', '.join(Path(name).name for name in self.networks)}"

    def digits(self, options: Options) -> dict[str, str]:
        """Return how CSV writes the predicted numbers, by column."""
        from galaxy.inference import prediction
        from galaxy.models.heads import SHARES

        spec = next(iter(self.networks.values())).spec
        form = "{:.6f}" if spec.head_gives in SHARES else "{:.7g}"
        columns = prediction.columns(spec, options.interval is not None)
        return {name: form for name, dtype in columns.items() if dtype.kind == "f"}

    @property
    def of_the_tree(self) -> bool:
        """Whether the models predict the 37 vote fractions of Galaxy Zoo 2's decision tree."""
        return all(network.spec.outputs == decision_tree.COLUMNS for network in self.networks.values())
