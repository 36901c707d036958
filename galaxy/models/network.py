"""A network: normalisation, a backbone from timm's registry, and a head."""

import difflib
from collections.abc import Sequence
from typing import Any

import timm
import torch
from pydantic import BaseModel, ConfigDict, field_validator
from torch import nn

import galaxy.models.architectures
import galaxy.models.plain_resnets
import galaxy.models.small_classifiers  # noqa: F401 (they register our networks with timm)
from galaxy.core.decision_tree import Step
from galaxy.core.errors import GalaxyError, describe
from galaxy.data.field_of_view import FieldOfView
from galaxy.models.heads import HEADS, Dirichlet, Head


class Spec(BaseModel):
    """All that is needed to build a network; `model.json` holds it under `spec`.

    Attributes:
        head_args: arguments of the head, see `galaxy.models.heads`.
        outputs: names of what it predicts.
        crop: side of the square that the input shows, in pixels of the original; see `packed`.
        size: side of the input in pixels.
        mean, std: statistics of the training images per channel, 0–255.
        packed: side to which whole images are resized before `crop` is cut out of them. None: `crop` is in pixels of
            the competition's images, and the network sees that fraction of any image.
        kept: the central square that was packed for the training, in pixels of the original, and the side to which it
            was resized. Then the input is cut out of such a square, so that it is the same picture. None: out of the
            image itself.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    model_args: dict[str, Any]
    head: str
    head_args: dict[str, Any] = {}
    outputs: tuple[str, ...]
    crop: int
    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    packed: int | None = None
    kept: tuple[int, int] | None = None

    @field_validator("head")
    @classmethod
    def _known(cls, head: str) -> str:
        if head not in HEADS:
            raise ValueError(f"it may be {', '.join(HEADS)}")
        return head

    @property
    def head_gives(self) -> str:
        """What the head predicts, in one word; see `galaxy.models.heads.Head`."""
        return HEADS[self.head].gives

    @property
    def field_of_view(self) -> FieldOfView:
        """The part of the original that the network sees, and its size."""
        return FieldOfView(self.crop, self.size)


class Network(nn.Module):
    """Normalisation, backbone and head in one: from raw pixels to vote fractions or logits of classes."""

    head: Head
    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, spec: Spec, backbone: nn.Module) -> None:
        super().__init__()
        self.spec = spec
        self.backbone = backbone
        self.head = HEADS[spec.head](**spec.head_args)
        self.layout = torch.contiguous_format
        self.register_buffer("mean", torch.tensor(spec.mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(spec.std).view(1, -1, 1, 1), persistent=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Turn B×H×W×C uint8 images into B×outputs fractions or logits."""
        return self.head(self.logits(images))

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """Turn B×H×W×C uint8 images into the B×outputs float32 logits that the head gets."""
        pixels = images.permute(0, 3, 1, 2).to(self.mean.dtype, memory_format=self.layout)
        return self.backbone((pixels - self.mean) / self.std).float()

    def shown(self, images: torch.Tensor) -> torch.Tensor:
        """Turn B×H×W×C uint8 images into B×outputs values that users are shown, and of which means are taken."""
        return self.head.predictions(self(images))

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Turn B×H×W×C uint8 images into what the last layer gets, B×features.

        Raises:
            GalaxyError: it is unknown which layer is the last.
        """
        last = last_layers(self.backbone)
        if len(last) != 1:
            raise GalaxyError(f"{self.spec.model!r} does not name its last layer, so it has no features to give")
        found: list[torch.Tensor] = []
        hook = self.backbone.get_submodule(last[0]).register_forward_pre_hook(lambda _, inputs: found.append(inputs[0]))
        try:
            self.logits(images)
        finally:
            hook.remove()
        return found[0].flatten(1)

    def with_totals(self, images: torch.Tensor) -> torch.Tensor:
        """Return what `shown` returns, followed by what else intervals need: for the head dirichlet, the logarithm of
        each question's total concentration (B×questions)."""
        logits = self.logits(images)
        predicted = self.head.predictions(self.head(logits))
        if not isinstance(self.head, Dirichlet):
            return predicted
        return torch.cat([predicted, self.head.log_totals(logits)], dim=1)

    @property
    def questions(self) -> Sequence[Step]:
        """The questions whose totals `with_totals` adds to the predictions, each after the one that leads to it."""
        return self.head.steps if isinstance(self.head, Dirichlet) else ()

    @property
    def totals(self) -> int:
        """How many values `with_totals` adds to the predictions."""
        return len(self.questions)

    def check(self) -> None:
        """Let the backbone compute one image.

        Raises:
            GalaxyError: it does not take images of `spec.size`, or does not give a row of `spec.outputs`.
        """
        name, size = repr(self.spec.model), self.spec.size
        self.backbone.eval()
        try:
            with torch.no_grad():
                shape = tuple(self.backbone(torch.zeros((1, len(self.spec.mean), size, size))).shape)
        except Exception as error:  # a network raises what it likes
            refused = f"model {name} does not take images of {size}×{size} pixels"
            raise GalaxyError(f"{refused}: {describe(error)}; change crop or size") from None
        self.backbone.train()
        if shape != (expected := (1, len(self.spec.outputs))):
            raise GalaxyError(f"model {name} turns one image into an array of shape {shape} instead of {expected}")

    def channels_last(self) -> None:
        """Store each pixel's channels side by side in memory; it depends on the layers whether that is faster."""
        self.layout = torch.channels_last
        self.backbone.to(memory_format=torch.channels_last)

    def reset_last(self, logits: torch.Tensor | None = None) -> None:
        """Make the last layer give the same logits for every image: `logits`, or zeros.

        timm's random weights suit random features. On pretrained features they can make logits so large that the
        first epochs are spent on unlearning them.

        Raises:
            GalaxyError: it is unknown which layer is the last, or that layer has no biases.
        """
        layers = [self.backbone.get_submodule(name) for name in last_layers(self.backbone)]
        plain = [layer for layer in layers if isinstance(layer, nn.Linear | nn.Conv2d)]
        fits = [layer.bias is not None and len(layer.bias) == len(self.spec.outputs) for layer in plain]
        if logits is not None and not (fits and all(fits)):
            raise GalaxyError(f"{self.spec.model!r} does not name a last layer with biases; set output_bias to false")
        for layer in plain:
            nn.init.zeros_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias) if logits is None else layer.bias.data.copy_(logits)

    @property
    def parameters_count(self) -> int:
        """Number of trainable parameters."""
        return sum(parameter.numel() for parameter in self.parameters() if parameter.requires_grad)

    def freeze(self, frozen: bool) -> None:
        """Train the last layer only (no gradients for the others, their batch statistics fixed), or all layers.

        Raises:
            GalaxyError: it is unknown which layer is the last.
        """
        last = last_layers(self.backbone)
        if frozen and not last:
            raise GalaxyError(f"{self.spec.model!r} does not name its last layer; set freeze_epochs to 0")
        for name, parameter in self.backbone.named_parameters():
            parameter.requires_grad = not frozen or name.rpartition(".")[0] in last
        self.backbone.train(not frozen)


def last_layers(backbone: nn.Module) -> tuple[str, ...]:
    """Return the names of the last layer or layers, from the network's configuration.

    A network without one may be a user's own: then it is the last layer that was added, if that is linear, or none.
    """
    names = getattr(backbone, "pretrained_cfg", {}).get("classifier") or ()
    if not names:
        layers = [(name, layer) for name, layer in backbone.named_modules() if list(layer.parameters(recurse=False))]
        names = [name for name, layer in layers[-1:] if isinstance(layer, nn.Linear)]
    return (names,) if isinstance(names, str) else tuple(names)


def build_network(spec: Spec, pretrained: bool = False) -> Network:
    """Build the network that `spec` describes, with random weights or timm's published ones.

    Raises:
        GalaxyError: the model is unknown, refuses its arguments, or its weights cannot be fetched.
    """
    if not timm.is_model(spec.model):
        near = difflib.get_close_matches(spec.model, timm.list_models(), n=3)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise GalaxyError(f"unknown model {spec.model!r}; {hint}timm.list_models() lists them all")
    if "checkpoint_path" in spec.model_args:  # timm would read it, and DVC not notice a change
        raise GalaxyError(f"model_args of {spec.model!r} name a checkpoint_path; name the file in weights instead")
    arguments = image_size(spec.model, spec.size) | spec.model_args
    try:
        backbone = timm.create_model(
            spec.model, pretrained=pretrained, num_classes=len(spec.outputs), in_chans=len(spec.mean), **arguments
        )
    except Exception as error:  # timm and its hub pass on whatever their libraries raise
        refused = f"model {spec.model!r} cannot be built with model_args {arguments} and pretrained {pretrained}"
        raise GalaxyError(f"{refused}: {describe(error)}") from None
    return Network(spec, backbone)


def image_size(model: str, size: int) -> dict[str, int]:
    """Return the argument by which a network of timm's takes images of `size`×`size` pixels; {} if any size will do."""
    published = timm.get_pretrained_cfg(model, allow_unregistered=True)
    return {"img_size": size} if published is not None and published.fixed_input_size else {}
