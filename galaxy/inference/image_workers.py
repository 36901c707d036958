"""Read many images in processes of their own, so that a bad file costs no more than itself.

Whatever a file does to the process that reads it (any error, a crash, an endless loop, all memory), it is named, and
the others are read. All processes together get `MEMORY`, in equal shares. What fails in its share, or takes a
process down, is tried once more in one process that has all of it.
"""

import contextlib
import functools
import math
import os
import re
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool
from io import FileIO
from multiprocessing.context import SpawnContext, SpawnProcess
from pathlib import Path
from typing import IO, NamedTuple

import cv2
import numpy as np
from pebble import ProcessExpired, ProcessPool

from galaxy.core import files
from galaxy.core.errors import GalaxyError, describe
from galaxy.inference.read_image import Reader
from galaxy.ingest.decode import BadImageError, header

SECONDS = 30
"""Most time for one file."""

MEMORY = 2**31
"""Bytes for the pictures of all processes together; limited on Linux only."""

LEAST_SHARE = 2**28
"""Least bytes for a process: with more cores than this allows, some do not read."""

MOST_BROKEN = 5
"""Pools that may break in turn."""


class Outcome(NamedTuple):
    """Why an image cannot be read, if it cannot; `again` if it may be read with more memory; what is doubtful in it."""

    problem: str = ""
    again: bool = False
    warnings: tuple[str, ...] = ()


class Target(NamedTuple):
    """A file that processes write pixels to, by its path and what it is: the path may stand for another one later."""

    path: str
    device: int
    inode: int

    def open(self) -> FileIO:
        """Open the file; raise BadImageError if it is gone."""
        file = FileIO(self.path, "r+")
        found = os.fstat(file.fileno())
        if (found.st_dev, found.st_ino) != (self.device, self.inode):
            file.close()
            raise BadImageError("no longer wanted")
        return file


class Pixels:
    """The images that the processes fill: `array`, N×size×size×3 uint8, in memory; elsewhere than on Linux, in a file.

    Raises:
        GalaxyError: there is no room for them.
    """

    def __init__(self, count: int, size: int) -> None:
        shape = (count, size, size, 3)
        if math.prod(shape) > _free_memory():
            needed = f"{count:,} images of {size}×{size} pixels need {math.prod(shape) / 2**20:,.0f} MB"
            raise GalaxyError(f"no room for the pixels: {needed} of memory; name fewer images at a time")
        if sys.platform == "linux":
            self._file: IO[bytes] = os.fdopen(os.memfd_create("pixels"), "r+b")
            path = f"/proc/{os.getpid()}/fd/{self._file.fileno()}"
        else:
            self._file = tempfile.NamedTemporaryFile()  # noqa: SIM115 (open as long as the array is needed)
            path = self._file.name
        found = os.fstat(self._file.fileno())
        self.target = Target(path, found.st_dev, found.st_ino)
        files.reserve(self._file, math.prod(shape))
        self.array = np.memmap(self._file, np.uint8, "r+", shape=shape)


def _free_memory() -> float:
    """Return the bytes of memory that are available, where the system tells."""
    if sys.platform == "linux":
        return 1024 * int(re.findall(r"MemAvailable: +(\d+)", Path("/proc/meminfo").read_text())[0])
    return math.inf


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
    with contextlib.suppress(RuntimeError):  # reading will say why they do not start
        kept(os.getpid()).processes.schedule(os.getpid)


def number() -> int:
    """Return the number of processes."""
    from joblib import cpu_count  # the processes themselves do not need it

    return min(cpu_count(), MEMORY // LEAST_SHARE)


class Pool:
    """A pool of processes that share `MEMORY`. It breaks if one ends before the pool has heard which task it took."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.ahead = 2 * number if number > 1 else 1
        self._broken = 0
        self._start()

    def _start(self) -> None:
        share = MEMORY // self.number
        self.processes = ProcessPool(self.number, initializer=_prepare, initargs=(share,), context=_Context())

    def stop(self) -> None:
        self.processes.stop()
        self.processes.join()

    def replace(self, error: Exception) -> None:
        """Start anew after it broke, if it has not done so too often in turn."""
        self.stop()
        self._start()
        self._broken += 1
        if self._broken > MOST_BROKEN:
            raise GalaxyError(f"the processes that read images cannot be started ({describe(error)})") from None

    def works(self) -> None:
        """Note that a task was done."""
        self._broken = 0


@functools.lru_cache(maxsize=1)
def kept(process: int) -> Pool:
    """Return the pool of this process (a fork of it needs its own); it is kept, because starting it takes time."""
    return Pool(number())


def failed(error: BaseException, images: int) -> list[Outcome]:
    """Return the outcomes of a task that did not end: of several files, it is not known which one is to blame."""
    if isinstance(error, BrokenProcessPool):
        return [Outcome("crashes its decoder", again=True)] * images
    if isinstance(error, TimeoutError):
        return [Outcome(f"takes more than {SECONDS} seconds to read", again=images > 1)] * images
    if isinstance(error, ProcessExpired):
        code = int(error.exitcode or 0)
        how = signal.strsignal(-code) if code < 0 else f"status {code}"
        return [Outcome(f"crashes its decoder ({how})", again=True)] * images
    return [Outcome(f"cannot be read ({describe(error)})", again=True)] * images


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


class Task(NamedTuple):
    """Images to read: by which readers into which pixels; and of each its row there, its name and its bytes' reader."""

    readers: tuple[Reader, ...]
    targets: tuple["Target", ...]
    images: list[tuple[int, str, Callable[[], bytes]]]


def read(task: Task) -> list[Outcome]:
    """Read images in one of the processes."""
    with contextlib.ExitStack() as opened:
        files = [opened.enter_context(target.open()) for target in task.targets]
        return [_outcome(task.readers, files, *image) for image in task.images]


def _outcome(
    readers: Sequence[Reader], files: Sequence[FileIO], row: int, name: str, read: Callable[[], bytes]
) -> Outcome:
    data = b""
    warned: dict[str, None] = {}
    try:
        data = read()
        for reader, file in zip(readers, files, strict=True):
            pixels, sentences = reader(name, data)
            file.seek(row * pixels.nbytes)
            file.write(pixels.tobytes())
            warned |= dict.fromkeys(sentences)
        return Outcome(warnings=tuple(warned))
    except (BadImageError, GalaxyError) as error:
        problem, short = str(error), False
    except Exception as error:  # a damaged file may raise any error of any library
        problem = getattr(error, "strerror", None) or f"cannot be read ({type(error).__name__}: {describe(error)})"
        short = isinstance(error, MemoryError) or re.search("alloc|memory", problem, re.IGNORECASE) is not None
    what, needed = _size(data)
    if short or needed > _share:  # some decoders call a file damaged if they get no memory
        problem = f"{what} cannot be read in {_share / 2**30:.1f} GB of memory; cut the galaxy out of it"
        return Outcome(problem, again=True)
    return Outcome(problem)


def _size(data: bytes) -> tuple[str, int]:
    """Return an image's size in words, and about how much memory it takes: as bytes and as floats."""
    try:
        width, height = header(data)[2]
    except Exception:
        return f"{len(data):,} bytes", 8 * len(data)
    return f"{width}×{height} pixels", 15 * width * height
