"""Networks have the published sizes, heads obey the tree, and a saved model is the same when it is loaded."""

import io
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import spec
from safetensors.torch import load_file, save, save_file
from torch import nn

from galaxy.core import decision_tree
from galaxy.core.errors import GalaxyError
from galaxy.ingest import archives
from galaxy.models import saved
from galaxy.models.heads import DecisionTree, Sigmoid
from galaxy.models.network import Network, build_network

WEIGHTS = save({"classifier.bias": torch.zeros(1000)})


def images(count: int = 3, size: int = 64) -> torch.Tensor:
    return torch.randint(0, 256, (count, size, size, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("model", "parameters"), [("course_cnn", 571_225), ("resnet18", 11_195_493)])
def test_parameters_are_those_published(model: str, parameters: int):
    assert build_network(spec(model=model)).parameters_count == parameters


@pytest.mark.parametrize("model", ["course_cnn", "resnet10t_half", "vit_tiny_patch16_224"])
@pytest.mark.parametrize("size", [64, 96])
def test_any_network_takes_the_size_of_the_images(model: str, size: int):
    network = build_network(spec(model=model, size=size)).eval()
    assert network(images(size=size)).shape == (3, 37)


def test_the_narrow_resnet_is_timms_with_half_the_channels():
    ours = build_network(spec(model="resnet10t_half")).eval()
    timms = build_network(spec(model="resnet10t", model_args={"channels": [32, 64, 128, 256]})).eval()
    timms.load_state_dict(ours.state_dict())
    assert torch.equal(ours(images()), timms(images()))


class Own(nn.Sequential):
    """A user's own network, which has none of timm's configuration."""


def test_the_last_layer_of_a_users_own_network_is_found():
    network = Network(spec(), Own(nn.Flatten(), nn.Linear(12, 5), nn.ReLU(), nn.Linear(5, 37)))
    network.reset_last(torch.arange(37.0))
    assert torch.equal(network.backbone(images(size=2).float()), torch.arange(37.0).expand(3, 37))


@pytest.mark.parametrize("last", [nn.Conv2d(3, 37, 2), nn.Linear(12, 37, bias=False), nn.Linear(12, 36)])
def test_a_network_without_a_known_last_layer_gets_no_output_bias(last: nn.Module):
    with pytest.raises(GalaxyError, match="does not name a last layer with biases; set output_bias to false"):
        Network(spec(), Own(nn.Flatten(), last)).reset_last(torch.zeros(37))


def test_a_network_that_does_not_take_the_images_is_refused():
    with pytest.raises(GalaxyError, match=r"'test_vit' does not take images of 40×40 pixels: .* patch size"):
        build_network(spec(model="test_vit", size=40)).check()
    with pytest.raises(GalaxyError, match=r"into an array of shape \(1, 36\) instead of \(1, 37\)"):
        Network(spec(), Own(nn.Flatten(), nn.Linear(64 * 64 * 3, 36))).check()
    network = build_network(spec())
    network.check()
    assert network.backbone.training


def test_pixels_are_normalised_by_the_specs_mean_and_deviation():
    network = build_network(spec()).eval()
    pixels = images()
    by_hand = (pixels.permute(0, 3, 1, 2).float() - torch.tensor([25.0, 22, 18]).view(3, 1, 1)) / torch.tensor(
        [36.0, 31, 27]
    ).view(3, 1, 1)
    assert torch.allclose(network(pixels), network.backbone(by_hand).sigmoid(), atol=1e-6)


def test_the_trees_head_satisfies_every_sum():
    logits = 5 * torch.randn(200, 37, generator=torch.Generator().manual_seed(0))
    votes = DecisionTree()(logits).double().numpy()
    for _, excess in archives.tree_sums(votes):
        assert np.abs(excess).max() < 1e-6
    assert votes.min() >= 0
    assert votes.max() <= 1


def test_the_trees_head_can_say_anything_that_the_tree_allows():
    shares = {
        q.number: torch.rand(len(q.answers), generator=torch.Generator().manual_seed(q.number))
        for q in decision_tree.QUESTIONS
    }
    shares = {number: share / share.sum() for number, share in shares.items()}
    votes = DecisionTree()(torch.cat([share.log() for share in shares.values()])[None])[0]
    assert votes[decision_tree.COLUMN_INDEX["Class1.2"]] == pytest.approx(float(shares[1][1]), rel=1e-5)
    arms = float(shares[1][1] * shares[2][1] * shares[4][0] * shares[11][1])
    assert votes[decision_tree.COLUMN_INDEX["Class11.2"]] == pytest.approx(arms, rel=1e-5)
    assert votes[decision_tree.COLUMN_INDEX["Class6.1"]] == pytest.approx(float(shares[6][0]), rel=1e-5)


def test_the_sigmoid_head_treats_each_column_by_itself():
    logits = torch.zeros(1, 37)
    logits[0, 3] = 2
    assert Sigmoid()(logits)[0].tolist() == pytest.approx([0.5] * 3 + [0.880797] + [0.5] * 33)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"model": "resnet19"}, "unknown model 'resnet19'; did you mean resnet18"),
        ({"model": "qqqqqqqq"}, "unknown model 'qqqqqqqq'"),
        ({"model": "resnet18", "model_args": {"deep": 1}}, "unexpected keyword argument 'deep'"),
    ],
)
def test_what_cannot_be_built_says_why(changed: dict, message: str):
    with pytest.raises(GalaxyError) as error:
        build_network(spec(**changed))
    assert message in str(error.value)


def test_pretrained_weights_that_do_not_exist_are_an_error():
    with pytest.raises(GalaxyError, match="course_cnn has no pretrained weights"):
        build_network(spec(), pretrained=True)


def test_a_saved_model_predicts_the_same_and_keeps_its_card(tmp_path: Path):
    network = build_network(spec(head="decision_tree")).train()
    network(images())  # moves the running statistics, which must be saved too
    network.eval()
    saved.save(tmp_path, network, {"metrics": {"valid_rmse": 0.1}})
    loaded, card = saved.load(tmp_path)
    assert torch.equal(loaded(images()), network(images()))
    assert card["metrics"] == {"valid_rmse": 0.1}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "model.safetensors"]


class Bomb:
    """What leaves a file behind where its pickle is read."""

    def __reduce__(self):
        return Path.touch, (Path("bomb"),)


def as_torch_saves(content: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [b"", WEIGHTS[:1000], WEIGHTS[:-1], b"\xff" * 100, as_torch_saves({"a": Bomb()}), pickle.dumps(Bomb())],
    ids=["empty", "its beginning", "its last byte missing", "noise", "torch.save", "pickle"],
)
def test_weights_that_are_no_safetensors_are_refused_and_nothing_of_them_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
):
    monkeypatch.chdir(tmp_path)
    saved.save(tmp_path, build_network(spec()), {})
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(GalaxyError, match="does not hold a whole model: "):
        saved.load(tmp_path)
    assert not Path("bomb").exists()


@pytest.mark.parametrize(
    ("card", "message"),
    [
        ("", "does not hold a whole model"),
        ("[]", "does not hold a whole model"),
        ("{}", "does not hold a whole model: 'spec'"),
        ('{"spec": {"model": "course_cnn"}}', "does not hold a whole model"),
        ({"head": "softmax"}, "it may be sigmoid, decision_tree, dirichlet, numbers, logits"),
        ({"size": "large"}, "does not hold a whole model"),
        ({"unknown": 1}, "does not hold a whole model"),
        ({"model": "resnet19"}, "unknown model 'resnet19'"),
        ({"model": "resnet18"}, "does not fit resnet18"),
        ({"model_args": {"checkpoint_path": "bomb.pth"}}, "name a checkpoint_path"),
        ({"outputs": ["a", "b"]}, "predicts 2 outputs, not the 37 columns"),
    ],
    ids=str,
)
def test_a_card_that_is_damaged_or_of_another_network_is_refused(
    tmp_path: Path, card: str | dict[str, Any], message: str
):
    saved.save(tmp_path, build_network(spec()), {})
    path = tmp_path / "model.json"
    content = json.loads(path.read_text())
    path.write_text(card if isinstance(card, str) else json.dumps({"spec": content["spec"] | card}))
    with pytest.raises(GalaxyError) as error:
        saved.load(tmp_path)
    assert message in str(error.value)


def test_weights_with_a_tensor_missing_are_refused(tmp_path: Path):
    saved.save(tmp_path, build_network(spec()), {})
    weights = tmp_path / "model.safetensors"
    save_file({name: value for name, value in load_file(weights).items() if name != "classifier.bias"}, weights)
    with pytest.raises(GalaxyError, match="does not fit course_cnn"):
        saved.load(tmp_path)


@pytest.mark.parametrize("name", ["model.json", "model.safetensors"])
def test_a_file_that_is_absent_is_named(tmp_path: Path, name: str):
    saved.save(tmp_path, build_network(spec()), {})
    (tmp_path / name).unlink()
    with pytest.raises(GalaxyError, match="no such file; train the model first"):
        saved.load(tmp_path)
