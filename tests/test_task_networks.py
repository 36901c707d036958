"""The classification networks have the published sizes and initialisations."""

import math

import pytest
import timm
import torch
from torch import nn

from galaxy.core.errors import GalaxyError
from galaxy.models import small_classifiers
from galaxy.models.network import Spec, build_network

SIDES = {"galaxy10": 48, "cifar10": 32}


def spec(model: str, classes: int, size: int, channels: int = 3, **model_args: object) -> Spec:
    return Spec(
        model=model,
        model_args=model_args,
        head="logits",
        outputs=tuple(f"class {i}" for i in range(classes)),
        crop=size,
        size=size,
        mean=(127.5,) * channels,
        std=(127.5,) * channels,
    )


@pytest.mark.parametrize(
    ("model", "classes", "size", "channels", "parameters"),
    [
        ("galaxy10_fcn", 8, 48, 3, 6912 * 64 + 64 + 64 * 8 + 8),
        ("galaxy10_cnn", 8, 48, 3, 178_616),
        ("cifar10_googlenet", 10, 32, 3, 259_338),
        ("cifar10_resnet", 10, 32, 3, 272_378),
        ("cifar10_preact_resnet", 10, 32, 3, 272_250),
        ("cifar10_densenet", 10, 32, 3, 239_146),
        ("resnet18", 10, 28, 1, 11_175_370),
        ("resnet34", 10, 28, 1, 21_283_530),
        ("resnet50", 10, 28, 1, 23_522_250),
        ("resnet101", 10, 28, 1, 42_514_378),
        ("resnet152", 10, 28, 1, 58_158_026),
        (
            "plain18",
            10,
            28,
            1,
            11_175_370 - 173_824,
        ),  # no convolutions and norms of shortcuts
        ("plain34", 10, 28, 1, 21_283_530 - 173_824),
    ],
)
def test_parameters_are_those_published(model: str, classes: int, size: int, channels: int, parameters: int):
    network = build_network(spec(model, classes, size, channels))
    assert network.parameters_count == parameters
    with torch.inference_mode():
        images = torch.zeros(2, size, size, channels, dtype=torch.uint8)
        assert network.eval()(images).shape == (2, classes)


def test_the_small_cnns_layers_are_those_of_the_assignment():
    network = timm.create_model("galaxy10_cnn")
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.Linear)]
    assert [tuple(layer.weight.shape) for layer in layers] == [
        *((8, 3, 5, 5), (16, 8, 5, 5), (128, 1296), (64, 128), (8, 64)),
    ]
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())


@pytest.mark.parametrize(
    ("model", "mode"),
    [
        ("cifar10_googlenet", "fan_in"),
        ("cifar10_resnet", "fan_out"),
        ("cifar10_preact_resnet", "fan_out"),
        ("cifar10_densenet", "fan_in"),
    ],
)
def test_convolutions_begin_with_hes_deviation(model: str, mode: str):
    torch.manual_seed(0)
    for layer in timm.create_model(model).modules():
        if isinstance(layer, nn.Conv2d) and layer.weight.numel() > 4000:
            fan = (layer.in_channels if mode == "fan_in" else layer.out_channels) * math.prod(layer.kernel_size)
            assert float(layer.weight.detach().std()) == pytest.approx(math.sqrt(2 / fan), rel=0.06)


@pytest.mark.parametrize("model", ["resnet18", "resnet50", "plain34"])
def test_timms_resnets_begin_as_torchvisions_unless_their_last_norms_are_zeroed(model: str):
    """He's normal distribution by fan-out, all norms one: what the source of Fashion-MNIST's recipe begins with."""
    torch.manual_seed(0)
    network = timm.create_model(model, zero_init_last=False, in_chans=1)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            assert (layer.weight == 1).all()
            assert (layer.bias == 0).all()
        if isinstance(layer, nn.Conv2d) and layer.weight.numel() > 4000:
            fan = layer.out_channels * math.prod(layer.kernel_size)
            assert float(layer.weight.detach().std()) == pytest.approx(math.sqrt(2 / fan), rel=0.06)


def test_a_plain_network_is_the_residual_one_without_its_shortcuts():
    residual, plain = (timm.create_model(f"{kind}18", in_chans=1).eval() for kind in ("resnet", "plain"))
    assert set(plain.state_dict()) == {name for name in residual.state_dict() if "downsample" not in name}
    features = torch.randn(1, 64, 7, 7)
    for network, expected in ((residual, features.relu()), (plain, torch.zeros_like(features))):
        block = network.layer1[1]
        nn.init.zeros_(block.bn2.weight)  # nothing but the shortcut is left
        assert torch.equal(block(features), expected)


def test_silu_takes_the_place_of_relu_by_params_alone():
    network = build_network(spec("resnet18", 6, 64, act_layer="silu"))
    kinds = {type(layer) for layer in network.modules()}
    assert nn.SiLU in kinds
    assert nn.ReLU not in kinds


def test_there_are_no_published_weights_of_them():
    for name in small_classifiers.default_cfgs:
        with pytest.raises(GalaxyError, match="has no pretrained weights"):
            build_network(spec(name, 10, SIDES[name.split("_")[0]]), pretrained=True)
