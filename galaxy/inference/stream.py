"""Read, compute on and hand out any number of images, part by part; reading and computing overlap.

What is computed is given: `galaxy.inference.prediction` predicts. Memory does not depend on the number of images, and
results do not depend on where a run begins, as long as that is a multiple of the batch size.
"""

import contextlib
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from galaxy.core.errors import GalaxyError
from galaxy.core.runtime import progress
from galaxy.inference import read_ahead
from galaxy.inference.catalogue import Catalogue
from galaxy.inference.image_list import Images
from galaxy.inference.lists import WARNING
from galaxy.inference.read_ahead import Batch
from galaxy.inference.read_image import Reader
from galaxy.inference.sources import Source

PART = 1024
"""Images of a part, or the batch size if that is larger: what an interruption costs at most."""


@dataclass(frozen=True)
class Computed:
    """Of B images: the columns of their results (B values each), and what is doubtful about them ("": nothing)."""

    columns: Mapping[str, np.ndarray]
    warnings: Sequence[str]


class Compute(Protocol):
    """Computes on images.

    Attributes:
        readers: how each image is read; one array of images comes from each.
        columns: names and types of what is computed. Images that cannot be read get NaN or None.
    """

    @property
    def readers(self) -> tuple[Reader, ...]: ...
    @property
    def columns(self) -> Mapping[str, np.dtype[Any]]: ...

    def __call__(self, images: Sequence[np.ndarray]) -> Computed:
        """Compute on B images, from each reader B×size×size×3 uint8. It must not keep the arrays."""


@dataclass(frozen=True)
class Part:
    """The results of some images.

    Attributes:
        numbers: the images.
        table: the columns of lists, `file`, what is computed, and `warning`; indexed by the images' numbers. An image
            that cannot be read is left out, unless a list names it.
        problems: why images cannot be read, by number.
    """

    numbers: range
    table: pd.DataFrame
    problems: dict[int, str]


def part_size(batch_size: int) -> int:
    """Return the number of images per part, a multiple of the batch size."""
    return batch_size * max(1, PART // batch_size)


def parts(
    images: Images,
    catalogue: Catalogue,
    computes: Sequence[Compute],
    numbers: range,
    batch_size: int,
    *,
    strict: bool = False,
    refuse_doubtful: bool = False,
    label: str = "predict",
) -> Generator[Part]:
    """Yield results, part by part, in the images' order.

    Args:
        catalogue: the columns in front.
        computes: equal ones, one a device; they take batches in turns, each in a thread of its own.
        numbers: the images to compute on.
        label: names the progress bar.

    Raises:
        GalaxyError: if `strict`, an image cannot be read; or, if `refuse_doubtful`, one has a warning.
    """
    step = part_size(batch_size)
    waiting: deque[tuple[Batch, Future[_Done]]] = deque()
    done: list[_Done] = []

    def finished() -> Iterator[Part]:
        """Take the oldest batch; yield the part that it completes, if it does."""
        batch, future = waiting.popleft()
        done.append(future.result())
        batch.release()
        bar.update(len(done[-1].numbers))
        if refuse_doubtful and done[-1].warnings:
            raise read_ahead.refusal(images, done[-1].warnings)
        if (end := done[-1].numbers.stop) == numbers.stop or (end - numbers.start) % step == 0:
            yield _part(images, catalogue, computes[0], done)
            done.clear()

    with contextlib.ExitStack() as stack:
        threads = [stack.enter_context(ThreadPoolExecutor(1)) for _ in computes]
        bar = stack.enter_context(progress(label, len(numbers)))
        read = read_ahead.batches(images, numbers, computes[0].readers, batch_size, len(computes))
        stack.enter_context(contextlib.closing(read))
        for number, batch in enumerate(read):
            if strict and (problems := _problems(batch)):
                raise read_ahead.refusal(images, problems)
            turn = number % len(computes)
            waiting.append((batch, threads[turn].submit(_compute, computes[turn], batch)))
            if len(waiting) > len(computes):
                yield from finished()
        while waiting:
            yield from finished()


def none_readable(images: Sequence[Source], number: int, problems: Mapping[int, str]) -> GalaxyError:
    """Return the error for so many images of which none can be read."""
    return GalaxyError(f"none of the {number} images can be read; {read_ahead.refusal(images, problems)}")


@dataclass(frozen=True)
class _Done:
    """A batch on which was computed: its images, those that could be read, and what was found."""

    numbers: range
    readable: list[int]
    columns: Mapping[str, np.ndarray]
    warnings: dict[int, str]
    problems: dict[int, str]


def _problems(batch: Batch) -> dict[int, str]:
    return {batch.first + row: outcome.problem for row, outcome in enumerate(batch.outcomes) if outcome.problem}


def _compute(compute: Compute, batch: Batch) -> _Done:
    numbers = range(batch.first, batch.first + len(batch.outcomes))
    rows = [row for row, outcome in enumerate(batch.outcomes) if not outcome.problem]
    readable, problems = [batch.first + row for row in rows], _problems(batch)
    if not rows:
        return _Done(numbers, readable, {}, {}, problems)
    computed = compute([array if not problems else array[rows] for array in batch.images])
    warnings = {}
    for row, text in zip(rows, computed.warnings, strict=True):
        sentences = [*batch.outcomes[row].warnings, *filter(None, [text])]
        if sentences:
            warnings[batch.first + row] = "; ".join(sentences)
    return _Done(numbers, readable, computed.columns, warnings, problems)


def _part(images: Images, catalogue: Catalogue, compute: Compute, done: Sequence[_Done]) -> Part:
    numbers = range(done[0].numbers.start, done[-1].numbers.stop)
    rows = [number - numbers.start for batch in done for number in batch.readable]
    found: dict[str, Any] = {}
    for name, dtype in compute.columns.items():
        values = np.full(len(numbers), None if dtype.kind == "O" else np.nan, dtype)
        if rows:
            values[rows] = np.concatenate([batch.columns[name] for batch in done if batch.readable])
        found[name] = values
    problems = {number: text for batch in done for number, text in batch.problems.items()}
    warned = {number: text for batch in done for number, text in batch.warnings.items()}
    warned |= {number: f"cannot be read: {problem}" for number, problem in problems.items()}
    found[WARNING] = np.array([warned.get(number, "") for number in numbers], dtype=object)
    table = _beside(catalogue.table(numbers.start, numbers.stop), found)
    left_out = [number for number in problems if images[number].row is None]
    return Part(numbers, table.drop(left_out), problems)


def empty(catalogue: Catalogue, compute: Compute) -> pd.DataFrame:
    """Return a table of results without rows."""
    types = {**compute.columns, WARNING: np.dtype(object)}
    return _beside(catalogue.table(0, 0), {name: np.empty(0, dtype) for name, dtype in types.items()})


def _beside(table: pd.DataFrame, found: Mapping[str, np.ndarray]) -> pd.DataFrame:
    columns = {name: pd.Series(values, table.index, values.dtype) for name, values in found.items()}
    return pd.concat([table, pd.DataFrame(columns, index=table.index)], axis="columns")
