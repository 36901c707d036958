"""What the header of a FITS file says about its pixels, and what `FitsOptions` say in its place."""

import math
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from galaxy.core.errors import GalaxyError
from galaxy.inference.surveys import SURVEYS, Survey
from galaxy.ingest.decode import BadImageError

CAMERA_PIXEL = 0.396
"""Side of the Sloan camera's pixels in arcseconds."""

_NANOMAGGIES = {"Jy": 1e9 / 3631, "mJy": 1e6 / 3631, "uJy": 1e3 / 3631, "nJy": 1 / 3631}
"""Nanomaggies per unit, for spectral units that AB magnitudes define."""

_COUNTS = re.compile(r"counts?|cts?|adus?|dn|e-?|electrons?", re.IGNORECASE)
"""Units that only the survey's zero point converts."""

_BANDS = "ugrizy"


@dataclass(frozen=True)
class FitsOptions:
    """What the headers of FITS files do not say, or say wrongly.

    Args:
        scale: factor from the file's pixels to nanomaggies per pixel of 0.396″; None: by `BUNIT` and WCS.
        hdu: name or number (from 0) of the extension to read; None: the science image.
        bands: either the bands of the file's planes in their order, such as "i,r,g", or the numbers (from 1) of the
            planes to take as g, r and i, such as "3,2,1", or of one plane to show in grey; None: by the header.
        survey: a key of `galaxy.inference.surveys.SURVEYS`, which gives zero point, pixel and bands; None: by the
            header.
    """

    scale: float | None = None
    hdu: str | None = None
    bands: str | None = None
    survey: str | None = None

    def __post_init__(self) -> None:
        if self.scale is not None and not (math.isfinite(self.scale) and self.scale > 0):
            raise GalaxyError(f"the scale of FITS pixels is {self.scale:g}; it must be above 0")
        if self.survey is not None and self.survey not in SURVEYS:
            raise GalaxyError(
                f"unknown survey {self.survey!r}; it may be {', '.join(SURVEYS)}; else --fits-scale FACTOR"
            )
        if self.survey is not None and self.scale is not None:
            raise GalaxyError("--survey and --fits-scale both say what the pixels are; leave one of them out")
        if self.bands is not None:
            numbers = [word.isdecimal() for word in self.words]
            named = {band(word) for word in self.words} if not any(numbers) else set()
            coloured = {"g", "r", "i"} <= named or {"g", "r", "z"} <= named
            one = len(self.words) == 1 and named <= set(_BANDS)
            if not (coloured or (one and named) or (all(numbers) and len(numbers) in (1, 3) and "0" not in self.words)):
                raise GalaxyError(
                    f"bands is {self.bands!r}; it may name the planes in their order, with g, r and i (or z) among "
                    "them, such as i,r,g, or number (from 1) those to take as g, r and i, such as 3,2,1"
                )

    @property
    def words(self) -> list[str]:
        """The parts of `bands`."""
        return [word.strip() for word in (self.bands or "").split(",")]

    @property
    def numbers(self) -> list[int]:
        """The numbers in `bands`, if it has numbers."""
        return [int(word) for word in self.words] if self.bands and self.words[0].isdecimal() else []

    @property
    def known_survey(self) -> Survey | None:
        """The survey that they name."""
        return None if self.survey is None else SURVEYS[self.survey]


def names_bands(header: Any, planes: int, options: FitsOptions) -> bool:
    """Return whether the header or the options say which band each of so many planes is."""
    return (
        bool(options.numbers) or len(options.words if options.bands else stated_bands(header, planes) or []) == planes
    )


def mix(header: Any, planes: int, options: FitsOptions, warned: list[str]) -> NDArray[np.float32]:
    """Return the weights that make one plane, or g, r and i, from the file's planes: 1×planes or 3×planes.

    Raises:
        BadImageError: it is unknown which planes are g, r and i, or one of them is absent.
    """
    each, survey = np.eye(planes, dtype=np.float32), options.known_survey
    if options.numbers:
        if max(options.numbers) > planes:
            raise BadImageError(f"{planes} planes, and bands are {options.bands}")
        return each[[number - 1 for number in options.numbers]]
    bands = [band(word) for word in options.words] if options.bands else stated_bands(header, planes)
    if survey is not None and bands is not None and not set(bands) <= set(survey.bands):
        has = f"{survey.name} has {', '.join(survey.bands)}"
        raise BadImageError(f"the bands are {', '.join(bands)}, but {has}; correct --bands or --survey")
    if planes == 1 and len(bands or [""]) == 1:
        return each
    if bands is None and survey is not None:
        bands = survey.bands_of(planes)
    if bands is None:
        if planes != 3:
            raise BadImageError(f"{planes} planes; one, or three for g, r and i, are needed; name them with --bands")
        warned.append("the header does not name the bands; the planes were taken as g, r, i (--bands names them)")
        return each
    if len(bands) != planes:
        raise BadImageError(f"{planes} planes, but {len(bands)} bands: {', '.join(bands)}")
    weights = {name: each[bands.index(name)] for name in bands}
    if "i" not in weights and {"g", "r", "z"} <= set(weights):
        if survey is None:  # who names the survey knows its bands
            warned.append("bands g, r, z: the mean of r and z was taken as i, which is not measured")
        weights["i"] = (weights["r"] + weights["z"]) / 2
    if not {"g", "r", "i"} <= set(weights):
        raise BadImageError(f"the bands are {', '.join(bands)}; g, r and i are needed; choose planes with --bands")
    return np.stack([weights[name] for name in "gri"])


def stated_bands(header: Any, planes: int) -> list[str] | None:
    """Return the bands that the header names, in the planes' order, or None if it does not name one per plane."""
    for key in ("BANDS", "FILTERS", "FILTER", "BAND"):
        text = str(header.get(key, "")).strip()
        words = re.split(r"[\s,;:/+|]+", text)
        if text and len(words) == planes:
            return [band(word) for word in words]
        if len(text) == planes and re.fullmatch("[ugrizyUGRIZY]+", text):
            return [band(letter) for letter in text]
    for key in ("BAND", "FILTER", "FILT", "PLANE"):
        for first in (0, 1):
            words = [str(header.get(f"{key}{number}", "")).strip() for number in range(first, first + planes)]
            if all(words):
                return [band(word) for word in words]
    return None


def band(text: str) -> str:
    """Return the letter of a filter's name such as "sdss_g", "r.00000", "DECam-i" or "g DECam c0001"; else the name."""
    letters = [word for word in re.split(r"[^A-Za-z0-9']+", text) if re.fullmatch("[ugrizyUGRIZY]'?", word)]
    return letters[0][0].lower() if len(letters) == 1 else text


def scale(
    header: Any, planes: int, options: FitsOptions, warned: list[str]
) -> tuple[NDArray[np.float32], float | None]:
    """Return the factors from each plane's pixels to nanomaggies per pixel of the Sloan camera, and a pixel's side.

    The side is in arcseconds; None: unknown, or not to be read.

    Raises:
        BadImageError: the unit cannot be converted, or the header contradicts the survey.
    """
    if options.scale is not None:
        return np.full(planes, options.scale, np.float32), None
    survey, side, in_unit = options.known_survey, pixel_side(header), _in_nanomaggies(header, options)
    if survey is None:
        if not header.get("BUNIT"):
            warned.append(
                "the header has no BUNIT; pixels were taken as nanomaggies (--survey or --fits-scale converts)"
            )
        factors = [1.0 if in_unit is None else in_unit] * planes
    else:
        survey.check(header, side, in_unit)
        factors = survey.nanomaggies(header, planes)
        side = survey.side if side is None else side
    if side is None:
        warned.append(f"the header has no scale of pixels (WCS); {CAMERA_PIXEL}″ was taken (--survey or --fits-scale)")
        return np.array(factors, np.float32), None
    return np.array(factors, np.float32) * np.float32((CAMERA_PIXEL / side) ** 2), side


def _in_nanomaggies(header: Any, options: FitsOptions) -> float | None:
    """Return the factor from `BUNIT` to nanomaggies; None: there is no unit, or it is counts of the survey."""
    unit = str(header.get("BUNIT", "")).strip()
    plain = re.sub(r"(/|\s+per\s+)\s*pix(el)?$|\s*pix(el)?\^?\(?-1\)?$", "", unit, flags=re.IGNORECASE).strip()
    plain = re.sub(r"^(µ|μ|micro)-?", "u", plain)
    if not unit or (options.survey and _COUNTS.fullmatch(plain)):
        return None
    if re.fullmatch(r"(1(\.0)?\s*\*?\s*)?n(ano)?[- _]?m(aggy|aggie|aggies|gy|gys)", plain, flags=re.IGNORECASE):
        return 1.0
    if re.fullmatch(r"maggy|maggies|mgy", plain):
        return 1e9
    if plain in _NANOMAGGIES:
        return _NANOMAGGIES[plain]
    raise BadImageError(
        f"pixels in {unit}, not nanomaggies; name the survey (--survey), or give the factor (--fits-scale)"
    )


def pixel_side(header: Any) -> float | None:
    """Return the side of a pixel in arcseconds (of a square of equal area), by the header's WCS; None without one."""
    from astropy import wcs

    for axes in (2, None):  # further axes may have what astropy does not take; but the bands may be the first axis
        try:
            celestial = wcs.WCS(header, naxis=axes, fix=False).celestial
            if celestial.has_celestial:
                side = 3600 * math.sqrt(abs(wcs.utils.proj_plane_pixel_area(celestial)))
                return side if 0 < side < math.inf else None
        except Exception:  # noqa: S112 (a WCS that astropy cannot use may raise anything)
            continue
    return None
