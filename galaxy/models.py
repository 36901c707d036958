"""Models: built from timm's registry, saved as safetensors with a JSON of all it takes to use them."""

import difflib
import json
from pathlib import Path
from typing import Any

import timm
import torch
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as serialize
from torch import nn

from galaxy import files, networks, tree
from galaxy.errors import GalaxyError, describe
from galaxy.frame import Window
from galaxy.heads import HEADS, LOGITS

__all__ = ["Network", "Spec", "build", "load", "networks", "save"]

WEIGHTS, CARD = "model.safetensors", "model.json"


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
    def window(self) -> Window:
        """What the network sees of the original."""
        return Window(self.crop, self.size)


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


def build(spec: Spec, pretrained: bool = False) -> Network:
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


def save(folder: Path, network: Network, card: dict[str, Any]) -> None:
    """Write `model.safetensors` and `model.json` (the spec, and what `card` says of training) into `folder`."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.backbone.state_dict().items()}
    with files.atomic(folder / WEIGHTS) as part:
        part.write_bytes(serialize(tensors))
    files.write_json(folder / CARD, {"spec": network.spec.model_dump(), **card})


def load(folder: Path, any_outputs: bool = False) -> tuple[Network, dict[str, Any]]:
    """The network that `save` wrote, in evaluation mode, and its card. No pickle is read.

    Args:
        any_outputs: whether it may predict anything (classes, say) but the 37 columns.

    Raises:
        GalaxyError: a file is absent, damaged, the weights are not those of the architecture in the card, or the
            outputs are not the 37 columns.
    """
    try:
        card = json.loads((folder / CARD).read_text())
        spec = Spec.model_validate(card["spec"])
        tensors = load_file(folder / WEIGHTS)
    except FileNotFoundError as error:
        raise GalaxyError(f"{error.filename or folder}: no such file; train the model first (dvc repro)") from None
    except (ValueError, KeyError, TypeError, ValidationError, SafetensorError) as error:
        raise GalaxyError(
            f"{folder} does not hold a whole model: {describe(error)}; train it again (dvc repro)"
        ) from None
    if not any_outputs and spec.outputs != tree.COLUMNS:
        kind = "classes" if spec.head == LOGITS else "outputs"
        raise GalaxyError(
            f"{folder}: the model predicts {len(spec.outputs)} {kind} other than the 37 columns; train one of galaxies"
        )
    network = build(spec)
    try:
        network.backbone.load_state_dict(tensors)
    except RuntimeError as error:
        raise GalaxyError(f"{folder / WEIGHTS} does not fit {spec.model}: {describe(error)}") from None
    return network.eval(), card
