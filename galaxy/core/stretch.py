"""From light to pictures: the asinh stretch of the Sloan survey, for simulated galaxies and for FITS files."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

STRETCH_WEIGHTS = np.array([1.64, 0.95, 0.79], np.float32)
STRETCH_Q = 94.0
STRETCH_OFFSETS = np.array([-0.0119, -0.0049, -0.0075], np.float32)
"""Weights of g, r and i, softening, and backgrounds (in nanomaggies per pixel) of the survey's colour pictures.

Fitted to the median radial profiles, in red, green and blue, of the competition's images.
"""


def lupton(
    light: NDArray[np.float32], weights: Any = STRETCH_WEIGHTS, offsets: Any = STRETCH_OFFSETS
) -> NDArray[np.uint8]:
    """Make a colour picture by the asinh stretch of Lupton et al. 2004 (PASP 116, 133), which keeps hues up to white.

    Args:
        light: bands g, r, i by height by width, in nanomaggies per camera pixel.
        weights, offsets: one per band; the survey's by default.

    Returns:
        Height by width by blue, green, red (OpenCV's order).
    """
    weighted = light * weights[:, None, None] + offsets[:, None, None]
    intensity = np.maximum(weighted.mean(axis=0), np.float32(1e-6))
    stretched = np.arcsinh(np.float32(STRETCH_Q) * intensity) / np.float32(np.sqrt(STRETCH_Q))
    picture = np.maximum(weighted, 0) * (stretched / intensity)
    picture /= np.maximum(picture.max(axis=0), 1)
    return np.rint(255 * picture).astype(np.uint8).transpose(1, 2, 0)


def grey(light: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Make a grey picture of one band, height by width, as bright as r makes the green of a colour picture."""
    neutral = np.ones(3, np.float32)
    return lupton(np.stack([light] * 3), STRETCH_WEIGHTS[1] * neutral, STRETCH_OFFSETS[1] * neutral)
