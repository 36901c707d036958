"""Read FITS images as colour pictures: one plane, or three for g, r and i, in the survey's asinh stretch.

Pixels are in nanomaggies per pixel of the Sloan camera (0.396″), as in the survey's own frames; a factor converts other
units. Astropy reads the file: `pip install "galaxy-zoo-pipeline[fits]"`.
"""

import gzip
import io
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from galaxy.core import stretch
from galaxy.core.errors import GalaxyError
from galaxy.ingest.decode import MAX_PIXELS, BadImageError

SUFFIXES = (".fits", ".fit", ".fts", ".fits.gz", ".fits.fz")

GZIP = b"\x1f\x8b"
"""The first bytes of a gzipped file."""


def read(data: bytes, scale: float) -> NDArray[np.uint8]:
    """Return the file's first image, H×W×3, BGR, north up. Pixels without a value (NaN, infinity) become empty sky.

    Args:
        scale: factor from the file's units to nanomaggies per pixel of 0.396″.

    Raises:
        BadImageError: there is no image of one or three planes, or none of its pixels has a value.
        GalaxyError: astropy is not installed.
    """
    planes = _planes(data)
    if not np.isfinite(planes).any():
        raise BadImageError("no pixel has a value")
    light = np.nan_to_num(planes * np.float32(scale), nan=0.0, posinf=0.0, neginf=0.0)[:, ::-1]
    return stretch.grey(light[0]) if len(light) == 1 else stretch.lupton(light)


def _planes(data: bytes) -> NDArray[np.float32]:
    """Return the first image that has 2 or 3 axes, as 1×H×W or 3×H×W."""
    try:
        from astropy.io import fits
        from astropy.io.fits.verify import VerifyError
    except ImportError:
        raise GalaxyError('FITS needs astropy; run `pip install "galaxy-zoo-pipeline[fits]"`') from None
    file: Any = io.BytesIO(data)
    if data.startswith(GZIP):
        file = gzip.GzipFile(fileobj=file)  # astropy recognises gzip only in files that it opens itself
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
