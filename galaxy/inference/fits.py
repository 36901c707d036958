"""FITS images as colour pictures: one plane, or three for g, r and i, in the survey's asinh stretch.

Pixels are taken to hold nanomaggies a pixel of the Sloan camera (0.396″), as the survey's own frames do; a factor
brings others there. Astropy reads the file: `pip install "galaxy-zoo-pipeline[fits]"`.
"""

import gzip
import io
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from galaxy.core import stretch
from galaxy.core.errors import GalaxyError
from galaxy.ingest.decode import MAX_PIXELS
from galaxy.ingest.decode import BadImageError

SUFFIXES = (".fits", ".fit", ".fts", ".fits.gz", ".fits.fz")

GZIP = b"\x1f\x8b"
"""How a gzipped file begins."""


def read(data: bytes, scale: float) -> NDArray[np.uint8]:
    """The file's first image as a picture: height by width by blue, green, red (OpenCV's order), north up.

    A pixel without a value (NaN, infinity) is empty sky.

    Args:
        scale: by what to multiply the pixels to have nanomaggies a pixel of 0.396″.

    Raises:
        BadImageError: no image of one or three planes, or none of its pixels has a value.
        GalaxyError: astropy is not installed.
    """
    planes = _planes(data)
    if not np.isfinite(planes).any():
        raise BadImageError("no pixel has a value")
    light = np.nan_to_num(planes * np.float32(scale), nan=0.0, posinf=0.0, neginf=0.0)[:, ::-1]
    return stretch.grey(light[0]) if len(light) == 1 else stretch.lupton(light)


def _planes(data: bytes) -> NDArray[np.float32]:
    """The planes of the first image that has 2 or 3 axes: 1 or 3 by height by width."""
    try:
        from astropy.io import fits
        from astropy.io.fits.verify import VerifyError
    except ImportError:
        raise GalaxyError('FITS needs astropy; run `pip install "galaxy-zoo-pipeline[fits]"`') from None
    file: Any = io.BytesIO(data)
    if data.startswith(GZIP):
        file = gzip.GzipFile(fileobj=file)  # of a file that it does not open itself, astropy does not notice
    try:
        with fits.open(file, memmap=False) as units:
            images = (unit for unit in units if unit.is_image and unit.header.get("NAXIS", 0) in (2, 3))
            image = next(images, None)
            if image is None:
                raise BadImageError("no image with 2 or 3 axes")
            shape = image.shape
            if len(shape) == 3 and shape[0] not in (1, 3):
                raise BadImageError(f"{shape[0]} planes; one, or three for g, r and i, are needed")
            if shape[-1] * shape[-2] > MAX_PIXELS:
                raise BadImageError("too many pixels; cut the galaxy out of it")
            planes = np.asarray(image.data, np.float32)
    except (OSError, ValueError, TypeError, VerifyError, EOFError, zlib.error):
        raise BadImageError(f"no readable FITS file ({len(data)} bytes)") from None
    return planes.reshape(-1, *shape[-2:])
