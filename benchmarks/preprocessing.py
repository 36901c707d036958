"""Images a second of the preprocess stage, from a zip: `python benchmarks/preprocessing.py IMAGES.zip [ROUNDS]`.

Compares scaled decoding with decoding every pixel, in the same run, both on all cores, and shows by how much the pixels
differ, beside the difference that another resampling filter makes.
"""

import argparse
import io
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from galaxy.core import competition
from galaxy.ingest import archives
from galaxy.ingest.decode import Cropper
from galaxy.ingest.preprocess import pack

CROP, SIZE = 212, 64


def rates(path: Path, members: list[str], rounds: int) -> dict[str, float]:
    """Median images/s of both ways, taken in turns so that both see the same machine."""
    seconds: dict[str, list[float]] = {"scaled": [], "full": []}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            for name, taken in seconds.items():
                cropper = Cropper(competition.IMAGE_SIZE, CROP, SIZE, scaled_decoding=name == "scaled")
                start = time.perf_counter()
                pack(path, members, cropper, Path(folder) / "images.npy")
                taken.append(time.perf_counter() - start)
    return {name: len(members) / statistics.median(taken) for name, taken in seconds.items()}


def differences(path: Path, members: list[str]) -> dict[str, tuple[int, float]]:
    """Largest and root mean squared difference to full decoding and area averaging, on a scale of 0–255."""
    scaled = Cropper(competition.IMAGE_SIZE, CROP, SIZE)
    full = Cropper(competition.IMAGE_SIZE, CROP, SIZE, scaled_decoding=False)
    low = (competition.IMAGE_SIZE - CROP) // 2
    found: dict[str, list[np.ndarray]] = {"scaled decoding": [], "Lanczos filter": []}
    with archives.open_zip(path) as archive:
        for data in map(archive.read, members):
            reference = full(data)[0].astype(int)
            found["scaled decoding"].append(scaled(data)[0] - reference)
            cropped = Image.open(io.BytesIO(data)).crop((low, low, low + CROP, low + CROP))
            other = np.asarray(cropped.resize((SIZE, SIZE), Image.Resampling.LANCZOS))
            found["Lanczos filter"].append(other - reference)
    return {name: (int(np.abs(d).max()), float(np.sqrt(np.square(d).mean()))) for name, d in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path, help="a zip of the competition's images")
    parser.add_argument("rounds", type=int, nargs="?", default=5)
    arguments = parser.parse_args()
    members = list(archives.image_members(arguments.images).values())
    for name, rate in (measured := rates(arguments.images, members, arguments.rounds)).items():
        print(f"{name:>6} decoding: {rate:6.0f} images/s ({rate / measured['full']:.2f} × full)")
    for name, (largest, rms) in differences(arguments.images, members[::8]).items():
        print(f"{name}: pixels differ by {largest} at most, {rms:.2f} rms")


if __name__ == "__main__":
    main()
