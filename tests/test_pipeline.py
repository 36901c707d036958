"""The whole pipeline, run by DVC in a temporary clone: rebuilt, left alone, changed, restored, compared."""

import csv
import json
import re
import shutil
from pathlib import Path

import pytest
import yaml
from conftest import DEFAULTS, ROOT, command, copy_project, set_params

from galaxy.inference import submission
from galaxy.ingest import archives

TRAINING, TEST = 120, 15


def git(folder: Path, *words: str) -> str:
    return command("git", "-c", "user.name=t", "-c", "user.email=t@example.org", *words, folder=folder).stdout


def repro(folder: Path, *words: str) -> list[str]:
    """Run `dvc repro`; the stages that it ran, in order."""
    return started(command("dvc", "repro", *words, folder=folder).stdout)


def started(output: str) -> list[str]:
    """The stages that ran by what DVC printed, in order; `outside` always runs."""
    ran = [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]
    assert ran[0] == "outside"
    return ran[1:]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the working tree's files and small params, in which the pipeline has run and is committed."""
    folder = tmp_path_factory.mktemp("clone")
    copy_project(folder)
    set_params(
        folder,
        download__simulated__training_galaxies=TRAINING,
        download__simulated__test_galaxies=TEST,
        train_cnn__epochs=2,
        train_cnn__batch_size=16,
        train_resnet__epochs=1,
        train_resnet__batch_size=16,
    )
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "before")
    ran = repro(folder)
    assert ran[0] == "download"
    others = {"outside", "train"}  # of the latter the default params name none
    assert set(ran) == set(yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]) - others
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "after")
    return folder


def test_the_outputs_are_there_and_whole(clone: Path):
    assert submission.validate(clone / "data/submission/submission.csv") == TEST
    images = archives.image_members(clone / "data/raw/images_test_rev1.zip")
    with (clone / "data/submission/submission.csv").open() as file:
        assert [int(row["GalaxyID"]) for row in csv.DictReader(file)] == list(images)
    report = json.loads((clone / "metrics/evaluate.json").read_text())
    assert report["source"] == "simulated"
    assert report["galaxies"] == TRAINING // 5
    floors = ("vote_noise_floor", "perfect_model")
    models = {"cnn", "resnet", "mean", "weighted"}
    assert set(report["rmse"]) == models | {"column_means", "central_pixel", *floors}
    floor = max(report["rmse"].pop(name) for name in floors)
    assert json.loads((clone / "metrics/calibration.json").read_text())["galaxies"] == TRAINING
    assert all(floor < value < 0.5 for value in report["rmse"].values())
    assert report["best"] == min(("cnn", "resnet"), key=report["valid_rmse"].__getitem__)
    for name, epochs in (("cnn", 2), ("resnet", 1)):
        with (clone / f"metrics/train/{name}_history.csv").open() as file:
            history = list(csv.DictReader(file))
        assert list(history[0]) == ["epoch", "train_rmse", "valid_rmse", "lr"]
        assert [int(row["epoch"]) for row in history] == list(range(epochs + 1))
    figures = sorted(str(path.relative_to(clone / "metrics")) for path in clone.glob("metrics/*/*.png"))
    assert figures == [
        "evaluate/history.png",
        "evaluate/predicted_against_voted.png",
        "evaluate/rmse_by_question.png",
        "explore/distributions.png",
        "explore/likeliest_preprocessed.png",
        "explore/likeliest_raw.png",
    ]


def test_the_report_is_one_page_that_fetches_nothing_and_says_what_differs(clone: Path):
    page = (clone / "data/report/report.html").read_text()
    assert "These galaxies are simulated." in page
    assert "No ranks are given: the galaxies are simulated" in page
    usual = yaml.safe_load(DEFAULTS.read_text())["train_cnn"]["epochs"]
    assert re.search(rf"train_cnn\.epochs</td><td[^>]*>{usual}</td><td[^>]*>2<", page)
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)[^\"]*", page)
    assert len(page.encode()) < 1024**2


def test_a_model_can_be_fetched_as_an_artifact(clone: Path, tmp_path: Path):
    git(clone, "tag", "--annotate", "--message", "first", "cnn@v1.0.0")
    command("dvc", "artifacts", "get", clone, "cnn", "--rev", "v1.0.0", "--out", tmp_path / "cnn", folder=tmp_path)
    for name in ("model.safetensors", "model.json"):
        assert (tmp_path / "cnn" / name).read_bytes() == (clone / "models/cnn" / name).read_bytes()


def test_nothing_is_left_over_in_the_working_tree(clone: Path):
    assert git(clone, "status", "--porcelain") == ""
    assert not list(clone.glob(".checkpoints/*"))
    assert not list(clone.rglob("*.part"))


def test_nothing_runs_again_when_nothing_has_changed(clone: Path):
    for folder in ("data/raw", "data/preprocessed", "models/cnn", "galaxy/core", "data/predictions"):
        for name in (".DS_Store", "Thumbs.db", "desktop.ini", "._model.json"):  # what file managers leave
            (clone / folder / name).write_text("1")
    assert repro(clone) == []
    git(clone, "clean", "--quiet", "--force", "-d", "galaxy")


def test_metrics_and_plots_are_shown(clone: Path):
    shown = json.loads(command("dvc", "metrics", "show", "--json", folder=clone).stdout)
    assert {"metrics/evaluate.json", "metrics/train/cnn.json", "metrics/train/resnet.json"} <= set(shown[""]["data"])
    command("dvc", "plots", "show", "--out", "plots", folder=clone)
    page = (clone / "plots/index.html").read_text()
    assert "RMSE by epoch" in page
    for figure in ("explore_likeliest_raw.png", "evaluate_history.png"):
        assert figure in page
    assert not re.findall(r"(?:src|href)=\"(?!static/|#|\$)[^\"]*", page), "it loads something from elsewhere"
    assert "RMSE on the test galaxies by question" in page
    shutil.rmtree(clone / "plots")


def test_a_wrong_param_stops_the_first_stage_with_one_line_and_costs_no_result(clone: Path):
    set_params(clone, train_cnn__epochs="six")
    failed = command("dvc", "repro", "train_cnn", folder=clone, check=False)
    assert failed.returncode != 0
    assert "error: params.yaml: train_cnn.epochs is 'six': input should be a valid integer" in failed.stderr
    assert "Traceback" not in failed.stderr + failed.stdout
    assert (clone / "models/cnn/model.json").is_file()
    failed = command("dvc", "exp", "run", "-S", "+train_resnet.foo=1", folder=clone, check=False)
    assert "error: params.yaml: unknown key train_resnet.foo" in failed.stderr
    assert (clone / "models/cnn/model.json").is_file()
    git(clone, "checkout", "--quiet", ".")
    command("dvc", "checkout", folder=clone)


def test_the_command_line_adds_a_model_and_git_takes_it_away(clone: Path):
    section = yaml.safe_load((clone / "params.yaml").read_text())["train_cnn"] | {"seed": 2, "size": 48}
    value = json.dumps({"second": section}).replace('"', "")
    ran = command("dvc", "exp", "run", "-S", f"+train={value}", "evaluate", folder=clone)
    warnings = [line for line in (ran.stdout + ran.stderr).splitlines() if "WARNING" in line]
    assert all(f"'{clone}/models/second'" in line for line in warnings)  # that it is not trained yet
    assert started(ran.stdout) == ["train@second", "evaluate"]
    assert (clone / "models/second/model.json").is_file()
    difference = json.loads(command("dvc", "params", "diff", "--json", folder=clone).stdout)
    assert difference["params.yaml"]["train.second.seed"] == {"old": None, "new": 2}
    scored = json.loads((clone / "metrics/evaluate.json").read_text())["rmse"]
    assert scored["second"] != scored["cnn"]

    git(clone, "checkout", "--quiet", ".")
    git(clone, "clean", "--quiet", "--force", "-d")
    command("dvc", "checkout", folder=clone)
    assert repro(clone) == []
    assert "second" not in json.loads((clone / "metrics/evaluate.json").read_text())["rmse"]
    assert not (clone / "data/predictions/second.csv").exists()


def test_an_experiment_reruns_what_depends_on_it_is_compared_applied_and_taken_back(clone: Path):
    """What the README shows, without a warning; DVC speaks of the root's pipeline alone."""
    before = (clone / "data/submission/submission.csv").read_bytes()
    ran = started(command("dvc", "exp", "run", "--name", "other", "-S", "train_cnn.seed=7", folder=clone).stdout)
    assert ran[:2] == ["train_cnn", "evaluate"]
    assert set(ran[2:]) == {"make_submission", "report"}
    assert "other" in command("dvc", "exp", "show", "--csv", folder=clone).stdout
    difference = json.loads(command("dvc", "params", "diff", "--json", folder=clone).stdout)
    assert difference["params.yaml"]["train_cnn.seed"] == {"old": 1, "new": 7, "diff": 6}
    difference = json.loads(command("dvc", "metrics", "diff", "--json", folder=clone).stdout)
    assert "rmse.cnn" in difference["metrics/evaluate.json"]
    assert "metrics/train/resnet.json" not in difference
    command("dvc", "plots", "diff", "--out", "plots", folder=clone)
    shutil.rmtree(clone / "plots")
    for words in (("params", "diff"), ("metrics", "diff"), ("metrics", "show"), ("dag",)):
        shown = command("dvc", *words, folder=clone)
        assert "WARNING" not in shown.stdout + shown.stderr
        assert "tasks/" not in shown.stdout

    git(clone, "checkout", "--quiet", "params.yaml")
    output = command("dvc", "repro", folder=clone).stdout
    assert started(output) == []
    assert "is cached - skipping run" in output
    assert (clone / "data/submission/submission.csv").read_bytes() == before
    assert git(clone, "status", "--porcelain") == ""

    applied = command("dvc", "exp", "apply", "other", folder=clone)
    assert "WARNING" not in applied.stdout + applied.stderr
    assert repro(clone) == []
    git(clone, "checkout", "--quiet", ".")
    command("dvc", "checkout", folder=clone)


def test_stages_run_without_dvc(clone: Path, tmp_path: Path):
    plain = tmp_path / "plain"
    git(clone, "clone", "--quiet", str(clone), str(plain))
    for stage in ("download", "preprocess", "split"):
        command("python", "-m", f"stages.{stage}", folder=plain)
    assert (plain / "data/split.csv").read_bytes() == (clone / "data/split.csv").read_bytes()
    assert (plain / "data/raw/images_test_rev1.zip").read_bytes() == (
        clone / "data/raw/images_test_rev1.zip"
    ).read_bytes()
