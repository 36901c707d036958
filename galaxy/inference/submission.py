"""Write and check the file for the leaderboard, in the format of Kaggle's official `central_pixel_benchmark.csv`.

(That benchmark knows only a galaxy's central pixel, the mean colour of its central 10×10 pixels.)
`python -m galaxy.inference.submission FILE [IMAGES.zip]` checks a file: its header and values and, with the zip of test
images, that it has one row per image.
"""

import argparse
from pathlib import Path

import numpy as np

from galaxy.core import files
from galaxy.core.errors import list_problems, run
from galaxy.data import galaxies
from galaxy.ingest import archives


def write(path: Path, ids: np.ndarray, predicted: np.ndarray) -> None:
    """Write a submission: M GalaxyIDs, M×37 fractions, clipped to [0, 1], nine decimals as in the official file."""
    table = galaxies.table(ids, np.clip(predicted, 0, 1))
    files.write_csv(path, table, float_format="%.9f", lineterminator="\r\n")


def validate(path: Path, ids: np.ndarray | None = None) -> int:
    """Check a submission file.

    Args:
        path: a CSV, gzipped or not, or a zip that holds one.
        ids: the galaxies that it must hold, each once; None to check only header and values.

    Returns:
        Its number of rows.

    Raises:
        GalaxyError: Kaggle would not accept the header, a value or the ids.
    """
    found = archives.read_submission(path)
    if ids is not None:
        problems = [f"galaxy {i}: no row" for i in np.setdiff1d(ids, found["GalaxyID"])]
        problems += [f"galaxy {i}: not a test galaxy" for i in np.setdiff1d(found["GalaxyID"], ids)]
        if problems:
            raise list_problems(f"{path}: rows and test galaxies do not match", problems, "Write one row per galaxy.")
    return len(found)


def main() -> None:
    """Check the file that the command line names."""
    parser = argparse.ArgumentParser(
        prog="python -m galaxy.inference.submission", description="Check a submission file."
    )
    parser.add_argument("file", type=Path, help="the CSV (or a zip that holds it)")
    parser.add_argument("images", type=Path, nargs="?", help="images_test_rev1.zip, to compare the ids")
    arguments = parser.parse_args()
    ids = None if arguments.images is None else np.array(list(archives.image_members(arguments.images)))
    rows = validate(arguments.file, ids)
    print(f"{arguments.file}: valid, {rows} rows" + ("" if ids is None else ", one for each test image"))


if __name__ == "__main__":
    run(main)
