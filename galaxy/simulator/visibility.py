"""How much of a galaxy's structure is visible in its picture.

Volunteers answer by what they see. Seeing blurs small structure, noise hides faint structure, and inclination shortens
structure in the disc. So a small, faint or tilted spiral appears smooth to most of them.
"""

from dataclasses import dataclass

import numpy as np

from galaxy.simulator.observation import PIXEL, SKY_NOISE, Conditions
from galaxy.simulator.population import ARTIFACT, ELLIPTICAL, IRREGULAR, STAR, Galaxy


@dataclass(frozen=True)
class Visible:
    """Strengths of what is visible, 0 (nothing) to about 1 (clear), except `axis_ratio` and `pitch` (degrees)."""

    axis_ratio: float
    edge_on: float
    disc: float
    bulge: float
    arms: float
    arm_count: int
    pitch: float
    bar: float
    ring: float
    boxy: float
    dust: float
    clumps: float
    disturbance: float
    merger: float
    arc: float
    star: float
    artifact: float


def visible_structure(galaxy: Galaxy, conditions: Conditions) -> Visible:
    """Return what is visible of the galaxy in a picture taken under those conditions."""
    sigma = conditions.seeing / 2.355 / galaxy.radius
    clarity = _clarity(galaxy, conditions)
    cos_i = float(np.cos(np.radians(galaxy.inclination)))
    is_disc = galaxy.disc_scale > 0
    # Structure in the disc's plane is clear up to an inclination of about 65 degrees and gone at 80.
    faceon = float(np.clip((cos_i - 0.12) / 0.35, 0, 1))
    spacing = 4 * np.pi * galaxy.disc_scale * np.tan(np.radians(galaxy.arm_pitch)) / max(galaxy.arm_count, 1)
    return Visible(
        axis_ratio=_apparent_axis_ratio(galaxy, cos_i, sigma),
        edge_on=float(np.clip((0.32 - cos_i) / 0.2, 0, 1)) if is_disc else 0.0,
        disc=(1 - galaxy.bulge_fraction) if is_disc else 0.0,
        # A volunteer who takes an elliptical for a disc sees a disc with an obvious bulge.
        bulge=galaxy.bulge_fraction if is_disc else 0.45,
        arms=_saturating(
            5.3 * galaxy.arm_strength * _contrast_left(spacing * np.sqrt(cos_i + 0.05), sigma) * clarity * faceon
        ),
        arm_count=galaxy.arm_count,
        pitch=galaxy.arm_pitch,
        bar=np.sqrt(galaxy.bar_strength) * _contrast_left(2 * galaxy.bar_length, sigma) * faceon,
        ring=_saturating(6 * galaxy.ring_strength * _contrast_left(1.5 * galaxy.ring_radius, sigma) * clarity * faceon),
        boxy=galaxy.bulge_boxiness * _contrast_left(4 * galaxy.bulge_radius, sigma),
        dust=float(np.clip((galaxy.dust_lane - 0.8) / 0.6, 0, 1)) * _contrast_left(0.35, sigma) * _dust_shows(galaxy),
        clumps=galaxy.clumpiness * _contrast_left(0.5, sigma) * clarity * (1.0 if galaxy.kind == IRREGULAR else 0.3),
        disturbance=galaxy.disturbance * clarity,
        merger=np.sqrt(galaxy.companion_flux) * float(np.clip(1.7 - galaxy.companion_distance, 0, 1)),
        arc=galaxy.arc_strength * _contrast_left(0.3, sigma),
        star=float(galaxy.kind == STAR),
        artifact=float(galaxy.kind == ARTIFACT),
    )


def _contrast_left(wavelength: float, sigma: float) -> float:
    """Return the contrast that a ripple keeps after blurring by a Gaussian; both lengths are in the galaxy's radii.

    The contrast of a pure wave would fall as a Gaussian. Real structure has sharp edges, and falls more slowly.
    """
    return float(1 / (1 + 0.5 * (2 * np.pi * sigma / wavelength) ** 2)) if wavelength > 0 else 0.0


def _saturating(contrast: float) -> float:
    """Turn a contrast (0 or more) into a visibility (0 to 1)."""
    return float(1 - np.exp(-contrast))


def _clarity(galaxy: Galaxy, conditions: Conditions) -> float:
    """Return the light of the galaxy's outer half against the noise of a camera pixel in r, as 0 to 1."""
    pixels = np.pi * (galaxy.radius / PIXEL) ** 2
    brightness = 0.25 * 10 ** (0.4 * (22.5 - galaxy.magnitude)) / pixels
    return float(brightness / (brightness + conditions.noise * SKY_NOISE[1]))


def _apparent_axis_ratio(galaxy: Galaxy, cos_i: float, sigma: float) -> float:
    """Return the axis ratio of the isophotes after the seeing has rounded them."""
    disc = np.hypot(cos_i, galaxy.thickness * np.sqrt(1 - cos_i**2))
    ratio = galaxy.bulge_fraction * galaxy.bulge_axis_ratio + (1 - galaxy.bulge_fraction) * disc
    size = 0.45  # standard deviation of a typical galaxy's light along its major axis, in radii
    return float(np.sqrt(((ratio * size) ** 2 + sigma**2) / (size**2 + sigma**2)))


def _dust_shows(galaxy: Galaxy) -> float:
    return 1.0 if galaxy.kind == ELLIPTICAL else float(np.clip((galaxy.inclination - 72) / 12, 0, 1))
