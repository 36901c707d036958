"""What images look like in a few numbers, to compare new images with those that a network was trained on."""

from typing import Any

import numpy as np

from galaxy.core.centre_crop import squares

MEASURES = ("median", "centre", "sky", "border", "saturated", "grain", "redness", "greenness")
"""What is measured, see `measure`."""

LEVELS = (0.002, 0.01, 0.5, 0.99, 0.998)
"""The quantiles that are kept of each measure."""

_MOST = 5000
"""Most images to measure: enough for these quantiles."""

_CHUNK = 256


def measure(images: np.ndarray, rows: np.ndarray, size: int) -> np.ndarray:
    """Measure images.

    Args:
        images, rows: N×S×S×3 uint8, RGB, and the rows to measure.
        size: the side to measure them at, in pixels.

    Returns:
        8 numbers per row: the median pixel; the mean of the centre (a fifth of each side); the 10 % and 75 % quantiles
        of the pixels near the border; the share of pixels with a channel of 250 or more; the mean difference of
        neighbours near the border (all of them 0–255, except for the share); and how much redder than blue, and greener
        than both, the centre is (shares of its light).
    """
    chunks = (rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK))
    return np.concatenate([_measure(squares(images[chunk], size)) for chunk in chunks])


def _measure(images: np.ndarray) -> np.ndarray:
    colours = images.astype(np.float32)
    number, side = colours.shape[:2]
    grey = colours.mean(axis=3)
    near, far = max(side // 8, 1), side * 2 // 5
    ring = np.ones((side, side), bool)
    ring[near:-near, near:-near] = False
    border = grey[:, ring]
    steps = np.abs(np.diff(colours[..., 1], axis=2))[:, ring[:, 1:] & ring[:, :-1]]
    centre = colours[:, far : side - far, far : side - far].reshape(number, -1, 3).mean(axis=1)
    red, green, blue = centre.T
    light = centre.sum(axis=1) + 10  # so that noise gives no colour to what is dark
    return np.column_stack(
        [
            np.median(grey, axis=(1, 2)),
            centre.mean(axis=1),
            np.quantile(border, 0.1, axis=1),
            np.quantile(border, 0.75, axis=1),
            (colours.max(axis=3) >= 250).mean(axis=(1, 2)),
            steps.mean(axis=1),
            (red - blue) / light,
            (2 * green - red - blue) / light,
        ]
    )


def statistics(images: np.ndarray, rows: np.ndarray, size: int) -> dict[str, Any]:
    """Return the quantiles of each measure over some rows of N×S×S×3 images at `size` pixels, for a model's card."""
    chosen = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), _MOST)).astype(int))
    quantiles = np.quantile(measure(images, rows[chosen], size), LEVELS, axis=0)
    return {"levels": list(LEVELS)} | {
        name: [round(float(value), 5) for value in column] for name, column in zip(MEASURES, quantiles.T, strict=True)
    }
