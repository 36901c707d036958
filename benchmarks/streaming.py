"""Whether `galaxy predict` takes any number of images: `python benchmarks/streaming.py IMAGES.zip [--images N]`.

The JPEGs of a zip, such as the competition's test images, are linked under other names until there are N, in folders of
a thousand. A small network (the course's CNN at 32 pixels, random weights) predicts a twentieth of them, all of them,
and all of them once more with a kill (SIGKILL) half-way, after which the same command runs again. For each run: images
per second without the start, and peak memory of all its processes together (proportional set size, so that shared pages
count once), before and after the images were found. The last line says whether the interrupted results are those of
the undisturbed run, byte for byte.
"""

import argparse
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
import zipfile
from pathlib import Path

import psutil
import torch

from galaxy.core import decision_tree
from galaxy.models import saved
from galaxy.models.network import Spec, build_network

FOLDER = 1000
"""Images per folder."""

SECONDS = 1.0
"""Between two looks at the memory."""


def link(archive: Path, folder: Path, count: int) -> None:
    """Write the images of a zip, and as many hard links to them as asked for."""
    originals = folder / "originals"
    originals.mkdir(parents=True)
    with zipfile.ZipFile(archive) as file:
        names = [name for name in file.namelist() if name.endswith(".jpg")]
        for number, name in enumerate(names):
            (originals / f"{number}.jpg").write_bytes(file.read(name))
    for number, original in zip(range(count), itertools.cycle(range(len(names)))):
        place = folder / "links" / f"{number // FOLDER:04d}"
        place.mkdir(parents=True, exist_ok=True)
        os.link(originals / f"{original}.jpg", place / f"{number:07d}.jpg")
    print(f"{count:,} links to {len(names):,} images", flush=True)


def network(folder: Path) -> Path:
    """Save a small network with random weights."""
    torch.manual_seed(0)
    mean, std = (25.0, 22.0, 18.0), (36.0, 31.0, 27.0)
    spec = Spec(
        model="course_cnn",
        model_args={},
        head="decision_tree",
        outputs=decision_tree.COLUMNS,
        crop=212,
        size=32,
        mean=mean,
        std=std,
    )
    saved.save(folder / "model", build_network(spec), {"data": {"source": {"source": "random weights"}}})
    return folder / "model"


def memory(process: psutil.Process) -> int:
    """Return the proportional set size of a process and its children, in bytes."""
    total = 0
    for each in [process, *process.children(recursive=True)]:
        try:
            total += each.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied, FileNotFoundError):
            continue
    return total


def predict(images: list[Path], model: Path, out: Path, count: int, kill_at: int | None = None) -> None:
    """Predict, and print what it took; kill all of it as soon as `kill_at` images are done."""
    parts = out.with_name(f".{out.name}.parts")
    command = ["galaxy", "predict", *map(str, images), "--model", str(model), "--out", str(out)]
    before = done(parts)
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as running:  # noqa: S603 (our own)
        process, peak, begin, began_with = psutil.Process(running.pid), 0, 0.0, before
        start = time.perf_counter()
        while running.poll() is None:
            time.sleep(SECONDS)
            if running.poll() is None:
                peak = max(peak, memory(process))
            now = done(parts)
            if not begin and now > before:
                begin, began_with = time.perf_counter(), now
            if kill_at is not None and now >= kill_at:
                os.killpg(running.pid, signal.SIGKILL)
                running.wait()
        seconds = time.perf_counter() - start
        rate = ((now if kill_at else count) - began_with) / (time.perf_counter() - (begin or start))
        notes = [line for line in (running.stderr or []) if "resum" in line]
        how = f"killed with {done(parts):,} images done" if kill_at else f"status {running.returncode}"
        print(f"{count:,} images: {how}; {seconds:.0f} s, {rate:.0f} images/s, peak {peak / 2**20:.0f} MiB", flush=True)
        print("".join(notes), end="", flush=True)


def done(parts: Path) -> int:
    """Return how many images' results are in a folder of parts."""
    if not parts.is_dir():
        return 0
    return 1024 * sum(path.suffix == ".json" and path.stem.isdigit() for path in parts.iterdir())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archive", type=Path, metavar="IMAGES.zip")
    parser.add_argument("--images", type=int, default=200_000, metavar="N")
    parser.add_argument("--in", dest="folder", type=Path, help="where to work (default: a temporary folder)")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="streaming", dir=arguments.folder))
    try:
        count = arguments.images
        link(arguments.archive, folder, count)
        model, links = network(folder), folder / "links"
        some = sorted(links.iterdir())[: max(1, count // FOLDER // 20)]
        predict(some, model, folder / "some.csv", min(count, FOLDER * len(some)))
        predict([links], model, folder / "calm.csv", count)
        predict([links], model, folder / "killed.csv", count, kill_at=count // 2)
        predict([links], model, folder / "killed.csv", count)
        same = (folder / "killed.csv").read_bytes() == (folder / "calm.csv").read_bytes()
        left = [path.name for path in folder.iterdir() if path.name.startswith(".")]
        print(
            f"interrupted and undisturbed: {'the same bytes' if same else 'DIFFERENT'}; left over: {left or 'nothing'}"
        )
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
