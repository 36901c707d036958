"""The running process: its memory, its output beside other processes, and the processes that it starts."""

import ctypes
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

from joblib import cpu_count

TRIM_THRESHOLD, TOP_PAD, MMAP_MAX = -1, -2, -4
"""Parameters of glibc's `mallopt`, by their numbers in its `malloc.h`."""


def keep_freed_memory() -> None:
    """Tell glibc to keep freed memory for the next request; leave other C libraries as they are.

    By default glibc returns large arrays to the system. A network's activations are such arrays, so each step would get
    them again, page by page and filled with zeros. This takes a tenth of the training time (`benchmarks/memory.py`).
    With this setting the process holds its peak memory until it ends.
    """
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        mallopt = libc.mallopt
        mallopt(MMAP_MAX, 0)
        mallopt(TRIM_THRESHOLD, 2**31 - 1)
        mallopt(TOP_PAD, 64 * 2**20)


def is_main() -> bool:
    """Return whether this process prints and writes: it trains alone, or is the first of several."""
    # Lightning takes seconds to import, and a process that has not imported it trains with no other.
    rank_zero = sys.modules.get("lightning.fabric.utilities.rank_zero")
    return rank_zero is None or rank_zero.rank_zero_only.rank == 0


def say(text: str) -> None:
    """Print a line once, whatever the number of processes that train together."""
    if is_main():
        print(text, flush=True)


@contextmanager
def process_pool(
    start: Callable[..., None], arguments: tuple[Any, ...] = (), processes: int | None = None
) -> Iterator[ProcessPoolExecutor]:
    """Give a pool of fresh processes; on leaving, cancel what has not started.

    A forked copy of a process that runs threads (OpenCV's, PyTorch's) could wait for them forever.

    Args:
        start: runs first in each process, with `arguments`.
        processes: how many; one per core by default.
    """
    with ProcessPoolExecutor(processes or cpu_count(), get_context("spawn"), start, arguments) as pool:
        try:
            yield pool
        finally:
            pool.shutdown(cancel_futures=True)
