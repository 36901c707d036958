"""The competition's files: their names, and how many galaxies and pixels they hold."""

from pathlib import Path

TRAINING_IMAGES = "images_training_rev1"
TEST_IMAGES = "images_test_rev1"
SOLUTIONS = "training_solutions_rev1"
ARCHIVES = (TRAINING_IMAGES, TEST_IMAGES, SOLUTIONS)

IMAGE_SIZE = 424
"""Side of every image of the competition, in pixels."""

TRAINING_GALAXIES = 61_578
TEST_GALAXIES = 79_975


def zip_path(folder: Path, archive: str) -> Path:
    """Return where `folder` keeps an archive."""
    return folder / f"{archive}.zip"
