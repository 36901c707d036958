"""What the tests share: a small simulated competition, made once, and the real one where it is present."""

import gc
import importlib
import io
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import networkx
import pytest
import yaml
from dvc.repo import Repo

if "PYTEST_XDIST_WORKER" in os.environ:
    # A file of tests a core: before anything imports torch, and for all that the tests run.
    os.environ["OMP_NUM_THREADS"] = "1"
    gc.set_threshold(10_000)  # imports make a million objects

from galaxy import cli
from galaxy.core import decision_tree, params
from galaxy.core.errors import run
from galaxy.core.params import Download, Local, Params, Simulated
from galaxy.core.params_views import Augmentation
from galaxy.data.field_of_view import Cutout, FieldOfView
from galaxy.ingest import download
from galaxy.ingest.preprocess import preprocess

if TYPE_CHECKING:
    from galaxy.models.network import Spec

ROOT = Path(__file__).resolve().parent.parent
REAL = ROOT.parent / "shared" / "galaxy_zoo"
DEFAULTS = ROOT / "galaxy/core/default_params.yaml"
"""The params that come with the package; a user may have changed those of the project."""
TRAINING, TEST = 60, 12

LONGEST = (
    "test_pipeline",
    "test_kills",
    "test_interruption",
    "test_processes",
    "test_disk",
    "test_folds",
    "test_tasks",
    "test_edits",
    "test_loggers",
)
"""Files of tests that take minutes: each goes to one core, so they start first, so that none is left to the last."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: LONGEST.index(item.path.stem) if item.path.stem in LONGEST else len(LONGEST))


def download_options(source: str = "simulated", folder: Path = Path()) -> Download:
    """Options of the download stage for `TRAINING` and `TEST` galaxies."""
    simulated = Simulated(training_galaxies=TRAINING, test_galaxies=TEST, seed=7, volunteers=44, seeing=1.3, noise=1.0)
    return Download(source=source, simulated=simulated, local=Local(folder=str(folder)))


@pytest.fixture(scope="session")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the zips of a small simulated competition; read only."""
    folder = tmp_path_factory.mktemp("raw")
    download.download(download_options(), folder)
    return folder


@pytest.fixture(scope="session")
def preprocessed(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same competition, packed at 64 pixels; read only."""
    folder = tmp_path_factory.mktemp("preprocessed")
    preprocess(raw, folder, 212, 64)
    return folder


def augmentation(**changed: Any) -> Augmentation:
    """No augmentation but these changes."""
    zeros = dict.fromkeys(("rotation", "shift", "brightness", "contrast", "colour"), 0)
    return Augmentation.model_validate({"flip": False, "zoom": 1, "crop": None} | zeros | changed)


def whole(side: int) -> Cutout:
    """What a network sees that sees images of that side as they are."""
    return Cutout(FieldOfView(side, side), FieldOfView(side, side))


def spec(**changed: Any) -> "Spec":
    """What describes the tests' networks: the course's CNN for the 37 columns, with these changes."""
    from galaxy.models.network import Spec  # torch takes seconds, which tests without a model need not wait for

    values = {
        "model": "course_cnn",
        "model_args": {},
        "head": "sigmoid",
        "outputs": decision_tree.COLUMNS,
        "crop": 212,
        "size": 64,
        "mean": (25.0, 22.0, 18.0),
        "std": (36.0, 31.0, 27.0),
    }
    return Spec.model_validate(values | changed)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model with random weights, as the train stage saves one; read only."""
    import torch

    from galaxy.models import saved
    from galaxy.models.network import build_network

    torch.manual_seed(3)
    folder = tmp_path_factory.mktemp("models") / "cnn"
    data = {"training_galaxies": 42, "split": "0" * 64, "source": {"source": "simulated", "training_galaxies": 60}}
    network = build_network(spec(head="decision_tree"))
    saved.save(folder, network, {"params": {"pretrained": False}, "metrics": {"epochs": 2}, "data": data})
    return folder


@pytest.fixture(scope="session")
def defaults() -> Params:
    """The params in `DEFAULTS`."""
    return params.load(DEFAULTS)


@pytest.fixture
def real() -> Path:
    """The folder with the competition's real files, cut down; skips where it is absent."""
    if not REAL.is_dir():
        pytest.skip(f"{REAL} is absent")
    return REAL


def command(*words: object, folder: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command of this environment in `folder`; its standard output and error as text."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    result = subprocess.run(
        [str(word) for word in words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if check and result.returncode:
        raise AssertionError(f"{words} ended with {result.returncode}\n{result.stdout}\n{result.stderr}")
    return result


def in_process(
    main: Callable[[], None], *words: object, folder: Path, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run what a command or stage runs as `command` does, but in this process, which has imported torch already."""
    output, errors, status = io.StringIO(), io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(output), redirect_stderr(errors):
        patch.chdir(folder)
        patch.setattr(sys, "argv", [main.__module__, *(str(word) for word in words)])
        try:
            run(main)
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
            print("" if isinstance(end.code, int) else end.code, file=errors)
    if check and status:
        raise AssertionError(f"{words} ended with {status}\n{output.getvalue()}\n{errors.getvalue()}")
    return subprocess.CompletedProcess(words, status, output.getvalue(), errors.getvalue())


galaxy = partial(in_process, cli.main)
"""Run the command `galaxy` in this process."""


def reproduce(folder: Path) -> dict[str, str]:
    """Do what `dvc repro` does where nothing has run, but in this process; return what each stage printed, by name."""
    with Repo(str(folder)) as repo:
        stages = list(networkx.dfs_postorder_nodes(repo.index.graph))  # each after those that it depends on
    printed = {}
    for stage in stages:
        _python, _m, module, *words = shlex.split(stage.cmd)
        printed[stage.name] = in_process(importlib.import_module(module).main, *words, folder=folder).stdout
    command("dvc", "commit", "--force", folder=folder)
    return printed


def committed(*paths: str) -> Iterator[list[str]]:
    """Give files as in git's index, then as in each commit that changed one: the newest may be a user's own."""
    commits = command("git", "log", "--format=%H", "--", *paths, folder=ROOT).stdout.split()
    for commit in ("", *commits):
        yield [command("git", "show", f"{commit}:{path}", folder=ROOT).stdout for path in paths]


def copy_project(folder: Path) -> None:
    """Copy the working tree's files, with the default params and no lock file: a project in which no stage has run."""
    listed = command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", folder=ROOT).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).exists() and not name.endswith("dvc.lock"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, folder / name, follow_symlinks=False)
    shutil.copyfile(DEFAULTS, folder / "params.yaml")


def set_params(folder: Path, **changed: object) -> None:
    """Change params by dotted key (with __ for the dots)."""
    path = folder / "params.yaml"
    content = yaml.safe_load(path.read_text())
    for key, value in changed.items():
        *sections, leaf = key.split("__")
        inner = content
        for section in sections:
            inner = inner[section]
        inner[leaf] = value
    path.write_text(yaml.safe_dump(content, sort_keys=False))
