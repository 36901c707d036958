"""Taking a model along: ONNX that predicts what PyTorch predicts, and a card that says what the model is."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import timm
import torch
from conftest import TEST, galaxy, spec

from galaxy import cli, load
from galaxy.core import decision_tree
from galaxy.core.errors import GalaxyError
from galaxy.core.params import Params
from galaxy.inference import export, model_card
from galaxy.models import saved, starts
from galaxy.models.network import build_network


@pytest.fixture
def packed(preprocessed: Path) -> np.ndarray:
    return np.load(preprocessed / "test.npy", mmap_mode="r")


@pytest.fixture(scope="module")
def exported(model: Path, raw: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """What the command writes, checked on the test images of the small competition; and what it says."""
    target = tmp_path_factory.mktemp("exported") / "deep/cnn.onnx"
    images = raw / "images_test_rev1.zip"
    done = galaxy("export", model, target, "--check", images, folder=target.parent.parent)
    return target, done.stdout


def test_the_exported_network_takes_raw_pixels_in_any_number(
    exported: tuple[Path, str], model: Path, packed: np.ndarray
):
    target, said = exported
    assert f"of PyTorch on {TEST} images, one by one and together" in said
    assert sorted(path.name for path in target.parent.iterdir()) == ["cnn.md", "cnn.onnx"]
    session = onnxruntime.InferenceSession(target, providers=["CPUExecutionProvider"])
    (entry,), (out,) = session.get_inputs(), session.get_outputs()
    assert (entry.name, entry.type, entry.shape[1:]) == ("images", "tensor(uint8)", [64, 64, 3])
    assert (out.name, out.type, out.shape[1:]) == ("fractions", "tensor(float)", [37])
    network, _ = saved.load(model)
    for some in (packed[:1], packed[:5], packed):
        with torch.inference_mode():
            expected = network(torch.from_numpy(np.array(some))).numpy()
        assert np.abs(session.run(None, {"images": np.array(some)})[0] - expected).max() <= 1e-4


HEADS: dict[str, dict[str, Any]] = {
    "class": {"head": "logits", "outputs": ("a", "b", "c"), "packed": 64, "crop": 64},
    "fraction": {"head": "sigmoid", "outputs": ("smooth",)},
    "number": {"head": "numbers", "outputs": ("mass", "z"), "head_args": {"means": [9, 0.1], "deviations": [1, 0.05]}},
    "counts": {"head": "dirichlet", "outputs": tuple("abcde"), "head_args": {"questions": [(0, 3, None), (3, 5, 1)]}},
    "dirichlet": {"head": "dirichlet"},
    "local-dir": {"head": "decision_tree"},
}
"""What describes networks of each kind of label and start."""


@pytest.mark.parametrize("name", HEADS)
def test_each_head_and_a_start_by_name_give_in_onnx_what_predict_gives(
    name: str, defaults: Params, tmp_path: Path, packed: np.ndarray
):
    folder, images = tmp_path / "model", np.array(packed[:6])
    torch.manual_seed(5)
    changed = HEADS[name]
    start = None
    if name == "local-dir":
        encoder = timm.create_model("test_convnext", num_classes=0)
        timm.models.save_for_hf(encoder, str(tmp_path / "encoder"), safe_serialization=True)
        named = {"model": f"local-dir:{tmp_path / 'encoder'}", "pretrained": True}
        start = starts.read(defaults.models["cnn"].model_copy(update=named), 64)
        changed = changed | {"model": start.model, "model_args": start.model_args}
    network = build_network(spec(**{"crop": 424} | changed))
    if start is not None and start.weights is not None:
        start.weights.fill(network.backbone)
    source = {"source": "simulated", "training_galaxies": 60}
    saved.save(folder, network, {"data": {"training_galaxies": 42, "split": "0" * 64, "source": source}})
    export.export(folder, tmp_path / "x.onnx", images)
    session = onnxruntime.InferenceSession(tmp_path / "x.onnx", providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"images": images})
    table = load(folder).predict(images)
    assert np.ptp(found, axis=0).min() > 0
    assert table[list(network.spec.outputs)].to_numpy() == pytest.approx(found, rel=1e-4, abs=1e-5)


def test_the_file_says_what_it_predicts_and_from_what(exported: tuple[Path, str]):
    stored = {item.key: item.value for item in onnx.load(exported[0]).metadata_props}
    assert stored["columns"].split(",") == list(decision_tree.COLUMNS)
    assert stored["trained_on"] == "simulated"


def test_a_network_that_differs_is_not_written(
    model: Path, packed: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(export, "TOLERANCE", -1.0)  # which no network can meet
    with pytest.raises(GalaxyError, match=r"ONNX and PyTorch differ by .*, more than -1; nothing is written"):
        export.export(model, tmp_path / "cnn.onnx", packed)
    assert not list(tmp_path.iterdir())


def test_images_of_another_size_are_refused(model: Path, tmp_path: Path):
    with pytest.raises(GalaxyError, match="takes images of 64×64 pixels"):
        export.export(model, tmp_path / "cnn.onnx", np.zeros((2, 32, 32, 3), np.uint8))


def test_the_projects_images_are_cut_as_the_network_sees_them(preprocessed: Path):
    whole = export.packed_images(spec(crop=212, size=64), preprocessed)
    assert np.array_equal(whole, np.load(preprocessed / "test.npy"))
    part = export.packed_images(spec(crop=132, size=40), preprocessed)
    assert part.shape == (len(whole), 40, 40, 3)
    assert np.abs(part.astype(int) - whole[:, 12:52, 12:52]).mean() < 2


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("cnn.onnx", "data/preprocessed/test.npy: no such file to check the export with; name some images"),
        ("cnn.pt", "cnn.pt: the file to write must end in .onnx"),
    ],
)
def test_what_cannot_be_exported_says_why(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, message: str
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["galaxy", "export", str(model), target])
    with pytest.raises(SystemExit, match=message):
        cli.main()


def test_the_card_says_what_the_models_json_says(model: Path):
    card = json.loads((model / "model.json").read_text())
    text = model_card.markdown("train_cnn", card)
    assert text.startswith("# train_cnn\n")
    assert "**Trained on simulated galaxies.**" in text
    assert "random weights, so nobody else's licence applies" in text
    assert "| galaxies | 42 trained on, of 60 labelled |" in text
    assert "uint8, N×64×64×3" in text
    real = card | {"data": card["data"] | {"source": {"source": "kaggle", "complete_competition": True}}}
    text = model_card.markdown("train_cnn", real)
    assert "simulated" not in text
    assert "| whole competition | yes |" in text


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"params": {"pretrained": True}, "spec": {"model": "resnet18"}}, "Their licence: apache-2.0"),
        (
            {"data": {"weights": {"path": "w.pth", "sha256": "12"}}},
            "`w.pth` (SHA-256 12). Such a file does not say its licence",
        ),
        (
            {"data": {"weights": {"path": "m", "sha256": "12", "data": {"source": {"source": "simulated"}}}}},
            "`m` (SHA-256 12, trained on simulated galaxies)",
        ),
        (
            {
                "params": {"pretrained": True},
                "data": {
                    "weights": {
                        "path": "hf-hub:a/b",
                        "file": "model.safetensors",
                        "revision": "0f",
                        "sha256": "12",
                        "licence": "mit",
                    }
                },
            },
            "`model.safetensors` of `hf-hub:a/b` at commit 0f (SHA-256 12). Its licence: mit",
        ),
    ],
)
def test_the_card_names_the_weights_that_it_started_from_and_their_licence(model: Path, changed: dict, said: str):
    card = json.loads((model / "model.json").read_text())
    for key, values in changed.items():
        card[key] |= values
    assert said in model_card.markdown("x", card)


def test_a_damaged_model_is_named(model: Path, packed: np.ndarray, tmp_path: Path):
    shutil.copytree(model, tmp_path / "m")
    (tmp_path / "m/model.safetensors").write_bytes(b"")
    with pytest.raises(GalaxyError, match="does not hold a whole model"):
        export.export(tmp_path / "m", tmp_path / "cnn.onnx", packed)
