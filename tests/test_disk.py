"""Disks that are full or read-only: one line that names the file, and nothing half-written.

The disks are real ones in memory, mounted in a namespace of the command's own.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from conftest import DEFAULTS, ROOT, TRAINING, command

from galaxy.core import source_info
from galaxy.data.galaxies import Galaxies
from galaxy.data.split import split

MOUNT = ["unshare", "--user", "--map-root-user", "--mount"]


def can_mount() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*MOUNT, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True).returncode == 0


pytestmark = pytest.mark.skipif(not can_mount(), reason="needs Linux with user namespaces")


@pytest.fixture(scope="module")
def project(raw: Path, preprocessed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's code, with the simulated competition where its stages look for it."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("galaxy", "stages"):
        (folder / name).symlink_to(ROOT / name)
    content = yaml.safe_load(DEFAULTS.read_text())
    content["download"]["simulated"] |= {"training_galaxies": TRAINING, "test_galaxies": 5}
    content["train_cnn"] |= {"epochs": 1, "batch_size": 8}
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    shutil.copytree(raw, folder / "data/raw")
    shutil.copytree(preprocessed, folder / "data/preprocessed")
    source_info.write(folder / "data/preprocessed", source_info.read(raw))
    split(Galaxies.open(preprocessed, "training").ids, 0.2, 0.1, 1).to_csv(folder / "data/split.csv", index=False)
    return folder


def run_on_disk(project: Path, place: str, options: str, stage: str) -> tuple[int, str, list[str]]:
    """Run a stage while a disk of its own is mounted at `place`: exit status, last line of the errors, files there."""
    script = f"""
        mkdir --parents {place} && mount -t tmpfs -o {options} tmpfs {place}
        python -m stages.{stage} >output.txt 2>errors.txt; echo $?
        find {place} -type f
    """
    status, *left = command(*MOUNT, "sh", "-c", script, folder=project).stdout.split()
    errors = (project / "errors.txt").read_text()
    assert "Traceback" not in errors
    return int(status), errors.replace("\r", "\n").strip().splitlines()[-1], left


@pytest.mark.parametrize(
    ("stage", "place", "size"),
    [
        ("download", "data/raw", "200k"),
        ("preprocess", "data/preprocessed", "300k"),
        ("train cnn", ".checkpoints", "1m"),
        ("train cnn", "models", "500k"),
    ],
)
def test_a_full_disk_ends_a_stage_with_one_line_and_leaves_no_part_of_a_file(
    project: Path, stage: str, place: str, size: str
):
    status, error, left = run_on_disk(project, place, f"size={size}", stage)
    assert status == 1
    assert re.match(rf"error: \S*{re.escape(place)}/", error)
    assert error.endswith(": No space left on device; make room or fix its permissions")
    assert not [path for path in left if path.endswith(".part")]


@pytest.mark.parametrize(
    ("stage", "place"),
    [("download", "data/raw"), ("preprocess", "data/preprocessed"), ("train cnn", ".checkpoints")],
)
def test_a_read_only_folder_is_named(project: Path, stage: str, place: str):
    status, error, left = run_on_disk(project, place, "ro", stage)
    assert status == 1
    assert re.match(rf"error: \S*{re.escape(place)}/", error)
    assert error.endswith(": Read-only file system; make room or fix its permissions")
    assert left == []
