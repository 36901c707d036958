"""Our small networks for the classification tasks; importing this module adds them to timm's registry."""

from typing import Any, Literal

import torch
from timm.models import generate_default_cfgs, register_model
from torch import nn

from galaxy.models.architectures import unpublished

_GALAXY10: Any = {"input_size": (3, 48, 48), "num_classes": 8, "fixed_input_size": True, "classifier": "classifier"}
_CIFAR10: Any = {"input_size": (3, 32, 32), "num_classes": 10, "classifier": "classifier"}

default_cfgs = generate_default_cfgs(
    dict.fromkeys(("galaxy10_fcn", "galaxy10_cnn"), _GALAXY10)
    | dict.fromkeys(("cifar10_googlenet", "cifar10_resnet", "cifar10_preact_resnet", "cifar10_densenet"), _CIFAR10)
)


class Classifier(nn.Module):
    """Turn an image into features, and these into logits by one linear layer."""

    def __init__(self, features: nn.Module, channels: int, num_classes: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.features = features
        self.classifier = nn.Linear(channels, num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Turn B×C×H×W pixels into B×num_classes logits."""
        return self.classifier(self.features(x))


class FullyConnected(Classifier):
    """Galaxy10's network of one hidden layer: all pixels, 64 units."""

    def __init__(self, num_classes: int = 8, in_chans: int = 3, img_size: int = 48) -> None:
        hidden = nn.Linear(in_chans * img_size**2, 64)
        super().__init__(nn.Sequential(nn.Flatten(), hidden, nn.ReLU(inplace=True)), 64, num_classes)


class SmallCNN(Classifier):
    """Galaxy10's network of two convolutions and three linear layers; all but the last are transferred."""

    def __init__(self, num_classes: int = 8, in_chans: int = 3, img_size: int = 48) -> None:
        side = ((img_size - 4) // 2 - 4) // 2  # each convolution (5×5, no padding) takes 4, each pooling halves
        features = nn.Sequential(
            nn.Conv2d(in_chans, 8, 5),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 5),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(16 * side**2, 128),
            nn.ReLU(inplace=True),
            nn.Linear(128, 64),
            nn.ReLU(inplace=True),
        )
        super().__init__(features, 64, num_classes)


def _conv(channels_in: int, channels_out: int, kernel: int, **options: Any) -> nn.Conv2d:
    """Build a convolution that keeps the size at stride 1; without bias by default."""
    return nn.Conv2d(channels_in, channels_out, kernel, padding=kernel // 2, **({"bias": False} | options))


def _normed(channels_in: int, channels_out: int, kernel: int, **options: Any) -> list[nn.Module]:
    """Build a convolution, batch normalisation and ReLU."""
    return [_conv(channels_in, channels_out, kernel, **options), *_norming(channels_out)]


def _norming(channels: int) -> list[nn.Module]:
    """Build batch normalisation and ReLU."""
    return [nn.BatchNorm2d(channels), nn.ReLU(inplace=True)]


def _preact(channels_in: int, channels_out: int, kernel: int, **options: Any) -> list[nn.Module]:
    """Build batch normalisation, ReLU and a convolution."""
    return [*_norming(channels_in), _conv(channels_in, channels_out, kernel, **options)]


def _pooled(layers: list[nn.Module]) -> nn.Sequential:
    """Build the layers, followed by the mean over the image."""
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def _kaiming(network: nn.Module, mode: Literal["fan_in", "fan_out"]) -> None:
    """Draw every convolution's weights from He's normal distribution (He et al. 2015)."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode=mode, nonlinearity="relu")


class Inception(nn.Module):
    """Concatenate four branches: 1×1; 1×1 then 3×3; 1×1 then 5×5; max pool then 1×1.

    Args:
        reduced: channels of the 1×1 convolutions before 3×3 and 5×5.
        out: channels of the four branches.
    """

    def __init__(self, channels: int, reduced: tuple[int, int], out: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(*layers)
            for layers in (
                _normed(channels, out[0], 1),
                [*_normed(channels, reduced[0], 1), *_normed(reduced[0], out[1], 3)],
                [*_normed(channels, reduced[1], 1), *_normed(reduced[1], out[2], 5)],
                [nn.MaxPool2d(3, stride=1, padding=1), *_normed(channels, out[3], 1)],
            )
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class GoogLeNet(Classifier):
    """The small Inception network for CIFAR-10: 259,338 parameters."""

    BLOCKS = (
        ((32, 16), (16, 32, 8, 8)),
        ((32, 16), (24, 48, 12, 12)),
        None,
        ((32, 16), (24, 48, 12, 12)),
        ((32, 16), (16, 48, 16, 16)),
        ((32, 16), (16, 48, 16, 16)),
        ((32, 16), (32, 48, 24, 24)),
        None,
        ((48, 16), (32, 64, 16, 16)),
        ((48, 16), (32, 64, 16, 16)),
    )
    """Reduced and output channels of each Inception block; None: max pool 3×3 of stride 2."""

    def __init__(self, num_classes: int = 10, in_chans: int = 3) -> None:
        channels, layers = 64, _normed(in_chans, 64, 3)
        for block in self.BLOCKS:
            if block is None:
                layers.append(nn.MaxPool2d(3, stride=2, padding=1))
            else:
                layers.append(Inception(channels, *block))
                channels = sum(block[1])
        super().__init__(_pooled(layers), channels, num_classes)
        _kaiming(self, "fan_in")


class BasicBlock(nn.Module):
    """Add two convolutions to a shortcut, then ReLU; with a stride the shortcut is a 1×1 convolution."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            *_normed(channels_in, channels, 3, stride=stride), _conv(channels, channels, 3), nn.BatchNorm2d(channels)
        )
        strided = _conv(channels_in, channels, 1, stride=stride, bias=True)
        self.shortcut = strided if stride > 1 else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.relu(self.branch(x) + self.shortcut(x))


class PreActBlock(nn.Module):
    """The same with normalisation and ReLU before each convolution and nothing after the sum (He et al. 2016)."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(*_preact(channels_in, channels, 3, stride=stride), *_preact(channels, channels, 3))
        strided = nn.Sequential(*_preact(channels_in, channels, 1, stride=stride))
        self.shortcut = strided if stride > 1 else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.branch(x) + self.shortcut(x)


class SmallResNet(Classifier):
    """Three groups of three blocks of 16, 32 and 64 channels for CIFAR-10: 272,378 parameters, or 272,250 with
    normalisation before the convolutions (`preact`)."""

    def __init__(self, num_classes: int = 10, in_chans: int = 3, preact: bool = False) -> None:
        channels = 16
        layers: list[nn.Module] = [_conv(in_chans, channels, 3)] if preact else _normed(in_chans, channels, 3)
        for group, wider in enumerate((16, 32, 64)):
            for block in range(3):
                stride = 2 if group > 0 and block == 0 else 1
                layers.append((PreActBlock if preact else BasicBlock)(channels, wider, stride))
                channels = wider
        super().__init__(_pooled(layers), channels, num_classes)
        _kaiming(self, "fan_out")


class DenseLayer(nn.Module):
    """Concatenate the input with the output of a bottleneck of 1×1 and 3×3 convolutions."""

    def __init__(self, channels: int, bottleneck: int, growth: int) -> None:
        super().__init__()
        wide = bottleneck * growth
        self.branch = nn.Sequential(*_preact(channels, wide, 1), *_preact(wide, growth, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.branch(x), x], dim=1)


class SmallDenseNet(Classifier):
    """Four dense blocks of six layers for CIFAR-10, channels halved between them: 239,146 parameters."""

    BLOCKS, LAYERS, GROWTH, BOTTLENECK = 4, 6, 16, 2

    def __init__(self, num_classes: int = 10, in_chans: int = 3) -> None:
        channels = self.GROWTH * self.BOTTLENECK
        layers: list[nn.Module] = [_conv(in_chans, channels, 3, bias=True)]
        for block in range(self.BLOCKS):
            for _ in range(self.LAYERS):
                layers.append(DenseLayer(channels, self.BOTTLENECK, self.GROWTH))
                channels += self.GROWTH
            if block < self.BLOCKS - 1:
                layers += [*_preact(channels, channels // 2, 1), nn.AvgPool2d(2)]
                channels //= 2
        super().__init__(_pooled([*layers, *_norming(channels)]), channels, num_classes)
        _kaiming(self, "fan_in")


@register_model
def galaxy10_fcn(pretrained: bool = False, **kwargs: Any) -> FullyConnected:
    """Build Galaxy10's fully connected network."""
    return unpublished(FullyConnected, "galaxy10_fcn", pretrained, **kwargs)


@register_model
def galaxy10_cnn(pretrained: bool = False, **kwargs: Any) -> SmallCNN:
    """Build Galaxy10's convolutional network."""
    return unpublished(SmallCNN, "galaxy10_cnn", pretrained, **kwargs)


@register_model
def cifar10_googlenet(pretrained: bool = False, **kwargs: Any) -> GoogLeNet:
    """Build the small Inception network."""
    return unpublished(GoogLeNet, "cifar10_googlenet", pretrained, **kwargs)


@register_model
def cifar10_resnet(pretrained: bool = False, **kwargs: Any) -> SmallResNet:
    """Build the small ResNet."""
    return unpublished(SmallResNet, "cifar10_resnet", pretrained, **kwargs)


@register_model
def cifar10_preact_resnet(pretrained: bool = False, **kwargs: Any) -> SmallResNet:
    """Build the small ResNet with normalisation before the convolutions."""
    return unpublished(SmallResNet, "cifar10_preact_resnet", pretrained, preact=True, **kwargs)


@register_model
def cifar10_densenet(pretrained: bool = False, **kwargs: Any) -> SmallDenseNet:
    """Build the small DenseNet."""
    return unpublished(SmallDenseNet, "cifar10_densenet", pretrained, **kwargs)
