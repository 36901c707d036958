"""Models of classes and numbers: `galaxy predict` gives what the task's own scores are computed from."""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
import torch
from conftest import ROOT, spec
from PIL import Image

from galaxy import cli
from galaxy.core.paths import TrainingPaths
from galaxy.inference import prediction, predictor
from galaxy.models import saved
from galaxy.models.network import build_network
from galaxy.models.predict import predict
from galaxy.task_results import scores
from galaxy.tasks import builtin_samples, params
from galaxy.tasks.examples import Examples
from galaxy.tasks.readers import photographs
from galaxy.tasks.train import train

CLASSES = ("Basketball", "file", "Rowing, at sea")


@pytest.fixture(scope="module")
def sports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photographs of the sample in three classes, not square, with their labels, as a user has them."""
    folder = tmp_path_factory.mktemp("sports")
    (folder / "train").mkdir()
    labels = np.tile(np.arange(3), 8)
    rows = ["name,label"]
    for number, picture in enumerate(builtin_samples.gratings(labels, 3, 150, 3, seed=0)):
        name = f"{number:02}.{'jpg' if number % 2 else 'png'}"
        Image.fromarray(picture[:, : 120 + number]).save(folder / "train" / name)
        rows.append(f'{name},"{CLASSES[labels[number]]}"')
    (folder / "train.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="module")
def examples(sports: Path) -> Examples:
    found = photographs(sports, 96)
    names = sorted(path.name for path in (sports / "train").iterdir())
    sets = np.where(np.arange(len(names)) % 3 == 0, "valid", np.where(np.arange(len(names)) % 3 == 1, "test", "train"))
    table = pd.DataFrame({"name": names, "class": np.array(found.classes)[found.labels], "set": sets})
    return Examples(found.images, table, found.classes, {"source": "builtin"})


@pytest.fixture(scope="module")
def classifier(examples: Examples, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A classifier that sees the central 64 of 96 pixels, trained for an epoch as the task's stage does."""
    folder = tmp_path_factory.mktemp("classifier")
    options = params.load(ROOT / "tasks/cifar10/params.yaml").train["resnet_fast"]
    quick = {"model": "galaxy10_fcn", "optimizer": "adam", "optimizer_args": {}, "weight_decay": 0.0}
    quick |= {"schedule": "constant", "epochs": 1, "batch_size": 4, "input_size": 64, "learning_rate": 0.001}
    augmentation = options.augmentation.model_copy(update={"scale": None})
    names = ("classifier", "history.csv", "metrics.json", "scratch", "runs")
    paths = TrainingPaths(*(folder / name for name in names))
    train(options.model_copy(update={**quick, "augmentation": augmentation}), examples, paths)
    return paths.model


def changed(start: Path, folder: Path, **values: object) -> Path:
    """A copy of a model with another spec and random weights."""
    network, card = saved.load(start, any_outputs=True)
    torch.manual_seed(len(str(values)))
    other = build_network(network.spec.model_copy(update=values))
    saved.save(folder, other, {key: card[key] for key in ("params", "metrics", "data")})
    return folder


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> str:
    monkeypatch.setattr(sys, "argv", ["galaxy", *map(str, words)])
    try:
        cli.main()
    except SystemExit as stop:
        return str(stop.code)
    return ""


@pytest.mark.parametrize("crop", [64, 96])
def test_the_tasks_own_images_are_predicted_as_the_task_predicts_them(
    sports: Path, examples: Examples, classifier: Path, tmp_path: Path, crop: int
):
    model = classifier if crop == 64 else changed(classifier, tmp_path / "whole", crop=crop)
    assert saved.load(model, any_outputs=True)[0].spec.packed == 96
    table = predictor.load(model).predict(sports / "train")
    network, _ = saved.load(model, any_outputs=True)
    expected = predict(network, examples.network_input(crop, 64), 64)
    columns = ["Basketball", "Rowing, at sea", "p_file"]
    assert list(table.columns) == ["file", "likeliest_class", *columns, "warning"]
    assert np.allclose(table[columns], expected, atol=1e-6)
    one = scores.predict_classes(model, examples, params.Evaluate(batch_size=64, mirrored=False))
    likeliest = table["likeliest_class"].to_numpy()[examples.rows("test")]
    assert likeliest.tolist() == [examples.classes[number] for number in one.test]


def test_means_over_views_and_models_are_of_probabilities(sports: Path, classifier: Path, tmp_path: Path):
    other = changed(classifier, tmp_path / "other", size=48)
    one, two, both = (
        predictor.load(*folders).predict(sports / "train", views=2)
        for folders in ([classifier], [other], [classifier, other])
    )
    columns = ["Basketball", "Rowing, at sea", "p_file"]
    assert np.allclose(both[columns], (one[columns] + two[columns]) / 2, atol=1e-6)
    assert np.allclose(both[columns].sum(axis=1), 1, atol=1e-5)


def test_a_networks_one_channel_is_the_grey_of_the_image(classifier: Path, tmp_path: Path):
    model = changed(
        classifier, tmp_path / "grey", model="resnet18", mean=(72.0,), std=(90.0,), packed=28, crop=28, size=28
    )
    images = builtin_samples.fashion_mnist(28).images[:6]
    (tmp_path / "images").mkdir()
    for number, picture in enumerate(images):
        Image.fromarray(picture[..., 0]).save(tmp_path / f"images/{number}.png")
    table = predictor.load(model).predict(tmp_path / "images")
    expected = predict(saved.load(model, any_outputs=True)[0], images, 6)
    assert np.allclose(table["Basketball"], expected[:, 0], atol=1e-6)


def test_numbers_are_given_by_their_names_in_their_units(sports: Path, classifier: Path, tmp_path: Path):
    scale = {"means": [1e10, 0.02], "deviations": [1e9, 0.01]}
    numbers = {"head": "numbers", "head_args": scale, "outputs": ("mass", "z"), "packed": None, "crop": 212}
    loaded = predictor.load(changed(classifier, tmp_path / "numbers", **numbers))
    table = loaded.predict(sports / "train")
    assert list(table.columns) == ["file", "mass", "z", "warning"]
    assert table["mass"].between(1e9, 1e11).all()
    assert loaded.digits(predictor.Options()) == {"mass": "{:.7g}", "z": "{:.7g}"}


def test_models_that_do_not_go_together_and_pictures_that_cannot_be_drawn_are_refused_before_any_work(
    sports: Path, classifier: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    images = sports / "train"
    ended = run(monkeypatch, "predict", images, "--model", model, "--model", classifier)
    assert ended == (
        f"error: {model} predicts 37 fractions (Class1.1, Class1.2, Class1.3 …), {classifier} 3 probabilities "
        "(Basketball, Rowing, at sea, file); name models that predict the same, in the same order"
    )
    ended = run(monkeypatch, "predict", images, "--model", classifier, "--figure", "trees")
    assert ended.startswith(f"error: {classifier} does not predict the 37 columns of the decision tree")
    ended = run(monkeypatch, "predict", images, "--model", changed(classifier, tmp_path / "old", packed=None))
    assert "its card does not say what part of an image the network sees; train it again" in ended
    five = changed(classifier, tmp_path / "five", mean=(1.0,) * 5, std=(1.0,) * 5)
    assert "the network takes images of 5 channels; they are read in colour (3)" in run(
        monkeypatch, "predict", images, "--model", five
    )
    assert run(monkeypatch, "export", classifier, "x.onnx").startswith(
        "error: data/preprocessed/test.npy: no such file"
    )
    assert not list(tmp_path.glob("*predictions*"))


def test_columns_that_are_called_as_ours_get_another_name():
    names = list(prediction.columns(spec(head="logits", outputs=("warning", "p_warning", "likeliest_class"))))
    assert names == ["likeliest_class", "p_p_warning", "p_warning", "p_likeliest_class"]
    assert list(prediction.columns(spec(outputs=("likeliest_class", "mass")))) == ["likeliest_class", "mass"]


def test_a_classifier_is_exported_with_its_probabilities(
    sports: Path, classifier: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    assert run(monkeypatch, "export", classifier, tmp_path / "x.onnx", "--check", sports / "train") == ""
    assert "of PyTorch on 24 images, one by one and together" in capsys.readouterr().out
    session = onnxruntime.InferenceSession(tmp_path / "x.onnx", providers=["CPUExecutionProvider"])
    assert session.get_outputs()[0].name == "probabilities"
    (found,) = session.run(None, {"images": np.zeros((2, 64, 64, 3), np.uint8)})
    assert np.allclose(found.sum(axis=1), 1, atol=1e-5)
    stored = {item.key: item.value for item in onnx.load(tmp_path / "x.onnx").metadata_props}
    assert stored["columns"] == 'Basketball,"Rowing, at sea",file'
    assert (stored["resize_to"], stored["crop"]) == ("96", "64")
    card = (tmp_path / "x.md").read_text()
    assert "Predicts 3 probabilities from a picture: Basketball, Rowing, at sea, file." in card
    assert "resized to 96 pixels; of it the central 64 pixels, at 64 pixels" in card
    assert "fractions" not in card
