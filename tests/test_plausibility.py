"""Pixels in other units, skies and orders of planes are noticed; galaxies like those of the training are not."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from conftest import augmentation

from galaxy import cli
from galaxy.core import competition, decision_tree, stretch
from galaxy.core.centre_crop import central_square, squares
from galaxy.core.params import Params
from galaxy.core.paths import TrainingPaths
from galaxy.data import appearance, split
from galaxy.data.galaxies import Galaxies
from galaxy.inference import plausibility, predictor
from galaxy.ingest import archives
from galaxy.ingest.decode import Cropper
from galaxy.training import vote_fractions

SIZE = 64
SLOAN = {"BUNIT": "nanomaggies", "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CD1_1": -1.1e-4, "CD2_2": 1.1e-4}


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


def warned(images: np.ndarray, statistics: dict[str, Any]) -> list[str]:
    return plausibility.warnings(images, np.arange(len(images)), statistics)


def pictures(light: np.ndarray) -> np.ndarray:
    return squares(np.stack([stretch.lupton(bands)[..., ::-1] for bands in light]), SIZE)


def read(folder: Path, archive: str, size: int, step: int) -> np.ndarray:
    path = competition.zip_path(folder, archive)
    cropper = Cropper(424, 212, size)
    with archives.open_zip(path) as file:
        return np.stack([cropper(file.read(name))[0] for name in list(archives.image_members(path).values())[::step]])


def shares(light: np.ndarray, statistics: dict[str, Any]) -> dict[str, float]:
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
        name: float(np.mean([words in said for said in warned(pictures(wrong), statistics)]))
        for name, (wrong, words) in mistakes.items()
    }


def test_mistakes_are_named_and_galaxies_like_those_of_the_training_are_not():
    statistics = appearance.statistics(pictures(synthetic(400, 0)), np.arange(400), SIZE)
    others = warned(pictures(synthetic(200, 1)), statistics)
    assert sum(map(bool, others)) <= 1
    for name, share in shares(synthetic(40, 2), statistics).items():
        assert share >= 0.9, name


def test_of_real_galaxies_few_are_warned_of_and_their_mistakes_are_named(real: Path):
    images = read(real, competition.TRAINING_IMAGES, SIZE, 2)
    statistics = appearance.statistics(images, np.arange(len(images)), SIZE)
    others = warned(read(real, competition.TEST_IMAGES, SIZE, 1), statistics)
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


def test_training_writes_the_statistics_of_what_the_network_sees(tmp_path: Path, preprocessed: Path, defaults: Params):
    galaxies = Galaxies.open(preprocessed, "training")
    table = split.split(galaxies.ids, 0.2, 0.2, 1)
    paths = TrainingPaths(*(tmp_path / name for name in ("model", "history.csv", "metrics.json", "scratch", "runs")))
    quick = {"epochs": 1, "workers": 0, "crop": 106, "size": 16, "precision": "32-true", "augmentation": augmentation()}
    options = defaults.models["cnn"].model_copy(update=quick)
    vote_fractions.train(options, galaxies, table, {"source": "simulated"}, paths)
    seen = squares(central_square(galaxies.images, 32), 16)
    expected = appearance.statistics(seen, galaxies.rows(table)["train"], 16)
    assert predictor.load(paths.model).appearances == {str(paths.model): expected}


def test_a_sentence_says_what_is_outside():
    statistics = appearance.statistics(pictures(synthetic(100, 0)), np.arange(100), SIZE)
    (said,) = warned(pictures(1000 * synthetic(1, 3)), statistics)
    assert said.startswith("much brighter than the training images; pixels too bright, such as counts instead of nano")
    assert said.endswith("(median, centre, sky, border, saturated, grain)")


@pytest.mark.parametrize("value", [0, 255])
def test_pictures_without_contrast_are_outside(value: int):
    statistics = appearance.statistics(pictures(synthetic(100, 0)), np.arange(100), SIZE)
    assert warned(np.full((2, SIZE, SIZE, 3), value, np.uint8), statistics)[1] != ""


@pytest.fixture(scope="module")
def folder(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model that knows synthetic galaxies, and twelve of these, the last too bright."""
    path = tmp_path_factory.mktemp("plausibility")
    shutil.copytree(model, path / "model")
    card = json.loads((path / "model/model.json").read_text())
    card["data"]["appearance"] = appearance.statistics(pictures(synthetic(200, 0)), np.arange(200), SIZE)
    (path / "model/model.json").write_text(json.dumps(card))
    (path / "images").mkdir()
    for number, bands in enumerate(synthetic(12, 1)):
        primary = fits.PrimaryHDU(np.repeat(np.repeat(bands, 2, axis=1), 2, axis=2) * (1000 if number == 11 else 1))
        primary.header.update(SLOAN | {"BANDS": "gri"})
        primary.writeto(path / f"images/{number:02}.fits")
    return path


class Ran(NamedTuple):
    """A command's status, and the lines of its standard error that begin with "warning"."""

    status: object
    warnings: list[str]


@pytest.fixture
def predict(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    def run(*words: object, images: str = "images", model: object = "model") -> Ran:
        monkeypatch.chdir(folder)
        given = ["galaxy", "predict", images, "--model", model, "--crop", 1, *words]
        monkeypatch.setattr(sys, "argv", list(map(str, given)))
        status: object = 0
        try:
            cli.main()
        except SystemExit as stop:
            status = stop.code
        return Ran(status, [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning")])

    return run


def test_a_warning_is_a_column_and_a_line_and_strict_refuses_it(folder: Path, predict: Callable[..., Ran]):
    status, (line,) = predict()
    assert status == 0
    table = pd.read_csv(folder / "predictions.csv")
    assert list(table.columns) == ["file", *decision_tree.COLUMNS, "warning"]
    assert table["warning"].isna().tolist() == [*11 * [True], False]
    assert line == f"warning: images/11.fits: {table['warning'].iloc[-1]}"
    assert table["warning"].iloc[-1].startswith("much brighter than the training images; pixels too bright")
    status = predict("--strict", "--out", "strict.csv").status
    assert str(status).startswith("error: images/11.fits: much brighter than the training images;")
    assert not (folder / "strict.csv").exists()


def test_many_warnings_are_counted_and_options_name_what_headers_do_not_say(predict: Callable[..., Ran]):
    lines = predict("--bands", "i,g,r", "--hdu", 0).warnings
    assert len(lines) == 11
    assert "other colours than the training images; planes in another order" in lines[0]
    assert lines[-1] == "warning: … and 2 more, in the column 'warning'"
    black = "none of the 12 images can be read; images/00.fits: every pixel has the same value"
    assert black in str(predict("--fits-scale", "1e-9").status)
    listed = "images/00.fits: 0 images are 'SCI'; the file has 0 (PRIMARY, 3×128×128)"
    assert listed in str(predict("--hdu", "SCI").status)


def test_a_model_without_statistics_says_so_in_one_line(predict: Callable[..., Ran], model: Path):
    assert predict(images="images/00.fits", model=model).warnings == [f"warning: {model}: {plausibility.NO_STATISTICS}"]
