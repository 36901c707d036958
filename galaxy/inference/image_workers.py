"""Read many images in processes of their own, so that a bad file costs no more than itself.

Whatever a file does to the process that reads it (any error, a crash, an endless loop, all memory), it is named, and
the others are read. All processes together get `MEMORY`, in equal shares. What fails in its share, or takes a
process down, is tried once more in one process that has all of it.
"""

import functools
import itertools
import os
import re
import signal
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.context import SpawnContext, SpawnProcess
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from pebble import ProcessExpired, ProcessPool

from galaxy.core.errors import GalaxyError, describe
from galaxy.inference.read_image import Reader
from galaxy.inference.sources import Source
from galaxy.ingest.decode import BadImageError, header

SECONDS = 30
"""Most time for one file."""

MEMORY = 2**31
"""Bytes for the pictures of all processes together; limited on Linux only."""

LEAST_SHARE = 2**28
"""Least bytes for a process: with more cores than this allows, some do not read."""

CHUNK = 16
"""Most files per task: enough to make the pool's overhead small."""


class Outcome(NamedTuple):
    """An image (size×size×3 uint8), or why it cannot be read; `again` if it may be read with more memory."""

    pixels: np.ndarray | None
    problem: str = ""
    again: bool = False


class _Process(SpawnProcess):
    """A fresh process that does not run the user's script again, and that Ctrl-C in a terminal does not reach.

    Without the first, a script without `if __name__ == "__main__"` could not predict.
    """

    _lock = threading.Lock()

    def start(self) -> None:
        main = vars(sys.modules["__main__"])
        with self._lock:
            kept = {name: main.get(name) for name in ("__spec__", "__file__")}
            main.update(dict.fromkeys(kept))
            blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT}) if os.name == "posix" else None
            try:
                super().start()
            finally:
                if blocked is not None:
                    signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
                main.update(kept)


class _Context(SpawnContext):
    Process = _Process


def start() -> None:
    """Start the processes, so that they are ready when something else, such as importing torch, is done."""
    _pool(os.getpid()).schedule(_read, (None, []))


def read(sources: Sequence[Source], reader: Reader) -> Iterator[tuple[int, Outcome]]:
    """Yield each image's number in `sources` and its outcome, as soon as it is there.

    Raises:
        GalaxyError: no process can be started.
    """
    size = max(1, min(CHUNK, len(sources) // (4 * _number())))
    chunks = (range(first, min(first + size, len(sources))) for first in range(0, len(sources), size))
    again = []
    for row, outcome in _run(_pool(os.getpid()), 2 * _number(), chunks, sources, reader):
        if outcome.again:
            again.append(row)
        else:
            yield row, outcome
    if again:
        with ProcessPool(1, initializer=_prepare, initargs=(MEMORY,), context=_Context()) as pool:
            try:
                yield from _run(pool, 1, ([row] for row in again), sources, reader)
            finally:
                pool.stop()


def _number() -> int:
    """Return the number of processes."""
    from joblib import cpu_count  # the processes themselves do not need it

    return min(cpu_count(), MEMORY // LEAST_SHARE)


@functools.lru_cache(maxsize=1)
def _pool(process: int) -> ProcessPool:
    """Return the pool of this process (a fork of it needs its own); it is kept, because starting it takes time."""
    return ProcessPool(_number(), initializer=_prepare, initargs=(MEMORY // _number(),), context=_Context())


def _run(
    pool: ProcessPool, ahead: int, chunks: Iterable[Sequence[int]], sources: Sequence[Source], reader: Reader
) -> Iterator[tuple[int, Outcome]]:
    """Read in chunks, at most `ahead` of them at a time."""
    chunks = iter(chunks)
    waiting: dict[Future[list[Outcome]], Sequence[int]] = {}
    try:
        while True:
            for rows in itertools.islice(chunks, ahead - len(waiting)):
                task = (reader, [sources[row] for row in rows])
                waiting[pool.schedule(_read, task, timeout=SECONDS)] = rows
            if not waiting:
                return
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                rows = waiting.pop(future)
                error = future.exception()
                yield from zip(rows, future.result() if error is None else _failed(error, len(rows)), strict=True)
    finally:
        for future in waiting:
            future.cancel()


def _failed(error: BaseException, files: int) -> list[Outcome]:
    """Return the outcomes of a task that did not end: of several files, it is not known which one is to blame."""
    if isinstance(error, BrokenProcessPool):
        _pool.cache_clear()
        raise GalaxyError(f"the processes that read images cannot be started ({describe(error)})")
    if isinstance(error, TimeoutError):
        return [Outcome(None, f"takes more than {SECONDS} seconds to read", again=files > 1)] * files
    if isinstance(error, ProcessExpired):
        code = int(error.exitcode or 0)
        how = signal.strsignal(-code) if code < 0 else f"status {code}"
        return [Outcome(None, f"crashes its decoder ({how})", again=True)] * files
    return [Outcome(None, f"cannot be read ({describe(error)})", again=True)] * files


_share = MEMORY


def _prepare(share: int) -> None:
    """Limit this process's memory; silence it, because what libraries print about a file names none."""
    global _share
    _share = share
    cv2.setNumThreads(1)  # there is a process per core already
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # pebble's handler would wait for the end of a decoder's loop
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    if sys.platform == "linux":
        import resource

        held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        for kind, limit in ((resource.RLIMIT_AS, held + share), (resource.RLIMIT_CORE, 0)):
            hard = resource.getrlimit(kind)[1]
            resource.setrlimit(kind, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def _read(reader: Reader, sources: Sequence[Source]) -> list[Outcome]:
    """Read images in one of the processes."""
    return [_outcome(reader, source) for source in sources]


def _outcome(reader: Reader, source: Source) -> Outcome:
    data = b""
    try:
        data = source.read()
        return Outcome(reader(source.name, data))
    except (BadImageError, GalaxyError) as error:
        problem, short = str(error), False
    except Exception as error:  # a damaged file may raise any error of any library
        problem = getattr(error, "strerror", None) or f"cannot be read ({type(error).__name__}: {describe(error)})"
        short = isinstance(error, MemoryError) or re.search("alloc|memory", problem, re.IGNORECASE) is not None
    what, needed = _size(data)
    if short or needed > _share:  # some decoders call a file damaged if they get no memory
        problem = f"{what} cannot be read in {_share / 2**30:.1f} GB of memory; cut the galaxy out of it"
        return Outcome(None, problem, again=True)
    return Outcome(None, problem)


def _size(data: bytes) -> tuple[str, int]:
    """Return an image's size in words, and about how much memory it takes: as bytes and as floats."""
    try:
        width, height = header(data)[2]
    except Exception:
        return f"{len(data):,} bytes", 8 * len(data)
    return f"{width}×{height} pixels", 15 * width * height
