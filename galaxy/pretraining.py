"""Weights to start a training from that lie in a file: those of a model of ours, or published ones of a timm network.

timm's own weights, from its hub, are `pretrained: true`.
"""

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

from galaxy import files, models
from galaxy.errors import GalaxyError, list_problems


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
        new = [name for name in _classifier(backbone) if name in tensors and tensors[name].shape != own[name].shape]
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
        print(f"starting from {self.origin['path']}: {len(own) - len(new)} of {len(own)} tensors{kept}", flush=True)


def read(path: Path, model: str) -> Weights:
    """Read weights for timm's network `model`: a folder that holds a model of ours, a safetensors file, or a `.pth`
    with a state dict (read without running what a pickle may hold).

    Raises:
        GalaxyError: nothing there, nothing readable, or a model of ours of another architecture.
    """
    if path.is_dir():
        network, card = models.load(path)
        if network.spec.model != model:
            raise GalaxyError(f"weights {path} are of {network.spec.model!r}, the network is {model!r}; change one")
        origin = {"path": str(path), "sha256": files.sha256(path / models.WEIGHTS), "data": card.get("data")}
        return Weights(network.backbone.state_dict(), network.spec.mean, network.spec.std, origin)
    published = timm.get_pretrained_cfg(model, allow_unregistered=True)
    if published is None:
        raise GalaxyError(
            f"weights {path}: timm knows no published weights of {model!r}; name a model's folder instead"
        )
    mean, std = (tuple((np.array(values) * 255).tolist()) for values in (published.mean, published.std))
    return Weights(_tensors(path), mean, std, {"path": str(path), "sha256": files.sha256(path)})


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
        reason = " ".join(str(error).split())[:200]
        raise GalaxyError(f"weights {path} cannot be read as a state dict: {reason}") from None


def _classifier(backbone: nn.Module) -> list[str]:
    """Names of the tensors of the last layer, by the network's own configuration."""
    layers = getattr(backbone, "pretrained_cfg", {}).get("classifier") or ()
    layers = (layers,) if isinstance(layers, str) else layers
    return [f"{layer}.{part}" for layer in layers for part in ("weight", "bias")]
