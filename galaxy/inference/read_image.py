"""Read an image of a galaxy as the input of a network: JPEG, PNG, TIFF, WebP, BMP, GIF or FITS, of any size.

An image that cannot be used raises BadImageError, which says why.
"""

import re
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from galaxy.core.centre_crop import central_square
from galaxy.core.competition import IMAGE_SIZE
from galaxy.core.errors import GalaxyError
from galaxy.inference import fits
from galaxy.inference.fits import FitsOptions
from galaxy.ingest import formats
from galaxy.ingest.decode import CENTRAL, BadImageError, Cropper, central, square

SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp", ".gif", *fits.SUFFIXES)


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


class Picture(NamedTuple):
    """What a network sees of one image (size×size×3 uint8, RGB), and what is doubtful about it, a sentence each."""

    pixels: np.ndarray
    warnings: list[str]


@dataclass(frozen=True)
class Reader:
    """Turns a file's bytes into `size`×`size`×3 uint8, RGB: the central square `crop`, resized by area.

    With `packed`, the image is first resized to that side and `crop` is in pixels of it, as a task's images are; with
    `kept`, only that square of it is, as own images are.
    """

    crop: Crop
    size: int
    fits: FitsOptions = field(default_factory=FitsOptions)
    packed: int | None = None
    kept: Crop | None = None

    @classmethod
    def of_kept(cls, crop: int, size: int, kept: tuple[int, int], fits: FitsOptions) -> "Reader":
        """Return what reads an input of `crop` pixels of the original out of a packed square; see `Spec.kept`."""
        shown, packed = kept
        side = max(round(packed * crop / shown), 1)
        return cls(Crop(1.0, side), size, fits, packed, Crop.of_training(shown))

    def finer(self, size: int) -> "Reader":
        """Return what reads the same part of an image for people to look at, as `size`×`size` pixels."""
        if self.kept is None or self.packed is None or self.crop.pixels is None:
            return replace(self, size=size)
        return Reader(Crop(self.kept.fraction * self.crop.pixels / self.packed), size, self.fits)

    def __call__(self, name: str, data: bytes) -> Picture:
        """Read one image. FITS files are recognised by `name` or content, other formats by their content.

        Raises:
            BadImageError: see `galaxy.ingest.formats` and `galaxy.inference.fits`; or all pixels of the square are
                equal.
        """
        if self.kept is not None and self.packed is not None:
            pixels, warned = Reader(self.kept, self.packed, self.fits)(name, data)
            return Picture(self._cut(pixels), warned)
        if name.lower().endswith(fits.SUFFIXES) or data.startswith(fits.FIRST_CARD):
            picture, warned = fits.read(data, self.fits)
            return Picture(self._square(picture), warned)
        form, mode, (width, height) = formats.header(data)
        if (form, mode) == ("JPEG", "RGB") and width == height and self.packed is None:
            # The competition's own images must come out exactly as the preprocess stage makes them.
            square = Cropper(width, self.crop.side(width, height), self.size)(data)[0]
            return Picture(_not_constant(formats.turned(square, data)), [])
        return Picture(self._square(formats.decode(data)), [])

    def _square(self, picture: np.ndarray) -> np.ndarray:
        height, width = picture.shape[:2]
        if self.packed is not None:
            if min(height, width) < CENTRAL:
                raise BadImageError(f"{width}×{height} pixels, too small")
            return self._cut(square(picture, self.packed))
        return _not_constant(central(picture, self.crop.side(width, height), self.size))

    def _cut(self, packed: np.ndarray) -> np.ndarray:
        cut = central_square(packed, self.crop.pixels or len(packed))
        return _not_constant(square(np.ascontiguousarray(cut), self.size))


def _not_constant(square: np.ndarray) -> np.ndarray:
    if (square == square[0, 0]).all():
        raise BadImageError(f"every pixel has the same value (red, green, blue: {square[0, 0].tolist()})")
    return square
