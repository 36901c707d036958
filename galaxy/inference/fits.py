"""Read FITS images as colour pictures: one plane, or three for g, r and i, in the survey's asinh stretch.

The stretch takes nanomaggies per pixel of the Sloan camera (0.396″), as in the survey's own frames; images with other
pixels are resampled. The header says what the file holds: the unit (`BUNIT`), the size of a pixel (WCS), the bands
(`BANDS`, `FILTER` …) and which extension is the science image. What it does not say is assumed with a warning, and what
cannot be converted is refused, unless `FitsOptions` decide, by the survey's name above all.

Astropy reads the file: `pip install "galaxy-zoo-pipeline[fits]"`.
"""

import gzip
import io
import math
import re
import warnings
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from galaxy.core import stretch
from galaxy.core.errors import GalaxyError, describe
from galaxy.inference import fits_header
from galaxy.inference.fits_header import CAMERA_PIXEL, FitsOptions
from galaxy.inference.surveys import ASINH
from galaxy.ingest.decode import CENTRAL, MAX_PIXELS, BadImageError

__all__ = ["FIRST_CARD", "SUFFIXES", "FitsOptions", "read"]

SUFFIXES = (".fits", ".fit", ".fts", ".fits.gz", ".fits.fz")

FIRST_CARD = b"SIMPLE  ="
"""What each FITS file begins with."""

_GZIP = b"\x1f\x8b"
_LARGEST = 2**30
"""Most bytes that a compressed file may expand to."""

_NOT_SCIENCE = re.compile(
    r"(^|[^a-z])(dq|flags?|quality|bad|(bit)?mask|bpm|weights?|wht|wt|wtmap|i(n)?v(v)?ar|var(iance)?|err(or)?s?|std|"
    r"stddev|sigma|rms|unc(ert(ainty)?)?|noise|sky|bkg|background|psf|model|resid(ual)?s?|seg(m|map|mentation)?|nexp|"
    r"exp(map|osure)?|coverage|cov|con|ctx|context|nimage|time|samp)([^a-z]|$)"
)
"""Names of extensions that are no pictures of the sky: masks, weights, errors, models."""

_SAME_SCALE = 0.01
"""Pixels whose side differs from the camera's by a smaller share are not resampled."""

_MOST_CHANNELS = 6
"""Most bands of an image whose last axis they are."""

_SCIENCE = ("sci", "image", "primary")
"""Names of the science image, where a file has further images; the first that is there counts."""


def read(data: bytes, options: FitsOptions) -> tuple[NDArray[np.uint8], list[str]]:
    """Return the science image, H×W×3, RGB, north up, and what was assumed about it, a sentence each.

    Pixels without a value (NaN, infinity) that lie together at the border become empty sky; those inside become as
    bright as their brightest neighbour, as in a saturated core.

    Raises:
        BadImageError: the file is damaged, or has no image of such planes, units or values.
        GalaxyError: astropy is not installed.
    """
    try:
        from astropy.io import fits
    except ImportError:
        raise GalaxyError('FITS needs astropy; run `pip install "galaxy-zoo-pipeline[fits]"`') from None
    warned: list[str] = []
    try:
        with warnings.catch_warnings():
            # What astropy prints is noise, unless it leaves out parts of the file or finds that its pixels changed.
            warnings.simplefilter("ignore")
            warnings.filterwarnings("error", message=r"\s*(Error validating header|Datasum verification failed)")
            stacked, mix, side = _open(fits, _expanded(data), options, warned)
    except BadImageError:
        raise
    except Exception as error:  # astropy raises errors of any type on damaged files
        raise BadImageError(f"no readable FITS file ({len(data)} bytes): {describe(error)}") from None
    with np.errstate(over="ignore", invalid="ignore"):
        # A plane that has no weight may hold NaN.
        light = np.stack([stacked[row > 0].transpose(1, 2, 0) @ row[row > 0] for row in mix])
    light = _filled(light, warned)
    light = (light if side is None else _resampled(light, side))[:, ::-1]
    picture = stretch.grey(light[0]) if len(light) == 1 else stretch.lupton(light)
    return picture[..., ::-1], warned


def _open(
    fits: Any, data: bytes, options: FitsOptions, warned: list[str]
) -> tuple[NDArray[np.float32], NDArray[np.float32], float | None]:
    """Return the science image's planes (P×H×W), the weights that make light of them, and the side of a pixel."""
    with fits.open(io.BytesIO(data), memmap=False, checksum=True) as units:
        unit = _choose(units, options.hdu, warned)
        header = unit.header.copy()
        header.extend(units[0].header, unique=True)  # the first header holds what is common to all extensions
        if math.prod(unit.shape) > MAX_PIXELS:
            raise BadImageError("too many pixels; cut the galaxy out of it")
        stacked = _planes(np.asarray(unit.data, np.float32), header, options)
        if "BSOFTEN" in header and options.scale is None:
            stacked = _linear(stacked, header, options)
        mix = fits_header.mix(header, len(stacked), options, warned)
        factors, side = fits_header.scale(header, len(stacked), options, warned)
        return stacked, mix * factors, side


def _planes(pixels: NDArray[np.float32], header: Any, options: FitsOptions) -> NDArray[np.float32]:
    """Return the planes of an image of 2, 3 or 4 axes, P×H×W; the bands may be its last axis if their names are known.

    Raises:
        BadImageError: there are several images, or it is unknown which axis the bands are.
    """
    shape = pixels.shape
    while pixels.ndim > 2 and pixels.shape[0] == 1:
        pixels = pixels[0]
    if pixels.ndim == 2:
        return pixels[None]
    if pixels.ndim > 3:
        raise BadImageError(f"{_text(shape)} values: several pictures in one image; write each to a file of its own")
    channels = pixels.shape[-1]
    if channels > _MOST_CHANNELS or pixels.shape[0] <= _MOST_CHANNELS:
        return pixels
    if not fits_header.names_bands(header, channels, options):
        raise BadImageError(f"{_text(shape)} values, the bands last, and no names of them; name them (--bands i,r,g)")
    return np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _linear(pixels: NDArray[np.float32], header: Any, options: FitsOptions) -> NDArray[np.float32]:
    """Undo the asinh compression of Pan-STARRS's stacks.

    Raises:
        BadImageError: the options do not name that survey, or there are several planes, each of another scale.
    """
    if options.survey != "panstarrs":
        raise BadImageError("pixels of Pan-STARRS in asinh units (BSOFTEN); name the survey: --survey panstarrs")
    if len(pixels) > 1:
        raise BadImageError(
            "planes of Pan-STARRS in asinh units (BSOFTEN); make each linear before they are put together"
        )
    return np.float32(header.get("BOFFSET", 0.0)) + np.float32(2 * header["BSOFTEN"]) * np.sinh(
        pixels / np.float32(ASINH)
    )


def _expanded(data: bytes) -> bytes:
    """Return the file without gzip, in which astropy searches a damaged header without end; check how it begins."""
    if data.startswith(_GZIP):
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
            if file.read(len(FIRST_CARD)) == FIRST_CARD:
                data = FIRST_CARD + file.read(_LARGEST)
                if file.read(1):
                    raise BadImageError(f"expands to more than {_LARGEST:,} bytes")
    if not data.startswith(FIRST_CARD):
        raise BadImageError(f"no readable FITS file ({len(data)} bytes): it does not begin with {FIRST_CARD.decode()}")
    return data


def _choose(units: Any, wanted: str | None, warned: list[str]) -> Any:
    """Return the unit named or numbered `wanted`, or else the science image."""
    shapes = {
        number: unit.shape
        for number, unit in enumerate(units)
        if unit.is_image and len(unit.shape) >= 2 and math.prod(unit.shape)
    }
    listed = ", ".join(f"{number} ({units[number].name or 'no name'}, {_text(shapes[number])})" for number in shapes)
    if not shapes:
        raise BadImageError("no image with 2 or 3 axes")
    if wanted is not None:
        chosen = [n for n in shapes if str(n) == wanted or units[n].name.lower() == wanted.lower()]
        if len(chosen) != 1:
            raise BadImageError(f"{len(chosen)} images are {wanted!r}; the file has {listed}")
        return units[chosen[0]]
    science = [n for n in shapes if not _NOT_SCIENCE.search(units[n].name.lower())]
    if len(science) > 1:
        for name in _SCIENCE:
            if len(named := [n for n in science if units[n].name.lower() == name]) == 1:
                warned.append(f"several images: {listed}; {named[0]} was taken (--hdu chooses)")
                return units[named[0]]
    if len(science) != 1:
        raise BadImageError(f"which image is the galaxy's? The file has {listed}; name one with --hdu")
    return units[science[0]]


def _text(shape: Sequence[int]) -> str:
    return "×".join(map(str, shape))


def _resampled(light: NDArray[np.float32], side: float) -> NDArray[np.float32]:
    """Resample light per camera pixel (B×H×W, pixels of `side` arcseconds) to the camera's pixels.

    The stretch is not linear, so noise and fine structure come out as in the training images only at their scale.
    """
    height, width = (round(pixels * side / CAMERA_PIXEL) for pixels in light.shape[1:])
    if abs(side / CAMERA_PIXEL - 1) < _SAME_SCALE or (height, width) == light.shape[1:]:
        return light
    shown = f"{_text(light.shape[:0:-1])} pixels of {side:.3g}″ are {width}×{height} of the Sloan camera's"
    if min(height, width) < CENTRAL:
        raise BadImageError(f"{shown}, too few to see a galaxy")
    if height * width * len(light) > MAX_PIXELS:
        raise BadImageError(f"{shown}, too many; cut the galaxy out of it")
    method = cv2.INTER_AREA if side < CAMERA_PIXEL else cv2.INTER_CUBIC
    return np.stack([cv2.resize(band, (width, height), interpolation=method) for band in light])


def _filled(light: NDArray[np.float32], warned: list[str]) -> NDArray[np.float32]:
    """Fill pixels without a value, see `read`."""
    empty = np.asarray(~np.isfinite(light).all(axis=0))
    if not empty.any():
        return light
    if empty.all():
        raise BadImageError("no pixel has a value")
    light = np.where(empty, np.float32(0), light)
    labels, _ = ndimage.label(empty, np.ones((3, 3)))
    border = set(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    height, width = empty.shape
    core = labels[height * 9 // 20 : height * 11 // 20 + 1, width * 9 // 20 : width * 11 // 20 + 1]
    if border & set(np.unique(core[core > 0])):
        raise BadImageError("pixels without a value (NaN, infinity) from the border to the centre")
    inside = 0
    for label, where in enumerate(ndimage.find_objects(labels), 1):
        if label not in border:
            around = tuple(slice(max(part.start - 1, 0), part.stop + 1) for part in where)
            hole = labels[around] == label
            rim = np.asarray(ndimage.binary_dilation(hole, np.ones((3, 3)))) & ~empty[around]
            light[(slice(None), *around)][:, hole] = light[(slice(None), *around)][:, rim].max(axis=1, keepdims=True)
            inside += int(hole.sum())
    if inside:
        warned.append(f"{inside} pixels without a value inside the picture were filled, as bright as their neighbours")
    return light
