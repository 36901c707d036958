"""First pictures of the labelled galaxies: the likeliest of each class, raw and preprocessed, and distributions."""

from pathlib import Path

import cv2
import numpy as np

from galaxy.core import competition, decision_tree
from galaxy.core.errors import GalaxyError
from galaxy.evaluation import figures
from galaxy.ingest import archives
from galaxy.ingest.decode import BadImageError, Cropper


def explore(raw: Path, folder: Path, crop: int, size: int, label: str) -> None:
    """Write `likeliest_raw.png`, `likeliest_preprocessed.png` and `distributions.png` into `folder`.

    Args:
        raw: the competition's zips.
        crop, size: as in the preprocess stage, in pixels.
        label: what the galaxies are, for the titles: "4,157 galaxies (local)".
    """
    solutions = archives.read_solutions(competition.zip_path(raw, competition.SOLUTIONS))
    votes = solutions[list(decision_tree.COLUMNS)].to_numpy()
    likeliest = votes.argmax(axis=0)
    ids = solutions["GalaxyID"].to_numpy()[likeliest].tolist()
    values = votes.max(axis=0).tolist()
    jpegs = _read(competition.zip_path(raw, competition.TRAINING_IMAGES), ids)

    side = competition.IMAGE_SIZE
    # Half the resolution is enough for a panel of two inches.
    whole = [_image(Cropper(side, side, side // 2), jpegs, i) for i in ids]
    cropped = [_image(Cropper(side, crop, size), jpegs, i) for i in ids]
    preprocessed_title = f"The same after preprocessing: central {crop} pixels as {size}×{size}"
    drawn = {
        "likeliest_raw": lambda: figures.gallery(whole, ids, values, f"The likeliest galaxy of each class, of {label}"),
        "likeliest_preprocessed": lambda: figures.gallery(cropped, ids, values, preprocessed_title),
        "distributions": lambda: figures.distributions(votes, f"Distribution of the 37 columns, {label}"),
    }
    figures.write_all(folder, drawn)


def _read(path: Path, ids: list[int]) -> dict[int, bytes]:
    members = archives.image_members(path)
    with archives.open_zip(path) as archive:
        return {i: archive.read(members[i]) for i in set(ids)}


def _image(cropper: Cropper, jpegs: dict[int, bytes], galaxy_id: int) -> np.ndarray:
    cv2.setNumThreads(1)
    try:
        return cropper(jpegs[galaxy_id])[0]
    except BadImageError as error:
        raise GalaxyError(f"image of galaxy {galaxy_id}: {error}; fetch the images again") from None
