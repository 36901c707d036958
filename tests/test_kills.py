"""A pipeline that is killed at any moment goes on, and ends with the bytes of an undisturbed one.

Two kills by default; `pytest -m slow tests/test_kills.py` kills fifty times, in recipes and tasks too (half an hour).
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import command, copy_project

HOW = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
"""What ends DVC and its stage: the machine's own kill, a request to end, Ctrl-C."""

HEEDING_CTRL_C = "\n".join(
    ("import os, signal, sys", "signal.signal(signal.SIGINT, signal.SIG_DFL)", "os.execvp(sys.argv[1], sys.argv[1:])")
)
"""Runs a command that heeds Ctrl-C even where a shell runs the tests in its background, and has them ignore it."""

TIMED = ("/comparison.csv", "_time.json", "data/report")
"""Ends of the paths of what holds how long something took: in tasks, the report has the comparison's table."""

SMALL: dict[str, Any] = {
    "model": "course_cnn",
    "model_args": {},
    "epochs": 12,
    "batch_size": 8,
    "workers": 0,
    "crop": None,
    "size": None,
}
"""Changes of a model's section that make its training short."""


def shorten(pipeline: dict[str, Any]) -> None:
    """Make the stages of a pipeline, or of its start, short."""
    pipeline["download"] |= {"source": "simulated"}
    pipeline["download"]["simulated"] |= {"training_galaxies": 40, "test_galaxies": 8}
    pipeline["preprocess"] |= {"size": 16}
    pipeline["split"] |= {"valid": 0.2}
    own = [pipeline[name] for name in ("train_cnn", "train_resnet") if name in pipeline]
    for section in [*own, *pipeline["train"].values()]:
        section |= SMALL
        section["augmentation"] |= {"crop": None, "shift": 0}
    if "start" in pipeline:
        shorten(pipeline["start"])


def new_project(folder: Path, part: str) -> Path:
    """Copy the project; return the folder of one of its pipelines, in which nothing has run and each stage is short."""
    folder.mkdir()
    copy_project(folder)
    path = folder / part / "params.yaml"
    content = yaml.safe_load(path.read_text())
    if part.startswith("tasks/"):
        content["data"] |= {"source": "builtin"}
        for section in content["train"].values():
            section |= {"epochs": 2, "batch_size": 8}
    else:
        shorten(content)
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    command("git", "init", "--quiet", folder=folder)
    return folder / part


def results(folder: Path) -> dict[str, str]:
    """The checksum of everything that the pipeline made, by path, but what holds how long something took."""
    lock = yaml.safe_load((folder / "dvc.lock").read_text())
    made = {out["path"]: out["md5"] for stage in lock["stages"].values() for out in stage["outs"]}
    timed = TIMED if folder.parent.name == "tasks" else ()
    return {path: md5 for path, md5 in made.items() if not path.endswith(timed)}


def remove_cut_files(folder: Path) -> None:
    """Do what docs/troubleshooting.md advises after a kill in the moment in which DVC writes a file in place."""
    cut = {"dvc.lock": yaml.safe_load, ".dvc/tmp/rwlock": json.loads}
    for name, read in cut.items():
        if not (folder / name).exists():
            continue
        try:
            whole = isinstance(read((folder / name).read_text()), dict)
        except (ValueError, yaml.YAMLError):
            whole = False
        if not whole:
            print(name, "is cut")
            (folder / name).unlink()


def run_for(folder: Path, target: list[str], seconds: float, how: signal.Signals) -> bool:
    """Run the pipeline, and kill it and its stage after so many seconds; whether it was still running then."""
    with subprocess.Popen(
        [sys.executable, "-c", HEEDING_CTRL_C, "dvc", "repro", *target],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as running:
        try:
            running.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, how)
            running.wait(60)
            assert running.returncode != 0
            return True
    assert running.returncode == 0
    return False


@pytest.mark.parametrize(
    ("part", "target", "kills"),
    [
        (".", ["train_cnn"], 2),
        pytest.param(".", [], 20, marks=pytest.mark.slow),
        pytest.param("recipes/scratch", [], 15, marks=pytest.mark.slow),
        pytest.param("tasks/galaxy10", [], 15, marks=pytest.mark.slow),
    ],
)
def test_a_pipeline_killed_at_random_moments_ends_with_the_bytes_of_an_undisturbed_one(
    tmp_path: Path, part: str, target: list[str], kills: int
):
    calm = new_project(tmp_path / "calm", part)
    start = time.monotonic()
    command("dvc", "repro", *target, folder=calm)
    duration = time.monotonic() - start
    expected, draw = results(calm), random.Random(kills)
    ways = [HOW[i % len(HOW)] for i in range(kills)]
    for number in count():
        if not ways:
            break
        disturbed = new_project(tmp_path / f"disturbed_{number}", part)
        for _ in range(3):
            remove_cut_files(disturbed)
            if ways and run_for(disturbed, target, draw.uniform(0.05, 0.5) * duration, ways[-1]):
                ways.pop()
        remove_cut_files(disturbed)
        command("dvc", "repro", *target, folder=disturbed)
        assert results(disturbed) == expected
        assert not list(disturbed.rglob("*.part"))
        assert not list(disturbed.glob(".checkpoints/*"))
        shutil.rmtree(tmp_path / f"disturbed_{number}")
