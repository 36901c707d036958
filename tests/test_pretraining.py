"""Weights to start from: what is taken over, and what is refused."""

import json
import pickle
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import spec
from safetensors.torch import save_file

from galaxy.core.errors import GalaxyError
from galaxy.models import initial_weights, saved
from galaxy.models.network import Network, build_network


def network(model: str = "resnet18", **changes: Any) -> Network:
    return build_network(spec(model=model, **changes))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of ours, saved."""
    path = tmp_path_factory.mktemp("models") / "train_resnet"
    torch.manual_seed(1)
    saved.save(path, network(), {"data": {"source": {"source": "simulated"}}})
    return path


def test_a_model_of_ours_is_taken_over_whole_with_what_its_pixels_are_normalised_by(folder, capsys):
    other = network()
    weights = initial_weights.read(str(folder), "resnet18")
    weights.fill(other.backbone)
    trained = saved.load(folder)[0].backbone.state_dict()
    assert all(torch.equal(tensor, trained[name]) for name, tensor in other.backbone.state_dict().items())
    assert (weights.mean, weights.std) == ((25.0, 22.0, 18.0), (36.0, 31.0, 27.0))
    assert weights.origin["data"] == {"source": {"source": "simulated"}}
    assert f"starting from {folder}: 122 of 122 tensors" in capsys.readouterr().out


def test_the_last_layer_stays_new_where_the_outputs_are_others(tmp_path, capsys):
    published = network(outputs=tuple("ab"), head="sigmoid").backbone.state_dict()
    save_file(published, tmp_path / "published.safetensors")
    other = network()
    before = other.backbone.fc.weight.clone()
    initial_weights.read(str(tmp_path / "published.safetensors"), "resnet18").fill(other.backbone)
    assert torch.equal(other.backbone.fc.weight, before)
    assert torch.equal(other.backbone.conv1.weight, published["conv1.weight"])
    assert "120 of 122 tensors; new: fc.weight, fc.bias" in capsys.readouterr().out


def test_an_encoder_without_a_last_layer_is_taken_over_and_what_is_new_named(tmp_path, capsys):
    encoder = {name: value for name, value in network().backbone.state_dict().items() if not name.startswith("fc.")}
    save_file(encoder, tmp_path / "encoder.safetensors")
    torch.save(encoder, tmp_path / "encoder.pth")
    for name in ("encoder.safetensors", "encoder.pth"):
        other = network()
        initial_weights.read(str(tmp_path / name), "resnet18").fill(other.backbone)
        assert torch.equal(other.backbone.conv1.weight, encoder["conv1.weight"])
        assert f"{name}: 120 of 122 tensors; new: fc.weight, fc.bias" in capsys.readouterr().out
    with_a_norm = build_network(spec(model="levit_128s", size=224)).backbone
    encoder = {name: value for name, value in with_a_norm.state_dict().items() if not name.startswith("head")}
    save_file(encoder, tmp_path / "levit.safetensors")
    initial_weights.read(str(tmp_path / "levit.safetensors"), "levit_128s").fill(with_a_norm)
    assert "new: head.bn.weight, head.bn.bias, head.bn.running_mean" in capsys.readouterr().out


def test_a_new_last_layer_on_weights_from_elsewhere_starts_without_an_opinion():
    network = build_network(spec(model="resnet18"))
    network.reset_last()
    images = torch.randint(0, 256, (3, 64, 64, 3), dtype=torch.uint8)
    assert torch.equal(network.eval()(images), torch.full((3, 37), 0.5))


def test_published_weights_come_with_the_normalisation_that_timm_states(tmp_path):
    torch.save({"state_dict": network().backbone.state_dict()}, tmp_path / "weights.pth")
    weights = initial_weights.read(str(tmp_path / "weights.pth"), "resnet18")
    assert weights.mean == pytest.approx((0.485 * 255, 0.456 * 255, 0.406 * 255))
    assert weights.origin.keys() == {"path", "sha256"}


def test_another_architecture_is_refused(folder):
    with pytest.raises(GalaxyError, match="belong to 'resnet18', but the network is 'resnet34'"):
        initial_weights.read(str(folder), "resnet34")


def test_tensors_that_do_not_fit_are_named(tmp_path):
    tensors = network().backbone.state_dict()
    tensors["extra"] = tensors.pop("layer1.0.conv1.weight")
    tensors["conv1.weight"] = tensors["conv1.weight"][:, :1].contiguous()
    save_file(tensors, tmp_path / "damaged.safetensors")
    with pytest.raises(GalaxyError, match=r"do not fit the network \(3 in all\)") as caught:
        initial_weights.read(str(tmp_path / "damaged.safetensors"), "resnet18").fill(network().backbone)
    for problem in (
        "layer1.0.conv1.weight is missing",
        "extra is not in the network",
        "conv1.weight is (64, 1, 7, 7), not (64",
    ):
        assert problem in str(caught.value)


class Bomb:
    def __reduce__(self):
        return Path.touch, (Path("bomb"),)


def test_a_pickle_is_refused_and_nothing_of_it_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("weights.pth").write_bytes(pickle.dumps(Bomb()))
    torch.save({"state_dict": {"conv1.weight": Bomb()}}, "zipped.pth")
    for name in ("weights.pth", "zipped.pth"):
        with pytest.raises(GalaxyError, match=f"weights {re.escape(name)} cannot be read as a state dict"):
            initial_weights.read(name, "resnet18")
    assert not Path("bomb").exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("weights.safetensors", b"not tensors"),
        ("weights.pth", b""),
        ("weights.pth", b"not tensors"),
    ],
)
def test_a_file_that_holds_no_weights_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(GalaxyError, match="cannot be read as a state dict"):
        initial_weights.read(str(tmp_path / name), "resnet18")


def test_an_absent_file_and_an_empty_folder_are_named(tmp_path):
    with pytest.raises(GalaxyError, match=r"none\.pth: no such file or folder"):
        initial_weights.read(str(tmp_path / "none.pth"), "resnet18")
    with pytest.raises(GalaxyError, match=r"model\.json: no such file"):
        initial_weights.read(str(tmp_path), "resnet18")


def test_a_damaged_card_is_refused(folder, tmp_path):
    (tmp_path / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    (tmp_path / "model.json").write_text(json.dumps({"spec": {}}))
    with pytest.raises(GalaxyError, match="does not hold a whole model"):
        initial_weights.read(str(tmp_path), "resnet18")
