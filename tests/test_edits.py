"""What is edited while a stage runs never passes for what its results were made from."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from conftest import command, copy_project, set_params

from galaxy.core import stage


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which DVC runs the stage `train@small`."""
    entry = {
        "foreach": "${train}",
        "do": {"deps": ["galaxy/core", "data/${key}.csv", "data/raw"], "params": ["train.${key}", "split"]},
    }
    files = {
        "dvc.yaml": yaml.safe_dump({"stages": {"train": entry}}),
        "params.yaml": "train: {small: {epochs: 3}, other: {epochs: 3}}\nsplit: {seed: 1}\nevaluate: {seed: 1}\n",
        "galaxy/core/files.py": "A = 1\n",
        "galaxy/core/__pycache__/files.pyc": "0",
        "galaxy/models/heads.py": "A = 1\n",
        "data/small.csv": "1\n",
        "data/raw/images.zip": "1",
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(stage, "_begun", {})
    monkeypatch.setenv("DVC_STAGE", "recipes/mine/dvc.yaml:train@small")
    return tmp_path


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("params.yaml", "small: {epochs: 3}", "small: {epochs: 4}", "train.small of params.yaml"),
        ("params.yaml", "split: {seed: 1}", "other: 1", "split of params.yaml"),
        ("params.yaml", "split: {seed: 1}", "split: {", "split of params.yaml, train.small of params.yaml"),
        ("galaxy/core/files.py", "A = 1", "A = 2", "galaxy/core/files.py"),
        ("data/small.csv", "1", "11", "data/small.csv"),
        ("data/raw/images.zip", "1", "2", "data/raw/images.zip"),
        ("params.yaml", "other: {epochs: 3}", "other: {epochs: 4}", ""),
        ("params.yaml", "evaluate: {seed: 1}", "evaluate: {seed: 2}", ""),
        ("params.yaml", "split: {seed: 1}", "split:\n  seed: 1  # the same", ""),
        ("galaxy/models/heads.py", "A = 1", "A = 2", ""),
        ("galaxy/core/__pycache__/files.pyc", "0", "1", ""),
    ],
)
def test_a_stage_fails_if_and_only_if_one_of_its_inputs_is_edited_while_it_runs(
    pipeline: Path, name: str, old: str, new: str, said: str
):
    path = pipeline / name

    def edit() -> None:
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    if not said:
        stage.run(edit)
        return
    with pytest.raises(SystemExit, match=rf"error: {said} changed while this stage ran, .* dvc exp run --temp"):
        stage.run(edit)


def test_a_stage_that_dvc_does_not_run_is_left_alone(pipeline: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("DVC_STAGE")
    stage.run(lambda: (pipeline / "params.yaml").unlink())


def test_params_edited_while_a_training_runs_are_not_recorded_for_it_and_it_resumes_when_they_are_put_back(
    tmp_path: Path,
):
    copy_project(tmp_path)
    set_params(
        tmp_path,
        download__simulated__training_galaxies=40,
        download__simulated__test_galaxies=8,
        preprocess__size=16,
        train_cnn__epochs=20,
        train_cnn__batch_size=8,
    )
    command("git", "init", "--quiet", folder=tmp_path)
    command("dvc", "repro", "split", folder=tmp_path)
    right = (tmp_path / "params.yaml").read_text()
    with subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro", "train_cnn"],
        cwd=tmp_path,
        stdout=-1,
        stderr=subprocess.STDOUT,
        text=True,
    ) as running:
        assert running.stdout
        for line in running.stdout:
            if line.startswith("epoch  1/"):
                break
        set_params(tmp_path, train_cnn__learning_rate=0.5)
        output = running.stdout.read()
    assert running.returncode
    assert "error: train_cnn of params.yaml changed while this stage ran" in output
    assert "epoch 20/20" not in output
    assert "train_cnn" not in yaml.safe_load((tmp_path / "dvc.lock").read_text())["stages"]

    (tmp_path / "params.yaml").write_text(right)
    output = command("dvc", "repro", "train_cnn", folder=tmp_path).stdout
    assert "resuming from" in output
    assert yaml.safe_load((tmp_path / "dvc.lock").read_text())["stages"]["train_cnn"]
