"""The arithmetic of a training: by the device, or by name, and what does not compute in it says so."""

import re
from pathlib import Path

import pytest
import torch
from blobs import PLAIN, SIDE, train
from conftest import spec
from torch import nn

from galaxy.core.errors import GalaxyError
from galaxy.core.params import Params, Train
from galaxy.models.network import build_network
from galaxy.training.precision import Device, resolve


@pytest.fixture
def options(defaults: Params) -> Train:
    return defaults.models["cnn"].model_copy(update=PLAIN)


class Scattering(nn.Module):
    """A network with an operation that takes arrays of one type alone, of which half precision makes two."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(3, 37)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = self.last(x.mean(dim=(2, 3)))
        places = torch.arange(37, device=x.device).expand_as(logits)
        return torch.zeros(logits.shape, device=x.device).scatter(1, places, logits)


def test_a_precision_that_the_network_does_not_compute_in_is_named(tmp_path: Path, options: Train):
    train(tmp_path, options, backbone=Scattering())
    with pytest.raises(GalaxyError) as error:
        train(tmp_path, options.model_copy(update={"precision": "bf16-mixed"}), backbone=Scattering())
    assert re.fullmatch(
        r"precision is bf16-mixed, but course_cnn does not compute in it here: scatter.*; set precision to 32-true",
        str(error.value),
    )


NATIVE_CPU = Device("this CPU", gpu=False, bf16=True)
OTHER_CPU = Device("this CPU", gpu=False, bf16=False)
OLD_GPU = Device("the GPU (Tesla V100)", gpu=True, bf16=False)


@pytest.mark.parametrize(
    ("asked", "changed", "where", "expected", "line"),
    [
        ("auto", {}, NATIVE_CPU, "bf16-mixed", "precision: bf16-mixed, in which this CPU computes natively"),
        ("auto", {}, OTHER_CPU, "32-true", "precision: 32-true, because this CPU does not .* natively"),
        ("auto", {}, OLD_GPU, "32-true", r"precision: 32-true, because the GPU \(Tesla V100\) does not .* natively"),
        (
            *("auto", {"gradient_clip": 1.0, "optimizer_args": {"fused": True}}, NATIVE_CPU, "32-true"),
            "precision: 32-true, because gradient_clip rules out bfloat16 for a fused optimizer",
        ),
        ("bf16-mixed", {}, NATIVE_CPU, "bf16-mixed", ""),
        (
            *("bf16-mixed", {}, OTHER_CPU, "bf16-mixed"),
            "precision is bf16-mixed, but this CPU does not .* natively: auto may be ten times as fast",
        ),
        ("16-mixed", {}, OLD_GPU, "16-mixed", ""),
        ("32-true", {}, NATIVE_CPU, "32-true", ""),
    ],
)
def test_the_precision_is_that_of_the_device_unless_one_is_asked_for_by_name(
    options: Train, asked: str, changed: dict, where: Device, expected: str, line: str
):
    chosen = options.model_copy(update=changed | {"precision": asked})
    precision, said = resolve(chosen, build_network(spec(model="course_cnn", size=SIDE)), where)
    assert precision == expected
    assert re.fullmatch(line, said)


def test_a_network_that_does_not_compute_in_bfloat16_is_trained_in_full_precision(options: Train):
    network = build_network(spec(model="course_cnn", size=SIDE))
    network.backbone = Scattering()
    said = "precision: 32-true, because course_cnn does not compute in bfloat16 on this CPU"
    assert resolve(options, network, NATIVE_CPU) == ("32-true", said)


def test_16_bits_are_refused_on_a_cpu(options: Train):
    half, network = options.model_copy(update={"precision": "16-mixed"}), build_network(spec(model="course_cnn"))
    with pytest.raises(GalaxyError, match="precision is 16-mixed, which needs a GPU; set precision to auto or 32-true"):
        resolve(half, network, OTHER_CPU)


def test_an_error_that_has_nothing_to_do_with_the_precision_is_left_as_it_is(tmp_path: Path, options: Train):
    half = options.model_copy(update={"precision": "bf16-mixed"})
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes cannot be multiplied"):
        train(tmp_path, half, backbone=nn.Sequential(nn.Flatten(), nn.Linear(5, 37)))
