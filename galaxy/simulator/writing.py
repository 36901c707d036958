"""Simulate every galaxy, on all cores, and write the competition's files.

A galaxy depends only on the seed and its id, from which its random streams start, so the files do not depend on the
number of processes. Galaxies are made and written in order of their ids; only a few batches are in memory.
"""

import csv
import io
import zipfile
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, fields
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from joblib import cpu_count
from numpy.typing import NDArray
from tqdm import tqdm

from galaxy.core.competition import SOLUTIONS, TEST_IMAGES, TRAINING_IMAGES, zip_path
from galaxy.core.decision_tree import COLUMNS
from galaxy.core.errors import GalaxyError
from galaxy.core.files import atomic
from galaxy.core.params import Simulated
from galaxy.core.paths import SIMULATED_TRUTH
from galaxy.core.runtime import process_pool, progress
from galaxy.simulator.observation import Conditions, photograph
from galaxy.simulator.population import Galaxy, draw
from galaxy.simulator.visibility import visible_structure
from galaxy.simulator.volunteers import Classification, classify

IDS = range(100_000, 1_000_000)
DATE = (2013, 12, 20, 0, 0, 0)
"""Date of the members of every zip: the competition's first day."""

BATCH = 16
"""Galaxies per task: enough to make the pool's overhead small, few enough for a smooth progress bar."""


@dataclass(frozen=True)
class Sample:
    """One galaxy, ready to be written."""

    id: int
    jpeg: bytes
    galaxy: Galaxy
    classification: Classification


def simulate(folder: Path, options: Simulated, processes: int | None = None) -> None:
    """Write the competition's three zips, simulated, into `folder`, and `simulated_truth.csv`.

    `simulated_truth.csv` has the labelled galaxies' parameters, volunteers and the expected value of each column.

    Args:
        processes: how many to use; one per core by default. The files do not depend on it.

    Raises:
        GalaxyError: there are not enough ids of six digits.
    """
    training, test = draw_ids(options)
    with (
        progress("simulate", len(training) + len(test), "galaxies") as bar,
        _makers(options, processes or cpu_count()) as make,
    ):
        _write_training(folder, make(training), bar)
        _write_test(folder, make(test), bar)


def draw_ids(options: Simulated) -> tuple[list[int], list[int]]:
    """Draw the ids of training and test galaxies, each ascending: distinct numbers of six digits, by the seed."""
    wanted = options.training_galaxies + options.test_galaxies
    if wanted > len(IDS):
        raise GalaxyError(
            f"download.simulated: training_galaxies + test_galaxies is {wanted}, but there are only {len(IDS)} ids "
            "of six digits; lower one of them"
        )
    ids = np.random.default_rng(options.seed).permutation(np.array(IDS))
    training, test = ids[: options.training_galaxies], ids[options.training_galaxies : wanted]
    return sorted(training.tolist()), sorted(test.tolist())


def make_sample(galaxy_id: int, options: Simulated) -> Sample:
    """Simulate the galaxy with that id; its parameters, picture and classification have a random stream each."""
    streams = np.random.SeedSequence(options.seed, spawn_key=(galaxy_id,)).spawn(3)
    conditions = Conditions(options.seeing, options.noise)
    galaxy = draw(np.random.default_rng(streams[0]))
    jpeg = photograph(galaxy, conditions, np.random.default_rng(streams[1]))
    visible = visible_structure(galaxy, conditions)
    return Sample(galaxy_id, jpeg, galaxy, classify(visible, options.volunteers, np.random.default_rng(streams[2])))


def _make_batch(ids: tuple[int, ...], options: Simulated) -> list[Sample]:
    return [make_sample(galaxy_id, options) for galaxy_id in ids]


@contextmanager
def _makers(options: Simulated, processes: int) -> Iterator[Any]:
    """Give a function from ids to an iterator of their samples, in order, made by that many processes."""
    if processes == 1:
        _use_one_thread()
        yield lambda ids: (make_sample(galaxy_id, options) for galaxy_id in ids)
        return
    with process_pool(_use_one_thread, processes=processes) as pool:
        yield lambda ids: _in_order(pool, ids, options, ahead=3 * processes)


def _in_order(pool: ProcessPoolExecutor, ids: Iterable[int], options: Simulated, ahead: int) -> Iterator[Sample]:
    """Yield samples in the order of `ids`, with at most `ahead` batches in the pool."""
    source = iter(ids)
    queue: deque[Future[list[Sample]]] = deque()
    while batch := tuple(islice(source, BATCH)):
        queue.append(pool.submit(_make_batch, batch, options))
        if len(queue) >= ahead:
            yield from queue.popleft().result()
    while queue:
        yield from queue.popleft().result()


def _use_one_thread() -> None:
    """Keep OpenCV to one thread: there is one process per core already."""
    cv2.setNumThreads(1)


def _write_training(folder: Path, samples: Iterator[Sample], bar: "tqdm[Any]") -> None:
    with ExitStack() as stack:
        images = stack.enter_context(_new_zip(zip_path(folder, TRAINING_IMAGES)))
        truths = stack.enter_context(_new_text(folder / SIMULATED_TRUTH))
        solutions_zip = stack.enter_context(_new_zip(zip_path(folder, SOLUTIONS)))
        member = stack.enter_context(solutions_zip.open(_member(f"{SOLUTIONS}.csv", zipfile.ZIP_DEFLATED), "w"))
        solutions = stack.enter_context(io.TextIOWrapper(member, encoding="ascii", newline="\n"))
        solution_rows = csv.writer(solutions, lineterminator="\n")
        truth_rows = csv.writer(truths, lineterminator="\n")
        solution_rows.writerow(["GalaxyID", *COLUMNS])
        truth_rows.writerow(["GalaxyID", *(field.name for field in fields(Galaxy)), "volunteers", *COLUMNS])
        for sample in samples:
            _add_image(images, TRAINING_IMAGES, sample)
            classification = sample.classification
            parameters = (_short(value) for value in asdict(sample.galaxy).values())
            solution_rows.writerow([sample.id, *_decimals(classification.columns)])
            truth_rows.writerow(
                [sample.id, *parameters, classification.volunteers, *_decimals(classification.expected)]
            )
            bar.update()


def _write_test(folder: Path, samples: Iterator[Sample], bar: "tqdm[Any]") -> None:
    with _new_zip(zip_path(folder, TEST_IMAGES)) as images:
        for sample in samples:
            _add_image(images, TEST_IMAGES, sample)
            bar.update()


def _add_image(images: zipfile.ZipFile, folder: str, sample: Sample) -> None:
    images.writestr(_member(f"{folder}/{sample.id}.jpg", zipfile.ZIP_STORED), sample.jpeg)


def _member(name: str, compression: int) -> zipfile.ZipInfo:
    """Return a zip's member that is the same whenever and wherever it is written."""
    info = zipfile.ZipInfo(name, DATE)
    info.compress_type, info.create_system, info.external_attr = compression, 3, 0o644 << 16
    return info


@contextmanager
def _new_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    with atomic(path) as part, zipfile.ZipFile(part, "w") as file:
        yield file


@contextmanager
def _new_text(path: Path) -> Iterator[io.TextIOBase]:
    with atomic(path) as part, part.open("w", encoding="ascii", newline="\n") as file:
        yield file


def _decimals(values: NDArray[np.float64]) -> list[str]:
    """Format with six decimals, as in the competition's file, so that the sums of the tree hold to 1e-5."""
    return [f"{value:.6f}" for value in values]


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
