"""Surveys by name: the same galaxy in the units and pixels of another survey is seen and predicted alike."""

import io
import math
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from conftest import augmentation

from galaxy import cli
from galaxy.core.errors import GalaxyError
from galaxy.core.params import Params
from galaxy.core.paths import TrainingPaths
from galaxy.data.galaxies import Galaxies
from galaxy.data.split import split
from galaxy.inference.fits import FitsOptions, read
from galaxy.inference.read_image import Crop, Reader
from galaxy.inference.surveys import ASINH, SURVEYS
from galaxy.ingest.decode import BadImageError
from galaxy.models import saved
from galaxy.models.network import Network
from galaxy.models.predict import predict
from galaxy.own_labels.params import Data
from galaxy.simulator import observation
from galaxy.simulator.observation import PIXEL, Conditions, expose
from galaxy.simulator.population import draw
from galaxy.training import vote_fractions

EXPOSURES = {"EXPTIME1": 516.0, "EXPTIME2": 480.0, "EXPTIME3": 540.0}
HEADERS: dict[str, dict[str, Any]] = {
    "sdss": {"BUNIT": "nanomaggy", "BANDS": "gri"},
    "legacy": {},
    "panstarrs": EXPOSURES,
    "hsc": {"FLUXMAG0": 63095734448.0194},
    "des": {"MAGZERO": 30.0, "FILTER": "g r i"},
}
"""What the images of each survey say of themselves; the others are as its pages have it."""


def fits_file(pixels: np.ndarray, side: float | None, **cards: Any) -> bytes:
    """A file with pixels of that side in arcseconds; None: without a WCS."""
    header = fits.Header(cards)
    if side is not None:
        header.update({"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CDELT1": -side / 3600, "CDELT2": side / 3600})
    buffer = io.BytesIO()
    fits.PrimaryHDU(pixels.astype(np.float32), header).writeto(buffer)
    return buffer.getvalue()


def of_survey(name: str, light: np.ndarray, side: float) -> bytes:
    """The file that a survey would have of light in g, r and i, in nanomaggies per Sloan pixel, of pixels of `side`."""
    survey = SURVEYS[name]
    size = round(light.shape[1] * side / survey.side)
    method = cv2.INTER_CUBIC if survey.side < side else cv2.INTER_AREA
    pixels = (
        light if name == "sdss" else np.stack([cv2.resize(band, (size, size), interpolation=method) for band in light])
    )
    side *= light.shape[1] / len(pixels[0])
    if name == "legacy":  # as if the light in z made that in i the mean of r and z
        pixels = np.stack([pixels[0], pixels[1], 2 * pixels[2] - pixels[1]])
    magnitude = {"panstarrs": 25 + 2.5 * np.log10(list(EXPOSURES.values())), "hsc": 27, "des": 30}.get(name, 22.5)
    counts = pixels * (side / PIXEL) ** 2 * 10 ** (0.4 * (np.resize(magnitude, 3)[:, None, None] - 22.5))
    return fits_file(counts, side, **HEADERS[name])


def noise(light: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Noise of the Sloan camera, for light in nanomaggies per pixel."""
    variance = observation.SKY_NOISE[:, None, None] ** 2 + np.maximum(light, 0) / observation.ELECTRONS[:, None, None]
    grain = rng.standard_normal(light.shape) * np.sqrt(variance) * observation.GRAIN
    return np.stack([cv2.GaussianBlur(band, (0, 0), observation.RESAMPLING) for band in grain]).astype(np.float32)


@pytest.fixture(scope="module")
def galaxies() -> list[tuple[np.ndarray, float]]:
    """Light without noise of simulated galaxies, and the side of their pixels: about the camera's."""
    exposed = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        light, side = expose(draw(rng), Conditions(1.3, 0.0), rng)
        if abs(side / PIXEL - 1) < 0.02:
            exposed.append((light, side))
    return exposed[:10]


@pytest.fixture(scope="module")
def network(defaults: Params, preprocessed: Path, tmp_path_factory: pytest.TempPathFactory) -> Network:
    """A network trained on the simulated galaxies of the small competition."""
    folder = tmp_path_factory.mktemp("trained")
    names = ("model", "history", "metrics", "checkpoints", "events")
    short = {"epochs": 6, "precision": "32-true", "augmentation": augmentation(), "crop": 212}
    ids = pd.read_csv(preprocessed / "training.csv")["GalaxyID"].to_numpy()
    vote_fractions.train(
        defaults.models["cnn"].model_copy(update=short),
        Galaxies.open(preprocessed, "training"),
        split(ids, 0.1, 0.1, 1),
        {"source": "simulated"},
        TrainingPaths(**{name: folder / name for name in names}),
    )
    return saved.load(folder / "model")[0]


def fractions(network: Network, files: list[bytes], survey: str) -> np.ndarray:
    reader = Reader(Crop.of_training(212), 64, FitsOptions(survey=survey))
    pictures = [reader("a.fits", file) for file in files]
    assert {warning for picture in pictures for warning in picture.warnings} == set()
    return predict(network, np.stack([picture.pixels for picture in pictures]), 16)


@pytest.mark.parametrize("name", [name for name in SURVEYS if name != "sdss"])
def test_the_same_galaxy_in_another_surveys_pixels_is_predicted_alike(
    name: str, galaxies: list[tuple[np.ndarray, float]], network: Network
):
    """It differs less than what the Sloan camera's noise makes of the same galaxy a second time."""
    rng = np.random.default_rng(0)
    first, second = ([light + noise(light, rng) for light, _ in galaxies] for _ in range(2))
    sides = [side for _, side in galaxies]
    sloan, again, other = (
        fractions(network, [of_survey(of, *pair) for pair in zip(exposed, sides, strict=True)], of)
        for exposed, of in ((first, "sdss"), (second, "sdss"), (first, name))
    )
    spread, differences = np.abs(again - sloan), np.abs(other - sloan)
    assert differences.mean() < spread.mean()
    assert differences.max() < 2 * spread.max()


@pytest.mark.parametrize("name", SURVEYS)
def test_a_survey_gives_what_the_header_does_not_say(name: str, galaxies: list[tuple[np.ndarray, float]]):
    light, side = galaxies[0]
    survey = SURVEYS[name]
    whole, warned = read(of_survey(name, light, side), FitsOptions(survey=name))
    assert warned == []
    assert abs(whole.shape[0] - light.shape[1]) <= 1
    size = round(light.shape[1] * survey.side / PIXEL)
    bare = fits_file(light, None, **(EXPOSURES if name == "panstarrs" else {}))
    picture, warned = read(bare, FitsOptions(survey=name))
    assert (picture.shape, warned) == ((size, size, 3), [])


CONTRADICTIONS: list[tuple[str, float, dict[str, Any], str]] = [
    ("legacy", 0.396, {}, "the WCS has pixels of 0.396″, but those of the Legacy Surveys are 0.262″"),
    ("hsc", 0.168, {"BUNIT": "nanomaggy"}, "BUNIT is nanomaggy, but Hyper Suprime-Cam's survey has the zero point 27"),
    ("sdss", 0.396, {"BUNIT": "counts"}, "BUNIT is counts, but the Sloan survey has nanomaggies"),
    ("panstarrs", 0.25, {"BUNIT": "Jy"}, "BUNIT is Jy, but Pan-STARRS has the zero point 25"),
    ("des", 0.263, {"MAGZERO": 31.4}, "MAGZERO gives a zero point of 31.4, but the Dark Energy Survey has the zero"),
    ("hsc", 0.168, {"FLUXMAG0": 1e12}, "FLUXMAG0 gives a zero point of 30, but Hyper Suprime-Cam's survey has"),
    ("legacy", 0.262, {"BANDS": "ugr"}, "the bands are u, g, r, but the Legacy Surveys has g, r, i, z"),
    (
        "panstarrs",
        0.25,
        {"BANDS": "gri"},
        "Pan-STARRS's zero point needs the exposure time of each plane; the header has",
    ),
    ("sdss", 0.396, {"BUNIT": "MJy/sr"}, "pixels in MJy/sr, not nanomaggies"),
    (
        "des",
        0.263,
        {"BSOFTEN": 1.0},
        "pixels of Pan-STARRS in asinh units (BSOFTEN); name the survey: --survey panstarrs",
    ),
]


@pytest.mark.parametrize(("name", "side", "cards", "said"), CONTRADICTIONS)
def test_a_header_that_contradicts_the_survey_is_refused(name: str, side: float, cards: dict[str, Any], said: str):
    light = np.random.default_rng(0).gamma(1.0, 0.2, (3, 40, 40))
    with pytest.raises(BadImageError) as error:
        read(fits_file(light, side, **cards), FitsOptions(survey=name))
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_compressed_stacks_of_pan_starrs_are_made_linear():
    light = np.random.default_rng(0).gamma(1.0, 0.2, (40, 40))
    counts = light * 10 ** (0.4 * (25 - 22.5)) * 500 * (0.25 / PIXEL) ** 2
    packed = ASINH * np.arcsinh((counts - 3) / (2 * 20))
    cards = {"EXPTIME": 500.0, "BOFFSET": 3.0, "BSOFTEN": 20.0}
    pair = [
        read(fits_file(pixels, 0.25, **given), FitsOptions(survey="panstarrs"))[0].astype(int)
        for pixels, given in ((packed, cards), (counts, {"EXPTIME": 500.0}))
    ]
    assert np.abs(pair[0] - pair[1]).max() <= 1
    with pytest.raises(BadImageError, match="make each linear before they are put together"):
        read(fits_file(np.stack([packed] * 3), 0.25, **cards | EXPOSURES), FitsOptions(survey="panstarrs"))


def test_the_command_takes_the_surveys_that_there_are():
    assert get_args(get_args(Data.model_fields["survey"].annotation)[0]) == tuple(SURVEYS)
    for name in SURVEYS:
        assert cli.parser().parse_args(["predict", "a.fits", "--survey", name]).survey == name
    with pytest.raises(GalaxyError, match=r"unknown survey 'cfht'; it may be sdss, .*; else --fits-scale FACTOR"):
        FitsOptions(survey="cfht")
    with pytest.raises(GalaxyError, match="--survey and --fits-scale both say what the pixels are"):
        FitsOptions(scale=1.0, survey="sdss")
    assert math.isclose(ASINH, 1.0857362, rel_tol=1e-6)
