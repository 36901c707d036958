"""DVC sees it when the user's own files change: what lies outside the pipeline is noted each time."""

import json
import os
import shutil
from pathlib import Path

import pytest
from conftest import command, copy_project, download_options, set_params

from galaxy.core import leftovers, outside
from galaxy.core.errors import GalaxyError
from galaxy.core.params import Params
from galaxy.core.paths import PATHS
from galaxy.ingest import download

ZIP = "data/raw/images_test_rev1.zip"


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a `dvc.yaml`, in which one training depends on the model of another."""
    (tmp_path / "dvc.yaml").write_text("stages: {transfer: {deps: [models/cnn]}}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def noted(**weights: str | None) -> dict[str, str]:
    """What is noted of these weights, and of local files in `mine`, by file name."""
    outside.note(Path("notes"), "local", ["mine"], weights)
    return {path.name: path.read_text() for path in Path("notes").iterdir()}


def test_a_file_that_is_new_gone_or_changed_changes_the_note(pipeline: Path):
    notes = [noted()]
    (pipeline / "mine/images").mkdir(parents=True)
    for change in (
        lambda: Path("mine/a.zip").write_text("1"),
        lambda: Path("mine/images/1.jpg").write_text("1"),
        lambda: Path("mine/a.zip").write_text("22"),
        lambda: os.utime("mine/a.zip", (1, 1)),
        lambda: Path("mine/a.zip").rename("mine/b.zip"),
        lambda: shutil.rmtree("mine/images"),
    ):
        change()
        notes.append(noted())
    assert len({note["source.json"] for note in notes}) == len(notes)


def test_hidden_files_and_the_time_at_which_it_is_noted_change_nothing(pipeline: Path):
    (pipeline / "mine").mkdir()
    (pipeline / "mine/a.zip").write_text("1")
    before = noted()
    (pipeline / "mine/.DS_Store").write_text("1")
    assert noted() == before


def test_it_is_known_whether_files_changed_since_they_were_noted(pipeline: Path, defaults: Params):
    download = {"source": "local", "local": {"folder": "mine"}}
    options = Params.model_validate(defaults.model_dump() | {"download": defaults.download.model_dump() | download})
    outside.note_pipeline(options, PATHS.outside)
    assert outside.is_noted(options)
    (pipeline / "mine").mkdir()
    (pipeline / "mine/a.zip").write_text("1")
    assert not outside.is_noted(options)


def test_weights_are_noted_by_their_content(pipeline: Path):
    (pipeline / "mine").mkdir()
    (pipeline / "mine/model.safetensors").write_text("1")
    before = noted(cnn="mine", resnet="mine/model.safetensors", other=None, third="package:efficientnet_lite0")
    os.utime(pipeline / "mine/model.safetensors", (1, 1))
    same = noted(cnn="mine", resnet="mine/model.safetensors", other=None, third="package:efficientnet_lite0")
    assert {name: before[name] for name in before if name != "source.json"} == {
        name: same[name] for name in same if name != "source.json"
    }
    (pipeline / "mine/model.safetensors").write_text("2")
    after = noted(cnn="mine", resnet="mine/model.safetensors", other=None, third="package:efficientnet_lite0")
    changed = {name for name in after if after[name] != same[name]}
    assert changed == {"source.json", "weights_cnn.json", "weights_resnet.json"}


def test_a_folder_that_names_the_network_is_noted_by_its_content(pipeline: Path, defaults: Params):
    """A repository on the Hub is not, because that would take the network each time."""
    (pipeline / "encoder").mkdir()
    cnn = defaults.models["cnn"]
    models = {name: cnn.model_copy(update={"model": name}) for name in ("local-dir:encoder", "hf-hub:a/b", "resnet18")}
    folders, notes = outside.networks(models), []
    assert folders == {"local-dir:encoder": "encoder"}
    for content in ("1", "2"):
        (pipeline / "encoder/model.safetensors").write_text(content)
        outside.note(Path("notes"), "simulated", [], {"m": None}, folders={"m": folders["local-dir:encoder"]})
        notes.append(json.loads(Path("notes/weights_m.json").read_text())["model"]["encoder"])
    assert len(set(notes)) == 2


def test_a_model_of_the_pipeline_itself_may_be_weights_only_of_a_stage_that_depends_on_it(pipeline: Path):
    assert json.loads(noted(transfer="models/cnn")["weights_transfer.json"])["sha256"] is None
    with pytest.raises(GalaxyError, match=r"weights of a: models/b is a result of this pipeline.* \(cp -rL models/b"):
        noted(a="models/b")


def test_in_dvcs_copy_of_the_project_relative_paths_start_from_the_original(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for project in ("project", "project/recipes/cpu"):
        for copy in ("tmpabc", "standalone/tmpabc/recipes/cpu"):
            folder = tmp_path / project / ".dvc/tmp/exps" / copy
            folder.mkdir(parents=True)
            monkeypatch.chdir(folder)
            assert outside.locate("data/mine") == tmp_path / project / "data/mine"
            assert outside.locate("/data/mine") == Path("/data/mine")
    monkeypatch.chdir(tmp_path / "project")
    assert outside.locate("data/mine") == Path("data/mine")


def test_other_files_in_the_same_place_are_noticed_without_force_and_earlier_ones_restored(raw: Path, tmp_path: Path):
    other, project = tmp_path / "other", tmp_path / "project"
    options = download_options()
    simulated = options.simulated.model_copy(update={"training_galaxies": 20, "test_galaxies": 2, "seed": 3})
    download.download(options.model_copy(update={"simulated": simulated}), other)
    project.mkdir()
    copy_project(project)
    command("git", "init", "--quiet", folder=project)
    small = {"training_galaxies": 20, "test_galaxies": 1}
    set_params(project, **{f"download__simulated__{key}": value for key, value in small.items()})

    def made(source: str, files: Path | None = None) -> bytes:
        if files is not None:
            shutil.rmtree(project / "data/competition", ignore_errors=True)
            shutil.copytree(files, project / "data/competition")
        set_params(project, download__source=source)
        command("dvc", "repro", "download", folder=project)
        return (project / ZIP).read_bytes()

    first, second = ((folder / "images_test_rev1.zip").read_bytes() for folder in (raw, other))
    assert made("local", raw) == first
    assert made("local", other) == second
    assert made("local", raw) == first
    assert made("simulated") not in (first, second)
    assert made("local") == first

    set_params(project, train_cnn__weights="data/start")
    (project / "data/start").mkdir()
    (project / "data/start/model.safetensors").write_text("1")
    command("dvc", "repro", "outside", folder=project)
    (project / "data/start/model.safetensors").write_text("2")
    assert "didn't change" not in command("dvc", "repro", "outside", folder=project).stdout


LOCK = """schema: '2.0'
stages:
  train@old:
    cmd: python -m stages.train old
    deps:
    - path: data/split.csv
      md5: 11
    outs:
    - path: metrics/train/old.json
    - path: models/old
  train@kept:
    cmd: python -m stages.train kept
    outs:
    - path: models/kept
  train@old2:
    outs:
    - path: models/old2
"""


def test_a_model_that_the_params_no_longer_name_leaves_nothing_behind(pipeline: Path):
    (pipeline / "dvc.lock").write_text(LOCK)
    for name in ("models/old/model.json", "models/kept/model.json", "models/own/model.json", "metrics/train/old.json"):
        (pipeline / name).parent.mkdir(parents=True, exist_ok=True)
        (pipeline / name).write_text("{}")
    leftovers.remove(["kept", "cnn"])
    assert sorted(str(path.relative_to(pipeline)) for path in pipeline.rglob("*.json")) == [
        "models/kept/model.json",
        "models/own/model.json",  # no stage made it
    ]
    kept = LOCK.partition("  train@old:")[0] + "  train@kept:" + LOCK.partition("  train@kept:")[2]
    assert (pipeline / "dvc.lock").read_text() == kept.partition("  train@old2:")[0]


def test_without_a_lock_file_there_is_nothing_to_remove(pipeline: Path):
    leftovers.remove([])
