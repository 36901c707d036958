"""One training on several processes, GPUs or machines.

Lightning starts the processes, or finds those that torchrun or SLURM started, and torch.distributed connects them. All
run the same code on the same data; only the main process prints and writes.
"""

from typing import Any

import torch

from galaxy.core.errors import GalaxyError
from galaxy.core.params import Training


def trainer_arguments(options: Training) -> dict[str, Any]:
    """Return the Trainer's arguments for the processes and devices that it runs on.

    Raises:
        GalaxyError: the machine has fewer GPUs than the options ask for.
    """
    gpus = torch.cuda.device_count()
    if 0 < gpus < options.devices:
        raise GalaxyError(f"devices is {options.devices}, but this machine has {gpus}; lower devices")
    strategy = options.strategy
    if options.processes > 1 and options.freeze_epochs:
        strategy = "ddp_find_unused_parameters_true"  # plain ddp would wait for the gradients of frozen layers
    return {
        "accelerator": "auto",
        "devices": options.devices,
        "num_nodes": options.num_nodes,
        "strategy": strategy,
        "precision": options.precision,
        "sync_batchnorm": options.processes > 1 and gpus > 0,  # torch has it on GPUs only
    }
