"""The memory of a process that computes on the CPU."""

import ctypes
import sys

TRIM_THRESHOLD, TOP_PAD, MMAP_MAX = -1, -2, -4
"""Parameters of glibc's `mallopt`, by their numbers in its `malloc.h`."""


def keep_freed() -> None:
    """Have the C library keep memory that is freed for what is asked of it next.

    By default it gets large arrays from the system, and gives them back. A network's activations are such arrays: each
    step would get them anew, page by page and filled with zeros, which takes a tenth of a training's time
    (`benchmarks/memory.py`). The process keeps its peak until it ends. Other C libraries are left alone.
    """
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        mallopt = libc.mallopt
        mallopt(MMAP_MAX, 0)
        mallopt(TRIM_THRESHOLD, 2**31 - 1)
        mallopt(TOP_PAD, 64 * 2**20)
