"""Compare images with those that a network was trained on, and say in words what lies far outside.

A network gives an answer for any image. These warnings catch what changes answers most: pixels in other units, a sky
that was not subtracted, and planes in another order.
"""

from typing import Any

import numpy as np

from galaxy.data.appearance import MEASURES, measure

NO_STATISTICS = "the model's card has no statistics of its training images, so images are not compared with them"

MARGIN = 0.25
"""How far beyond the outer quantiles of the training images an image may lie, as a share of the range of 98 % of them.

So at most 0.5 % of other galaxies of the same source get a warning, and of pixels ten times too bright or too faint, or
with a sky of 0.1 nanomaggies or more, 99 % do.
"""

_LOGARITHMIC = np.array([name not in ("redness", "greenness") for name in MEASURES])
_RESOLUTION = np.array([1.0, 1.0, 1.0, 1.0, 1e-3, 1.0, 1.0, 1.0])
"""What is added before the logarithm: values below this do not differ."""

_WORDS = {
    "bright": "much brighter than the training images; pixels too bright, such as counts instead of nanomaggies?",
    "sky": "a much brighter sky than in the training images; sky not subtracted?",
    "faint": "almost black beside the training images; pixels too faint, in another unit?",
    "colours": "other colours than the training images; planes in another order, or other bands?",
    "smooth": "less noise than in the training images; pixels too faint, or smoothed?",
}


def warnings(images: np.ndarray, rows: np.ndarray, statistics: dict[str, Any]) -> list[str]:
    """Return a sentence for each row whose image is far outside of the training images, and "" for each other.

    Args:
        images, rows: N×S×S×3 uint8, as the network sees them, and the rows to compare.
        statistics: of its training images, by `galaxy.data.appearance.statistics`.
    """
    lowest, low, median, high, highest = _scaled(np.array([statistics[name] for name in MEASURES]).T)
    values = _scaled(measure(images, rows, images.shape[1]))
    margin = MARGIN * (high - low)
    grain = MEASURES.index("grain")
    return [
        _sentence(
            {name for name, value, least in zip(MEASURES, row, lowest - margin, strict=True) if value < least},
            {name for name, value, most in zip(MEASURES, row, highest + margin, strict=True) if value > most},
            noisy=bool(row[grain] > median[grain]),
        )
        for row in values
    ]


def _scaled(values: np.ndarray) -> np.ndarray:
    """Return values on the scale on which they are compared: brightness and shares by factors."""
    scaled = np.array(values, float)
    scaled[:, _LOGARITHMIC] = np.log(scaled[:, _LOGARITHMIC] + _RESOLUTION[_LOGARITHMIC])
    return scaled


def _sentence(below: set[str], above: set[str], *, noisy: bool) -> str:
    if above & {"median", "sky", "border"}:
        found = "bright" if noisy or "saturated" in above else "sky"  # a constant sky hides the noise
    elif below & {"median", "centre", "border"}:
        found = "faint"
    elif (below | above) & {"redness", "greenness"}:
        found = "colours"
    elif above:
        found = "bright"
    elif below:
        found = "smooth"
    else:
        return ""
    return f"{_WORDS[found]} ({', '.join(name for name in MEASURES if name in below | above)})"
