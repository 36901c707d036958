"""Each logger gets every step's loss, every epoch's scores and the params, once, however often a training is killed."""

import os
import re
import signal
import struct
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from conftest import ROOT, spec

from galaxy.core.errors import GalaxyError
from galaxy.core.params import Train, load
from galaxy.core.paths import TrainingPaths
from galaxy.data.batches import Images, TrainingData
from galaxy.training import loggers, objectives
from galaxy.training.run import run

LOGGERS = ("csv", "dvclive", "mlflow", "tensorboard", "wandb")
SIDE, EPOCHS, STEPS, PARTS = 32, 3, 30, 2
KILLED_AT = 2 * STEPS - 2
"""A step after which losses of the second epoch have been logged, but no checkpoint was saved."""

Curves = dict[str, list[tuple[int, float]]]
"""Steps and values by name."""

LOCAL = (None, "127.0.0.1", "::1", "localhost")

OFFLINE = {"MLFLOW_DISABLE_TELEMETRY": "true", "WANDB_MODE": "offline", "WANDB_ERROR_REPORTING": "false"}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither telemetry, nor an account, nor a server of the reader's."""
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "WANDB_PROJECT"):
        monkeypatch.setenv(name, "")  # Lightning's class sets the first
        monkeypatch.delenv(name)
    for name, value in OFFLINE.items():
        monkeypatch.setenv(name, value)


def options(logger: str | None, **changed: Any) -> Train:
    small: dict[str, Any] = {
        "model": "test_vit",
        "epochs": EPOCHS,
        "batch_size": 4,
        "gradient_accumulation": PARTS,
        "crop": None,
        "precision": "32-true",
        "schedule": "cosine",
    }
    section = load(ROOT / "galaxy/core/default_params.yaml").train_cnn
    assert section is not None
    return section.model_copy(update=small | {"logger": logger} | changed)


def paths(folder: Path) -> TrainingPaths:
    names = ("model", "history.csv", "metrics.json", "scratch", "runs/cnn")
    return TrainingPaths(*(folder / name for name in names))


def train(folder: Path, chosen: Train, killed_at: int = 0) -> list[float]:
    """Train on noise and return the loss of each part of a step; kill this process in a step."""
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (STEPS * 4 + 8, SIDE, SIDE, 3), dtype=np.uint8)
    targets = draw.random((len(images), 37), dtype=np.float32)
    rows = np.arange(len(images))
    data = TrainingData(Images(images, targets, rows[8:]), Images(images, targets, rows[:8]), {})
    objective, losses = objectives.vote_fractions("mse"), []

    def loss(predicted: torch.Tensor, voted: torch.Tensor) -> torch.Tensor:
        if killed_at and len(losses) == killed_at * PARTS:
            os.kill(os.getpid(), signal.SIGKILL)
        value = objective.loss(predicted, voted)
        losses.append(float(value.detach()))
        return value

    described = spec(model=chosen.model, size=SIDE, crop=212)
    run(chosen, described, None, replace(objective, loss=loss), data, paths(folder))
    return losses


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Curves]:
    """The folder of a training without a logger, and what one must log."""
    folder = tmp_path_factory.mktemp("undisturbed")
    losses = np.reshape(train(folder, options(None)), (-1, PARTS)).mean(axis=1)
    history = pd.read_csv(folder / "history.csv")
    epochs = {name: list(zip(history["epoch"] * STEPS, history[name], strict=True)) for name in history}
    return folder, {"loss": list(enumerate(losses.tolist(), 1)), **epochs}


def refuse_network(event: str, arguments: tuple[Any, ...]) -> None:
    """End the process where it asks for another machine's address, or connects to one."""
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):  # a socket of this machine has a path
        host = arguments[1][0]
    else:
        return
    if host not in LOCAL:
        os.write(2, f"{event} {arguments}\n".encode())
        os._exit(1)


def kill_all(folder: Path) -> None:
    """Train with every logger, each in a process of its own that kills itself, without network."""
    sys.addaudithook(refuse_network)
    for logger in LOGGERS:
        if os.fork() == 0:
            train(folder / logger, options(logger), KILLED_AT)
    for _ in LOGGERS:
        assert os.wait()[1] == signal.SIGKILL


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each logger, in which a training was ended by SIGKILL in its second epoch."""
    folder = tmp_path_factory.mktemp("killed")
    own = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "WANDB_"))}
    environment = own | {name: value for name, value in OFFLINE.items() if name.startswith("WANDB")}
    code = f"import test_loggers, pathlib; test_loggers.kill_all(pathlib.Path({str(folder)!r}))"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT / "tests", env=environment, check=True)
    return folder


def logged(logger: str, folder: Path) -> tuple[Curves, dict[str, str]]:
    """Return what a run holds, by the logger's own reader: its curves, and its params as text, flattened with `/`."""
    return READERS[logger](folder / "runs/cnn")


def of_csv(folder: Path) -> tuple[Curves, dict[str, str]]:
    table = pd.read_csv(folder / "metrics.csv")
    curves = {name: [(int(s), v) for s, v in zip(table["step"], table[name], strict=True) if v == v] for name in table}
    del curves["step"]
    return curves, flat(yaml.safe_load((folder / "hparams.yaml").read_text()))


def of_dvclive(folder: Path) -> tuple[Curves, dict[str, str]]:
    curves = {}
    for path in folder.glob("plots/metrics/**/*.tsv"):
        table = pd.read_csv(path, sep="\t")
        name = "_".join(path.relative_to(folder / "plots/metrics").with_suffix("").parts)
        curves[name] = list(zip(table["step"], table[path.stem], strict=True))
    return curves, flat(yaml.safe_load((folder / "params.yaml").read_text()))


def of_tensorboard(folder: Path) -> tuple[Curves, dict[str, str]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    curves = {name: [(e.step, e.value) for e in events.Scalars(name)] for name in events.Tags()["scalars"]}
    assert "_hparams_/session_start_info" in events.summary_metadata
    return curves, flat(yaml.safe_load((folder / "hparams.yaml").read_text()))


def of_mlflow(folder: Path) -> tuple[Curves, dict[str, str]]:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{folder.parent / 'mlflow.db'}")
    (experiment,) = client.search_experiments(filter_string="name = 'galaxy-zoo'")
    newest, *_ = client.search_runs([experiment.experiment_id])
    assert newest.info.run_name == "cnn"
    run_id = newest.info.run_id
    curves = {
        name: [(e.step, e.value) for e in client.get_metric_history(run_id, name)] for name in newest.data.metrics
    }
    return curves, newest.data.params


def of_wandb(folder: Path) -> tuple[Curves, dict[str, str]]:
    curves: Curves = defaultdict(list)
    found: dict[str, Any] = {}
    for path in sorted(folder.glob("wandb/offline-run-*/*.wandb")):
        for record in records(path):
            for item in chain(record.run.config.update, record.config.update):
                found[item.key] = yaml.safe_load(item.value_json)
            values = {"/".join(i.nested_key) or i.key: float(i.value_json) for i in record.history.item}
            step = int(values.pop("trainer/global_step", -1))
            for name, value in values.items():
                if not name.startswith("_"):
                    curves[name].append((step, value))
    return curves, flat({name: value for name, value in found.items() if name != "_wandb"})


def records(path: Path) -> Iterator[Any]:
    """Yield what a file of a run of Weights & Biases holds: its format is that of LevelDB's logs."""
    from wandb.proto.wandb_internal_pb2 import Record

    content, place, part = path.read_bytes(), 7, b""
    while place + 7 <= len(content):
        if 32768 - place % 32768 < 7:
            place += 32768 - place % 32768
            continue
        length, kind = struct.unpack_from("<HB", content, place + 4)
        part += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield Record.FromString(part)
            part = b""


def flat(params: dict[str, Any], prefix: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in params.items():
        inner = isinstance(value, dict) and value
        found |= flat(value, f"{prefix}{name}/") if inner else {f"{prefix}{name}": str(value)}
    return found


READERS = {
    "csv": of_csv,
    "dvclive": of_dvclive,
    "mlflow": of_mlflow,
    "tensorboard": of_tensorboard,
    "wandb": of_wandb,
}


def same(curves: Curves, expected: Curves) -> None:
    assert set(curves) == set(expected)
    for name, points in expected.items():
        assert [step for step, _ in curves[name]] == [step for step, _ in points], name
        values = [value for _, value in points]
        assert [value for _, value in curves[name]] == pytest.approx(values, rel=1e-5), name


@pytest.mark.parametrize("logger", LOGGERS)
def test_a_killed_training_goes_on_in_its_run_and_the_next_one_has_its_own(
    logger: str, killed: Path, undisturbed: tuple[Path, Curves]
):
    project, chosen = killed / logger, options(logger)
    without, expected = undisturbed
    train(project, chosen)
    for name in ("model/model.safetensors", "history.csv", "metrics.json"):
        assert (project / name).read_bytes() == (without / name).read_bytes()
    curves, params = logged(logger, project)
    if logger == "wandb":
        # Offline it has a file each, with the same id; the second one has all steps.
        runs = list((project / "runs/cnn/wandb").glob("offline-run-*"))
        assert len(runs) == 2
        assert len({path.name.rpartition("-")[2] for path in runs}) == 1
        curves = {name: sorted(dict(points).items()) for name, points in curves.items()}
    same(curves, expected)
    assert params["learning_rate"] == str(chosen.learning_rate)
    assert params["augmentation/rotation"] == str(chosen.augmentation.rotation)
    assert params.keys() >= flat(chosen.model_dump()).keys() - {"optimizer_args", "model_args"}

    train(project, chosen)
    same(logged(logger, project)[0], expected)
    if logger != "mlflow":  # its database keeps all runs
        assert (project / "runs/cnn.1").is_dir()


@pytest.mark.parametrize("logger", [name for name in LOGGERS if name != "csv"])
def test_an_absent_package_is_one_line_with_the_extra_to_install(
    logger: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in [logger, *(name for name in sys.modules if name.startswith(f"{logger}."))]:
        monkeypatch.setitem(sys.modules, name, None)  # as Python notes what is not there
    line = f'logger is {logger}, but {logger} is not installed; pip install "galaxy-zoo-pipeline[{logger}]"'
    with pytest.raises(GalaxyError, match=re.escape(line)):
        train(tmp_path, options(logger))


def test_no_logger_leaves_no_files(undisturbed: tuple[Path, Curves]):
    assert sorted(path.name for path in undisturbed[0].iterdir()) == ["history.csv", "metrics.json", "model"]


def test_a_tracking_server_that_refuses_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nonsense://nowhere")
    with pytest.raises(
        GalaxyError, match=r"logger is mlflow, but nonsense://nowhere refuses: .*; correct MLFLOW_TRACK"
    ):
        train(tmp_path, options("mlflow"))


def test_without_an_account_a_run_of_wandb_stays_here_and_nothing_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.delenv("WANDB_MODE")
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path))
    train(tmp_path, options("wandb", epochs=1))
    assert "wandb: not logged in, so the run stays in " in capsys.readouterr().out
    assert list((tmp_path / "runs/cnn/wandb").glob("offline-run-*"))


def test_the_run_of_a_training_that_fails_is_said_to_have_failed(tmp_path: Path):
    from mlflow.tracking import MlflowClient

    with pytest.raises(GalaxyError, match="diverged"):
        train(tmp_path, options("mlflow", learning_rate=100.0, optimizer="sgd", weight_decay=10.0))
    client = MlflowClient(f"sqlite:///{tmp_path / 'runs/mlflow.db'}")
    (failed,) = client.search_runs([experiment.experiment_id for experiment in client.search_experiments()])
    assert failed.info.status == "FAILED"


def test_every_logger_but_csv_has_an_extra():
    choices = set(loggers.LOGS)
    assert choices == set(LOGGERS)
    extras = (ROOT / "pyproject.toml").read_text()
    assert all(f"\n{name} = [" in extras for name in choices - {"csv"})
