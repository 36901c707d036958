"""From zips of JPEGs to packed sets (see `galaxy.data.galaxies`): decode, centre crop, resize, on all cores."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from galaxy.core import competition, files, paths, source_info
from galaxy.core.errors import describe, list_problems
from galaxy.core.runtime import process_pool, progress
from galaxy.ingest import archives, zips
from galaxy.ingest.decode import BadImageError, Cropper

CHUNK = 64
"""Images per task: enough to make the pool's overhead small, few enough to keep the progress bar smooth."""


def preprocess(raw: Path, folder: Path, crop: int, size: int) -> None:
    """Pack the training and test images of the competition's zips in `raw` into `folder`.

    Raises:
        GalaxyError: images cannot be read, are truncated or have another size; it lists them.
    """
    cropper = Cropper(competition.IMAGE_SIZE, crop, size)
    for name, archive in (("training", competition.TRAINING_IMAGES), ("test", competition.TEST_IMAGES)):
        path = competition.zip_path(raw, archive)
        members = archives.image_members(path)
        with files.atomic(folder / f"{name}.npy") as part:
            colours = pack(path, list(members.values()), cropper, part)
        table = pd.DataFrame({"GalaxyID": list(members)} | dict(zip(paths.CENTRAL_COLOURS, colours.T, strict=True)))
        if name == "training":
            solutions = archives.read_solutions(competition.zip_path(raw, competition.SOLUTIONS))
            archives.compare_ids(set(members), set(solutions["GalaxyID"]), raw)
            table = table.merge(solutions, on="GalaxyID", validate="one_to_one")
        files.write_csv(folder / f"{name}.csv", table)
    files.write_json(folder / paths.FIELD_OF_VIEW, {"crop": crop, "size": size})


def carry_notes(raw: Path, folder: Path) -> None:
    """Copy `source.json` and, for simulated galaxies, `simulated_truth.csv` from the zips to the packed sets."""
    for name in (source_info.NAME, paths.SIMULATED_TRUTH):
        if (raw / name).exists():
            with files.atomic(folder / name) as part:
                part.write_bytes((raw / name).read_bytes())


def pack(path: Path, members: list[str], cropper: Cropper, target: Path) -> np.ndarray:
    """Write the images of a zip's members into one array file, on all cores.

    Returns:
        N×3, the mean colour (red, green, blue; 0–255) of each image's central square.
    """
    shape = (len(members), cropper.size, cropper.size, 3)
    np.lib.format.open_memmap(target, mode="w+", dtype=np.uint8, shape=shape).flush()
    with target.open("r+b") as file:
        files.reserve(file, target.stat().st_size)
    chunks = [slice(start, min(start + CHUNK, len(members))) for start in range(0, len(members), CHUNK)]
    colours = np.empty((len(members), 3))
    problems: list[str] = []
    with (
        process_pool(_open, (path, members, cropper, target)) as pool,
        progress(f"pack {path.stem}", len(members)) as bar,
    ):
        for chunk, (found, bad) in zip(chunks, pool.map(_fill, chunks), strict=True):
            colours[chunk] = found
            problems += bad
            bar.update(len(found))
    if problems:
        raise list_problems(f"{path}: images that cannot be used", problems, "Fetch or fix them, or leave them out.")
    return colours


@dataclass(frozen=True)
class _Job:
    """What each process of the pool keeps open."""

    archive: zipfile.ZipFile
    members: list[str]
    cropper: Cropper
    images: np.ndarray


_job: _Job


def _open(path: Path, members: list[str], cropper: Cropper, target: Path) -> None:
    global _job
    cv2.setNumThreads(1)  # there is one process per core already
    _job = _Job(zipfile.ZipFile(path), members, cropper, np.load(target, mmap_mode="r+"))


def _fill(chunk: slice) -> tuple[np.ndarray, list[str]]:
    """Pack one chunk of members; return their central colours and the problems."""
    colours = np.zeros((chunk.stop - chunk.start, 3))
    problems = []
    for row, i in enumerate(range(chunk.start, chunk.stop)):
        try:
            jpeg = zips.read_member(_job.archive, _job.members[i], archives.LARGEST_IMAGE)
            _job.images[i], colours[row] = _job.cropper(jpeg)
        except (BadImageError, zipfile.BadZipFile) as error:
            problems.append(f"{_job.members[i]}: {describe(error)}")
    return colours, problems
