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

from galaxy.core import files
from galaxy.models import architectures
from galaxy.core import decision_tree
from galaxy.core.errors import GalaxyError
from galaxy.core.errors import describe
from galaxy.data.field_of_view import FieldOfView
from galaxy.models.heads import HEADS
from galaxy.models.heads import LOGITS

__all__ = ["Network", "Spec", "build", "load", "networks", "save"]

WEIGHTS, CARD = "model.safetensors", "model.json"


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
    if not any_outputs and spec.outputs != decision_tree.COLUMNS:
        kind = "classes" if spec.head == LOGITS else "outputs"
        raise GalaxyError(
            f"{folder}: the model predicts {len(spec.outputs)} {kind} other than the 37 columns; train one of galaxies"
        )
    network = build_network(spec)
    try:
        network.backbone.load_state_dict(tensors)
    except RuntimeError as error:
        raise GalaxyError(f"{folder / WEIGHTS} does not fit {spec.model}: {describe(error)}") from None
    return network.eval(), card
