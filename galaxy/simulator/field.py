"""The other objects in a galaxy's cut-out: stars of the Milky Way, galaxies behind, glare, trails.

Everything is added to the light in nanomaggies per pixel, before the seeing blurs it.
"""

import numpy as np
from numpy.typing import NDArray

from galaxy.simulator.population import ARTIFACT, STAR, Galaxy
from galaxy.simulator.rendering import fluxes, turn

Array = NDArray[np.float32]


def add_field(image: Array, galaxy: Galaxy, scale: float, seeing: float, rng: np.random.Generator) -> None:
    """Add all other objects to `image` (g, r, i by size by size), whose pixels are `scale` arcseconds wide."""
    size = image.shape[1]
    area = (size * scale / 60) ** 2
    for _ in range(rng.poisson(galaxy.stars * area)):
        _add_star(image, rng.uniform(0, size, 2), _star_magnitude(rng), scale, seeing, rng)
    for _ in range(rng.poisson(galaxy.neighbours * area)):
        _add_neighbour(image, rng.uniform(0, size, 2), scale, rng)
    for _ in range(rng.poisson(galaxy.satellites)):
        away = rng.normal(0, 0.2 * size, 2)
        _add_neighbour(image, np.clip(size / 2 + away, 0, size - 1), scale, rng)
    if rng.random() < 0.02:
        _add_glare(image, scale, rng)
    if galaxy.kind == STAR:
        middle = np.array([size / 2, size / 2])
        _add_star(image, middle, min(galaxy.magnitude, 15.5), scale, seeing, rng)
    elif galaxy.kind == ARTIFACT:
        _add_trail(image, scale, rng)


def _star_magnitude(rng: np.random.Generator) -> float:
    """Draw a star's magnitude: counts rise slowly towards faint stars, about as 10^(0.2 m)."""
    return max(21.5 - float(rng.exponential(1 / (0.2 * np.log(10)))), 11.0)


def _star_colours(magnitude: float, rng: np.random.Generator) -> tuple[float, float]:
    """Draw g−r and r−i on the stellar locus: faint stars are mostly red dwarfs, bright ones resemble the Sun."""
    if rng.random() < 0.55 * np.clip((magnitude - 15) / 5, 0, 1):
        return rng.normal(1.4, 0.08), float(rng.uniform(0.6, 1.5))
    g_r = float(rng.normal(0.55, 0.2))
    return g_r, 0.4 * g_r - 0.04


def _add_star(
    image: Array, place: NDArray[np.float64], magnitude: float, scale: float, seeing: float, rng: np.random.Generator
) -> None:
    """Add a star as a point shared by four pixels; bright stars get the telescope's diffraction spikes."""
    size = image.shape[1]
    flux = fluxes(magnitude, *_star_colours(magnitude, rng))
    column, row = int(place[0] - 0.5), int(place[1] - 0.5)
    dx, dy = place - 0.5 - (column, row)
    for c, r, share in (
        (column, row, (1 - dx) * (1 - dy)),
        (column + 1, row, dx * (1 - dy)),
        (column, row + 1, (1 - dx) * dy),
        (column + 1, row + 1, dx * dy),
    ):
        if 0 <= c < size and 0 <= r < size:
            image[:, r, c] += flux * np.float32(share)
    if magnitude < 13:
        _add_spikes(image, place, flux, scale, seeing, rng)


def _add_spikes(
    image: Array, place: NDArray[np.float64], flux: Array, scale: float, seeing: float, rng: np.random.Generator
) -> None:
    """Add four thin rays along the telescope's vanes, with 1.5 % of the light."""
    x, y = np.meshgrid(*(np.arange(image.shape[1]) * scale - (place[:, None] - 0.5) * scale).astype(np.float32))
    u, v = turn(x, y, rng.uniform(0, 90))
    width, length = 0.3 * seeing, 4 * seeing
    rays = np.exp(-0.5 * (u / width) ** 2 - np.abs(v) / length) + np.exp(-0.5 * (v / width) ** 2 - np.abs(u) / length)
    # The integral over an infinite field, so that the spikes of a star near an edge are not brighter.
    total = 4 * np.sqrt(2 * np.pi) * width * length / scale**2
    image += (np.float32(0.015 / total) * flux)[:, None, None] * rays.astype(np.float32)


def _add_neighbour(image: Array, place: NDArray[np.float64], scale: float, rng: np.random.Generator) -> None:
    """Add a small exponential galaxy; counts rise as 10^(0.45 m), and faint galaxies are smaller."""
    magnitude = max(21.5 - float(rng.exponential(1 / (0.45 * np.log(10)))), 14.5)
    length = 10 ** (-0.13 * (magnitude - 18)) * rng.lognormal(np.log(1.3), 0.35) / scale
    axis_ratio, angle = rng.uniform(0.3, 1), rng.uniform(0, 180)
    reach = int(np.ceil(6 * length)) + 2
    left, top = max(int(place[0]) - reach, 0), max(int(place[1]) - reach, 0)
    x, y = np.meshgrid(
        np.arange(left, min(int(place[0]) + reach, image.shape[1])) + 0.5 - place[0],
        np.arange(top, min(int(place[1]) + reach, image.shape[1])) + 0.5 - place[1],
    )
    u, v = turn(x, y, angle)
    shape = np.exp(-np.sqrt(u**2 + (v / axis_ratio) ** 2 + 0.15) / length)
    flux = fluxes(magnitude, float(rng.normal(0.85, 0.3)), float(rng.normal(0.38, 0.12)))
    shape = (shape / (2 * np.pi * axis_ratio * length**2)).astype(np.float32)
    image[:, top : top + x.shape[0], left : left + x.shape[1]] += flux[:, None, None] * shape


def _add_glare(image: Array, scale: float, rng: np.random.Generator) -> None:
    """Add the halo of a bright object beyond one edge, in the unusual colours of scattered light."""
    size = image.shape[1]
    side, along = rng.choice([-0.1, 1.1]), rng.uniform(0, 1)
    place = np.array([side, along] if rng.random() < 0.5 else [along, side]) * size
    axis = np.arange(size, dtype=np.float32)
    x, y = np.meshgrid(axis - np.float32(place[0]), axis - np.float32(place[1]))
    halo = np.exp(-np.hypot(x, y) / np.float32(rng.uniform(0.1, 0.3) * size)) * (scale / 0.396) ** 2
    colour = (rng.uniform(0.2, 1.0, 3) * np.array([0.4, 0.8, 1.2]) * rng.lognormal(-2.5, 0.9)).astype(np.float32)
    image += colour[:, None, None] * halo


def _add_trail(image: Array, scale: float, rng: np.random.Generator) -> None:
    """Add a satellite's straight trail in one band: the survey took its bands one after the other."""
    size = image.shape[1]
    axis = np.arange(size, dtype=np.float32) - size / 2
    x, y = np.meshgrid(axis, axis)
    _, across = turn(x, y, rng.uniform(0, 180))
    across = (across - rng.normal(0, 0.03) * size) * scale
    image[int(rng.integers(3))] += np.float32(rng.uniform(0.03, 0.15)) * np.exp(-0.5 * (across / 0.6) ** 2)
