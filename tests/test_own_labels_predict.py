"""Models of own labels elsewhere: `galaxy predict` gives what their own evaluation gives, with intervals."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from astropy.io import fits
from test_own_labels import SMALL, TREE, options

from galaxy import cli, load
from galaxy.core.files import read_json
from galaxy.core.paths import Paths
from galaxy.models import saved
from galaxy.models.network import last_layers
from galaxy.own_labels import evaluation, example, scores
from galaxy.own_labels.labelled import Labelled
from galaxy.own_labels.prepare import prepare
from galaxy.own_labels.train import train
from galaxy.simulator.observation import PIXEL

VIEWS = 8
"""Those of the pipeline's evaluation."""


@dataclass(frozen=True)
class Learned:
    """A trained and evaluated pipeline."""

    paths: Paths
    data: Labelled
    files: list[Path]
    """The images of the test set."""

    @property
    def model(self) -> Path:
        return self.paths.model("resnet")


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The list of a small example, with further columns, and a copy of it with FITS files of other sizes; read only."""
    path = example.write(tmp_path_factory.mktemp("example"), SMALL)
    table = pd.read_csv(path)
    table["bar"] = table["featured"] // 3
    table["no_bar"] = table["featured"] - table["bar"]
    table.to_csv(path, index=False)
    cards = {"BUNIT": "nanomaggy", "BANDS": "gri", "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN"}
    cards |= {"CDELT1": -PIXEL / 3600, "CDELT2": PIXEL / 3600}
    for name in table["path"]:
        light = (cv2.resize(cv2.imread(str(path.parent / name)), (101, 90)) / 255.0) ** 2
        planes = light.transpose(2, 0, 1).astype(np.float32)
        fits.PrimaryHDU(planes, fits.Header(cards)).writeto(path.parent / name.replace(".jpg", ".fits"))
    table["path"] = table["path"].str.replace(".jpg", ".fits")
    table.to_csv(path.parent / "fits.csv", index=False)
    return path.parent


def exaggerate(model: Path) -> None:
    """Make a model's predictions depend more on the image than a training of seconds does, so that differences show."""
    network, card = saved.load(model, any_outputs=True)
    (last,) = last_layers(network.backbone)
    with torch.no_grad():
        network.backbone.get_submodule(last).weight.mul_(100)
    saved.save(model, network, {key: value for key, value in card.items() if key != "spec"})


@pytest.fixture(scope="module")
def learn(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Learned]:
    """Return what trains and evaluates the pipeline of a list, a kind of label and its columns, once each."""

    @cache
    def learn(name: str, kind: str, *columns: str) -> Learned:
        target = {"kind": kind, "columns": list(columns), "questions": TREE if "bar" in columns else None}
        asked = options(images / name, target=target, split={"test": 0.4, "valid": 0.3})
        folder = tmp_path_factory.mktemp(kind)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            patch.setattr(scores, "RESAMPLES", 2)  # of classes they take seconds
            data, paths = prepare(asked).data, Paths()
            train(asked.train["resnet"], data, paths.training("resnet"))
            exaggerate(paths.model("resnet"))
            evaluation.evaluate(asked, data, paths)
        test = data.catalogue["path"].iloc[data.rows("test")]
        return Learned(Paths(str(folder)), data, [images / path for path in test])

    return learn


@pytest.mark.parametrize("name", [example.LIST, "fits.csv"])
@pytest.mark.parametrize(("kind", "column"), [("class", "merger"), ("number", "magnitude")])
def test_the_files_of_the_test_set_are_predicted_as_the_evaluation_predicts_them(
    name: str, kind: str, column: str, learn: Callable[..., Learned]
):
    learned = learn(name, kind, column)
    outputs = learned.data.labels.outputs
    table = load(learned.model).predict(*learned.files, views=VIEWS)
    expected = pd.read_csv(learned.paths.predictions / "resnet.csv")
    assert np.ptp(table[outputs[0]]) > 1e-3
    for output in outputs:
        assert table[output].to_numpy() == pytest.approx(expected[f"predicted_{output}"].to_numpy(), rel=1e-5, abs=2e-6)


@pytest.mark.parametrize(
    ("kind", "columns"),
    [
        ("fraction", ("smooth_fraction",)),
        ("number", ("magnitude", "smooth")),
        ("counts", ("smooth", "featured", "artifact")),
    ],
)
def test_every_kind_but_classes_has_intervals_which_are_measured_on_test(
    kind: str, columns: tuple[str, ...], learn: Callable[..., Learned]
):
    learned = learn(example.LIST, kind, *columns)
    labels = learned.data.labels.of(learned.data.rows("test"))
    measured = pd.read_csv(learned.paths.evaluation_figures / "coverage.csv")
    assert measured["output"].unique().tolist() == ["all", *columns]
    assert measured["level"].unique().tolist() == [0.5, 0.8, 0.9]
    assert "coverage_50" in read_json(learned.paths.evaluation)["intervals"]["resnet"]
    table = load(learned.model).predict(*learned.files, views=VIEWS, interval=0.5)
    assert list(table) == [
        "file",
        *columns,
        *(f"{name}_{end}" for name in columns for end in ("low", "high")),
        "warning",
    ]
    if kind == "counts":
        card = read_json(learned.model / "model.json")
        votes = learned.data.labels.of(learned.data.rows("train")).voters
        assert card["data"]["volunteers"] == int(np.median(votes))
        same = load(learned.model).predict(*learned.files, views=VIEWS, interval=0.5, volunteers=int(np.median(votes)))
        pd.testing.assert_frame_equal(table, same)
        return
    for number, name in enumerate(columns):
        low, high, actual = table[f"{name}_low"], table[f"{name}_high"], labels.shares[:, number]
        row = measured[(measured["output"] == name) & (measured["level"] == 0.5)].iloc[0]
        assert row["coverage_all"] == pytest.approx(((low - 1e-4 <= actual) & (actual <= high + 1e-4)).mean(), abs=0.03)
        assert row["width"] == pytest.approx((high - low).mean(), rel=1e-3)


def test_the_intervals_of_a_tree_of_ones_own_stay_within_the_answer_that_leads_there(learn: Callable[..., Learned]):
    learned = learn(example.LIST, "counts", "smooth", "featured", "artifact", "bar", "no_bar")
    table = load(learned.model).predict(*learned.files, interval=0.9)
    for name in ("bar", "no_bar"):
        assert (table[f"{name}_high"] <= table["featured_high"] + 1e-6).all()
        assert (table[f"{name}_low"] <= table[f"{name}_high"]).all()


def test_of_classes_a_line_says_that_probabilities_say_how_sure(
    learn: Callable[..., Learned], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    learned = learn(example.LIST, "class", "merger")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        sys, "argv", ["galaxy", "predict", str(learned.files[0]), "--model", str(learned.model), "--interval", "0.9"]
    )
    with pytest.raises(
        SystemExit, match=r"predicts classes: their probabilities, which it gives, say how sure"
    ) as stop:
        cli.main()
    assert "\n" not in str(stop.value)
    assert not list(tmp_path.iterdir())
