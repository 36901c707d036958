"""Taking a model along: ONNX that predicts what PyTorch predicts, and a card that says what the model is."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from conftest import TEST

from galaxy import cli, export, model_card, models, tree
from galaxy.errors import GalaxyError


@pytest.fixture
def packed(preprocessed: Path) -> np.ndarray:
    return np.load(preprocessed / "test.npy", mmap_mode="r")


def test_the_exported_network_takes_raw_pixels_in_any_number(model: Path, packed: np.ndarray, tmp_path: Path):
    target = tmp_path / "deep/cnn.onnx"
    count, difference = export.export(model, target, packed)
    assert count == TEST
    assert difference <= 1e-4
    assert sorted(path.name for path in target.parent.iterdir()) == ["cnn.md", "cnn.onnx"]
    session = onnxruntime.InferenceSession(target, providers=["CPUExecutionProvider"])
    (entry,), (out,) = session.get_inputs(), session.get_outputs()
    assert (entry.name, entry.type, entry.shape[1:]) == ("images", "tensor(uint8)", [64, 64, 3])
    assert (out.name, out.type, out.shape[1:]) == ("fractions", "tensor(float)", [37])
    network, _ = models.load(model)
    for some in (packed[:1], packed[:5], packed):
        with torch.inference_mode():
            expected = network(torch.from_numpy(np.array(some))).numpy()
        assert np.abs(session.run(None, {"images": np.array(some)})[0] - expected).max() <= 1e-4
    stored = {item.key: item.value for item in onnx.load(target).metadata_props}
    assert stored["columns"].split(",") == list(tree.COLUMNS)
    assert stored["trained_on"] == "simulated"


def test_a_network_that_differs_is_not_written(
    model: Path, packed: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(export, "TOLERANCE", 0.0)
    monkeypatch.setattr(export, "_difference", lambda *_: 0.25)
    with pytest.raises(GalaxyError, match="ONNX and PyTorch differ by 0.25, more than 0; nothing is written"):
        export.export(model, tmp_path / "cnn.onnx", packed)
    assert not list(tmp_path.iterdir())


def test_images_of_another_size_are_refused(model: Path, tmp_path: Path):
    with pytest.raises(GalaxyError, match="takes images of 64×64 pixels"):
        export.export(model, tmp_path / "cnn.onnx", np.zeros((2, 32, 32, 3), np.uint8))


def test_the_command_checks_on_the_projects_images_or_on_named_ones(
    model: Path, preprocessed: Path, raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
):
    monkeypatch.chdir(tmp_path)
    for words, message in (
        (["cnn.onnx"], "data/preprocessed/test.npy: no such file to check the export with; name some images"),
        (["cnn.pt"], "cnn.pt: the file to write must end in .onnx"),
    ):
        monkeypatch.setattr(sys, "argv", ["galaxy", "export", str(model), *words])
        with pytest.raises(SystemExit, match=message):
            cli.main()
    archive = str(raw / "images_test_rev1.zip")
    monkeypatch.setattr(sys, "argv", ["galaxy", "export", str(model), "cnn.onnx", "--check", archive])
    cli.main()
    assert f"of PyTorch on {TEST} images, one by one and together" in capsys.readouterr().out


def test_the_card_says_what_the_models_json_says(model: Path):
    card = json.loads((model / "model.json").read_text())
    text = model_card.markdown("train_cnn", card)
    assert text.startswith("# train_cnn\n")
    assert "**Trained on simulated galaxies.**" in text
    assert "random weights, so no licence of others" in text
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
