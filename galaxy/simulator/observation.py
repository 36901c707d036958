"""From light to JPEG: the Sloan survey's camera, its colour pictures, and Galaxy Zoo's cut-outs of them.

The survey's pictures were made once, at the camera's own pixel scale; Galaxy Zoo's cut-outs are those pictures
enlarged until 0.02 of the galaxy's radius fills a pixel. So a small galaxy's picture is soft and its noise coarse.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from galaxy.core.errors import GalaxyError
from galaxy.simulator.field import add_field
from galaxy.simulator.population import Galaxy
from galaxy.simulator.rendering import FIELD
from galaxy.simulator.rendering import render
from galaxy.core.stretch import lupton

Array = NDArray[np.float32]

SIZE = 424
"""Side of a cut-out in pixels."""

PIXEL = 0.396
"""Side of the survey camera's pixel in arcseconds (York et al. 2000)."""

SKY_NOISE = np.array([0.0125, 0.0175, 0.0275], np.float32)
"""Standard deviation of the sky in g, r and i, in nanomaggies a camera pixel: typical of the survey's frames."""

ELECTRONS = np.array([1050.0, 930.0, 650.0], np.float32)
"""Electrons a nanomaggy makes in an exposure, for the noise of the galaxy's own light."""

GRAIN, COMMON_GRAIN = 0.82, 0.5
"""How much of the sky's noise the survey's pictures show, and which share of it all three bands have in common.

From the sky in the corners of the competition's images: their channels go together more than independent bands would.
"""

TINTED = 0.25
"""Share of pictures whose sky has a tint."""

SEEING_BY_BAND = (1.06, 1.0, 0.95)

RESAMPLING = 0.55
"""Standard deviation, in pixels, of the smoothing done by shifting all bands onto one grid; from the sky's grain."""

SURVEY_QUALITY, CUTOUT_QUALITY = 75, 75
"""JPEG qualities of the survey's pictures and of the cut-outs; 75 has the quantisation tables of the real files."""


@dataclass(frozen=True)
class Conditions:
    """Seeing (full width at half maximum in r) in arcseconds, and factor on the survey's noise."""

    seeing: float
    noise: float


def photograph(galaxy: Galaxy, conditions: Conditions, rng: np.random.Generator) -> bytes:
    """The galaxy's cut-out, as the bytes of a `SIZE`×`SIZE` RGB JPEG."""
    # A galaxy so large that its cut-out would be a reduced picture is rendered at the cut-out's own scale.
    size = min(round(FIELD * galaxy.radius / PIXEL), SIZE)
    scale = FIELD * galaxy.radius / size
    light = render(galaxy, size, rng)
    add_field(light, galaxy, scale, conditions.seeing, rng)
    light = _blur(light, scale, conditions, rng) * np.float32((PIXEL / scale) ** 2)
    bands = _add_noise(light, scale, conditions, rng) + _sky_left(conditions, rng)[:, None, None]
    seen = np.stack([cv2.GaussianBlur(band, (0, 0), RESAMPLING) for band in bands])
    picture = cv2.imdecode(_jpeg(lupton(seen), SURVEY_QUALITY), cv2.IMREAD_COLOR)
    assert picture is not None
    return _jpeg(cv2.resize(picture, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC), CUTOUT_QUALITY).tobytes()


def _blur(light: Array, scale: float, conditions: Conditions, rng: np.random.Generator) -> Array:
    """Seeing: two Gaussians, core and wings, as the survey models it. Bands are off each other by a bit of a pixel."""
    seeing = conditions.seeing * rng.lognormal(0, 0.1)
    shifts = rng.normal(0, 0.16 * PIXEL / scale, (3, 2))
    blurred = np.empty_like(light)
    for band, factor in enumerate(SEEING_BY_BAND):
        # The rest of the blur comes with the resampling.
        sigma = np.sqrt(max((seeing * factor / (2.355 * scale)) ** 2 - RESAMPLING**2, 0.3**2))
        move = np.array([[1, 0, shifts[band, 0]], [0, 1, shifts[band, 1]]])
        moved = cv2.warpAffine(light[band], move, light.shape[1:], borderMode=cv2.BORDER_REPLICATE)
        core = cv2.GaussianBlur(moved, (0, 0), sigma)
        wings = cv2.GaussianBlur(moved, (0, 0), 2.8 * sigma)
        blurred[band] = 0.87 * core + 0.13 * wings
    return blurred


def _add_noise(light: Array, scale: float, conditions: Conditions, rng: np.random.Generator) -> Array:
    """Noise of sky and of the light itself; `light` is in nanomaggies a camera pixel."""
    variance = SKY_NOISE[:, None, None] ** 2 + np.maximum(light, 0) / ELECTRONS[:, None, None]
    # Skies differ from night to night. A pixel of a reduced picture is the mean of several of the camera's.
    factor = np.float32(conditions.noise * GRAIN * rng.lognormal(0, 0.12) * PIXEL / scale)
    own, common = rng.standard_normal(light.shape, np.float32), rng.standard_normal(light.shape[1:], np.float32)
    grain = np.float32(np.sqrt(1 - COMMON_GRAIN)) * own + np.float32(np.sqrt(COMMON_GRAIN)) * common
    return light + factor * np.sqrt(variance) * grain


def _sky_left(conditions: Conditions, rng: np.random.Generator) -> Array:
    """What the subtraction of the sky left over in g, r and i, in nanomaggies a pixel: mostly nothing, now and then a
    tint."""
    if rng.random() > TINTED:
        return np.zeros(3, np.float32)
    tint = rng.exponential(0.15) * rng.uniform(0.5, 1.5, 3)
    return (conditions.noise * SKY_NOISE * tint).astype(np.float32)


def _jpeg(picture: Any, quality: int) -> Any:
    """The picture (OpenCV's order of colours) as a JPEG, an array of bytes."""
    done, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise GalaxyError("OpenCV cannot write JPEG; reinstall opencv-python-headless")
    return jpeg
