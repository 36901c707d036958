"""The precision of a training: bfloat16 where the device computes in it natively, float32 elsewhere."""

import os
from copy import deepcopy
from dataclasses import dataclass

import torch

from galaxy.core import runtime
from galaxy.core.errors import GalaxyError
from galaxy.core.params import Training
from galaxy.models.network import Network

AUTO, FULL, BF16, FP16 = "auto", "32-true", "bf16-mixed", "16-mixed"
"""Values of the param `precision`: `auto`, and three of Lightning's."""

NATIVE = (8, 0)
"""From this compute capability on, a GPU computes in bfloat16 natively."""


@dataclass(frozen=True)
class Device:
    """What a training runs on: its name for messages, and whether it is a GPU and computes in bfloat16 natively."""

    name: str
    gpu: bool
    bf16: bool


def device() -> Device:
    """Return this machine's device as Lightning chooses it; of several GPUs, the least capable."""
    if torch.cuda.is_available():
        numbers = range(torch.cuda.device_count())
        found = [(torch.cuda.get_device_capability(number), torch.cuda.get_device_name(number)) for number in numbers]
        capability, name = min(found)
        return Device(f"the GPU ({name})", gpu=True, bf16=capability >= NATIVE)
    if torch.backends.mps.is_available():
        return Device("Apple's GPU", gpu=True, bf16=False)
    cpu = torch.cpu
    return Device("this CPU", gpu=False, bf16=cpu._is_amx_tile_supported() or cpu._is_avx512_bf16_supported())


def resolve(options: Training, network: Network, where: Device) -> tuple[str, str]:
    """Return the precision to train in, and a line about it; the line is empty if there is nothing to say.

    Raises:
        GalaxyError: the device does not compute in the precision that the options ask for.
    """
    asked = options.precision
    slow = f"{where.name} does not compute in bfloat16 natively"
    if asked == FP16 and not where.gpu:
        raise GalaxyError(f"precision is {FP16}, which needs a GPU; set precision to {AUTO} or {FULL}")
    if asked == BF16 and not where.bf16:
        return asked, f"precision is {BF16}, but {slow}: {AUTO} may be ten times as fast"
    if asked != AUTO:
        return asked, ""
    if not where.bf16:
        return FULL, f"precision: {FULL}, because {slow}"
    if options.gradient_clip is not None and options.optimizer_args.get("fused"):
        return FULL, f"precision: {FULL}, because gradient_clip rules out bfloat16 for a fused optimizer"
    if not _trains_in_bfloat16(network, where):
        return FULL, f"precision: {FULL}, because {options.model} does not compute in bfloat16 on {where.name}"
    return BF16, f"precision: {BF16}, in which {where.name} computes natively"


def resolved(options: Training, network: Network) -> Training:
    """Return the options with the precision to train this network in on this machine; print a line about it."""
    precision, line = resolve(options, network, device())
    if line:
        runtime.say(line)
    return options.model_copy(update={"precision": precision})


def _trains_in_bfloat16(network: Network, where: Device) -> bool:
    """Return whether a copy of the network takes a step in mixed precision: torch lacks it for some layers."""
    kind = "cuda" if where.gpu else "cpu"
    place = torch.device(kind, int(os.environ.get("LOCAL_RANK", "0")) if where.gpu else 0)
    copy = deepcopy(network).to(place).train()
    images = torch.zeros((2, network.spec.size, network.spec.size, len(network.spec.mean)), dtype=torch.uint8)
    try:
        with torch.autocast(kind, torch.bfloat16):
            copy(images.to(place)).sum().backward()
    except RuntimeError:
        return False
    return True
