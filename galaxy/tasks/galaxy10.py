"""Write the competition's galaxies in Galaxy10's layout, with classes that follow from their votes.

Galaxy10 (SDSS) was made from the same images: 424×424 pixels, cropped to the central 207, at a third of their scale.
"""

import tempfile
from pathlib import Path

import h5py
import numpy as np

from galaxy.core import competition, decision_tree, files
from galaxy.core.params import Simulated
from galaxy.ingest import archives
from galaxy.ingest.decode import Cropper
from galaxy.ingest.preprocess import pack

SIDE, CROP = 69, 207

CHAINS: dict[str, tuple[str, ...]] = {
    "disk, face-on, no spiral": ("Class1.2", "Class2.2", "Class4.2"),
    "smooth, completely round": ("Class1.1", "Class7.1"),
    "smooth, in between round": ("Class1.1", "Class7.2"),
    "smooth, cigar-shaped": ("Class1.1", "Class7.3"),
    "disk, edge-on, rounded bulge": ("Class1.2", "Class2.1", "Class9.1"),
    "disk, edge-on, boxy bulge": ("Class1.2", "Class2.1", "Class9.2"),
    "disk, edge-on, no bulge": ("Class1.2", "Class2.1", "Class9.3"),
    "disk, face-on, tight spiral": ("Class1.2", "Class2.2", "Class4.1", "Class10.1"),
    "disk, face-on, medium spiral": ("Class1.2", "Class2.2", "Class4.1", "Class10.2"),
    "disk, face-on, loose spiral": ("Class1.2", "Class2.2", "Class4.1", "Class10.3"),
}
"""The ten classes in Galaxy10's order, each with the answers that lead to it."""

CLASSES = tuple(CHAINS)

BUILTIN = Simulated(training_galaxies=240, test_galaxies=1, seed=10, volunteers=44, seeing=1.3, noise=1.0)
"""The galaxies of the builtin sample; the param `data.simulated` says how many there are."""


def followed(votes: np.ndarray) -> np.ndarray:
    """Return N×10 booleans from N×37 vote fractions: more than half of the voters chose every answer of the chain.

    A galaxy may have two classes, because a share of one half may be rounded to a little more.
    """
    found = np.ones((len(votes), len(CHAINS)), bool)
    for number, chain in enumerate(CHAINS.values()):
        for column in chain:
            parent = decision_tree.QUESTION_OF_COLUMN[column].parent
            voters = 1.0 if parent is None else votes[:, decision_tree.COLUMN_INDEX[parent]]
            found[:, number] &= 2 * votes[:, decision_tree.COLUMN_INDEX[column]] > voters
    return found


def majority(votes: np.ndarray) -> np.ndarray:
    """Return the number of the class whose chain the majority followed, −1 for none or two; from N×37 fractions."""
    found = followed(votes)
    return np.where(found.sum(axis=1) == 1, found.argmax(axis=1), -1)


def write(raw: Path, path: Path) -> int:
    """Write the galaxies in `raw` that have a class as Galaxy10's HDF5; return how many there are."""
    solutions = archives.read_solutions(competition.zip_path(raw, competition.SOLUTIONS))
    classes = majority(solutions[list(decision_tree.COLUMNS)].to_numpy())
    archive = competition.zip_path(raw, competition.TRAINING_IMAGES)
    members = archives.image_members(archive)
    chosen = [members[i] for i in solutions["GalaxyID"][classes >= 0]]
    with files.atomic(path) as part, tempfile.TemporaryDirectory(dir=part.parent) as folder:
        packed = Path(folder) / "images.npy"
        pack(archive, chosen, Cropper(competition.IMAGE_SIZE, CROP, SIDE), packed)
        with h5py.File(part, "w") as file:
            file["images"] = np.load(packed, mmap_mode="r")
            file["ans"] = classes[classes >= 0].astype(np.uint8)
    return len(chosen)
