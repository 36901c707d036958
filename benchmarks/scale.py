"""Whether the whole competition fits: `python benchmarks/scale.py FOLDER [--training N] [--test N] [--stages S…]`.

FOLDER holds the competition's zips, real (cut down) or simulated. Their images are repeated under new ids until there
are as many as in the competition; then preprocess, split, evaluate and make_submission run over them as `dvc repro`
would run them, with the project's models and params. For each: seconds, peak memory of all its processes together
(proportional set size, so shared pages count once; what the kernel keeps of mapped files is left out), and bytes made.
"""

import argparse
import io
import itertools
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pandas as pd
import psutil
import yaml
from tqdm import tqdm

from galaxy.core import competition, source_info
from galaxy.ingest import archives

PROJECT = Path(__file__).resolve().parent.parent
STAGES = ("preprocess", "split", "evaluate", "make_submission")
FIRST_ID = 1_000_000


def repeat(source: Path, target: Path, count: int, folder: str) -> None:
    """Write a zip of `count` images, those of `source` over and over."""
    members = list(archives.image_members(source).values())
    with zipfile.ZipFile(source) as read, zipfile.ZipFile(target, "w") as write:
        for number, member in zip(tqdm(range(count), desc=target.name), itertools.cycle(members), strict=False):
            write.writestr(f"{folder}/{FIRST_ID + number}.jpg", read.read(member))


def enlarge(source: Path, target: Path, training: int, test: int) -> None:
    """Write a competition of that size into `target`."""
    target.mkdir(parents=True)
    solutions = archives.read_solutions(competition.zip_path(source, competition.SOLUTIONS))
    many = solutions.iloc[[i % len(solutions) for i in range(training)]].reset_index(drop=True)
    many["GalaxyID"] = FIRST_ID + many.index
    text = io.StringIO()
    many.to_csv(text, index=False, float_format="%.6f")
    path = competition.zip_path(target, competition.SOLUTIONS)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(f"{competition.SOLUTIONS}.csv", text.getvalue())
    for archive, count in ((competition.TRAINING_IMAGES, training), (competition.TEST_IMAGES, test)):
        repeat(competition.zip_path(source, archive), competition.zip_path(target, archive), count, archive)


def memory(process: psutil.Process) -> int:
    """Bytes that a process and its children have to themselves, shared pages in proportion, mapped files left out."""
    total = 0
    for each in [process, *process.children(recursive=True)]:
        try:
            maps = each.memory_maps(grouped=False)
            total += sum(area.pss for area in maps if ".npy" not in area.path)  # whole or in the making
        except psutil.NoSuchProcess:
            continue  # it has just ended
    return total


def measure(stage: str, folder: Path) -> tuple[float, int]:
    """Run a stage there; seconds, peak memory in bytes."""
    start, peak = time.perf_counter(), 0
    command = [sys.executable, "-m", f"stages.{stage}"]
    with subprocess.Popen(command, cwd=folder) as process:  # noqa: S603 (our own stages)
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            peak = max(peak, memory(watched))
            time.sleep(0.5)
    if process.returncode:
        sys.exit(f"{stage} ended with {process.returncode}")
    return time.perf_counter() - start, peak


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--training", type=int, default=61_578)
    parser.add_argument("--test", type=int, default=79_975)
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES, help="all by default, in order")
    parser.add_argument("--work", type=Path, default=PROJECT / "data/scale")
    arguments = parser.parse_args()
    work = arguments.work
    shutil.rmtree(work, ignore_errors=True)
    enlarge(arguments.folder, work / "data/raw", arguments.training, arguments.test)
    source_info.write(work / "data/raw", {"source": "local", "training_galaxies": arguments.training})
    for name in ("galaxy", "stages"):
        shutil.copytree(PROJECT / name, work / name)
    shutil.copytree(PROJECT / "models", work / "models")
    shutil.copytree(PROJECT / "metrics", work / "metrics")
    (work / "params.yaml").write_text(yaml.safe_dump(yaml.safe_load((PROJECT / "params.yaml").read_text())))
    rows = []
    for stage in arguments.stages:
        before = size(work)
        seconds, peak = measure(stage, work)
        made = (size(work) - before) / 1e9
        rows.append({"stage": stage, "seconds": round(seconds), "peak MiB": round(peak / 2**20), "GB made": made})
    zips = size(work / "data/raw") / 1e9
    print(f"{arguments.training:,} training and {arguments.test:,} test images; zips {zips:.1f} GB")
    print(pd.DataFrame(rows).to_string(index=False, float_format="{:.2f}".format))
    shutil.rmtree(work)


if __name__ == "__main__":
    main()
