"""Own labels: lists are read and checked by row, each kind of label is learned, and DVC runs the pipeline."""

import json
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT, command, copy_project, galaxy, reproduce

from galaxy.core.errors import GalaxyError
from galaxy.core.params import Simulated
from galaxy.core.paths import Paths
from galaxy.own_labels import evaluation, example, page, params, scores, split, targets
from galaxy.own_labels.labelled import Labelled
from galaxy.own_labels.params import OwnLabels, Target
from galaxy.own_labels.prepare import prepare
from galaxy.own_labels.targets import Labels
from galaxy.own_labels.train import train, train_part

PIPELINE = ROOT / "tasks/own_labels"
SMALL = Simulated(training_galaxies=100, test_galaxies=1, seed=5, volunteers=44, seeing=1.3, noise=1.0)
QUICK = {"model": "course_cnn", "weights": None, "freeze_epochs": 0, "layer_decay": None, "epochs": 1, "batch_size": 8}


@pytest.fixture(scope="module")
def labels_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The list of a small example; read only."""
    return example.write(tmp_path_factory.mktemp("example"), SMALL)


def options(path: Path, **sections: dict[str, Any]) -> OwnLabels:
    """The pipeline's params for a list, with small images, quick trainings, and these changes."""
    content = yaml.safe_load((PIPELINE / "params.yaml").read_text())
    content["data"] |= {"source": "local", "local": str(path), "size": 24}
    content["train"]["resnet"] |= QUICK | {"size": 16}
    content["few_labels"]["counts"] = []
    content["start"] = None
    for name, changed in sections.items():
        content[name] |= changed
    return OwnLabels.model_validate(content)


def target(kind: Any, columns: list[str]) -> Target:
    return Target(kind=kind, columns=columns, questions=None, split=None)


def test_the_params_are_valid_and_what_cannot_be_learned_is_refused():
    assert params.load(PIPELINE / "params.yaml").target.kind == "class"
    answers = {"shape": {"answers": ["a", "b"], "after": None}, "bar": {"answers": ["c", "d"], "after": "x"}}
    for changed, message in (
        ({"questions": answers}, "questions are for counts, but kind is class"),
        ({"kind": "counts", "columns": list("abcd"), "questions": answers}, "no answer to an earlier question .a, b"),
        (
            {
                "kind": "counts",
                "columns": list("abdc"),
                "questions": answers | {"bar": {**answers["bar"], "after": "b"}},
            },
            "columns must be the answers of questions in their order: a, b, c, d",
        ),
        ({"columns": ["a", "b"]}, "kind is class, but columns names 2 columns"),
        ({"kind": "counts", "columns": ["a"]}, "kind is counts, but columns names one column"),
        ({"kind": "number", "columns": ["a", "a"]}, "columns names a column twice"),
    ):
        with pytest.raises(ValueError, match=message):
            options(Path("x.csv"), target=changed)
    content = options(Path("x.csv")).model_dump()
    content["target"] |= {"kind": "number", "columns": ["a"]}
    content["train"]["resnet"]["balance"] = True
    with pytest.raises(ValueError, match="balance and label_smoothing are for classes"):
        OwnLabels.model_validate(content)


@pytest.mark.parametrize(
    ("kind", "columns", "row", "problem"),
    [
        ("class", ["kind"], {"kind": " "}, "kind is empty"),
        ("number", ["z"], {"z": "0.1x"}, "z is '0.1x', which is no number"),
        ("number", ["z"], {"z": "nan"}, "z is nan"),
        ("number", ["z"], {"z": ""}, "z is empty"),
        ("fraction", ["a", "b"], {"a": "0.5", "b": "1.2"}, "b is 1.2; a fraction is from 0 to 1"),
        ("counts", ["a", "b"], {"a": "3", "b": "-1"}, "b is -1; a count is 0 or more"),
        ("counts", ["a", "b"], {"a": "0", "b": "0"}, "nobody answers the first question"),
    ],
)
def test_a_label_that_cannot_be_used_is_named_by_its_row(kind: Any, columns: list[str], row: dict, problem: str):
    good: dict[str, list[str]] = {"kind": ["x", "y"], "z": ["1", "2"], "a": ["0.5", "1"], "b": ["0", "1"]}
    table = pd.DataFrame({name: [*good[name], row[name]] for name in columns}, dtype=object)
    labels, problems = targets.read(table, target(kind, columns), "list.csv")
    assert problems == {2: problem}
    assert len(labels.values) == 3


def test_a_column_that_is_absent_or_holds_no_classes_is_one_line():
    table = pd.DataFrame({"kind": ["x", "x"], "id": ["1", "2"]})
    with pytest.raises(GalaxyError, match=r"no column shape \(target.columns\); it has kind, id"):
        targets.read(table, target("class", ["shape"]), "list.csv")
    with pytest.raises(GalaxyError, match=r"column kind holds 1 classes \(x\)"):
        targets.read(table, target("class", ["kind"]), "list.csv")
    many = pd.DataFrame({"z": [str(number) for number in range(1001)]})
    with pytest.raises(GalaxyError, match=r"set target\.kind to number"):
        targets.read(many, target("class", ["z"]), "list.csv")


def test_each_set_has_its_share_of_each_class_and_identical_images_stay_together():
    strata = np.repeat([0, 1], [200, 40])
    groups = np.arange(240)
    groups[1:200:2] = groups[:200:2]  # each image of the larger class is there twice
    sets = split.draw(strata, groups, {"test": 0.25, "valid": 0.15}, seed=3)
    for stratum in (0, 1):
        shares = pd.Series(sets[strata == stratum]).value_counts(normalize=True)
        assert shares.to_dict() == pytest.approx({"train": 0.6, "test": 0.25, "valid": 0.15}, abs=0.03)
    assert (sets[:200:2] == sets[1:200:2]).all()
    assert (sets == split.draw(strata, groups, {"test": 0.25, "valid": 0.15}, seed=3)).all()


def test_a_part_of_the_labels_keeps_the_shares_of_sets_and_classes_and_lies_in_each_larger_part():
    strata = np.tile(np.repeat([0, 1], [9, 1]), 30)
    sets = np.array(["train", "valid", "test"], dtype=object)[np.repeat([0, 1, 2], [180, 60, 60])]
    small, large = (split.part(strata, sets, count, seed=1) for count in (40, 80))
    assert len(small) == 40
    assert set(small) <= set(large)
    assert (sets[small] == "train").sum() == 30
    assert (sets[large] != "test").all()
    assert strata[large].sum() == 8


def test_rows_that_cannot_be_used_are_listed_by_line_and_left_out_only_if_the_params_say_so(
    labels_csv: Path, tmp_path: Path
):
    shutil.copytree(labels_csv.parent, tmp_path, dirs_exist_ok=True)
    table = pd.read_csv(labels_csv, dtype=str)
    table.loc[1, "morphology"] = ""
    table.loc[3, "path"] = "images/absent.jpg"
    (tmp_path / table["path"][4]).write_bytes(b"no image")
    table.to_csv(tmp_path / "labels.csv", index=False)
    asked = options(tmp_path / "labels.csv")
    with pytest.raises(GalaxyError, match=r"(?s)rows that cannot be used \(3 in all\).*line 3, .*: morphology is"):
        prepare(asked)
    data, _, left_out = prepare(options(tmp_path / "labels.csv", data={"bad_rows": "leave_out"}))
    assert left_out["line"].tolist() == [3, 5, 6]
    assert len(data.labels.values) == len(data.examples.images) == len(data.catalogue) == len(table) - 3
    assert data.catalogue["id"].tolist() == table["id"].drop([1, 3, 4]).tolist()


def test_a_zip_and_a_folder_give_the_same_images_as_paths_beside_the_list(labels_csv: Path, tmp_path: Path):
    expected = prepare(options(labels_csv))[0].examples
    with zipfile.ZipFile(tmp_path / "images.zip", "w") as archive:
        for path in (labels_csv.parent / "images").iterdir():
            archive.write(path, f"images/{path.name}")
    shutil.copy(labels_csv, tmp_path / "labels.csv")
    for place in (tmp_path / "images.zip", labels_csv.parent):
        found = prepare(options(tmp_path / "labels.csv", data={"images": str(place)}))[0].examples
        assert (found.images == expected.images).all()
        assert found.table["set"].tolist() == expected.table["set"].tolist()


def test_the_lists_own_sets_are_kept_and_an_image_of_test_does_not_train(tmp_path: Path):
    draw = np.random.default_rng(1)
    for number in range(8):
        cv2.imwrite(str(tmp_path / f"{number}.png"), draw.integers(0, 256, (40, 40, 3), dtype=np.uint8))
    shutil.copy(tmp_path / "7.png", tmp_path / "0.png")
    sets = ["train", "train", "train", "train", "train", "valid", "valid", "test"]
    table = pd.DataFrame({"path": [f"{i}.png" for i in range(8)], "kind": list("xyxyxyxy"), "set": sets})
    table.to_csv(tmp_path / "list.csv", index=False)
    asked = {"columns": ["kind"], "split": "set"}
    data = prepare(options(tmp_path / "list.csv", target=asked))[0]
    assert data.examples.table["set"].tolist() == ["unused", *sets[1:]]
    table.assign(set=[*sets[:7], "tests"]).to_csv(tmp_path / "list.csv", index=False)
    with pytest.raises(GalaxyError, match=r"line 9, .*: set is 'tests'; it may be train, valid, test"):
        prepare(options(tmp_path / "list.csv", target=asked))


KINDS: tuple[tuple[str, list[str]], ...] = (
    ("class", ["merger"]),
    ("fraction", ["smooth_fraction"]),
    ("number", ["magnitude"]),
    ("counts", ["smooth", "featured", "artifact"]),
    ("counts", ["smooth", "featured", "artifact", "bar", "no_bar"]),
)
TREE = {
    "shape": {"answers": ["smooth", "featured", "artifact"], "after": None},
    "bar": {"answers": ["bar", "no_bar"], "after": "featured"},
}
"""The questions of the last."""


@pytest.mark.parametrize(("kind", "columns"), KINDS)
def test_each_kind_of_label_is_learned_scored_beside_its_baseline_and_reported(
    kind: str, columns: list[str], labels_csv: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    table = pd.read_csv(labels_csv)
    table["bar"], table["path"] = table["featured"] // 3, [labels_csv.parent / path for path in table["path"]]
    table["no_bar"] = table["featured"] - table["bar"]
    table.to_csv("labels.csv", index=False)
    chosen = {"kind": kind, "columns": columns, "questions": TREE if "bar" in columns else None}
    asked, paths = options(Path("labels.csv"), target=chosen), Paths()
    asked.few_labels.counts.append(20)
    data = prepare(asked)[0]
    data.write(paths.data / "labelled")
    data = Labelled.open(paths.data / "labelled")
    train(asked.train["resnet"], data, paths.training("resnet"))
    train_part(asked.train["resnet"], data, 20, paths.training("few-20"))
    text = evaluation.evaluate(asked, data, paths)
    table = pd.read_csv(paths.metrics / "scores.csv")
    assert table["model"].tolist() == [scores.BASELINE[kind], "resnet"]
    decides = scores.DECIDES[kind]
    assert table[decides].between(table["low"], table["high"]).all()
    assert f"{table[decides][1]:.4f}" in text
    assert ("labels within the intervals" in text) == (kind != "class")
    predicted = pd.read_csv(paths.predictions / "resnet.csv")
    test = data.rows("test")
    assert predicted["id"].tolist() == data.catalogue["id"].astype(int).iloc[test].tolist()
    values = predicted[[f"predicted_{name}" for name in data.labels.outputs]].to_numpy()
    if kind in ("class", "counts"):
        assert values[:, : len(columns) - 2 if "bar" in columns else None].sum(axis=1) == pytest.approx(1, abs=1e-5)
    if "bar" in columns:
        assert values[:, 3:].sum(axis=1) == pytest.approx(values[:, 1], abs=1e-5)  # those who answer "featured"
    assert json.loads(paths.evaluation.read_text())["best"] == "resnet"
    card = json.loads((paths.model("few-20") / "model.json").read_text())
    assert card["data"]["training_images"] < 20
    (paths.metrics / "images.json").write_text(json.dumps({"images": 1, "identical_images": 0, "left_out": 0}))
    report = page.html(asked, data, paths)
    assert f"{table[decides][1]:.3f}" in report
    assert ("<h2>Intervals</h2>" in report) == (kind != "class")
    assert not re.search(r'(src|href)="http', report)


def test_scores_are_those_of_their_definitions():
    labels = Labels("class", ("x", "y"), np.array([0, 1, 1, 1]))
    predicted = np.array([[0.8, 0.2], [0.6, 0.4], [0.1, 0.9], [0.3, 0.7]])
    found = scores.score(predicted, labels, np.ones(2))
    assert found["accuracy"] == 0.75
    assert found["macro_f1"] == pytest.approx((2 / 3 + 0.8) / 2)
    assert found["log_likelihood"] == pytest.approx(np.log([0.8, 0.4, 0.9, 0.7]).mean())
    counts = Labels("counts", ("x", "y"), np.array([[3, 1], [0, 2]], np.float32), [(0, 2, None)])
    found = scores.score(np.array([[0.5, 0.5], [0.25, 0.75]]), counts, np.ones(2))
    assert found["rmse"] == pytest.approx(0.25)
    assert found["log_likelihood"] == pytest.approx((4 * np.log(0.5) + 2 * np.log(0.75)) / 6)
    votes = np.array([[6, 2, 1, 1], [4, 0, 0, 0]], np.float32)
    tree = Labels("counts", ("x", "y", "u", "v"), votes, [(0, 2, None), (2, 4, 1)])
    assert tree.shares.tolist() == [[0.75, 0.25, 0.125, 0.125], [1, 0, 0, 0]]
    found = scores.score(np.array([[0.5, 0.5, 0.25, 0.25], [0.75, 0.25, 0, 0.25]]), tree, np.ones(4))
    assert found["log_likelihood"] == pytest.approx((10 * np.log(0.5) + 4 * np.log(0.75)) / 14)
    numbers = Labels("number", ("z",), np.array([[1.0], [3.0]], np.float32))
    found = scores.score(np.array([[1.0], [1.0]]), numbers, np.array([2.0]))
    assert found["rmse_z"] == pytest.approx(2**0.5)
    assert found["relative_rmse"] == pytest.approx(0.5**0.5)


def test_dvc_runs_the_pipeline_and_leaves_it_alone(labels_csv: Path, tmp_path: Path):
    copy_project(tmp_path)
    command("git", "init", "--quiet", folder=tmp_path)
    folder = tmp_path / "tasks/own_labels"
    content = options(labels_csv).model_dump()
    content["few_labels"]["counts"] = []
    (folder / "params.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    reproduce(folder)
    assert (folder / "data/report/report.html").is_file()
    again = command("dvc", "repro", folder=folder).stdout
    assert re.findall("Running stage '(.*)'", again) == ["outside"]
    command("git", "add", "--all", folder=tmp_path)
    command("git", "-c", "user.name=t", "-c", "user.email=t", "commit", "--quiet", "-m1", folder=tmp_path)
    compared = galaxy("compare", "HEAD", "workspace", folder=folder).stdout
    assert "test images that both have" in compared
    assert "within noise" in compared

    content["data"]["local"] = "absent.csv"
    (folder / "params.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    failed = command("dvc", "repro", folder=folder, check=False)
    assert failed.returncode
    assert "data.local is absent.csv: no such file; name your list" in failed.stderr
    assert command("git", "status", "--porcelain", "--untracked-files=no", folder=tmp_path).stdout.split() == [
        "M",
        "tasks/own_labels/params.yaml",
    ]  # nothing that was made is gone
