"""A pipeline that is killed at any moment goes on, and ends with the bytes of an undisturbed one.

Three kills by default; `pytest -m slow tests/test_kills.py` kills twenty runs (a quarter of an hour).
"""

import os
import random
import signal
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import pytest
from conftest import command, copy_project, set_params

HOW = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
"""What ends DVC and its stage: the machine's own kill, a request to end, Ctrl-C."""

TARGET = ("dvc", "repro", "make_submission")

HEEDING_CTRL_C = "\n".join(
    ("import os, signal, sys", "signal.signal(signal.SIGINT, signal.SIG_DFL)", "os.execvp(sys.argv[1], sys.argv[1:])")
)
"""Runs a command that heeds Ctrl-C even where a shell runs the tests in its background, and has them ignore it."""

RESULTS = (
    "data/raw/images_training_rev1.zip",
    "data/raw/images_test_rev1.zip",
    "data/raw/training_solutions_rev1.zip",
    "data/raw/simulated_truth.csv",
    "data/preprocessed/training.npy",
    "data/preprocessed/training.csv",
    "data/preprocessed/test.npy",
    "data/split.csv",
    "models/cnn/model.safetensors",
    "models/resnet/model.safetensors",
    "metrics/train/cnn.json",
    "metrics/train/cnn_history.csv",
    "metrics/evaluate.json",
    "data/predictions/cnn.csv",
    "data/submission/submission.csv",
)


def new_project(folder: Path) -> Path:
    """A project in which nothing has run, and each stage takes seconds."""
    folder.mkdir()
    copy_project(folder)
    small = {"model": "course_cnn", "epochs": 12, "batch_size": 8}
    set_params(
        folder,
        download__simulated__training_galaxies=40,
        download__simulated__test_galaxies=8,
        preprocess__size=16,
        **{f"train_{name}__{key}": value for name in ("cnn", "resnet") for key, value in small.items()},
    )
    command("git", "init", "--quiet", folder=folder)
    return folder


def results(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in RESULTS}


def run_for(folder: Path, seconds: float, how: signal.Signals) -> bool:
    """Run the pipeline, and kill it and its stage after so many seconds; whether it was still running then."""
    with subprocess.Popen(
        [sys.executable, "-c", HEEDING_CTRL_C, *TARGET],
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


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_a_pipeline_killed_at_random_moments_ends_with_the_bytes_of_an_undisturbed_one(tmp_path: Path, kills: int):
    calm = new_project(tmp_path / "calm")
    start = time.monotonic()
    command(*TARGET, folder=calm)
    duration = time.monotonic() - start
    expected, draw = results(calm), random.Random(kills)
    ways = [HOW[i % len(HOW)] for i in range(kills)]
    for number in count():
        if not ways:
            break
        disturbed = new_project(tmp_path / f"disturbed_{number}")
        for _ in range(3):
            if ways and run_for(disturbed, draw.uniform(0.05, 0.5) * duration, ways[-1]):
                ways.pop()
        command(*TARGET, folder=disturbed)
        assert results(disturbed) == expected
        assert not list(disturbed.rglob("*.part"))
        assert not list(disturbed.glob(".checkpoints/*"))
