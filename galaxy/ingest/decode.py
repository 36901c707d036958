"""One image: from a JPEG's bytes to a small square, with OpenCV.

A JPEG can be decoded at a half, quarter or eighth of its size, several times faster, because its blocks hold the
coarse picture apart from the fine one. Where the target is small enough, that replaces decoding pixels that the
resize would average away.
"""

import io
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

CENTRAL = 10
"""Side of the central square whose mean colour the central-pixel benchmark uses, in pixels of the original."""

MAX_PIXELS = 2 * (Image.MAX_IMAGE_PIXELS or 0)
"""Above this Pillow refuses an image; 179 million."""

_DECODERS = {
    1: cv2.IMREAD_COLOR_BGR,
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}
_END_OF_IMAGE = b"\xff\xd9"


class BadImageError(Exception):
    """An image that cannot be used; the message says why, the caller knows which."""


def header(data: bytes) -> tuple[str, str, tuple[int, int]]:
    """Format, colour mode (Pillow's names), width and height of an image file, before any pixel is decoded.

    Raises:
        BadImageError: no image, or one that would fill the memory (Pillow's limit).
    """
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG", "PNG", "TIFF", "GIF", "BMP", "WEBP"]) as image:
            return str(image.format), image.mode, image.size
    except Image.DecompressionBombError:
        raise BadImageError("too many pixels; cut the galaxy out of it") from None
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        raise BadImageError(f"no readable image ({len(data)} bytes)") from None


def check_jpeg(data: bytes, side: int) -> None:
    """Make sure that `data` is a whole RGB JPEG of `side`×`side` pixels, before any pixel is decoded.

    Raises:
        BadImageError: it is not. OpenCV would take a grey image, a PNG or another size without a word, and, in some
            versions, fill up a truncated image with grey.
    """
    form, mode, size = header(data)
    if form != "JPEG":
        raise BadImageError(f"{form}, not JPEG")
    if mode != "RGB":
        raise BadImageError(f"colour mode {mode}, not RGB")
    if size != (side, side):
        raise BadImageError(f"{size[0]}×{size[1]} pixels, not {side}×{side}")
    if not data.rstrip(b"\0").endswith(_END_OF_IMAGE):
        raise BadImageError("truncated")


def central(picture: np.ndarray, crop: int, size: int) -> np.ndarray:
    """The central `crop`×`crop` pixels of a picture, uint8, as `size`×`size`; the order of colours stays.

    Shrinking averages areas; a crop smaller than the target is enlarged linearly.
    """
    top, left = ((side - crop) // 2 for side in picture.shape[:2])
    # OpenCV averages areas faster in floating point than in bytes, to within one grey level.
    cropped = picture[top : top + crop, left : left + crop].astype(np.float32)
    how = cv2.INTER_AREA if size <= crop else cv2.INTER_LINEAR
    return cv2.convertScaleAbs(cv2.resize(cropped, (size, size), interpolation=how))


@dataclass(frozen=True)
class Cropper:
    """Centre crop and resize of square JPEGs of `side` pixels: keep the central `crop`, make it `size` pixels wide."""

    side: int
    crop: int
    size: int
    scaled_decoding: bool = True

    @cached_property
    def factor(self) -> int:
        """By how much the decoder shrinks: the most that leaves the crop whole pixels and no smaller than `size`."""
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
        """Which decoded rows the central square covers, and how much of each."""
        low = (self.side - CENTRAL) / 2 / self.factor
        high = (self.side + CENTRAL) / 2 / self.factor
        rows = np.arange(int(np.floor(low)), int(np.ceil(high)))
        cover = np.minimum(rows + 1, high) - np.maximum(rows, low)
        return slice(rows[0], rows[-1] + 1), cover / cover.sum()

    def __call__(self, data: bytes) -> tuple[np.ndarray, np.ndarray]:
        """Decode one JPEG.

        Returns:
            The image, size×size×3, uint8, RGB; and the mean colour of the central square of the whole original,
            3 values (red, green, blue) in 0–255.

        Raises:
            BadImageError: the data is not a whole JPEG of the right size.
        """
        check_jpeg(data, self.side)
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), _DECODERS[self.factor] | cv2.IMREAD_IGNORE_ORIENTATION)
        if decoded is None:
            raise BadImageError("damaged")
        rows, cover = self._central
        colour = np.einsum("i,j,ijc->c", cover, cover, decoded[rows, rows].astype(np.float64))
        image = central(decoded, self.crop // self.factor, self.size)
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB), colour[::-1]


def squares(images: np.ndarray, size: int) -> np.ndarray:
    """`square` of each of N images."""
    return np.stack([square(np.ascontiguousarray(image), size) for image in images])


def square(image: np.ndarray, size: int) -> np.ndarray:
    """The central square of an H×W×C image, resized to `size`×`size`; unchanged where that is what it is."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    central = image[top : top + side, left : left + side]
    if side == size:
        return central
    how = cv2.INTER_AREA if side > size else cv2.INTER_LINEAR
    return cv2.resize(central, (size, size), interpolation=how).reshape(size, size, -1)
