"""One training on several processes: which of them this is, and which part of each batch it gets.

Lightning starts the processes, or finds those that torchrun or SLURM started, and torch.distributed connects them. All
run the same code on the same data; only the main one prints and writes.
"""

import contextlib
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import lightning as L  # noqa: N812 (the library's own name)
import torch
from lightning.fabric.utilities.rank_zero import rank_zero_only
from torch import distributed
from torch.utils.data import BatchSampler

from galaxy.core.errors import GalaxyError
from galaxy.core.errors import describe
from galaxy.core.params import Training


def is_main() -> bool:
    """Whether this is the process that prints and writes: the first of the first machine, or the only one."""
    return bool(rank_zero_only.rank == 0)  # type: ignore[attr-defined]


def say(text: str) -> None:
    """Print, once for all processes."""
    if is_main():
        print(text, flush=True)


class SharedBatches(BatchSampler):
    """The batches of a sampler, of which each process gets the same share, in order: together they see each whole.

    The last batch, if it is smaller, is shared out as evenly as it goes; a process that would get nothing gets none.
    """

    def __iter__(self) -> Iterator[list[int]]:
        connected = distributed.is_available() and distributed.is_initialized()
        part, parts = (distributed.get_rank(), distributed.get_world_size()) if connected else (0, 1)
        for batch in super().__iter__():
            start, stop = (len(batch) * number // parts for number in (part, part + 1))
            if stop > start:
                yield batch[start:stop]


def where(options: Training) -> dict[str, Any]:
    """The Trainer's arguments on where it runs.

    Raises:
        GalaxyError: fewer GPUs than asked for.
    """
    gpus = torch.cuda.device_count()
    if 0 < gpus < options.devices:
        raise GalaxyError(f"devices is {options.devices}, but this machine has {gpus}; lower devices")
    strategy = options.strategy
    if options.processes > 1 and options.freeze_epochs:
        strategy = "ddp_find_unused_parameters_true"  # ddp waits for gradients that frozen layers have not
    return {
        "accelerator": "auto",
        "devices": options.devices,
        "num_nodes": options.num_nodes,
        "strategy": strategy,
        # The statistics of the whole batch; torch has that on GPUs only.
        "sync_batchnorm": options.processes > 1 and gpus > 0,
    }


def end_others(trainer: L.Trainer) -> None:
    """End the processes that the main one started: where it fails, they would wait for it."""
    if trainer.strategy.launcher is not None:
        trainer.strategy.launcher.kill(signal.SIGKILL)


def explained(error: RuntimeError, trainer: L.Trainer, options: Training) -> Exception:
    """What a `RuntimeError` in training comes from, if that is known; and the end of all other processes."""
    if options.deterministic and "deterministic" in str(error):
        explained: Exception = GalaxyError(f"deterministic is true, but {describe(error)}")
    elif any(_has_failed(process) for process in getattr(trainer.strategy.launcher, "procs", [])):
        explained = GalaxyError("one of the processes that train together has failed; what it said is above")
    else:
        explained = error
    end_others(trainer)
    return explained


def _has_failed(process: subprocess.Popen[bytes]) -> bool:
    """Whether a process ends, with an error, within seconds: those that have lost it learn of that first."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        return process.wait(5) != 0
    return False
