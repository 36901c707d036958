"""Read FITS images as colour pictures: one plane, or three for g, r and i, in the survey's asinh stretch.

The stretch takes nanomaggies per pixel of the Sloan camera (0.396″), as in the survey's own frames. The header says
what the file holds: the unit (`BUNIT`), the size of a pixel (WCS), the bands (`BANDS`, `FILTER` …) and which extension
is the science image. What it does not say is assumed with a warning, and what cannot be converted is refused, unless
`FitsOptions` decide. Astropy reads the file: `pip install "galaxy-zoo-pipeline[fits]"`.
"""

import gzip
import io
import math
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from galaxy.core import stretch
from galaxy.core.errors import GalaxyError, describe
from galaxy.ingest.decode import MAX_PIXELS, BadImageError

SUFFIXES = (".fits", ".fit", ".fts", ".fits.gz", ".fits.fz")

FIRST_CARD = b"SIMPLE  ="
"""What each FITS file begins with."""

_GZIP = b"\x1f\x8b"
_LARGEST = 2**30
"""Most bytes that a compressed file may expand to."""

_CAMERA_PIXEL = 0.396
"""Side of the Sloan camera's pixels in arcseconds."""

_NOT_SCIENCE = re.compile(
    r"(^|[^a-z])(dq|flags?|quality|bad|(bit)?mask|bpm|weights?|wht|wt|wtmap|i(n)?v(v)?ar|var(iance)?|err(or)?s?|std|"
    r"stddev|sigma|rms|unc(ert(ainty)?)?|noise|sky|bkg|background|psf|model|resid(ual)?s?|seg(m|map|mentation)?|nexp|"
    r"exp(map|osure)?|coverage|cov|con|ctx|context|nimage|time|samp)([^a-z]|$)"
)
"""Names of extensions that are no pictures of the sky: masks, weights, errors, models."""

_SCIENCE = ("sci", "image", "primary")
"""Names of the science image, where a file has further images; the first that is there counts."""

_NANOMAGGIES = {"Jy": 1e9 / 3631, "mJy": 1e6 / 3631, "uJy": 1e3 / 3631, "nJy": 1 / 3631}
"""Nanomaggies per unit, for spectral units that AB magnitudes define."""


@dataclass(frozen=True)
class FitsOptions:
    """What the headers of FITS files do not say, or say wrongly.

    Args:
        scale: factor from the file's pixels to nanomaggies per pixel of 0.396″; None: by `BUNIT` and WCS.
        hdu: name or number (from 0) of the extension to read; None: the science image.
        bands: either the bands of the file's planes in their order, such as "i,r,g", or the numbers (from 1) of the
            planes to take as g, r and i, such as "3,2,1", or of one plane to show in grey; None: by the header.
    """

    scale: float | None = None
    hdu: str | None = None
    bands: str | None = None

    def __post_init__(self) -> None:
        if self.scale is not None and not (math.isfinite(self.scale) and self.scale > 0):
            raise GalaxyError(f"the scale of FITS pixels is {self.scale:g}; it must be above 0")
        if self.bands is not None:
            numbers = [word.isdecimal() for word in self.words]
            named = not any(numbers) and {"g", "r", "i"} <= set(map(_band, self.words))
            if not (named or (all(numbers) and len(numbers) in (1, 3) and "0" not in self.words)):
                raise GalaxyError(
                    f"bands is {self.bands!r}; it may name the planes in their order, with g, r and i among them, such "
                    "as i,r,g, or number (from 1) those to take as g, r and i, such as 3,2,1"
                )

    @property
    def words(self) -> list[str]:
        """The parts of `bands`."""
        return [word.strip() for word in (self.bands or "").split(",")]


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
            stacked, mix, factor = _open(fits, _expanded(data), options, warned)
    except BadImageError:
        raise
    except Exception as error:  # astropy raises errors of any type on damaged files
        raise BadImageError(f"no readable FITS file ({len(data)} bytes): {describe(error)}") from None
    with np.errstate(over="ignore", invalid="ignore"):
        # A plane that has no weight may hold NaN.
        light = np.stack([stacked[row > 0].transpose(1, 2, 0) @ row[row > 0] for row in mix]) * np.float32(factor)
    light = _filled(light, warned)[:, ::-1]
    picture = stretch.grey(light[0]) if len(light) == 1 else stretch.lupton(light)
    return picture[..., ::-1], warned


def _open(
    fits: Any, data: bytes, options: FitsOptions, warned: list[str]
) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
    """Return the science image's planes (P×H×W), the weights that make bands of them, and the factor on the light."""
    with fits.open(io.BytesIO(data), memmap=False, checksum=True) as units:
        unit = _choose(units, options.hdu, warned)
        header = unit.header.copy()
        header.extend(units[0].header, unique=True)  # the first header holds what is common to all extensions
        planes = math.prod(unit.shape[:-2])
        if unit.shape[-1] * unit.shape[-2] * planes > MAX_PIXELS:
            raise BadImageError("too many pixels; cut the galaxy out of it")
        mix = _mix(header, planes, options, warned)
        factor = _factor(header, options.scale, warned)
        return np.asarray(unit.data, np.float32).reshape(-1, *unit.shape[-2:]), mix, factor


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


def _mix(header: Any, planes: int, options: FitsOptions, warned: list[str]) -> NDArray[np.float32]:
    """Return the weights that make one plane, or g, r and i, from the file's planes: 1×planes or 3×planes."""
    each = np.eye(planes, dtype=np.float32)
    numbers = [int(word) for word in options.words] if options.bands and options.words[0].isdecimal() else []
    if planes == 1 and numbers in ([], [1]):
        return each
    if numbers:
        if max(numbers) > planes:
            raise BadImageError(f"{planes} planes, and bands are {options.bands}")
        return each[[number - 1 for number in numbers]]
    bands = [_band(word) for word in options.words] if options.bands else _bands(header, planes)
    if bands is None:
        if planes != 3:
            raise BadImageError(f"{planes} planes; one, or three for g, r and i, are needed; name them with --bands")
        warned.append("the header does not name the bands; the planes were taken as g, r, i (--bands names them)")
        return each
    if len(bands) != planes:
        raise BadImageError(f"{planes} planes, but {len(bands)} bands: {', '.join(bands)}")
    weights = {band: each[bands.index(band)] for band in bands}
    if "i" not in weights and {"g", "r", "z"} <= set(weights):
        warned.append("bands g, r, z: the mean of r and z was taken as i, which is not measured")
        weights["i"] = (weights["r"] + weights["z"]) / 2
    if not {"g", "r", "i"} <= set(weights):
        raise BadImageError(f"the bands are {', '.join(bands)}; g, r and i are needed; choose planes with --bands")
    return np.stack([weights[band] for band in "gri"])


def _bands(header: Any, planes: int) -> list[str] | None:
    """Return the bands that the header names, in the planes' order, or None if it does not name one per plane."""
    for key in ("BANDS", "FILTERS", "FILTER", "BAND"):
        text = str(header.get(key, "")).strip()
        words = re.split(r"[\s,;:/+|]+", text)
        if len(words) == planes:
            return [_band(word) for word in words]
        if len(text) == planes and re.fullmatch("[ugrizyUGRIZY]+", text):
            return [_band(letter) for letter in text]
    for key in ("BAND", "FILTER", "FILT", "PLANE"):
        for first in (0, 1):
            words = [str(header.get(f"{key}{number}", "")).strip() for number in range(first, first + planes)]
            if all(words):
                return [_band(word) for word in words]
    return None


def _band(text: str) -> str:
    """Return the letter of a filter's name such as "sdss_g", "r.00000", "DECam-i" or "g DECam c0001"; else the name."""
    letters = [word for word in re.split(r"[^A-Za-z0-9']+", text) if re.fullmatch("[ugrizyUGRIZY]'?", word)]
    return letters[0][0].lower() if len(letters) == 1 else text


def _factor(header: Any, scale: float | None, warned: list[str]) -> float:
    """Return the factor from the file's pixels to nanomaggies per pixel of the Sloan camera."""
    if scale is not None:
        return scale
    if "BSOFTEN" in header:
        raise BadImageError("pixels of Pan-STARRS in asinh units; make them linear, and give --fits-scale")
    unit = str(header.get("BUNIT", "")).strip()
    plain = re.sub(r"(/|\s+per\s+)\s*pix(el)?$|\s*pix(el)?\^?\(?-1\)?$", "", unit, flags=re.IGNORECASE).strip()
    plain = re.sub(r"^(µ|μ|micro)-?", "u", plain)
    if not unit:
        warned.append("the header has no BUNIT; pixels were taken as nanomaggies (--fits-scale converts others)")
        factor = 1.0
    elif re.fullmatch(r"(1(\.0)?\s*\*?\s*)?n(ano)?[- _]?m(aggy|aggie|aggies|gy|gys)", plain, flags=re.IGNORECASE):
        factor = 1.0
    elif re.fullmatch(r"maggy|maggies|mgy", plain):
        factor = 1e9
    elif plain in _NANOMAGGIES:
        factor = _NANOMAGGIES[plain]
    else:
        raise BadImageError(f"pixels in {unit}, not nanomaggies; give the factor between them with --fits-scale")
    side = _pixel_side(header)
    if side is None:
        warned.append(f"the header has no scale of pixels (WCS); {_CAMERA_PIXEL}″ was taken (--fits-scale converts)")
        return factor
    return factor * (_CAMERA_PIXEL / side) ** 2


def _pixel_side(header: Any) -> float | None:
    """Return the side of a pixel in arcseconds (of a square of equal area), by the header's WCS; None without one."""
    from astropy import wcs

    try:
        celestial = wcs.WCS(header, naxis=2, fix=False).celestial
    except Exception:  # a WCS that astropy cannot use may raise anything
        return None
    if not celestial.has_celestial:
        return None
    side = 3600 * math.sqrt(abs(wcs.utils.proj_plane_pixel_area(celestial)))
    return side if 0 < side < math.inf else None


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
