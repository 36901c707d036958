"""One training on several processes: which of them this is, and which part of each batch it gets.

Lightning starts the processes, or finds those that torchrun or SLURM started, and torch.distributed connects them. All
run the same code on the same data; only the main one prints and writes.
"""

from collections.abc import Iterator

from lightning.fabric.utilities.rank_zero import rank_zero_only
from torch import distributed
from torch.utils.data import BatchSampler


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
