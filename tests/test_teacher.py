"""A model that learns from another's predictions for the unlabelled images."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import DEFAULTS

from galaxy.core import decision_tree, files
from galaxy.core.errors import GalaxyError
from galaxy.core.params import Params, Teacher, load
from galaxy.core.params_file import read_yaml
from galaxy.core.paths import Paths
from galaxy.data import galaxies as packed
from galaxy.data.galaxies import Galaxies
from galaxy.data.split import split
from galaxy.models import saved
from galaxy.models.predict import predict
from galaxy.training import teacher, vote_fractions


def predictions(folder: Path, galaxies: Galaxies, value: float) -> Path:
    """The file of a teacher that gives each answer to question 1 a fraction, and everything else nothing."""
    fractions = np.zeros((len(galaxies.ids), 37))
    fractions[:, 0], fractions[:, 1] = value, 1 - value
    path = folder / "predictions.csv"
    files.write_csv(path, packed.table(galaxies.ids, fractions))
    return path


def test_a_student_predicts_what_its_teacher_does(preprocessed: Path, tmp_path: Path, defaults: Params):
    """Real votes call few galaxies smooth with certainty; this teacher does with all."""
    labelled, unlabelled = (Galaxies.open(preprocessed, name) for name in ("training", "test"))
    path = predictions(tmp_path, unlabelled, 1.0)
    alone = defaults.models["cnn"].model_copy(update={"epochs": 6, "batch_size": 16, "learning_rate": 0.003})
    means = {}
    for name, section in {
        "alone": alone,
        "taught": alone.model_copy(update={"teacher": Teacher(predictions=str(path), share=0.75)}),
    }.items():
        paths = Paths(str(tmp_path / name)).training("cnn")
        lesson = teacher.read(section.teacher, preprocessed, None)
        vote_fractions.train(section, labelled, split(labelled.ids, 0.2, 0.2, 1), {"source": "t"}, paths, lesson)
        network, card = saved.load(paths.model)
        means[name] = predict(network, unlabelled.images, 64, packed=unlabelled.field_of_view)[:, 0].mean()
        assert ("teacher" in card["data"]) == (name == "taught")
    assert card["data"]["teacher"] == {
        "predictions": str(path),
        "sha256": files.sha256(path),
        "share": 0.75,
        "images": len(unlabelled.ids),
    }
    assert means["taught"] > means["alone"] + 0.1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.iloc[1:], r"no predictions for 1 of the \d+ test images \(\d+ is the first\)"),
        (lambda table: table.drop(columns="Class1.1"), "is no table of GalaxyID and the 37 columns"),
        (lambda table: table.assign(**{"Class1.1": 1.5}), "a value is no fraction from 0 to 1"),
        (lambda table: table.assign(**{"Class1.1": "much"}), "a value is no fraction from 0 to 1"),
        (lambda table: pd.concat([table, table]), "a galaxy has two rows"),
    ],
)
def test_predictions_that_do_not_serve_are_named(preprocessed: Path, tmp_path: Path, change, message: str):
    path = predictions(tmp_path, Galaxies.open(preprocessed, "test"), 0.5)
    change(pd.read_csv(path)).to_csv(path, index=False)
    with pytest.raises(GalaxyError, match=message):
        teacher.read(Teacher(predictions=str(path), share=0.5), preprocessed, None)


def test_absent_predictions_are_named(preprocessed: Path):
    with pytest.raises(GalaxyError, match=r"nowhere\.csv: no such file; make the teacher's predictions first"):
        teacher.read(Teacher(predictions="nowhere.csv", share=0.5), preprocessed, None)


def test_each_fold_has_its_own_teacher_or_a_warning(preprocessed: Path, tmp_path: Path, capsys):
    path = predictions(tmp_path, Galaxies.open(preprocessed, "test"), 0.5)
    path.rename(tmp_path / "of-1.csv")
    lesson = teacher.read(Teacher(predictions=f"{tmp_path}/of-{{fold}}.csv", share=0.5), preprocessed, 1)
    assert lesson is not None
    assert lesson.predicted[:, :2] == pytest.approx(0.5)
    assert capsys.readouterr().out == ""
    teacher.read(Teacher(predictions=f"{tmp_path}/of-1.csv", share=0.5), preprocessed, 1)
    assert "the teacher's predictions are the same for every fold" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"predictions": "of-{fold}.csv", "share": 0.5}, "this pipeline has no folds; name one file"),
        ({"predictions": "of.csv", "share": 0.01}, "leaves no labelled or no other image in a batch of 32"),
        ({"predictions": "of.csv", "share": 1.0}, "train_cnn.teacher.share is 1.0: input should be less than 1"),
    ],
)
def test_a_teacher_that_cannot_teach_is_refused_with_the_params(tmp_path: Path, changed: dict, message: str):
    import yaml

    content = read_yaml(DEFAULTS.read_text())
    content["train_cnn"]["teacher"] = changed
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(GalaxyError, match=message):
        load(path)


def test_all_37_columns_of_the_teacher_are_learned_in_their_order(preprocessed: Path, tmp_path: Path):
    galaxies = Galaxies.open(preprocessed, "test")
    fractions = np.random.default_rng(0).random((len(galaxies.ids), 37))
    table = packed.table(galaxies.ids, fractions).sample(frac=1, random_state=0)
    table[["GalaxyID", *reversed(decision_tree.COLUMNS)]].to_csv(tmp_path / "t.csv", index=False)
    lesson = teacher.read(Teacher(predictions=str(tmp_path / "t.csv"), share=0.5), preprocessed, None)
    assert lesson is not None
    assert lesson.predicted == pytest.approx(fractions)
