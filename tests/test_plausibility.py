"""Pixels in other units, skies and orders of planes are noticed; galaxies like those of the training are not."""

from pathlib import Path

import numpy as np
import pytest

from galaxy.core import competition, stretch
from galaxy.data import appearance
from galaxy.inference import plausibility
from galaxy.ingest import archives
from galaxy.ingest.decode import Cropper, squares

SIZE = 64


def synthetic(number: int, seed: int) -> np.ndarray:
    """Light of galaxies in g, r and i, with the survey's noise, in nanomaggies: N×3×SIZE×SIZE."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j]
    peaks = rng.lognormal(-1, 0.4, (number, 1, 1, 1)) * np.array([0.6, 1.2, 1.7])[:, None, None]
    radii = rng.uniform(0.15, 0.3, (number, 1, 1, 1))
    noise = rng.normal(0, 1, (number, 3, SIZE, SIZE)) * np.array([0.0125, 0.0175, 0.0275])[:, None, None]
    return (peaks * np.exp(-np.hypot(x, y) / radii) + noise).astype(np.float32)


def real_light(images: np.ndarray) -> np.ndarray:
    """Light in g, r and i that gives these pictures (N×H×W×3, RGB): the inverse of the stretch."""
    shown = images[..., ::-1].transpose(0, 3, 1, 2).astype(np.float32) / 255
    mean = np.maximum(shown.mean(axis=1, keepdims=True), 1e-4)
    intensity = np.sinh(np.sqrt(stretch.STRETCH_Q) * mean) / stretch.STRETCH_Q
    weights, offsets = stretch.STRETCH_WEIGHTS[:, None, None], stretch.STRETCH_OFFSETS[:, None, None]
    return ((shown * intensity / mean - offsets) / weights).astype(np.float32)


def pictures(light: np.ndarray) -> np.ndarray:
    return squares(np.stack([stretch.lupton(bands)[..., ::-1] for bands in light]), SIZE)


def read(folder: Path, archive: str, size: int, step: int) -> np.ndarray:
    path = competition.zip_path(folder, archive)
    cropper = Cropper(424, 212, size)
    with archives.open_zip(path) as file:
        return np.stack([cropper(file.read(name))[0] for name in list(archives.image_members(path).values())[::step]])


def shares(light: np.ndarray, statistics: dict[str, object]) -> dict[str, float]:
    """The share of pictures with the warning that belongs to them, for each mistake."""
    sky = np.array([0.3, 0.6, 0.9], np.float32)[:, None, None]
    mistakes = {
        "ten times too bright": (10 * light, "much brighter"),
        "a thousand times too bright": (1000 * light, "much brighter"),
        "ten times too faint": (light / 10, "almost black"),
        "a thousand times too faint": (light / 1000, "almost black"),
        "with the sky": (light + sky, "much brighter sky"),
        "in the order i, r, g": (light[:, ::-1], "other colours"),
        "in the order r, g, i": (light[:, [1, 0, 2]], "other colours"),
    }
    return {
        name: float(np.mean([words in said for said in plausibility.warnings(pictures(wrong), statistics)]))
        for name, (wrong, words) in mistakes.items()
    }


def test_mistakes_are_named_and_galaxies_like_those_of_the_training_are_not():
    statistics = appearance.statistics(pictures(synthetic(400, 0)), np.arange(400), SIZE)
    others = plausibility.warnings(pictures(synthetic(200, 1)), statistics)
    assert sum(map(bool, others)) <= 1
    for name, share in shares(synthetic(40, 2), statistics).items():
        assert share >= 0.9, name


def test_of_real_galaxies_few_are_warned_of_and_their_mistakes_are_named(real: Path):
    images = read(real, competition.TRAINING_IMAGES, SIZE, 2)
    statistics = appearance.statistics(images, np.arange(len(images)), SIZE)
    others = plausibility.warnings(read(real, competition.TEST_IMAGES, SIZE, 1), statistics)
    assert np.mean([bool(said) for said in others]) <= 0.005
    for name, share in shares(real_light(read(real, competition.TEST_IMAGES, 212, 20)), statistics).items():
        assert share >= 0.9, name


def test_statistics_are_of_the_size_that_the_network_sees_and_the_same_each_time():
    large = squares(pictures(synthetic(20, 0)), 2 * SIZE)
    rows = np.arange(0, 20, 2)
    found = appearance.statistics(large, rows, SIZE)
    assert found == appearance.statistics(squares(large, SIZE)[::2], np.arange(10), SIZE)
    assert set(found) == {"levels", *appearance.MEASURES}
    assert all(len(values) == len(appearance.LEVELS) for values in found.values())


def test_a_sentence_says_what_is_outside():
    statistics = appearance.statistics(pictures(synthetic(100, 0)), np.arange(100), SIZE)
    (said,) = plausibility.warnings(pictures(1000 * synthetic(1, 3)), statistics)
    assert said.startswith("much brighter than the training images; pixels too bright, such as counts instead of nano")
    assert said.endswith("(median, centre, sky, border, saturated, grain)")


@pytest.mark.parametrize("value", [0, 255])
def test_pictures_without_contrast_are_outside(value: int):
    statistics = appearance.statistics(pictures(synthetic(100, 0)), np.arange(100), SIZE)
    assert plausibility.warnings(np.full((2, SIZE, SIZE, 3), value, np.uint8), statistics)[1] != ""
