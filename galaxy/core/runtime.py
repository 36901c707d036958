"""The running process: its memory, its output beside other processes, and the processes that it starts."""

import ctypes
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

from tqdm import tqdm

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
    rank_zero = sys.modules.get("lightning.fabric.utilities.rank_zero")
    if rank_zero is None:  # Lightning takes seconds to import; until then, what torchrun or Lightning's launcher set
        return os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0")) == "0"
    return rank_zero.rank_zero_only.rank == 0


def say(text: str) -> None:
    """Print a line once, whatever the number of processes that train together."""
    if is_main():
        print(text, flush=True)


def new_bar(label: str, total: int, unit: str = "images", *, keep: bool) -> "tqdm[Any]":
    """Return a progress bar, which shows nothing unless stderr is a terminal; `keep` it there when it is closed."""
    hidden = not (is_main() and sys.stderr.isatty())
    return tqdm(
        desc=label,
        total=total,
        unit=f" {unit}",
        leave=keep,
        disable=hidden,
        smoothing=0,
        dynamic_ncols=True,
        bar_format="{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_noinv_fmt}{postfix}]",
    )


@contextmanager
def progress(label: str, total: int, unit: str = "images") -> Iterator["tqdm[Any]"]:
    """Give a progress bar; in a log, where a bar would leave a line at each step, print one at its start and its end.

    Args:
        label: what is being done, to what: "predict cnn, valid".
        unit: what `total` counts.
    """
    in_log = is_main() and not sys.stderr.isatty()
    start = time.perf_counter()
    if in_log:
        print(f"{label}: {total:,} {unit}", file=sys.stderr, flush=True)
    with new_bar(label, total, unit, keep=True) as bar:
        yield bar
    if in_log:
        print(f"{label}: done in {time.perf_counter() - start:.1f} s", file=sys.stderr, flush=True)


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
    from joblib import cpu_count  # it imports numpy, for which no stage waits before it says that it starts

    with ProcessPoolExecutor(processes or cpu_count(), get_context("spawn"), start, arguments) as pool:
        try:
            yield pool
        finally:
            pool.shutdown(cancel_futures=True)
