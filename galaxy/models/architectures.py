"""Our own networks for galaxies; importing this module adds them to timm's registry."""

from typing import Any, TypeVar

import timm
import torch
from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from timm.models.resnet import BasicBlock, ResNet
from torch import nn

_GALAXY: Any = {"input_size": (3, 64, 64), "num_classes": 37}

default_cfgs = generate_default_cfgs(
    {
        "course_cnn": _GALAXY | {"fixed_input_size": True, "classifier": "classifier"},
        "resnet10t_half": _GALAXY | {"classifier": "fc"},
    }
)

Own = TypeVar("Own", bound=nn.Module)


def unpublished(network: type[Own], name: str, pretrained: bool, **kwargs: Any) -> Own:
    """Build a network of ours for timm's registry; it has no published weights."""
    if pretrained:
        raise RuntimeError(f"{name} has no pretrained weights")
    config = timm.get_pretrained_cfg(name)
    assert config is not None  # else the registry would not know the network
    if config.fixed_input_size:  # timm would pass a pair of sides
        kwargs.setdefault("img_size", config.input_size[-1])
    return build_model_with_cfg(network, name, pretrained, **kwargs)


class CourseCNN(nn.Module):
    """The small network of the course: two convolutions with batch normalisation, three linear layers.

    At 64×64×3 pixels and 37 outputs it has 571,225 parameters. `drop_rate` is the share of the last layer's inputs that
    training drops.
    """

    def __init__(self, num_classes: int = 37, in_chans: int = 3, img_size: int = 64, drop_rate: float = 0) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.dropout = nn.Dropout(drop_rate)
        side = ((img_size + 2) // 2 + 2) // 2  # each convolution (5×5, padding 3) adds 2, each pooling halves
        self.features = nn.Sequential(*self._block(in_chans, 6), *self._block(6, 16), nn.Flatten())
        self.hidden = nn.Sequential(
            nn.Linear(16 * side * side, 120), nn.ReLU(inplace=True), nn.Linear(120, 84), nn.ReLU(inplace=True)
        )
        self.classifier = nn.Linear(84, num_classes)

    @staticmethod
    def _block(channels_in: int, channels_out: int) -> list[nn.Module]:
        convolution = nn.Conv2d(channels_in, channels_out, 5, padding=3)
        return [convolution, nn.BatchNorm2d(channels_out), nn.ReLU(inplace=True), nn.MaxPool2d(2)]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Turn B×C×H×W pixels into B×num_classes logits."""
        return self.classifier(self.dropout(self.hidden(self.features(x))))


@register_model
def course_cnn(pretrained: bool = False, **kwargs: Any) -> CourseCNN:
    """Build the course's convolutional network."""
    return unpublished(CourseCNN, "course_cnn", pretrained, **kwargs)


@register_model
def resnet10t_half(pretrained: bool = False, **kwargs: Any) -> ResNet:
    """Build timm's `resnet10t` with half as many channels: more than twice as fast on a CPU."""
    shape = {"block": BasicBlock, "layers": (1, 1, 1, 1), "channels": (32, 64, 128, 256)}
    stem = {"stem_width": 32, "stem_type": "deep_tiered", "avg_down": True}
    return unpublished(ResNet, "resnet10t_half", pretrained, **shape, **stem, **kwargs)
