"""Every command of the README and of the pages under docs/ runs as it stands, in projects with few galaxies.

`pytest -m slow --dist=load tests/test_commands.py` runs them on all cores, in the order of walks.py. The fast tests
check that none is forgotten.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
import yaml
from conftest import ROOT, copy_project, set_params
from kaggle_server import KEY, Kaggle, serving
from nbclient import NotebookClient
from pages import NOTEBOOK, PAGES, Command, blocks, in_blocks, in_text, words
from test_task_data import cifar_zip, fashion_mnist_files
from walk_steps import Own, Run, Step
from walks import ELSEWHERE, WALKS

GALAXIES, TEST = 240, 12
HALF_AN_HOUR = 1800
DEEP = "34|50|101|152"
"""In names of networks that take minutes for an epoch of few images."""


def known() -> set[Command]:
    """Return the commands that a walk runs, or that run elsewhere; a folder beside the project stands for it."""
    steps = [step for walk in WALKS.values() for step in walk if isinstance(step, Run)]
    walked = {Command(re.sub(r"^\.\./[^/]*/?", "", step.folder) or ".", words(step.command)) for step in steps}
    return walked | {Command(".", words(command)) for command in ELSEWHERE}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_of_a_page_is_run(page: Path):
    assert in_blocks(page) - known() == set()
    starts = {Command(run.folder, run.words[:length]) for run in known() for length in range(1, len(run.words) + 1)}
    assert in_text(page) - starts == set()


def test_no_command_is_run_that_no_page_has():
    assert known() - {command for page in PAGES for command in in_blocks(page) | in_text(page)} == set()


@pytest.fixture(scope="session")
def kaggle() -> Iterator[Kaggle]:
    with serving() as server:
        yield server


@pytest.fixture(scope="session")
def environment(kaggle: Kaggle, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the environment of a user who is logged in to Kaggle (which is this machine), without network for pip."""
    home = tmp_path_factory.mktemp("home")
    author = {f"GIT_{who}_{what}": "t@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return author | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(home),
        "OMP_NUM_THREADS": "1",
        "PIP_NO_INDEX": "1",
        "KAGGLE_USERNAME": "someone",
        "KAGGLE_KEY": KEY,
        "KAGGLE_API_ENVIRONMENT": "LOCALHOST",
        "http_proxy": f"http://127.0.0.1:{kaggle.server_port}",
    }


def shell(command: str, folder: Path, environment: dict[str, str]) -> tuple[int, str]:
    """Return the exit status of a command, and all that it printed."""
    with tempfile.TemporaryFile("w+") as printed:  # no pipe: workers that stay in the background would hold it open
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=folder,
            env=environment,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            timeout=HALF_AN_HOUR,
            check=False,
        )
        printed.seek(0)
        return ran.returncode, printed.read()


def take(step: Step, folder: Path, environment: dict[str, str]) -> None:
    """Run a step, and check how it ends and what it prints."""
    command, here, prints, fails = step.command, ".", "", False
    if isinstance(step, Run):
        for word, stands_for in step.instead.items():
            command = command.replace(word, stands_for)
        command, here, prints, fails = command + step.more, step.folder, step.prints, step.fails
    start = time.perf_counter()
    status, output = shell(command, folder / here, environment)
    print(f"{time.perf_counter() - start:4.0f} s  {command}", flush=True)
    assert bool(status) == fails, f"{command}: {status}\n{output}"
    assert prints in output, f"{command}\n{output}"
    assert "Traceback" not in output, f"{command}\n{output}"


def smaller(content: dict[str, Any]) -> None:
    """Make all trainings of a task's params short."""
    short = {"epochs": 1, "batch_size": 8, "precision": "32-true", "freeze_epochs": 0, "warmup_epochs": 0}
    for section in content["train"].values():
        section |= short
    content["compared"] = [name for name in content["compared"] if not re.search(DEEP, name)]


SMALLER = """
import yaml
from pathlib import Path
path = Path("params.yaml")
content = yaml.safe_load(path.read_text())
for part in filter(None, (content, content.get("start"))):
    part["download"]["simulated"] |= {"training_galaxies": 60, "test_galaxies": 6}
    part["split"]["valid"] = 0.2
    for section in part["train"].values():
        section |= {"epochs": 1, "batch_size": 8, "workers": 0}
        if section["pretrained"]:  # its weights are on a hub
            section |= {"model": "resnet18", "model_args": {}, "pretrained": False, "size": 64}
path.write_text(yaml.safe_dump(content, sort_keys=False))
"""

FURTHER_MODEL = """
import yaml
from pathlib import Path
path = Path("params.yaml")
content = yaml.safe_load(path.read_text())
content["train"]["convnext"] = content["train_cnn"] | {"seed": 2}
path.write_text(yaml.safe_dump(content, sort_keys=False))
"""

ENCODER = """
import timm
timm.models.save_for_hf(timm.create_model("test_resnet", num_classes=0), "data/encoder", safe_serialization=True)
"""

REGISTER = """
from pathlib import Path
path = Path("galaxy/models/architectures.py")
path.write_text(path.read_text() + Path("tiny_net.txt").read_text())
"""


USERS = (
    "my_images/",
    "survey/",
    "list.csv",
    "more.zip",
    "trees/",
    "/predictions.*",
    "/resnet.*",
    "/*.py",
    "tiny_net.txt",
)
"""What a user has and makes in the project's folder, which git need not know."""


def block(page: str, language: str, mark: str) -> str:
    """Return the one block of a page that contains the mark."""
    (found,) = [text for text in blocks(ROOT / page, language) if mark in text]
    return found


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory, kaggle: Kaggle, environment: dict[str, str]) -> Path:
    """Make a small project with the committed results of `dvc repro` and a user's files; to be copied."""
    folder = tmp_path_factory.mktemp("first") / "project"
    folder.mkdir()
    copy_project(folder)
    set_params(
        folder,
        download__simulated__training_galaxies=GALAXIES,
        download__simulated__test_galaxies=TEST,
        train_cnn__epochs=1,
        train_cnn__batch_size=16,
        train_resnet__epochs=1,
        train_resnet__batch_size=16,
    )
    for task in ("cifar10", "cifar10_published", "fashion_mnist", "fashion_mnist_published", "galaxy10", "sports"):
        path = folder / f"tasks/{task}/params.yaml"
        content = yaml.safe_load(path.read_text())
        content["data"] |= {"source": "builtin", "local": f"../../data/local/{content['data']['name']}"}
        smaller(content)
        path.write_text(yaml.safe_dump(content, sort_keys=False))
    take(Own("git init --quiet --initial-branch main"), folder, environment)
    (folder / ".git/info/exclude").write_text("\n".join(USERS))
    for command in (
        "git add --all && git commit --quiet --message before",
        "dvc repro",
        "git add --all && git commit --quiet --message after",
    ):
        take(Own(command), folder, environment)
    shutil.copytree(folder / "data/raw", folder / "data/competition")
    for archive in (folder / "data/competition").glob("*.zip"):
        kaggle.files[archive.name] = archive.read_bytes()
        kaggle.sizes[archive.name] = archive.stat().st_size
    users_files(folder)
    (folder / "smaller.py").write_text(SMALLER)
    (folder / "further_model.py").write_text(FURTHER_MODEL)
    (folder / "register.py").write_text(REGISTER)
    (folder / "encoder.py").write_text(ENCODER)
    (folder / "tiny_net.txt").write_text("\n\n" + block("docs/extending.md", "python", "register_model"))
    (folder / "predict.py").write_text(block("docs/predict.md", "python", "load"))
    pixels = "import numpy\npixels = numpy.zeros((5, 40, 40, 3), numpy.uint8)\n"
    check = "assert fractions.shape == (5, 37)\n"
    (folder / "take_along.py").write_text(pixels + block("docs/export.md", "python", "onnxruntime") + check)
    return folder


def users_files(folder: Path) -> None:
    """Write images in a folder, in a zip, in a list and as FITS, and the files that tasks read from `data/local`."""
    from astropy.io import fits

    (folder / "my_images").mkdir()
    with zipfile.ZipFile(folder / "data/raw/images_test_rev1.zip") as archive:
        members = [name for name in archive.namelist() if name.endswith(".jpg")][:4]
        for member in members:
            (folder / "my_images" / Path(member).name).write_bytes(archive.read(member))
        with zipfile.ZipFile(folder / "more.zip", "w") as more:
            for member in members[:2]:
                more.writestr(Path(member).name, archive.read(member))
    (folder / "list.csv").write_text("path\n" + "".join(f"my_images/{Path(name).name}\n" for name in members[:2]))
    (folder / "survey").mkdir()
    plane = np.random.default_rng(1).normal(0.02, 0.01, (120, 120)).astype("f4")
    fits.PrimaryHDU(plane).writeto(folder / "survey/one.fits")
    (folder / "data/local/fashion_mnist").mkdir(parents=True)
    fashion_mnist_files(folder / "data/local/fashion_mnist")
    shutil.unpack_archive(cifar_zip(folder / "data/local/cifar10.zip"), folder / "data/local/cifar10")


@pytest.mark.slow
@pytest.mark.parametrize("name", WALKS)
def test_the_commands_do_what_they_should(
    name: str, project: Path, tmp_path: Path, environment: dict[str, str], request: pytest.FixtureRequest
):
    folder = tmp_path / "project"
    shutil.copytree(project, folder, symlinks=True)
    request.addfinalizer(lambda: shell("dvc queue stop --kill || true", folder, environment))
    for step in WALKS[name]:
        take(step, folder, environment)


@pytest.mark.slow
def test_the_notebook_runs_in_a_clone(project: Path, tmp_path: Path, environment: dict[str, str]):
    take(Own(f"git clone --quiet . {tmp_path}/clone"), project, environment)
    book = nbformat.read(NOTEBOOK, as_version=4)
    (parameters,) = [cell for cell in book.cells if "parameters" in cell.metadata.get("tags", ())]
    names = parameters.source.partition(" = ")[0]
    parameters.source = f"{names} = {GALAXIES + 20}, {TEST}, 1, 2"
    resources = {"metadata": {"path": str(tmp_path / "clone/notebooks")}}  # where Jupyter starts
    NotebookClient(book, timeout=HALF_AN_HOUR, resources=resources).execute(env=environment)
    outputs = [output for cell in book.cells for output in cell.get("outputs", ())]
    printed = "".join(output.get("text", "") for output in outputs)
    assert not re.search(r"error:|ERROR|WARNING", printed), printed
    assert re.search(r"^ *model .* verdict\s", printed, re.MULTILINE), printed
    assert sum("image/png" in output.get("data", ()) for output in outputs) == 4
