"""Read an image of a galaxy as the input of a network: JPEG, PNG, TIFF or FITS, of any size.

An image that cannot be used raises BadImageError, which says why.
"""

import re
import warnings
from dataclasses import dataclass

import cv2
import numpy as np

from galaxy.core.competition import IMAGE_SIZE
from galaxy.core.errors import GalaxyError
from galaxy.inference import fits
from galaxy.ingest.decode import CENTRAL, BadImageError, Cropper, central, header

SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", *fits.SUFFIXES)

# Unreadable images are named in our own words; what the libraries print about them, and about large images, is noise.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
warnings.filterwarnings("ignore", module=r"(PIL|astropy\.io)\.")


@dataclass(frozen=True)
class Crop:
    """The central square of an image to keep: its side in `pixels`, or as a `fraction` of the shorter side."""

    fraction: float
    pixels: int | None = None

    @classmethod
    def parse(cls, text: str) -> "Crop":
        """Read a whole number from 10 on as pixels, and a number up to 1 as a fraction of the shorter side.

        Raises:
            GalaxyError: the text is neither.
        """
        if re.fullmatch(r"[0-9]{1,6}", text) and int(text) >= CENTRAL:
            return cls(1.0, int(text))
        if re.fullmatch(r"[0-9]*\.?[0-9]+|1\.", text) and 0 < float(text) <= 1:
            return cls(float(text))
        raise GalaxyError(
            f"crop is {text!r}; it may be a number of pixels (a whole number ≥ {CENTRAL}) or a fraction of the "
            "image's shorter side (above 0, at most 1)"
        )

    @classmethod
    def of_training(cls, pixels: int) -> "Crop":
        """Return the fraction of the competition's images that a training crop of `pixels` keeps."""
        return cls(pixels / IMAGE_SIZE)

    def side(self, width: int, height: int) -> int:
        """Return the side in pixels of the square to keep of an image of this size."""
        shorter = min(width, height)
        side = self.pixels or round(self.fraction * shorter)
        if shorter < CENTRAL or not 1 <= side <= shorter:
            raise BadImageError(f"{width}×{height} pixels, too small for a crop of {side}")
        return side


@dataclass(frozen=True)
class Reader:
    """Turns a file's bytes into `size`×`size`×3 uint8, RGB: the central square `crop`, resized by area.

    `scale` multiplies the pixels of FITS files (see `galaxy.inference.fits`).
    """

    crop: Crop
    size: int
    scale: float = 1.0

    def __call__(self, name: str, data: bytes) -> np.ndarray:
        """Read one image. FITS files are recognised by `name`, other formats by their content."""
        if name.lower().endswith(fits.SUFFIXES):
            return self._square(fits.read(data, self.scale))
        form, mode, (width, height) = header(data)
        if (form, mode) == ("JPEG", "RGB") and width == height:
            # The competition's own images must come out exactly as the preprocess stage makes them.
            return Cropper(width, self.crop.side(width, height), self.size)(data)[0]
        return self._square(_decode(data))

    def _square(self, picture: np.ndarray) -> np.ndarray:
        height, width = picture.shape[:2]
        square = central(picture, self.crop.side(width, height), self.size)
        return cv2.cvtColor(square, cv2.COLOR_BGR2RGB)


def _decode(data: bytes) -> np.ndarray:
    """Decode to H×W×3 uint8, BGR. 16 bits become 8, grey three equal colours, and transparent pixels black."""
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if picture is None:
        raise BadImageError("damaged or truncated")
    if picture.dtype == np.uint16:
        picture = cv2.convertScaleAbs(picture, alpha=255 / 65535)
    if picture.dtype != np.uint8:
        raise BadImageError(f"pixels of type {picture.dtype}; save it with 8 or 16 bits per colour, or as FITS")
    if picture.ndim == 2:
        return cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR)
    if picture.shape[2] == 4:
        opaque = picture[..., 3:].astype(np.float32) / 255
        return cv2.convertScaleAbs(picture[..., :3] * opaque)
    if picture.shape[2] != 3:
        raise BadImageError(f"{picture.shape[2]} channels; 1, 3 or 4 are needed")
    return picture
