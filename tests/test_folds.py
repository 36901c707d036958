"""The recipe of folds, run by DVC in a temporary clone, and the scores of what it holds back."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import command, copy_project, galaxy, in_process, reproduce

from galaxy.core import decision_tree, metrics
from galaxy.core.errors import GalaxyError
from galaxy.core.params import load
from galaxy.data import split
from galaxy.evaluation import ensemble, folds
from galaxy.evaluation.ensemble import BY_QUESTION, MEAN, WEIGHTED
from galaxy.evaluation.folds import HeldOut
from galaxy.evaluation.scores import Predictions
from galaxy.ingest import archives
from stages import train
from stages.folds import evaluate, predict

RECIPE = Path("recipes/folds")
TRAINED = [f"train@{model}-{fold}" for model in ("lite2", "resnet18") for fold in (0, 1)]
PREDICTED = [name.replace("train", "predict") for name in TRAINED]
AFTER = ["evaluate", "make_submission", "report"]


def small(content: dict) -> None:
    """Make the recipe short: few simulated galaxies, two folds, small networks without a start."""
    del content["start"]
    content["download"] = content["download"] | {"source": "simulated"}
    content["download"]["simulated"] |= {"training_galaxies": 60, "test_galaxies": 5}
    content["preprocess"] = {"crop": 64, "size": 16}
    content["train"] = {name: section | SHORT for name, section in content["train"].items()}
    content["train"]["resnet18"]["seed"] = 9
    content["split"] |= {"folds": 2, "valid": 0.2}
    content["train_folds"] = [0, 1]


def without_start(graph: dict) -> None:
    """Remove the stages of the start, which other recipes have, too."""
    for name in ("simulate", "preprocess_start", "split_start", "pretrain"):
        del graph["stages"][name]
    graph["stages"]["train"]["deps"].remove("start/models")


SHORT = {"model": "course_cnn", "model_args": {}, "weights": None, "epochs": 1, "batch_size": 16, "devices": 1}
SHORT |= {"crop": None, "size": None, "precision": "32-true", "optimizer_args": {}}


def ran(folder: Path, *words: str) -> list[str]:
    """Run `dvc repro`; the stages that it ran, in order."""
    lines = command("dvc", "repro", *words, folder=folder).stdout.splitlines()
    return [line.split("'")[1] for line in lines if line.startswith("Running stage")]


def change(folder: Path, how, name: str = "params.yaml") -> None:
    path = folder / name
    content = yaml.safe_load(path.read_text())
    how(content)
    path.write_text(yaml.safe_dump(content, sort_keys=False))


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe's folder in a repository of its own, after `dvc repro`."""
    project = tmp_path_factory.mktemp("folds")
    copy_project(project)
    command("git", "init", "--quiet", folder=project)
    change(project / RECIPE, small)
    change(project / RECIPE, without_start, "dvc.yaml")
    assert {name for name in reproduce(project / RECIPE) if "@" in name} == {*TRAINED, *PREDICTED}
    return project / RECIPE


def read(recipe: Path, path: str) -> pd.DataFrame:
    return pd.read_csv(recipe / path)


def test_every_labelled_galaxy_is_predicted_once_by_a_model_that_did_not_see_it(recipe: Path):
    table = read(recipe, "data/split.csv")
    labelled = read(recipe, "data/preprocessed/training.csv")
    assert sorted(read(recipe, "data/predictions/lite2.csv")["GalaxyID"]) == sorted(labelled["GalaxyID"])
    for fold in (0, 1):
        held_out = read(recipe, f"data/folds/lite2-{fold}/held_out.csv")
        assert set(held_out["GalaxyID"]) == set(table.loc[table["Fold"] == fold, "GalaxyID"])
        card = json.loads((recipe / f"models/lite2-{fold}/model.json").read_text())
        assert card["data"]["training_galaxies"] == (table[f"Set{fold}"] == "train").sum() == 18
        assert (table.loc[table["Fold"] == fold, f"Set{fold}"] == "test").all()


def test_scores_are_those_of_the_predictions_that_are_kept(recipe: Path):
    evaluated = json.loads((recipe / "metrics/evaluate.json").read_text())
    votes = read(recipe, "data/preprocessed/training.csv").set_index("GalaxyID")[list(decision_tree.COLUMNS)]
    by_fold = read(recipe, "metrics/rmse_by_fold.csv")
    for name in ("lite2", "resnet18", MEAN, WEIGHTED, BY_QUESTION):
        predicted = read(recipe, f"data/predictions/{name}.csv").set_index("GalaxyID")
        assert metrics.rmse(predicted, votes.loc[predicted.index]) == pytest.approx(evaluated["rmse"][name], abs=1e-6)
        error = by_fold[name].std() / np.sqrt(2)
        assert evaluated["rmse_standard_error"][name] == pytest.approx(error, abs=1e-5)
    assert by_fold["galaxies"].tolist() == [30, 30]
    assert evaluated["scored_on"] == "held-out"
    steps = read(recipe, "metrics/ensembles.csv")
    assert set(steps["step"]) == {"mean to weighted", "weighted to weighted_by_question"}
    assert len(steps) == 2 * 12


def test_the_submission_is_the_weighted_sum_of_the_means_over_folds(recipe: Path):
    evaluated = json.loads((recipe / "metrics/evaluate.json").read_text())
    submitted = archives.read_submission(recipe / "data/submission/submission.csv")
    expected = sum(
        weight * read(recipe, f"data/folds/{model}-{fold}/test.csv").iloc[:, 1:] / 2
        for model, weight in evaluated["ensemble_weights"].items()
        for fold in (0, 1)
    )
    assert submitted.iloc[:, 1:].to_numpy() == pytest.approx(expected.to_numpy(), abs=2e-6)


def test_the_message_of_a_submission_says_that_it_is_the_mean_over_folds(recipe: Path):
    said = galaxy("submit", "--dry-run", folder=recipe).stdout
    assert "weighted of lite2, resnet18, mean over 2 folds, 4 views; RMSE" in said
    assert "on 60 own held-out galaxies" in said


def test_the_report_says_how_galaxies_were_scored(recipe: Path):
    page = (recipe / "data/report/report.html").read_text()
    assert "60 held-out galaxies: each one is predicted\nby models that were trained without its fold" in page
    assert "60 in 2 of 2 folds" in page


def test_a_second_run_does_nothing_and_one_changed_model_reruns_its_folds_alone(recipe: Path):
    assert ran(recipe) == ["outside"]
    change(recipe, lambda content: content["train"]["resnet18"].update(seed=10))
    status = command("dvc", "status", folder=recipe).stdout
    assert re.findall(r"^(\S+):$", status, re.MULTILINE) == ["outside", *TRAINED[2:], *AFTER]
    change(recipe, lambda content: content["train"]["resnet18"].update(seed=9))


def test_fewer_folds_train_nothing_and_another_submission_scores_nothing(recipe: Path):
    change(recipe, lambda content: content["make_submission"].update(model="mean"))
    status = command("dvc", "status", folder=recipe).stdout
    assert re.findall(r"^(\S+):$", status, re.MULTILINE) == ["outside", "make_submission", "report"]
    change(recipe, lambda content: content.update(train_folds=[1]))
    assert ran(recipe) == ["outside", *AFTER]
    assert not (recipe / "models/lite2-0").exists()
    assert "rmse_standard_error" not in json.loads((recipe / "metrics/evaluate.json").read_text())
    assert len(read(recipe, "data/predictions/lite2.csv")) == 30


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"train_folds": [0, 2]}, r"train_folds is \[0, 2\], but split.folds is 2; it may be \[0, 1\] or a part of it"),
        ({"train_folds": [1, 0]}, r"train_folds is \[1, 0\]"),
        ({"train_folds": None}, "split.folds and train_folds belong together"),
        ({"split": {"folds": 2, "test": 0.1, "valid": 0.1, "seed": 1}}, "every galaxy is scored in its fold"),
        ({"make_submission": {"model": "best_of_all"}}, "it may be best, mean, weighted, weighted_by_question, lite2"),
    ],
)
def test_folds_that_do_not_fit_are_refused_with_the_params(tmp_path: Path, changed: dict, message: str):
    content = yaml.safe_load((Path(__file__).parents[1] / RECIPE / "params.yaml").read_text())
    small(content)
    for key, value in changed.items():
        content[key] = content[key] | value if isinstance(content[key], dict) else value
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(GalaxyError, match=message):
        load(path)


def test_a_start_has_no_folds(tmp_path: Path):
    content = yaml.safe_load((Path(__file__).parents[1] / RECIPE / "params.yaml").read_text())
    content["start"]["split"]["folds"] = 2
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(GalaxyError, match=r"unknown key start\.split\.folds"):
        load(path)


def test_a_stage_of_folds_says_what_it_lacks(recipe: Path):
    for main, words, message in (
        (train.main, ("lite2",), "python -m stages.train lite2 takes --fold 0 to 1"),
        (train.main, ("lite2", "--fold", "2"), "takes --fold 0 to 1"),
        (predict.main, ("lite2", "--fold", "-1"), "takes --fold 0 to 1"),
    ):
        failed = in_process(main, *words, folder=recipe, check=False)
        assert failed.returncode
        assert message in failed.stderr
    root = recipe.parent.parent
    failed = in_process(train.main, "cnn", "--fold", "1", folder=root, check=False)
    assert "takes no --fold, because split.folds is absent" in failed.stderr
    failed = in_process(evaluate.main, folder=root, check=False)
    assert "params.yaml has no folds" in failed.stderr


@pytest.mark.parametrize(("galaxies", "number"), [(50, 5), (53, 4), (7, 7)])
def test_folds_are_equal_and_disjoint_and_valid_lies_outside_of_each(galaxies: int, number: int):
    ids = np.arange(100, 100 + galaxies)
    table = split.deal(ids, number, 0.15, seed=3)
    sizes = table["Fold"].value_counts()
    assert sizes.sum() == galaxies
    assert sizes.max() - sizes.min() <= 1
    for fold in range(number):
        own = split.of_fold(table, fold)
        assert ((own["Set"] == "test") == (table["Fold"] == fold)).all()
        assert (own["Set"] == "valid").sum() == round(0.15 * galaxies)
    assert not table["Set0"].equals(split.deal(ids, number, 0.15, seed=4)["Set0"])


def test_too_few_galaxies_for_the_folds_are_named():
    with pytest.raises(GalaxyError, match="3 galaxies cannot be dealt into 5 folds"):
        split.deal(np.arange(3), 5, 0.1, seed=1)


def test_the_standard_error_is_that_of_the_mean_over_folds():
    voted, numbers = np.zeros((4, 37)), np.array([0, 0, 1, 1])
    predicted = np.array([0.1, 0.1, 0.3, 0.3])[:, None] * np.ones((1, 37))
    assert folds.standard_error(predicted, voted, numbers) == pytest.approx(0.1)
    table = folds.fold_table(HeldOut(Predictions(np.arange(4), voted, {"cnn": predicted}), numbers, {}))
    assert table["cnn"].tolist() == pytest.approx([0.1, 0.3])


def test_a_question_gets_weights_of_its_own_only_where_they_predict_other_galaxies_better():
    draw = np.random.default_rng(0)
    voted = draw.random((600, 37))
    good, bad = (voted + draw.normal(0, spread, voted.shape) for spread in (0.1, 0.2))
    part = decision_tree.column_slice(decision_tree.question(7))
    swapped = good.copy()
    swapped[:, part] = bad[:, part]
    other = bad.copy()
    other[:, part] = good[:, part]
    assert ensemble.fit_by_question({"a": good, "b": bad}, voted) == {}
    found = ensemble.fit_by_question({"a": swapped, "b": other}, voted)
    assert found[7]["b"] == pytest.approx(0.8, abs=0.05)
    combined = ensemble.combine_fitted({"a": swapped, "b": other}, voted, by_question=True)
    rmse = {name: metrics.rmse(combined[name][:, part], voted[:, part]) for name in (WEIGHTED, BY_QUESTION)}
    assert rmse[BY_QUESTION] < 0.95 * rmse[WEIGHTED]


def test_weights_are_not_fitted_on_what_they_are_scored_on():
    """Of many models of pure noise, weights fitted on the scored galaxies would seem to gain over the mean."""
    draw = np.random.default_rng(0)
    voted = draw.normal(0, 1, (40, 37))
    models = {str(i): draw.normal(0, 1, voted.shape) for i in range(40)}
    own = ensemble.combine(models, ensemble.fit_weights(models, voted))
    crossed = ensemble.combine_fitted(models, voted)
    assert metrics.rmse(own[WEIGHTED], voted) < metrics.rmse(own[MEAN], voted)
    assert metrics.rmse(crossed[WEIGHTED], voted) > metrics.rmse(crossed[MEAN], voted)
