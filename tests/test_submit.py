"""`galaxy submit` checks before it sends, and its message says what made the file."""

import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from conftest import DEFAULTS, TEST, command

from galaxy import cli
from galaxy.core import outside, params, paths, source_info
from galaxy.core.params import Params
from galaxy.inference import kaggle_submit, submission
from galaxy.ingest import archives

REPORT = {"best": "resnet", "rmse": {"cnn": 0.14, "resnet": 0.137, "mean": 0.135}, "galaxies": 831, "scored_on": "test"}


def test_the_message_names_models_params_and_score(defaults: Params):
    assert kaggle_submit.message(defaults, REPORT) == (
        "mean of cnn, resnet, 1 view; RMSE 0.13500 on 831 own test galaxies, 1 view; "
        "cnn: course_cnn from scratch, 12 epochs, adamw 0.006, seed 1; "
        "resnet: resnet10t_half from scratch, 10 epochs, adamw 0.006, seed 1; crop 212, size 64"
    )
    how = {"model": "best", "batch_size": 1, "views": {"rotations": 4, "flip": True, "zooms": [1.0, 1.1]}}
    other = Params.model_validate(defaults.model_dump() | {"make_submission": how})
    text = kaggle_submit.message(other, REPORT, "a try")
    assert text.startswith(
        "a try; resnet, 16 views; RMSE 0.13700 on 831 own test galaxies, 1 view; resnet: resnet10t_half"
    )
    assert "cnn:" not in text
    assert len(kaggle_submit.message(other, REPORT, 600 * "x")) == kaggle_submit.LONGEST


@pytest.fixture
def project(raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a submission for the small competition, current by DVC's account."""
    (tmp_path / "params.yaml").write_text(DEFAULTS.read_text())
    shutil.copytree(raw, tmp_path / "data/raw")
    source_info.write(tmp_path / "data/preprocessed", source_info.read(raw))
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics/evaluate.json").write_text(json.dumps(REPORT))
    ids = np.array(list(archives.image_members(raw / "images_test_rev1.zip")))
    submission.write(tmp_path / "data/submission/submission.csv", ids, np.full((len(ids), 37), 0.5))
    stage = {
        "cmd": "true",
        "params": ["make_submission"],
        "outs": [{"data/submission/submission.csv": {"cache": False}}],
    }
    outside_stage = {"cmd": "true", "always_changed": True, "outs": ["data/outside"]}
    stage["deps"] = ["data/outside"]
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"outside": outside_stage, "make_submission": stage}}))
    command("git", "init", "--quiet", folder=tmp_path)
    command("dvc", "init", "--quiet", folder=tmp_path)
    monkeypatch.chdir(tmp_path)
    outside.note_pipeline(params.load(), paths.PATHS.outside)
    command("dvc", "commit", "--force", "--quiet", folder=tmp_path)
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", ["galaxy", "submit", *words])
    cli.main()


def test_a_dry_run_shows_what_would_be_sent_and_sends_nothing(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(kaggle_submit, "send", None)
    source_info.write(
        project / "data/preprocessed", source_info.read(project / "data/raw") | {"complete_competition": True}
    )
    run(monkeypatch, "--dry-run", "--message", "hello")
    said = capsys.readouterr().out
    assert f"data/submission/submission.csv, {TEST} galaxies, valid" in said
    assert re.search("message:     hello; mean of cnn, resnet, 1 view; RMSE 0.13500", said)
    assert "refused" not in said
    assert said.endswith("dry run: nothing is sent\n")


def test_a_dry_run_names_all_that_would_be_refused_and_succeeds(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(kaggle_submit, "send", None)
    written = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(written.replace("model: mean", "model: best"))
    run(monkeypatch, "--dry-run")
    *_, first, valid, second, last = capsys.readouterr().out.splitlines()
    assert first.startswith("would be refused: data/submission/submission.csv is out of date")
    assert f"{TEST} galaxies, valid" in valid
    assert second.startswith(f"would be refused: data/submission/submission.csv holds {TEST} galaxies (simulated)")
    assert last == "dry run: nothing is sent"


def test_what_kaggle_would_not_take_is_not_sent(project: Path, monkeypatch: pytest.MonkeyPatch):
    """Simulated galaxies; a file that its params would not give; a damaged file; none."""
    monkeypatch.setattr(kaggle_submit, "send", None)
    file = project / "data/submission/submission.csv"

    def refused() -> str:
        with pytest.raises(SystemExit) as stop:
            run(monkeypatch)
        return str(stop.value.code)

    assert refused() == (
        f"error: data/submission/submission.csv holds {TEST} galaxies (simulated), but Kaggle takes only its own "
        "79,975; run the pipeline on the whole competition (download.source)"
    )
    written = (project / "params.yaml").read_text()
    (project / "params.yaml").write_text(written.replace("model: mean", "model: best"))
    assert "is out of date (changed: make_submission); run dvc repro first" in refused()
    (project / "params.yaml").write_text(written)
    file.write_text(file.read_text().replace("GalaxyID", "Galaxy", 1))
    command("dvc", "commit", "--force", "--quiet", folder=project)
    assert "the header must be GalaxyID and the 37 columns" in refused()
    file.unlink()
    assert refused() == "error: data/submission/submission.csv: no such file; make it first (dvc repro)"
    assert params.load(project / "params.yaml").make_submission.model == "mean"
