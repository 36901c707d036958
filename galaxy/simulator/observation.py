"""From light to JPEG: the Sloan survey's camera, its colour pictures, and Galaxy Zoo's cut-outs of them.

The survey's pictures have the camera's pixel scale. Galaxy Zoo's cut-outs are those pictures, enlarged until a pixel is
0.02 of the galaxy's radius. So the picture of a small galaxy is soft, with coarse noise.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from galaxy.core.errors import GalaxyError
from galaxy.core.stretch import lupton
from galaxy.simulator.field import add_field
from galaxy.simulator.population import Galaxy
from galaxy.simulator.rendering import FIELD, render

Array = NDArray[np.float32]

SIZE = 424
"""Side of a cut-out in pixels."""

PIXEL = 0.396
"""Side of the survey camera's pixel in arcseconds (York et al. 2000)."""

SKY_NOISE = np.array([0.0125, 0.0175, 0.0275], np.float32)
"""Standard deviation of the sky in g, r and i, in nanomaggies per camera pixel: typical of the survey's frames."""

ELECTRONS = np.array([1050.0, 930.0, 650.0], np.float32)
"""Electrons per nanomaggy in an exposure, for the noise of the galaxy's own light."""

GRAIN, COMMON_GRAIN = 0.82, 0.5
"""How much of the sky's noise is in the survey's pictures, and the share of it that all three bands have in common.

Measured in the corners of the competition's images, whose channels are more correlated than independent bands.
"""

TINTED = 0.25
"""Share of pictures whose sky has a tint."""

SEEING_BY_BAND = (1.06, 1.0, 0.95)

RESAMPLING = 0.55
"""Standard deviation, in pixels, of the smoothing when bands are shifted to one grid; from the sky's grain."""

SURVEY_QUALITY, CUTOUT_QUALITY = 75, 75
"""JPEG qualities of the survey's pictures and of the cut-outs; 75 gives the quantisation tables of the real files."""


@dataclass(frozen=True)
class Conditions:
    """Seeing (full width at half maximum in r) in arcseconds, and factor on the survey's noise."""

    seeing: float
    noise: float


def photograph(galaxy: Galaxy, conditions: Conditions, rng: np.random.Generator) -> bytes:
    """Return the galaxy's cut-out as the bytes of a `SIZE`×`SIZE` RGB JPEG."""
    bands, _ = expose(galaxy, conditions, rng)
    picture = cv2.imdecode(_jpeg(lupton(bands), SURVEY_QUALITY), cv2.IMREAD_COLOR)
    assert picture is not None
    return _jpeg(cv2.resize(picture, (SIZE, SIZE), interpolation=cv2.INTER_CUBIC), CUTOUT_QUALITY).tobytes()


def expose(galaxy: Galaxy, conditions: Conditions, rng: np.random.Generator) -> tuple[Array, float]:
    """Return the light of the galaxy's cut-out in g, r and i, 3×N×N, and the side of its pixels in arcseconds.

    The light is in nanomaggies per camera pixel, whatever the side is: about the camera's, or larger if the cut-out
    would have more than `SIZE` pixels.
    """
    # If the galaxy is so large that its cut-out is a reduced picture, render it at the cut-out's scale.
    size = min(round(FIELD * galaxy.radius / PIXEL), SIZE)
    scale = FIELD * galaxy.radius / size
    light = render(galaxy, size, rng)
    add_field(light, galaxy, scale, conditions.seeing, rng)
    light = _blur(light, scale, conditions, rng) * np.float32((PIXEL / scale) ** 2)
    bands = _add_noise(light, scale, conditions, rng) + _sky_residual(conditions, rng)[:, None, None]
    return np.stack([cv2.GaussianBlur(band, (0, 0), RESAMPLING) for band in bands]), scale


def _blur(light: Array, scale: float, conditions: Conditions, rng: np.random.Generator) -> Array:
    """Blur by the seeing: two Gaussians, core and wings, as the survey models it. Shift bands by part of a pixel."""
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
    """Add the noise of the sky and of the light itself; `light` is in nanomaggies per camera pixel."""
    variance = SKY_NOISE[:, None, None] ** 2 + np.maximum(light, 0) / ELECTRONS[:, None, None]
    # Skies differ from night to night. A pixel of a reduced picture is the mean of several camera pixels.
    factor = np.float32(conditions.noise * GRAIN * rng.lognormal(0, 0.12) * PIXEL / scale)
    own, common = rng.standard_normal(light.shape, np.float32), rng.standard_normal(light.shape[1:], np.float32)
    grain = np.float32(np.sqrt(1 - COMMON_GRAIN)) * own + np.float32(np.sqrt(COMMON_GRAIN)) * common
    return light + factor * np.sqrt(variance) * grain


def _sky_residual(conditions: Conditions, rng: np.random.Generator) -> Array:
    """Draw what is left after sky subtraction in g, r and i (nanomaggies per pixel): mostly nothing, else a tint."""
    if rng.random() > TINTED:
        return np.zeros(3, np.float32)
    tint = rng.exponential(0.15) * rng.uniform(0.5, 1.5, 3)
    return (conditions.noise * SKY_NOISE * tint).astype(np.float32)


def _jpeg(picture: Any, quality: int) -> Any:
    """Encode a picture (OpenCV's order of colours) as a JPEG, an array of bytes."""
    done, jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise GalaxyError("OpenCV cannot write JPEG; reinstall opencv-python-headless")
    return jpeg
