"""Trained models in files: weights as safetensors, and a JSON card with all that is needed to use them."""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as serialize

from galaxy.core import decision_tree, files
from galaxy.core.errors import GalaxyError, describe
from galaxy.models.heads import LOGITS
from galaxy.models.network import Network, Spec, build_network

WEIGHTS, CARD = "model.safetensors", "model.json"


def save(folder: Path, network: Network, card: dict[str, Any]) -> None:
    """Write `model.safetensors` and `model.json` (the spec, and `card` on its training) into `folder`."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in network.backbone.state_dict().items()}
    with files.atomic(folder / WEIGHTS) as part:
        part.write_bytes(serialize(tensors))
    files.write_json(folder / CARD, {"spec": network.spec.model_dump(exclude_defaults=True), **card})


def load(folder: Path, any_outputs: bool = False) -> tuple[Network, dict[str, Any]]:
    """Read a saved model; return its network, in evaluation mode, and its card. No pickle is read.

    Args:
        any_outputs: accept models that predict anything else than the 37 columns, such as classes.

    Raises:
        GalaxyError: a file is absent or damaged, the weights do not fit the card, or the outputs are not accepted.
    """
    try:
        card = json.loads((folder / CARD).read_text())
        spec = Spec.model_validate(card["spec"])
        tensors = load_file(folder / WEIGHTS)
    except FileNotFoundError as error:
        raise GalaxyError(f"{error.filename or folder}: no such file; train the model first (dvc repro)") from None
    except (ValueError, KeyError, TypeError, ValidationError, SafetensorError) as error:
        reason = describe(error)
        raise GalaxyError(f"{folder} does not hold a whole model: {reason}; train it again (dvc repro)") from None
    if not any_outputs and spec.outputs != decision_tree.COLUMNS:
        outputs = f"{len(spec.outputs)} {'classes' if spec.head == LOGITS else 'outputs'}"
        raise GalaxyError(f"{folder}: the model predicts {outputs}, not the 37 columns; name a model of galaxies")
    network = build_network(spec)
    try:
        network.backbone.load_state_dict(tensors)
    except RuntimeError as error:
        raise GalaxyError(f"{folder / WEIGHTS} does not fit {spec.model}: {describe(error)}; train it again") from None
    return network.eval(), card
