"""Read images in batches, ahead of what computes on them: the processes read while the caller works on a batch.

The pixels of a fixed number of batches are in memory, however many images there are.
"""

import math
import os
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import CancelledError, Future, wait
from dataclasses import dataclass, field

import numpy as np

from galaxy.core.errors import GalaxyError
from galaxy.core.runtime import progress
from galaxy.inference import image_workers
from galaxy.inference.image_workers import Outcome, Pixels, Pool, Task
from galaxy.inference.read_image import Reader
from galaxy.inference.sources import Source

PIXELS = 2**28
"""Most bytes of pixels in memory, unless two batches have more."""

CHUNK = 16
"""Most files per task: enough to make the pool's overhead small."""


@dataclass
class Batch:
    """Images that are read: the number of the first, the pixels for each reader (B×size×size×3 uint8), the outcomes.

    The pixels of images with a problem mean nothing. `release` gives the memory back for another batch.
    """

    first: int
    pixels: list[Pixels]
    free: deque[list[Pixels]]
    outcomes: list[Outcome] = field(default_factory=list)
    tasks: list[tuple[range, Future[list[Outcome]]]] = field(default_factory=list)

    @property
    def images(self) -> list[np.ndarray]:
        """The pixels for each reader."""
        return [pixels.array[: len(self.outcomes)] for pixels in self.pixels]

    def release(self) -> None:
        """Give the memory of the pixels back."""
        self.free.append(self.pixels)


def batches(
    images: Sequence[Source], numbers: range, readers: Sequence[Reader], size: int, in_use: int = 1
) -> Generator[Batch]:
    """Yield images in batches, in their order.

    Args:
        numbers: those of the images to read.
        readers: how each image is to be read.
        size: images per batch; the last one may have fewer.
        in_use: batches that the caller may hold at a time, besides the one that it asks for.

    Raises:
        GalaxyError: no process can be started, or there is no memory for the pixels.
    """
    if not numbers:
        return
    size = min(size, len(numbers))
    pool = image_workers.kept(os.getpid())
    chunk = max(1, min(CHUNK, size, len(numbers) // (4 * pool.number)))
    slot = size * sum(3 * reader.size**2 for reader in readers)
    ahead = math.ceil(pool.ahead * chunk / size) + 1
    waiting = deque(range(start, min(start + size, numbers.stop)) for start in range(numbers.start, numbers.stop, size))
    slots = min(len(waiting), in_use + max(1, min(ahead, PIXELS // slot)))
    free = deque([Pixels(size, reader.size) for reader in readers] for _ in range(slots))
    started: deque[Batch] = deque()
    alone: Pool | None = None
    try:
        while started or waiting:
            while waiting and free:
                started.append(_start(pool, images, waiting.popleft(), readers, free, chunk))
            batch = started.popleft()
            _collect(batch, pool)
            if again := [row for row, outcome in enumerate(batch.outcomes) if outcome.again]:
                wait([future for other in started for _, future in other.tasks])  # one process gets all memory
                alone = alone or Pool(1)
                for row in again:
                    batch.tasks = [(range(row, row + 1), _schedule(alone, images, batch, [row], readers))]
                    _collect(batch, alone)
            yield batch
    finally:
        for batch in started:
            for _, future in batch.tasks:
                future.cancel()
        if alone is not None:
            alone.stop()


def _start(
    pool: Pool,
    images: Sequence[Source],
    numbers: range,
    readers: Sequence[Reader],
    free: deque[list[Pixels]],
    chunk: int,
) -> Batch:
    batch = Batch(numbers.start, free.popleft(), free)
    for start in range(0, len(numbers), chunk):
        rows = range(start, min(start + chunk, len(numbers)))
        batch.tasks.append((rows, _schedule(pool, images, batch, rows, readers)))
    batch.outcomes = [Outcome()] * len(numbers)
    return batch


def _schedule(
    pool: Pool, images: Sequence[Source], batch: Batch, rows: Sequence[int], readers: Sequence[Reader]
) -> Future[list[Outcome]]:
    sources = [(row, images[batch.first + row]) for row in rows]
    files = [(row, source.name, source.read) for row, source in sources]  # without the lists' tables
    task = Task(tuple(readers), tuple(pixels.target for pixels in batch.pixels), files)
    while True:
        try:
            return pool.processes.schedule(image_workers.read, (task,), timeout=image_workers.SECONDS)
        except RuntimeError as problem:  # it broke
            pool.replace(problem)


def _collect(batch: Batch, pool: Pool) -> None:
    """Wait until a batch is read."""
    for rows, future in batch.tasks:
        try:
            error = future.exception()
        except CancelledError as cancelled:  # the pool was replaced
            error = cancelled
        if error is None:
            pool.works()
        found = future.result() if error is None else image_workers.failed(error, len(rows))
        for row, outcome in zip(rows, found, strict=True):
            batch.outcomes[row] = outcome


def read_images(
    images: Sequence[Source], reader: Reader, *, strict: bool, label: str = "read"
) -> tuple[np.ndarray, dict[int, str], dict[int, list[str]]]:
    """Read images on all cores into N×size×size×3 uint8, and collect problems and warnings by number.

    If `strict`, the first problem raises GalaxyError. `label` is the progress bar's.
    """
    pixels = np.empty((len(images), reader.size, reader.size, 3), np.uint8)
    problems: dict[int, str] = {}
    warned: dict[int, list[str]] = {}
    with progress(label, len(images)) as bar:
        for batch in batches(images, range(len(images)), [reader], CHUNK, in_use=0):
            end = batch.first + len(batch.outcomes)
            pixels[batch.first : end] = batch.images[0]
            for number, outcome in enumerate(batch.outcomes, batch.first):
                if outcome.problem:
                    problems[number] = outcome.problem
                if outcome.warnings:
                    warned[number] = list(outcome.warnings)
            batch.release()
            if strict and problems:
                raise refusal(images, problems)
            bar.update(end - batch.first)
    return pixels, problems, warned


def refusal(images: Sequence[Source], problems: Mapping[int, str]) -> GalaxyError:
    """Return an error that names the first problem."""
    number = min(problems)
    return GalaxyError(f"{images[number].name}: {problems[number]}; fix it or leave it out")
