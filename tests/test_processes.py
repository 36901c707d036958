"""Two processes that train together see the same images in the same steps as one, and end with the same metrics."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import DEFAULTS, ROOT, command
from torch.utils.data import SequentialSampler

from galaxy.core import decision_tree, files, params, source_info
from galaxy.core.errors import GalaxyError
from galaxy.data.batches import SharedBatches
from galaxy.data.split import split

STAGE = ("python", "-m", "stages.train", "cnn")
SIDE, GALAXIES = 32, 50
TOLERANCE = 1e-5
"""Of RMSEs, without batch norm: sums come in another order."""

SMALL: dict[str, Any] = {
    "model": "test_vit",  # timm's, tiny and without batch norm
    "optimizer": "sgd",
    "learning_rate": 0.1,
    "epochs": 3,
    "batch_size": 8,
    "crop": None,
    "precision": "32-true",
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose training stage can run, on noise."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("galaxy", "stages"):
        (folder / name).symlink_to(ROOT / name)
    draw = np.random.default_rng(0)
    preprocessed = folder / "data/preprocessed"
    preprocessed.mkdir(parents=True)
    np.save(preprocessed / "training.npy", draw.integers(0, 256, (GALAXIES, SIDE, SIDE, 3), dtype=np.uint8))
    ids = np.arange(GALAXIES)
    columns = {"GalaxyID": ids} | {column: draw.random(GALAXIES) for column in decision_tree.COLUMNS}
    pd.DataFrame(columns).to_csv(preprocessed / "training.csv", index=False)
    files.write_json(preprocessed / "field_of_view.json", {"crop": 212, "size": SIDE})
    source_info.write(preprocessed, {"source": "simulated", "training_galaxies": GALAXIES})
    split(ids, 0.2, 0.3, 1).to_csv(folder / "data/split.csv", index=False)
    return folder


def set_params(project: Path, **changed: Any) -> None:
    content = yaml.safe_load(DEFAULTS.read_text())
    content["preprocess"] |= {"size": SIDE}
    content["train_cnn"] |= SMALL | changed
    content["train_cnn"]["augmentation"] |= {"flip": True, "rotation": 180}
    (project / "params.yaml").write_text(yaml.safe_dump(content))


def prepared(project: Path, **changed: Any) -> None:
    set_params(project, **changed)
    for name in ("models", "metrics"):
        shutil.rmtree(project / name, ignore_errors=True)


def trained(project: Path, **changed: Any) -> tuple[pd.DataFrame, dict[str, Any], str]:
    """History and metrics of the stage, and what it printed."""
    prepared(project, **changed)
    printed = command(*STAGE, folder=project).stdout
    return *results(project), printed


def results(project: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    assert not (project / ".checkpoints/cnn").exists()
    assert (project / "models/cnn/model.safetensors").exists()
    metrics = json.loads((project / "metrics/train/cnn.json").read_text())
    return pd.read_csv(project / "metrics/train/cnn_history.csv"), metrics


def test_two_processes_end_with_the_metrics_of_one_and_log_them_once(data: Path):
    ran, tables = [], []
    for devices in (1, 2):
        shutil.rmtree(data / "runs", ignore_errors=True)
        ran.append(trained(data, devices=devices, logger="csv", gradient_accumulation=2, freeze_epochs=1))
        assert [path.name for path in (data / "runs").iterdir()] == ["cnn"]
        tables.append(pd.read_csv(data / "runs/cnn/metrics.csv"))
    alone, together = ran
    assert together[0].to_numpy() == pytest.approx(alone[0].to_numpy(), abs=TOLERANCE)
    assert together[1] == pytest.approx(alone[1], abs=TOLERANCE)
    assert alone[0]["train_rmse"].nunique() == SMALL["epochs"] + 1  # it did learn
    lines = [line.split()[:2] for line in together[2].splitlines() if line.startswith("epoch")]
    epochs = SMALL["epochs"]
    assert lines == [["epoch", f"{epoch}/{epochs}"] for epoch in range(epochs + 1)]  # each line once
    assert tables[1].to_numpy() == pytest.approx(tables[0].to_numpy(), abs=TOLERANCE, nan_ok=True)
    assert tables[0]["loss"].count() == tables[0]["step"].max() == epochs * 3


@pytest.mark.slow
def test_two_machines_under_torchrun_end_with_the_metrics_of_one_process(data: Path):
    """The command of docs/many_gpus.md; both machines are this one."""
    alone = trained(data)
    prepared(data, devices=1, num_nodes=2)
    with socket.socket() as free:
        free.bind(("localhost", 0))
        endpoint = f"localhost:{free.getsockname()[1]}"
    torchrun = ("torchrun", "--nnodes=2", "--nproc-per-node=1", "--rdzv-backend=c10d", f"--rdzv-endpoint={endpoint}")
    with ThreadPoolExecutor(2) as machines:
        runs = [machines.submit(command, *torchrun, *STAGE[1:], folder=data) for _ in range(2)]
        printed = [run.result().stdout for run in runs]
    together = results(data)
    assert together[0].to_numpy() == pytest.approx(alone[0].to_numpy(), abs=TOLERANCE)
    assert together[1] == pytest.approx(alone[1], abs=TOLERANCE)
    assert sorted(len(re.findall("^epoch", text, re.MULTILINE)) for text in printed) == [0, SMALL["epochs"] + 1]


def test_a_process_that_is_killed_ends_all(data: Path):
    set_params(data, devices=2, epochs=10_000)
    with subprocess.Popen(
        [sys.executable, *STAGE[1:]], cwd=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as main:
        assert main.stdout
        assert main.stderr
        for line in main.stdout:
            if line.startswith("epoch") and " 2/" in line:
                break
        (child,) = Path(f"/proc/{main.pid}/task/{main.pid}/children").read_text().split()
        os.kill(int(child), signal.SIGKILL)
        main.stdout.close()
        errors = main.stderr.read()
        assert main.wait(30) != 0
    assert "Traceback" not in errors
    assert errors.strip() in (
        "",
        "error: one of the processes that train together has failed; its own message is above",
    )


def test_what_diverges_ends_all_with_one_line(data: Path):
    set_params(data, devices=2, learning_rate=100.0, weight_decay=10.0, epochs=10)
    failed = command(*STAGE, folder=data, check=False)
    assert failed.returncode == 1
    assert re.fullmatch(r"error: training diverged: .*; lower learning_rate.*\n", failed.stderr)


def test_a_batch_that_cannot_be_shared_out_is_refused(tmp_path: Path):
    set_params(tmp_path, devices=3)
    with pytest.raises(
        GalaxyError,
        match="train_cnn: batch_size is 8, but devices × num_nodes × gradient_accumulation is 3; choose a multiple",
    ):
        params.load(tmp_path / "params.yaml")


def test_alone_a_process_gets_whole_batches():
    batches = SharedBatches(SequentialSampler(range(10)), 4, drop_last=False)
    assert list(batches) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
