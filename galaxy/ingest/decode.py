"""One image: from a JPEG's bytes to a small square.

A JPEG stores coarse and fine detail separately, so it can be decoded at a half, quarter or eighth of its size, several
times faster. This is done if the target is small enough: the resize would only average those pixels away.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from PIL import Image

from galaxy.core.centre_crop import central_square
from galaxy.ingest.formats import BadImageError, header, jpeg

CENTRAL = 10
"""Side of the square whose mean colour the central-pixel benchmark uses, in pixels of the original."""

MAX_PIXELS = 2 * (Image.MAX_IMAGE_PIXELS or 0)
"""Pillow refuses images with more pixels: 179 million."""

_END_OF_IMAGE = b"\xff\xd9"


def check_jpeg(data: bytes, side: int) -> None:
    """Check what the header says: that `data` is an RGB JPEG of `side`×`side` pixels, and that it has an end.

    Bytes after the end do not matter. Pixels are not decoded; `galaxy.ingest.formats.jpeg` finds damage in them.

    Raises:
        BadImageError: it is not. Decoders would accept a grey image or another size silently.
    """
    form, mode, size = header(data, "JPEG")
    if form != "JPEG":
        raise BadImageError(f"{form}, not JPEG")
    if mode != "RGB":
        raise BadImageError(f"colour mode {mode}, not RGB")
    if size != (side, side):
        raise BadImageError(f"{size[0]}×{size[1]} pixels, not {side}×{side}")
    if _END_OF_IMAGE not in data:
        raise BadImageError("truncated")


def central(image: np.ndarray, crop: int, size: int) -> np.ndarray:
    """Resize the central `crop`×`crop` pixels of a uint8 image to `size`×`size`; keep the order of colours.

    Shrinking averages areas; enlarging is linear.
    """
    cropped = central_square(image, crop)
    if crop == size:
        return np.ascontiguousarray(cropped)
    # OpenCV averages areas faster in floating point than in bytes, to within one grey level.
    cropped = cropped.astype(np.float32)
    method = cv2.INTER_AREA if size <= crop else cv2.INTER_LINEAR
    return cv2.convertScaleAbs(cv2.resize(cropped, (size, size), interpolation=method))


@dataclass(frozen=True)
class Cropper:
    """Cut the central `crop` pixels from square JPEGs of `side` pixels and resize them to `size` pixels."""

    side: int
    crop: int
    size: int
    scaled_decoding: bool = True

    @cached_property
    def factor(self) -> int:
        """The decoder's reduction: the largest that keeps the crop in whole pixels and not smaller than `size`."""
        if not self.scaled_decoding:
            return 1
        offset = (self.side - self.crop) // 2
        fits = (
            factor
            for factor in (8, 4, 2, 1)
            if self.crop // factor >= self.size and not any(n % factor for n in (self.side, self.crop, offset))
        )
        return next(fits, 1)

    @cached_property
    def _central(self) -> tuple[slice, np.ndarray]:
        """The decoded rows that the central square covers, and how much of each."""
        low = (self.side - CENTRAL) / 2 / self.factor
        high = (self.side + CENTRAL) / 2 / self.factor
        rows = np.arange(int(np.floor(low)), int(np.ceil(high)))
        cover = np.minimum(rows + 1, high) - np.maximum(rows, low)
        return slice(rows[0], rows[-1] + 1), cover / cover.sum()

    def __call__(self, data: bytes) -> tuple[np.ndarray, np.ndarray]:
        """Decode one JPEG.

        Returns:
            The image (size×size×3, uint8, RGB), and the mean colour of the original's central square: 3 values (red,
            green, blue) in 0–255.

        Raises:
            BadImageError: the data is not a whole JPEG of the right size.
        """
        check_jpeg(data, self.side)
        decoded = jpeg(data, self.side // self.factor)
        rows, cover = self._central
        colour = np.einsum("i,j,ijc->c", cover, cover, decoded[rows, rows].astype(np.float64))
        image = central(decoded, self.crop // self.factor, self.size)
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB), colour[::-1]
