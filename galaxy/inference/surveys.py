"""Surveys by name: zero point, pixel and bands of their images, as their own pages and papers state them.

The stretch is the same for all of them, that of the training images (`galaxy.core.stretch`): light is converted to
nanomaggies per pixel of the Sloan camera first. Filters of one name differ a little between surveys (some hundredths of
a magnitude in colour); this is not corrected.
"""

import math
from dataclasses import dataclass
from typing import Any

from galaxy.ingest.decode import BadImageError

NANOMAGGIE = 22.5
"""AB magnitude of one nanomaggie."""

ASINH = 2.5 * math.log10(math.e)
"""Scale of Pan-STARRS's compressed stacks: https://svn.pan-starrs.ifa.hawaii.edu/trac/ipp/wiki/asinh_compression"""

_SIDES_DIFFER, _ZERO_POINTS_DIFFER = 0.03, 0.02
"""Largest accepted differences from the survey's: of a pixel's side (a share) and of the zero point (magnitudes)."""

_ZERO_POINTS = ("MAGZERO", "MAGZPT", "MAGZP", "PHOTZP", "ZEROPNT")
"""Header keys with a zero point in magnitudes."""


@dataclass(frozen=True)
class Survey:
    """What a survey's calibrated images have in common.

    Args:
        name: for readers.
        zero_point: AB magnitude of a pixel of value 1; in one second, if `by_exposure`.
        side: of a pixel, in arcseconds.
        bands: those that it observes, in the order of a file with all of them.
        three: the bands of three planes that nothing names.
        by_exposure: whether pixels are sums over the exposure time.
    """

    name: str
    zero_point: float
    side: float
    bands: str
    three: str = "gri"
    by_exposure: bool = False

    def bands_of(self, planes: int) -> list[str] | None:
        """Return the bands of planes that nothing names, or None if their number does not tell."""
        return {len(self.bands): list(self.bands), 3: list(self.three)}.get(planes)

    def nanomaggies(self, header: Any, planes: int) -> list[float]:
        """Return the factor from the pixels of each plane to nanomaggies.

        Raises:
            BadImageError: it depends on an exposure time that the header does not have.
        """
        factor = 10 ** (0.4 * (NANOMAGGIE - self.zero_point))
        return [factor / seconds for seconds in _exposures(header, planes)] if self.by_exposure else [factor] * planes

    def check(self, header: Any, side: float | None, in_unit: float | None) -> None:
        """Compare the header with what the survey's images have.

        Args:
            side: of a pixel in arcseconds, by the WCS; None: unknown.
            in_unit: factor from `BUNIT` to nanomaggies; None: no unit, or counts.

        Raises:
            BadImageError: the header contradicts the survey.
        """
        if side is not None and abs(side / self.side - 1) > _SIDES_DIFFER:
            raise self._contradicts(f"the WCS has pixels of {side:.3g}″, but those of {self.name} are {self.side:g}″")
        unit = str(header.get("BUNIT", "")).strip()
        expected = 10 ** (0.4 * (NANOMAGGIE - self.zero_point))
        counts = unit and in_unit is None and self.zero_point == NANOMAGGIE
        if counts or (in_unit is not None and (self.by_exposure or abs(in_unit / expected - 1) > _ZERO_POINTS_DIFFER)):
            raise self._contradicts(f"BUNIT is {unit}, but {self.name} has {self._pixels()}")
        stated = {key: header[key] for key in _ZERO_POINTS if isinstance(header.get(key), int | float)}
        if isinstance(header.get("FLUXMAG0"), int | float) and header["FLUXMAG0"] > 0:
            stated["FLUXMAG0"] = 2.5 * math.log10(header["FLUXMAG0"])
        for key, value in stated.items():
            if not self.by_exposure and abs(value - self.zero_point) > _ZERO_POINTS_DIFFER:
                raise self._contradicts(f"{key} gives a zero point of {value:g}, but {self.name} has {self._pixels()}")

    def _pixels(self) -> str:
        return "nanomaggies" if self.zero_point == NANOMAGGIE else f"the zero point {self.zero_point:g} mag"

    def _contradicts(self, what: str) -> BadImageError:
        return BadImageError(f"{what}; name another survey, or leave out --survey")


def _exposures(header: Any, planes: int) -> list[float]:
    """Return the exposure time of each plane in seconds: `EXPTIME`, or of several planes `EXPTIME1` and so on."""
    keys = ["EXPTIME"] if planes == 1 else [f"EXPTIME{number}" for number in range(1, planes + 1)]
    for key in keys:
        if not (isinstance(header.get(key), int | float) and header[key] > 0):
            raise BadImageError(
                f"Pan-STARRS's zero point needs the exposure time of each plane; the header has no {key}"
            )
    return [float(header[key]) for key in keys]


SURVEYS = {
    # Frames "calibrated to nanomaggies per pixel": www.sdss.org/dr8/imaging/images; York et al. 2000 (AJ 120, 1579).
    "sdss": Survey("the Sloan survey", NANOMAGGIE, 0.396, "ugriz"),
    # Stacked images "in units of nanomaggies per pixel" of 0.262″: www.legacysurvey.org/dr9/files, dr10/files; Dey et
    # al. 2019 (AJ 157, 168). BASS and MzLS have g, r, z; DECam has i since DR10.
    "legacy": Survey("the Legacy Surveys", NANOMAGGIE, 0.262, "griz", "grz"),
    # Stacks at 25 + 2.5 log10(exposure time), 0.25″: outerspace.stsci.edu/display/PANSTARRS, "PS1 Stack images" and
    # "PS1 Image Cutout Service"; Waters et al. 2020 (ApJS 251, 4).
    "panstarrs": Survey("Pan-STARRS", 25.0, 0.25, "grizy", by_exposure=True),
    # Coadds of one zero point, 27 mag (FLUXMAG0 is 63095734448.0194), 0.168″: Bosch et al. 2018 (PASJ 70, S5); Aihara
    # et al. 2018 (PASJ 70, S8).
    "hsc": Survey("Hyper Suprime-Cam's survey", 27.0, 0.168, "grizy"),
    # Coadds of zero point 30 (MAGZERO), 0.263″: Morganson et al. 2018 (PASP 130, 074501); Abbott et al. 2018 (ApJS 239,
    # 18) and 2021 (ApJS 255, 20).
    "des": Survey("the Dark Energy Survey", 30.0, 0.263, "grizy"),
}
"""By the name that `--survey` takes."""
