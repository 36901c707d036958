"""A galaxy's light in the bands g, r and i, before telescope and atmosphere.

Lengths are in units of the galaxy's radius. Light is in nanomaggies per pixel (magnitude 22.5 is 1 nanomaggy). Each
component is a shape, normalised to its share of the total flux, in the colours of its stars.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from galaxy.simulator.population import ARTIFACT, ELLIPTICAL, IRREGULAR, STAR, Galaxy, draw

Array = NDArray[np.float32]

FIELD = 8.48
"""Side of a cut-out in radii: Galaxy Zoo scaled its 424 pixels to 0.02 radii each (Willett et al. 2013)."""

YOUNG = (-0.25, -0.1)
"""Colour difference of arms, rings and clumps from their disc in g−r and r−i: young stars are blue."""


def render(galaxy: Galaxy, size: int, rng: np.random.Generator) -> Array:
    """Render the galaxy and its companion, centred in a field of `size`×`size` pixels that is `FIELD` radii wide.

    Returns:
        Bands g, r, i by size by size, in nanomaggies per pixel. Stars and artifacts have no extended light: zeros.
    """
    image = np.zeros((3, size, size), np.float32)
    if galaxy.kind in (STAR, ARTIFACT):
        return image
    axis = (np.arange(size, dtype=np.float32) - (size - 1) / 2) * np.float32(FIELD / size)
    x, y = np.meshgrid(axis, axis)
    # The survey's centres are accurate to a fraction of a pixel.
    x, y = x + rng.normal(0, 0.01), y + rng.normal(0, 0.01)
    x, y = _warp(x, y, 0.025 + 0.13 * galaxy.disturbance, rng)
    _paint_galaxy(image, galaxy, x, y, rng)
    if galaxy.companion_distance:
        _paint_companion(image, galaxy, x, y, rng)
    return image


def fluxes(magnitude: float, g_r: float, r_i: float) -> Array:
    """Return an object's nanomaggies in g, r and i, from its r magnitude and its colours."""
    return (10 ** (0.4 * (22.5 - magnitude - np.array([g_r, 0.0, -r_i])))).astype(np.float32)


def _paint_galaxy(image: Array, galaxy: Galaxy, x: Array, y: Array, rng: np.random.Generator) -> None:
    """Add bulge and disc to the image; x and y are in the galaxy's radii from its centre."""
    # Softens the central cusp, because a sample at the centre of a pixel would be too bright.
    soft = 0.4 * float(abs(x[0, 1] - x[0, 0]))
    u, v = turn(x, y, galaxy.position_angle)
    dust = _dust_lane(galaxy, u, v)
    light = np.zeros_like(image)
    bulge = _sersic(galaxy, u, v, soft)
    _add(light, bulge, galaxy.bulge_fraction, galaxy.magnitude, galaxy.bulge_g_r, galaxy.bulge_r_i)
    if galaxy.bulge_fraction < 1:
        _paint_disc(light, galaxy, u, v, soft, rng)
    if galaxy.arc_strength:
        arc = _arc(x, y, rng)
        _add(light, arc, 0.08 * galaxy.arc_strength, galaxy.magnitude, 0.3, 0.1)
    image += light if dust is None else light * dust


def _paint_disc(light: Array, galaxy: Galaxy, u: Array, v: Array, soft: float, rng: np.random.Generator) -> None:
    cos_i = float(np.cos(np.radians(galaxy.inclination)))
    share = 1 - galaxy.bulge_fraction
    young_share = galaxy.arm_strength + galaxy.ring_strength * (1 - galaxy.arm_strength)
    bar_share = galaxy.bar_strength * (1 - young_share)
    colours = (galaxy.magnitude, galaxy.disc_g_r, galaxy.disc_r_i)
    young_colours = (galaxy.magnitude, galaxy.disc_g_r + YOUNG[0], galaxy.disc_r_i + YOUNG[1])
    squash = np.float32(np.hypot(cos_i, galaxy.thickness * np.sqrt(1 - cos_i**2)))
    radius = np.sqrt(u**2 + (v / squash) ** 2 + soft**2)
    angle = np.arctan2(v / squash, u)
    texture = _texture(u.shape[0], 0.1 + 0.35 * galaxy.clumpiness, rng)
    old = texture * (_edge_on(galaxy, u, v, soft) if cos_i < 0.22 else _exponential(galaxy, radius))
    _add(light, old, share * (1 - young_share - bar_share), *colours)
    if galaxy.arm_strength:
        arms = _exponential(galaxy, radius * np.float32(0.8)) * _arms(galaxy, radius, angle, rng)
        clumps = _texture(u.shape[0], 0.3 + 1.2 * galaxy.clumpiness, rng)
        _add(light, arms * clumps, share * galaxy.arm_strength, *young_colours)
    if galaxy.ring_strength:
        ring = np.exp(-0.5 * ((radius - galaxy.ring_radius) / (0.18 * galaxy.ring_radius + soft)) ** 2)
        _add(light, ring * texture, share * galaxy.ring_strength * (1 - galaxy.arm_strength), *young_colours)
    if galaxy.bar_strength:
        bar = _bar(galaxy, radius, angle, squash, soft)
        _add(light, bar, share * bar_share, galaxy.magnitude, galaxy.bulge_g_r, galaxy.bulge_r_i)
    if galaxy.kind == IRREGULAR:
        light *= _texture(u.shape[0], 0.9 * galaxy.clumpiness, rng)


def _paint_companion(image: Array, galaxy: Galaxy, x: Array, y: Array, rng: np.random.Generator) -> None:
    """Add a second galaxy of any kind, at the same distance and so of similar surface brightness."""
    companion = draw(rng)
    while companion.kind in (STAR, ARTIFACT):
        companion = draw(rng)
    companion.magnitude = galaxy.magnitude - 2.5 * float(np.log10(galaxy.companion_flux))
    angle, size = rng.uniform(0, 2 * np.pi), np.sqrt(galaxy.companion_flux)
    away = galaxy.companion_distance
    _paint_galaxy(image, companion, (x - away * np.cos(angle)) / size, (y - away * np.sin(angle)) / size, rng)


def _add(light: Array, shape: Array, share: float, magnitude: float, g_r: float, r_i: float) -> None:
    """Add a shape with `share` of an object's flux, in its own colours."""
    total = float(shape.sum())
    if total > 0:
        light += (fluxes(magnitude, g_r, r_i) * np.float32(share / total))[:, None, None] * shape


def turn(x: Array, y: Array, angle: float) -> tuple[Array, Array]:
    """Return coordinates along and across a direction given in degrees."""
    cos, sin = np.float32(np.cos(np.radians(angle))), np.float32(np.sin(np.radians(angle)))
    return x * cos + y * sin, y * cos - x * sin


def _sersic(galaxy: Galaxy, u: Array, v: Array, soft: float) -> Array:
    """Return a Sérsic profile on elliptical isophotes, boxy (exponent above 2) if the galaxy's bulge is."""
    n = galaxy.bulge_sersic
    exponent = 2 + 1.5 * galaxy.bulge_boxiness
    if galaxy.bulge_boxiness:
        radius = (np.abs(u) ** exponent + np.abs(v / galaxy.bulge_axis_ratio) ** exponent) ** (1 / exponent)
    else:
        radius = np.sqrt(u**2 + (v / np.float32(galaxy.bulge_axis_ratio)) ** 2)
    steepness = 2 * n - 1 / 3 + 0.009876 / n  # Prugniel & Simien 1997
    radius = np.hypot(radius, np.float32(soft)) / np.float32(galaxy.bulge_radius)
    return np.exp(-np.float32(steepness) * radius ** np.float32(1 / n))


def _exponential(galaxy: Galaxy, radius: Array) -> Array:
    """Return an exponential disc that fades out beyond about five scale lengths (van der Kruit 1979)."""
    lengths = radius / np.float32(galaxy.disc_scale)
    return np.exp(-lengths) / (1 + np.exp(np.minimum(2.5 * (lengths - 4.8), 60)))


def _edge_on(galaxy: Galaxy, u: Array, v: Array, soft: float) -> Array:
    """Return an exponential disc seen from its side: sech² across the plane (van der Kruit & Searle 1981)."""
    along = np.hypot(u, np.float32(soft)) / np.float32(galaxy.disc_scale)
    tilt = np.cos(np.radians(galaxy.inclination))
    height = galaxy.disc_scale * np.hypot(1.2 * galaxy.thickness, 0.9 * tilt) + soft
    across = 1 / np.cosh(np.minimum(np.abs(v) / np.float32(height), 40)) ** 2
    return (1 + along) * np.exp(-along) / (1 + np.exp(np.minimum(2.5 * (along - 4.8), 60))) * across


def _arms(galaxy: Galaxy, radius: Array, angle: Array, rng: np.random.Generator) -> Array:
    """Return how bright logarithmic spirals make each point of the disc, 0 to 1.

    Three and more arms are less regular: their phase wanders more.
    """
    count = galaxy.arm_count
    winding = np.log(radius / np.float32(galaxy.disc_scale)) / np.float32(np.tan(np.radians(galaxy.arm_pitch)))
    sense = 1 if rng.random() < 0.5 else -1
    phase = count * (angle - sense * winding) + rng.uniform(0, 2 * np.pi)
    wander = 0.25 if count < 3 else 0.35 * count
    phase = phase + wander * np.sin(angle * rng.integers(1, 3) + 2 * radius + rng.uniform(0, 2 * np.pi))
    ridge = np.exp(np.float32(rng.uniform(1.5, 3.0)) * (np.cos(phase) - 1))
    start = max(galaxy.bar_length, 0.6 * galaxy.disc_scale)
    return ridge / (1 + np.exp(np.minimum(-(radius / np.float32(start) - 1) / 0.15, 60)))


def _bar(galaxy: Galaxy, radius: Array, angle: Array, squash: np.float32, soft: float) -> Array:
    """Return a Ferrers-like bar in the disc's plane, four times as long as wide."""
    along = angle - np.float32(np.radians(galaxy.bar_angle))
    u, v = radius * np.cos(along), radius * np.sin(along)
    length = np.float32(galaxy.bar_length)
    distance = (u / length) ** 2 + (v / (0.28 * length + soft)) ** 2
    return np.exp(-(distance**1.5))


def _arc(x: Array, y: Array, rng: np.random.Generator) -> Array:
    """Return part of a thin circle around the centre, like the image of a lensed galaxy."""
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    away = rng.uniform(0.5, 1.0)
    middle = rng.uniform(-np.pi, np.pi)
    return np.exp(-0.5 * ((radius - away) / 0.05) ** 2 + 3 * (np.cos(angle - middle) - 1))


def _dust_lane(galaxy: Galaxy, u: Array, v: Array) -> Array | None:
    """Return the light that dust in the disc's plane transmits in g, r and i. None: all, as far from edge-on."""
    visible = 1.0 if galaxy.kind == ELLIPTICAL else float(np.clip((galaxy.inclination - 68) / 14, 0, 1))
    depth = galaxy.dust_lane * visible
    if not depth:
        return None
    height = max(0.35 * galaxy.thickness * galaxy.disc_scale, 0.04)
    lane = depth * np.exp(-np.abs(v / height) - np.abs(u) / max(2.5 * galaxy.disc_scale, 0.5))
    # Extinction by band relative to r (Schlegel, Finkbeiner & Davis 1998).
    return np.exp(-np.array([1.38, 1.0, 0.76], np.float32)[:, None, None] * lane)


def _texture(size: int, strength: float, rng: np.random.Generator) -> Array:
    """Return a positive random field of mean about 1, with grains of about 0.15 radii: star-forming regions."""
    cells = max(8, round(FIELD / 0.16))
    field: Any = cv2.resize(
        rng.standard_normal((cells, cells), np.float32), (size, size), interpolation=cv2.INTER_CUBIC
    )
    return np.exp(np.float32(strength) * (field - 0.5 * np.float32(strength)))


def _warp(x: Array, y: Array, strength: float, rng: np.random.Generator) -> tuple[Array, Array]:
    """Displace points by a smooth random field, for tides and ordinary lopsidedness."""
    amplitude = rng.normal(0, strength, (2, 4))
    wave = rng.normal(0, 1.6, (2, 4, 2))
    phase = rng.uniform(0, 2 * np.pi, (2, 4))
    shifts = [
        sum(
            np.float32(amplitude[axis, k])
            * np.sin(np.float32(wave[axis, k, 0]) * x + np.float32(wave[axis, k, 1]) * y + np.float32(phase[axis, k]))
            for k in range(4)
        )
        for axis in range(2)
    ]
    return x + shifts[0], y + shifts[1]
