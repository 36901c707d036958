"""timm's ResNets without their shortcuts, to see what these are for; importing this module registers them with timm.

Plain networks get worse with depth, on training images too; this degradation is what residual learning solves
(He et al. 2016, Deep Residual Learning for Image Recognition).
"""

from typing import Any

import torch
from timm.models import generate_default_cfgs, register_model
from timm.models.resnet import BasicBlock, ResNet
from torch import nn

from galaxy.models.architectures import unpublished

_PLAIN: Any = {"input_size": (3, 224, 224), "num_classes": 10, "classifier": "fc"}

default_cfgs = generate_default_cfgs(dict.fromkeys(("plain18", "plain34"), _PLAIN))


class PlainBlock(BasicBlock):
    """timm's basic block without the shortcut: two convolutions, each with batch normalisation and activation."""

    def __init__(
        self, inplanes: int, planes: int, stride: int = 1, downsample: nn.Module | None = None, **options: Any
    ) -> None:
        super().__init__(inplanes, planes, stride, None, **options)  # timm's `downsample` is part of the shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Turn B×inplanes×H×W features into B×planes features, smaller by the stride."""
        x = self.act1(self.bn1(self.conv1(x)))
        return self.act2(self.bn2(self.conv2(x)))

    def zero_init_last(self) -> None:
        """Keep the last scale at one: with zero nothing would be left without a shortcut."""


@register_model
def plain18(pretrained: bool = False, **kwargs: Any) -> ResNet:
    """Build ResNet-18 without shortcuts."""
    return unpublished(ResNet, "plain18", pretrained, block=PlainBlock, layers=(2, 2, 2, 2), **kwargs)


@register_model
def plain34(pretrained: bool = False, **kwargs: Any) -> ResNet:
    """Build ResNet-34 without shortcuts."""
    return unpublished(ResNet, "plain34", pretrained, block=PlainBlock, layers=(3, 4, 6, 3), **kwargs)
