"""First pictures of the labelled galaxies: a likely one of each class, raw and preprocessed, and distributions."""

import shutil
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import cv2
import numpy as np

from galaxy.core import competition, decision_tree, files, source_info
from galaxy.core.errors import GalaxyError
from galaxy.evaluation import figures
from galaxy.ingest import archives, zips
from galaxy.ingest.decode import BadImageError, Cropper

CANDIDATES = 12
"""How many galaxies are looked at per class: those with the largest fractions."""

UNTIDY = 0.3
"""What an asymmetry of 1 costs in the choice among them, as a fraction."""


def explore(raw: Path, galleries: Path, folder: Path, crop: int, size: int, source: dict[str, Any]) -> None:
    """Write `likeliest_raw.png` and `likeliest_preprocessed.png` into `galleries`, and all figures into `folder`.

    `folder` is in git, so it gets galleries of simulated galaxies only, and otherwise pictures that say where they are.

    Args:
        raw: the competition's zips.
        crop, size: as in the preprocess stage, in pixels.
        source: the content of `source.json` (`galaxy.core.source_info`).
    """
    solutions = archives.read_solutions(competition.zip_path(raw, competition.SOLUTIONS))
    votes, label = solutions[list(decision_tree.COLUMNS)].to_numpy(), source_info.label(source)
    candidates = np.unique(np.argsort(-votes, axis=0, kind="stable")[:CANDIDATES])
    ids = solutions["GalaxyID"].to_numpy()[candidates].tolist()
    jpegs = _read(competition.zip_path(raw, competition.TRAINING_IMAGES), ids)

    cv2.setNumThreads(1)  # a thread per core is slower for images of this size
    side = competition.IMAGE_SIZE
    # Half the resolution is enough for a panel of two inches.
    pictures = [_image(Cropper(side, side, side // 2), jpegs[i], i) for i in ids]
    # Stars, neighbours and the trails of satellites make a picture asymmetric; most galaxies are symmetric.
    untidy = np.array([asymmetry(picture) for picture in pictures])
    chosen = figures.one_per_column(votes[candidates], UNTIDY * untidy)
    values = votes[candidates[chosen], range(votes.shape[1])].tolist()
    ids = [ids[i] for i in chosen]
    cropped = [_image(Cropper(side, crop, size), jpegs[i], i) for i in ids]
    whole = [pictures[i] for i in chosen]

    raw_title = f"A likely galaxy of each class, from {label}"
    preprocessed_title = f"The same after preprocessing: central {crop} pixels as {size}×{size}"
    drawn = {
        "likeliest_raw": lambda: figures.gallery(whole, ids, values, raw_title),
        "likeliest_preprocessed": lambda: figures.gallery(cropped, ids, values, preprocessed_title),
    }
    figures.write_all(galleries, drawn)
    columns = f"Distribution of the 37 columns, {label}"
    figures.write_all(folder, {"distributions": lambda: figures.distributions(votes, columns)})
    for path in [galleries / f"{name}.png" for name in drawn]:
        if source["source"] == "simulated":
            with files.atomic(folder / path.name) as part:
                shutil.copyfile(path, part)
        else:
            figures.save(figures.notice(f"Real galaxies stay out of git. This gallery is {path}"), folder / path.name)


def asymmetry(image: np.ndarray) -> float:
    """Return how much of an image's light (H×W×3 uint8) differs from that of the image turned by 180°: 0 to 1."""
    light = cv2.GaussianBlur(image.astype(np.float32).sum(axis=2), (0, 0), 2)
    light -= min(np.median(light), light.max() - 1)
    return float(np.clip(np.abs(light - light[::-1, ::-1]).sum() / 2 / np.abs(light).sum(), 0, 1))


def _read(path: Path, ids: list[int]) -> dict[int, bytes]:
    members = archives.image_members(path)
    with archives.open_zip(path) as archive:
        try:
            return {i: zips.read_member(archive, members[i], archives.LARGEST_IMAGE) for i in ids}
        except BadZipFile as error:
            raise GalaxyError(f"{path}: an image cannot be read: {error}; fetch it again") from None


def _image(cropper: Cropper, jpeg: bytes, galaxy_id: int) -> np.ndarray:
    try:
        return cropper(jpeg)[0]
    except BadImageError as error:
        raise GalaxyError(f"image of galaxy {galaxy_id}: {error}; fetch the images again") from None
