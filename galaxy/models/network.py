"""A network: normalisation, a backbone of timm's registry, and a head."""

import difflib
from typing import Any

import timm
import torch
from pydantic import BaseModel, ConfigDict, field_validator
from torch import nn

import galaxy.models.architectures
import galaxy.models.small_classifiers  # noqa: F401 (both register our networks with timm)
from galaxy.core.errors import GalaxyError, describe
from galaxy.data.field_of_view import FieldOfView
from galaxy.models.heads import HEADS


class Spec(BaseModel):
    """All it takes to build a network: what `model.json` holds under `spec`.

    `size` is the side of its input in pixels, `crop` the side of the square in the original that the input shows;
    `mean` and `std` are those of the training images, by channel, on a scale of 0 to 255.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    model_args: dict[str, Any]
    head: str
    outputs: tuple[str, ...]
    crop: int
    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @field_validator("head")
    @classmethod
    def _known(cls, head: str) -> str:
        if head not in HEADS:
            raise ValueError(f"it may be {', '.join(HEADS)}")
        return head

    @property
    def window(self) -> FieldOfView:
        """What the network sees of the original."""
        return FieldOfView(self.crop, self.size)


class Network(nn.Module):
    """Normalisation, backbone and head in one: raw pixels in, vote fractions (or logits of classes) out."""

    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, spec: Spec, backbone: nn.Module) -> None:
        super().__init__()
        self.spec = spec
        self.backbone = backbone
        self.head = HEADS[spec.head]()
        self.layout = torch.contiguous_format
        self.register_buffer("mean", torch.tensor(spec.mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(spec.std).view(1, -1, 1, 1), persistent=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """B×H×W×C uint8 images to B×outputs fractions or logits."""
        pixels = images.permute(0, 3, 1, 2).to(self.mean.dtype, memory_format=self.layout)
        logits = self.backbone((pixels - self.mean) / self.std)
        return self.head(logits.float())

    def channels_last(self) -> None:
        """Keep the pixels' channels side by side in memory, in all layers: which order is faster hangs on them."""
        self.layout = torch.channels_last
        self.backbone.to(memory_format=torch.channels_last)

    def reset_last(self, logits: torch.Tensor | None = None) -> None:
        """Let the last layer answer the same to every image: those logits, or zeros.

        The random weights that timm gives a new last layer are for random features; on pretrained ones they can make
        logits so large that the first epochs go into unlearning them.

        Raises:
            GalaxyError: the network does not say which is its last layer, or that has no biases.
        """
        layers = [self.backbone.get_submodule(name) for name in last_layers(self.backbone)]
        plain = [layer for layer in layers if isinstance(layer, nn.Linear | nn.Conv2d)]
        if logits is not None and (not plain or any(layer.bias is None for layer in plain)):
            raise GalaxyError(f"{self.spec.model!r} does not name a last layer with biases; set output_bias to false")
        for layer in plain:
            nn.init.zeros_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias) if logits is None else layer.bias.data.copy_(logits)

    @property
    def parameters_count(self) -> int:
        """Trainable parameters."""
        return sum(parameter.numel() for parameter in self.parameters() if parameter.requires_grad)

    def freeze(self, frozen: bool) -> None:
        """Leave learning to the last layer (no gradient for the others, their batch statistics fixed), or to all.

        Raises:
            GalaxyError: the network does not say which is its last layer.
        """
        last = last_layers(self.backbone)
        if frozen and not last:
            raise GalaxyError(f"{self.spec.model!r} does not name its last layer; set freeze_epochs to 0")
        for name, parameter in self.backbone.named_parameters():
            parameter.requires_grad = not frozen or name.rpartition(".")[0] in last
        self.backbone.train(not frozen)


def last_layers(backbone: nn.Module) -> tuple[str, ...]:
    """Names of the last layer, or layers, by the network's own configuration; none where it does not say."""
    names = getattr(backbone, "pretrained_cfg", {}).get("classifier") or ()
    return (names,) if isinstance(names, str) else tuple(names)


def build_network(spec: Spec, pretrained: bool = False) -> Network:
    """The network that `spec` describes, with random weights or timm's published ones.

    Raises:
        GalaxyError: no such model, arguments that it does not take, or weights that cannot be fetched.
    """
    if not timm.is_model(spec.model):
        near = difflib.get_close_matches(spec.model, timm.list_models(), n=3)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise GalaxyError(f"unknown model {spec.model!r}{hint} timm.list_models() lists them all")
    if "checkpoint_path" in spec.model_args:  # timm would read that file, and nobody would notice when it changes
        raise GalaxyError(f"model_args of {spec.model!r} name a checkpoint_path; say where weights are with weights")
    arguments = spec.model_args
    published = timm.get_pretrained_cfg(spec.model, allow_unregistered=True)
    if published is not None and published.fixed_input_size:
        arguments = {"img_size": spec.size} | arguments
    try:
        backbone = timm.create_model(
            spec.model, pretrained=pretrained, num_classes=len(spec.outputs), in_chans=len(spec.mean), **arguments
        )
    except Exception as error:  # timm and its hub raise whatever their parts raise
        raise GalaxyError(
            f"model {spec.model!r} cannot be built with model_args {arguments} and pretrained {pretrained}: "
            f"{describe(error)}"
        ) from None
    return Network(spec, backbone)
