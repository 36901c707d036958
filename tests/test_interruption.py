"""A training that is killed goes on where it was, and ends with the same bytes."""

import fcntl
import json
import os
import pty
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import yaml
from conftest import DEFAULTS, ROOT, in_process

from galaxy.core import source_info
from galaxy.data.galaxies import Galaxies
from galaxy.data.split import split
from galaxy.models import saved
from galaxy.training import resume
from stages import train

RESULTS = (
    "models/cnn/model.safetensors",
    "models/cnn/model.json",
    "metrics/train/cnn.json",
    "metrics/train/cnn_history.csv",
)
STAGE = ("python", "-m", "stages.train", "cnn")


def new_project(folder: Path, raw: Path, preprocessed: Path) -> Path:
    """A folder in which the training stage can run: code, params that use all that has a state, and data."""
    folder.mkdir()
    for name in ("galaxy", "stages"):
        (folder / name).symlink_to(ROOT / name)
    content = yaml.safe_load(DEFAULTS.read_text())
    content["train_cnn"] |= {
        "epochs": 10,
        "batch_size": 8,
        "learning_rate": 0.001,
        "schedule": "one_cycle",
        "ema_decay": 0.8,
        "early_stopping": 9,
        "model": "resnet10t_half",
        "model_args": {"drop_rate": 0.2},
    }
    content["train_cnn"]["augmentation"] |= {"flip": True, "rotation": 180}
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    shutil.copytree(preprocessed, folder / "data/preprocessed")
    source_info.write(folder / "data/preprocessed", source_info.read(raw))
    ids = Galaxies.open(preprocessed, "training").ids
    split(ids, 0.2, 0.1, 1).to_csv(folder / "data/split.csv", index=False)
    return folder


@pytest.fixture
def project(raw: Path, preprocessed: Path, tmp_path: Path) -> Path:
    """One in which nothing has run."""
    return new_project(tmp_path / "project", raw, preprocessed)


@pytest.fixture(scope="module")
def undisturbed(raw: Path, preprocessed: Path, tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    """What a training leaves that nothing disturbs."""
    project = new_project(tmp_path_factory.mktemp("undisturbed") / "project", raw, preprocessed)
    in_process(train.main, "cnn", folder=project)
    assert not (project / ".checkpoints/cnn").exists()
    return results(project)


@pytest.fixture(scope="module")
def killed_once(raw: Path, preprocessed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose training was ended by SIGKILL; to be copied."""
    project = new_project(tmp_path_factory.mktemp("killed_once") / "project", raw, preprocessed)
    kill_in_training(project, signal.SIGKILL, random.Random(0))
    return project


@pytest.fixture
def killed(killed_once: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(killed_once, tmp_path / "killed", symlinks=True))


def results(project: Path) -> list[bytes]:
    return [(project / name).read_bytes() for name in RESULTS]


@contextmanager
def in_training(project: Path) -> Iterator[subprocess.Popen[str]]:
    """The stage after its second epoch."""
    with subprocess.Popen(
        [sys.executable, *STAGE[1:]], cwd=project, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as running:
        assert running.stdout
        for line in running.stdout:
            if line.startswith("epoch") and " 2/" in line:
                break
        yield running


def kill_in_training(project: Path, how: signal.Signals, draw: random.Random) -> None:
    """Start the stage and kill it at a random moment after its second epoch."""
    with in_training(project) as running:
        time.sleep(draw.uniform(0, 0.3))
        running.send_signal(how)
    assert running.returncode != 0


def goes_on_to_the_same_end(project: Path, undisturbed: list[bytes]) -> bool:
    """Run the training that was killed in `project`; whether it goes on and leaves what an undisturbed one does."""
    assert not (project / "models").exists()
    assert not (project / "metrics").exists()
    resumed = in_process(train.main, "cnn", folder=project).stdout
    assert "resuming from" in resumed
    assert "epoch  0/10" not in resumed
    return results(project) == undisturbed


def test_a_training_ended_by_sigkill_goes_on_to_the_bytes_of_an_undisturbed_one(killed: Path, undisturbed: list[bytes]):
    assert goes_on_to_the_same_end(killed, undisturbed)


def test_a_training_ended_by_sigterm_goes_on_to_the_bytes_of_an_undisturbed_one(
    project: Path, undisturbed: list[bytes]
):
    kill_in_training(project, signal.SIGTERM, random.Random(1))
    content = yaml.safe_load((project / "params.yaml").read_text())
    assert content["train_cnn"]["precision"] == "auto"
    content["train_cnn"]["precision"] = json.loads(undisturbed[1])["params"]["precision"]  # what it came to
    (project / "params.yaml").write_text(yaml.safe_dump(content))
    assert goes_on_to_the_same_end(project, undisturbed)


def test_a_damaged_checkpoint_is_said_to_be_one_and_training_starts_anew(killed: Path, undisturbed: list[bytes]):
    (checkpoint,) = killed.glob(".checkpoints/cnn/*/last.ckpt")
    checkpoint.write_bytes(checkpoint.read_bytes()[:-1000])
    output = in_process(train.main, "cnn", folder=killed).stdout
    assert re.search(r"last\.ckpt is damaged \(.*\): starting over", output)
    assert "epoch  0/10" in output
    assert results(killed) == undisturbed


def test_a_checkpoint_of_other_params_is_not_resumed(killed: Path):
    content = yaml.safe_load((killed / "params.yaml").read_text())
    content["train_cnn"] |= {"seed": 9, "epochs": 1}
    (killed / "params.yaml").write_text(yaml.safe_dump(content))
    output = in_process(train.main, "cnn", folder=killed).stdout
    assert "resuming from" not in output
    assert "epoch 0/1" in output
    assert not (killed / ".checkpoints/cnn").exists()


def test_a_training_that_diverges_fails_with_one_line_and_keeps_its_best_model(project: Path):
    content = yaml.safe_load((project / "params.yaml").read_text())
    wild = {
        "model": "course_cnn",
        "model_args": {},
        "optimizer": "sgd",
        "schedule": "constant",
        "ema_decay": None,
        "early_stopping": None,
    }
    wild |= {"learning_rate": 1.0, "weight_decay": 3.0}  # each step multiplies the weights by -2
    content["train_cnn"] |= wild
    (project / "params.yaml").write_text(yaml.safe_dump(content))
    outputs = [in_process(train.main, "cnn", folder=project, check=False) for _ in range(2)]
    for output in outputs:
        assert output.returncode == 1
        (line,) = output.stderr.splitlines()
        assert re.fullmatch(
            r"error: training diverged: valid_rmse is nan after epoch [2-9]; lower learning_rate, or set "
            r"gradient_clip; the best model so far, of epoch [1-8], is kept in \.checkpoints/cnn-best",
            line,
        )
    assert "resuming from" in outputs[1].stdout  # the same training stops at the same place
    assert not (project / "models").exists()
    kept = project / ".checkpoints/cnn-best"
    saved.load(kept)

    content["train_cnn"] |= {"learning_rate": 0.001, "weight_decay": 0.0, "epochs": 1}
    (project / "params.yaml").write_text(yaml.safe_dump(content))
    assert "resuming from" not in in_process(train.main, "cnn", folder=project).stdout
    assert saved.load(kept)


def test_a_second_training_of_the_same_outs_is_refused_and_leaves_the_first_alone(
    project: Path, undisturbed: list[bytes]
):
    with in_training(project) as running:
        running.send_signal(signal.SIGSTOP)
        second = in_process(train.main, "cnn", folder=project, check=False)
        running.send_signal(signal.SIGCONT)
        assert running.stdout
        assert "epoch 10/10" in running.stdout.read()
    assert second.returncode == 1
    (line,) = second.stderr.splitlines()
    assert line.startswith("error: another process is training with the checkpoints in .checkpoints/cnn; wait")
    assert running.returncode == 0
    assert results(project) == undisturbed


def test_the_key_depends_on_all_contents_and_others_are_removed(tmp_path: Path):
    def key(contents: dict[str, int]) -> str:
        with suppress(ZeroDivisionError), resume.folder(tmp_path / "root", [contents]) as folder:
            folder.mkdir(parents=True, exist_ok=True)
            raise ZeroDivisionError  # what fails leaves its folder
        (left,) = (tmp_path / "root").iterdir()
        assert left == folder
        return folder.name

    assert key({"a": 1, "b": 2}) == key({"b": 2, "a": 1})
    assert key({"a": 1, "b": 3}) != key({"a": 1, "b": 2})


def test_the_folder_goes_where_training_ends_well(tmp_path: Path):
    with resume.folder(tmp_path / "root", []) as folder:
        folder.mkdir(parents=True)
    assert not (tmp_path / "root").exists()


def in_terminal(project: Path, *words: str, columns: int) -> list[str]:
    """What is left to read in a terminal when the command has ended: bars go back to the start of their line."""
    main, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    printed = b""
    with subprocess.Popen(words, cwd=project, stdin=other, stdout=other, stderr=other) as running:
        os.close(other)
        with suppress(OSError):  # how Linux ends the output
            while chunk := os.read(main, 65536):
                printed += chunk
    os.close(main)
    assert running.returncode == 0, printed
    assert b"\x1b[A" not in printed  # one bar at a time
    lines = []
    for line in printed.decode().replace("\r\n", "\n").split("\n"):
        left = ""
        for part in line.split("\r"):
            left = part + left[len(part) :]
        lines.append(left.rstrip())
    return lines


def test_each_epoch_leaves_a_whole_line_and_no_bar_in_a_terminal(project: Path):
    content = yaml.safe_load((project / "params.yaml").read_text())
    content["train_cnn"] |= {"epochs": 3, "model": "course_cnn", "model_args": {}}
    (project / "params.yaml").write_text(yaml.safe_dump(content))
    first, precision, *epochs, predicted, end = in_terminal(project, sys.executable, *STAGE[1:], columns=80)
    assert first == "train cnn: starting"
    assert precision.startswith("precision: ")
    for number, line in enumerate(epochs):
        later = r" best 0\.\d{4}( \(epoch \d\))?(  loss 0\.\d{4})?  \d+ images/s" if number else ""
        left = r"  0:\d\d left" if 0 < number < 3 else ""
        assert re.fullmatch(rf"epoch {number}/3 ( rmse)? train 0\.\d{{4}} valid 0\.\d{{4}}{later}{left}", line), line
        assert len(line) <= 80
    assert len(epochs) == 4
    assert re.fullmatch(r"predict cnn, valid: 100%\|.*\| (\d+)/\1 \[.* images/s\]", predicted)
    assert end == ""
