"""The physical parameters of simulated galaxies, and the populations from which they are drawn.

The populations model the sample of Galaxy Zoo 2: galaxies of the Sloan survey brighter than r = 17 with a
Petrosian radius (90 % of the light) above 3 arcseconds. Shares and widths without a source were chosen so that the
means of the 37 columns match those published for the competition's labels.
"""

from dataclasses import dataclass

import numpy as np

ELLIPTICAL, DISC, IRREGULAR, STAR, ARTIFACT = "elliptical", "disc", "irregular", "star", "artifact"

SHARES = {ELLIPTICAL: 0.30, DISC: 0.645, IRREGULAR: 0.05, STAR: 0.002, ARTIFACT: 0.003}

SURFACE_BRIGHTNESS = {ELLIPTICAL: 21.75, DISC: 22.1, IRREGULAR: 22.2}

FAINT_LIMIT = 17.0
SMALLEST_RADIUS = 3.0
LARGEST_RADIUS = 60.0

ARM_COUNTS = (1, 2, 3, 4, 6)
ARM_COUNT_SHARES = (0.07, 0.58, 0.15, 0.08, 0.12)


@dataclass(kw_only=True)
class Galaxy:
    """One galaxy. Radii and distances are in units of `radius` unless noted; angles are in degrees.

    By default a galaxy is round and featureless. Strengths run from 0 (absent) to 1, but the strengths of bar, ring and
    arms are shares of the disc's light, and `dust_lane` is an optical depth in r.
    """

    kind: str
    magnitude: float  # r, total
    radius: float  # arcseconds, circle with 90 % of the light
    position_angle: float
    inclination: float = 0.0  # 0 is face-on
    thickness: float = 0.0  # axis ratio of the disc seen exactly edge-on
    bulge_fraction: float = 1.0  # of all light
    bulge_radius: float = 0.45  # half of the bulge's light
    bulge_sersic: float = 4.0
    bulge_axis_ratio: float = 1.0
    bulge_boxiness: float = 0.0
    disc_scale: float = 0.0
    bar_strength: float = 0.0
    bar_length: float = 0.0  # half of the major axis
    bar_angle: float = 0.0  # in the disc's plane, from the major axis of the picture
    arm_count: int = 0
    arm_pitch: float = 0.0
    arm_strength: float = 0.0
    ring_strength: float = 0.0
    ring_radius: float = 0.0
    dust_lane: float = 0.0
    clumpiness: float = 0.0
    disturbance: float = 0.0
    arc_strength: float = 0.0
    companion_distance: float = 0.0  # 0 without companion
    companion_flux: float = 0.0  # in units of the galaxy's
    bulge_g_r: float
    bulge_r_i: float
    disc_g_r: float = 0.0
    disc_r_i: float = 0.0
    stars: float  # foreground stars per arcminute²
    neighbours: float  # background galaxies per arcminute²
    satellites: float = 0.0  # small galaxies of its group, around it


def draw(rng: np.random.Generator) -> Galaxy:
    """Draw one galaxy of the sample."""
    kind = str(rng.choice(list(SHARES), p=list(SHARES.values())))
    galaxy = _featureless(kind, rng)
    if kind == ELLIPTICAL:
        _make_elliptical(galaxy, rng)
    elif kind == DISC:
        _make_disc(galaxy, rng)
    elif kind == IRREGULAR:
        _make_irregular(galaxy, rng)
    _interact(galaxy, rng)
    return galaxy


def _featureless(kind: str, rng: np.random.Generator) -> Galaxy:
    """Return a round, red, smooth galaxy with the brightness and size of its kind, in a random field."""
    magnitude, radius = _magnitude_and_radius(rng, SURFACE_BRIGHTNESS.get(kind, SURFACE_BRIGHTNESS[ELLIPTICAL]))
    bulge_g_r = rng.normal(0.98, 0.13)
    return Galaxy(
        kind=kind,
        magnitude=magnitude,
        radius=radius,
        position_angle=rng.uniform(0, 180),
        # Old stars at the sample's redshifts (about 0.03 to 0.15).
        bulge_g_r=bulge_g_r,
        bulge_r_i=0.12 + 0.32 * bulge_g_r + rng.normal(0, 0.03),
        stars=rng.lognormal(np.log(1.1), 0.7),
        neighbours=rng.lognormal(np.log(1.6), 0.6),
    )


def _magnitude_and_radius(rng: np.random.Generator, surface_brightness: float) -> tuple[float, float]:
    """Draw the total r magnitude and the radius in arcseconds.

    Numbers of galaxies rise as 10^(0.6 m) to the sample's limit. The radius follows from the mean surface brightness
    within it, in magnitudes per arcsecond².
    """
    while True:
        magnitude = FAINT_LIMIT - rng.exponential(1 / (0.6 * np.log(10)))
        radius = 10 ** (0.2 * (rng.normal(surface_brightness, 0.85) - magnitude)) / np.sqrt(np.pi)
        if SMALLEST_RADIUS < radius < LARGEST_RADIUS:
            return magnitude, radius


def _make_elliptical(galaxy: Galaxy, rng: np.random.Generator) -> None:
    galaxy.bulge_sersic = float(np.clip(rng.normal(4.3, 1.2), 1.8, 7.5))
    if rng.random() < 0.12:  # young ellipticals, and dwarfs
        galaxy.bulge_g_r, galaxy.bulge_r_i = rng.normal(0.55, 0.12), rng.normal(0.25, 0.04)
        galaxy.bulge_sersic = float(rng.uniform(0.8, 2.0))
    # Petrosian radii of 90 % are about 3 half-light radii at n = 4 and grow with n.
    galaxy.bulge_radius = rng.lognormal(0, 0.3) / (2.8 + 0.25 * galaxy.bulge_sersic)
    if rng.random() < 0.4:  # ellipticals live in groups and clusters
        galaxy.satellites = rng.exponential(5.0)
    galaxy.bulge_axis_ratio = 1 - 0.75 * rng.beta(1.4, 2.8)
    if rng.random() < 0.02:
        galaxy.dust_lane = rng.uniform(0.5, 1.5)
    if rng.random() < 0.02:
        galaxy.arc_strength = rng.uniform(0.3, 1.0)


def _make_disc(galaxy: Galaxy, rng: np.random.Generator) -> None:
    """Make a disc, lenticular to late spiral; `lateness` (0 to 1) is its place in the Hubble sequence."""
    lateness = rng.beta(1.3, 1.3)
    galaxy.inclination = float(np.degrees(np.arccos(rng.uniform(0, 1))))
    galaxy.thickness = rng.uniform(0.06, 0.22) + 0.08 * (1 - lateness)
    galaxy.bulge_fraction = float(np.clip(0.6 * (1 - lateness) * rng.lognormal(0, 0.5) + 0.03, 0.01, 0.75))
    galaxy.disc_scale = _disc_scale(galaxy.bulge_fraction, galaxy.inclination)
    galaxy.bulge_radius = galaxy.disc_scale * (0.16 + 0.4 * galaxy.bulge_fraction) * rng.lognormal(0, 0.2)
    galaxy.bulge_sersic = float(np.clip(1.2 + 3 * galaxy.bulge_fraction + rng.normal(0, 0.4), 0.8, 4.5))
    galaxy.bulge_axis_ratio = rng.uniform(0.6, 0.9)
    # Dust within the disc reddens it as it tilts (Masters et al. 2010).
    reddening = 0.4 * (1 - np.cos(np.radians(galaxy.inclination)))
    galaxy.disc_g_r = rng.normal(0.78 - 0.36 * lateness, 0.11) + reddening
    galaxy.disc_r_i = 0.08 + 0.38 * galaxy.disc_g_r + rng.normal(0, 0.02)
    galaxy.bulge_g_r = max(galaxy.bulge_g_r - 0.1 * lateness + reddening, galaxy.disc_g_r)
    galaxy.dust_lane = rng.uniform(0.2, 1.0) if rng.random() < 0.9 else rng.uniform(1.0, 1.8)
    if rng.random() < 0.15:
        galaxy.bulge_boxiness = rng.uniform(0.3, 1.0)
    _add_bar(galaxy, rng)
    _add_arms(galaxy, lateness, rng)
    if rng.random() < 0.15 * (1 - lateness) + 0.02:
        galaxy.ring_strength = rng.uniform(0.1, 0.5)
        galaxy.ring_radius = max(galaxy.bar_length, galaxy.disc_scale * rng.uniform(1.2, 2.6))


def _disc_scale(bulge_fraction: float, inclination: float) -> float:
    """Return the scale length of the disc of a galaxy that has 90 % of its light within radius 1.

    A face-on exponential disc has 90 % within 3.9 scale lengths, and its Petrosian radius is larger. A bulge and
    inclination concentrate the light.
    """
    lengths = (4.4 + 1.3 * np.log(1 - bulge_fraction)) * (0.68 + 0.32 * np.cos(np.radians(inclination)))
    return float(1 / lengths)


def _add_bar(galaxy: Galaxy, rng: np.random.Generator) -> None:
    if rng.random() < 0.38:
        galaxy.bar_strength = rng.uniform(0.05, 0.35)
        galaxy.bar_length = galaxy.disc_scale * rng.uniform(0.8, 2.0)
        galaxy.bar_angle = rng.uniform(0, 180)


def _add_arms(galaxy: Galaxy, lateness: float, rng: np.random.Generator) -> None:
    if rng.random() < 0.35 + 0.65 * lateness:
        galaxy.arm_count = int(rng.choice(ARM_COUNTS, p=ARM_COUNT_SHARES))
        galaxy.arm_pitch = float(np.clip(rng.normal(11 + 14 * lateness, 5), 5, 42))
        galaxy.arm_strength = float(0.68 * rng.beta(1.2, 1.7))
        galaxy.clumpiness = float(lateness * rng.beta(1.5, 2.0))


def _make_irregular(galaxy: Galaxy, rng: np.random.Generator) -> None:
    """Make a late disc that is mostly clumps."""
    galaxy.inclination = float(np.degrees(np.arccos(rng.uniform(0.15, 1))))
    galaxy.thickness = 0.3
    galaxy.bulge_fraction = rng.uniform(0.0, 0.05)
    galaxy.disc_scale = _disc_scale(galaxy.bulge_fraction, galaxy.inclination) * 1.1
    galaxy.bulge_radius = 0.2 * galaxy.disc_scale
    galaxy.bulge_sersic = 1.0
    galaxy.disc_g_r = rng.normal(0.38, 0.08)
    galaxy.disc_r_i = rng.normal(0.16, 0.04)
    galaxy.bulge_g_r, galaxy.bulge_r_i = galaxy.disc_g_r, galaxy.disc_r_i
    galaxy.clumpiness = rng.uniform(0.6, 1.0)
    galaxy.disturbance = rng.uniform(0.2, 0.8)


def _interact(galaxy: Galaxy, rng: np.random.Generator) -> None:
    """Disturb some galaxies, and give some a companion close enough to merge."""
    if galaxy.kind in (STAR, ARTIFACT):
        return
    if rng.random() < 0.07:
        galaxy.disturbance = rng.uniform(0.3, 1.0)
        galaxy.arm_pitch += 12 * galaxy.disturbance  # tides open the arms
    if rng.random() < 0.07:
        galaxy.companion_distance = rng.uniform(0.3, 1.5)
        galaxy.companion_flux = rng.uniform(0.1, 0.9)
        galaxy.disturbance = max(galaxy.disturbance, rng.uniform(0.0, 0.9) * (1.6 - galaxy.companion_distance))
