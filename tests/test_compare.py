"""Comparing two runs: the params that differ, and differences that are more than noise."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import DEFAULTS, command

from galaxy import cli
from galaxy.core import decision_tree, metrics
from galaxy.core.errors import GalaxyError
from galaxy.evaluation import comparison

GALAXIES = 60


def table(values: np.ndarray, first: int = 100) -> pd.DataFrame:
    frame = pd.DataFrame(values, columns=list(decision_tree.COLUMNS))
    frame.insert(0, "GalaxyID", np.arange(first, first + len(values)))
    return frame


@pytest.fixture
def voted() -> np.ndarray:
    return np.random.default_rng(0).random((GALAXIES, 37)).round(6)


def noisy(voted: np.ndarray, noise: float, seed: int) -> np.ndarray:
    return voted + noise * np.random.default_rng(seed).standard_normal(voted.shape)


def test_changed_params_are_named_with_both_values():
    before = {"a.b": 1, "a.c": [1.0], "gone": None}
    changed = comparison.changed(before, {"a.b": 2, "a.c": [1.0], "new": True})
    assert changed.to_numpy().tolist() == [["a.b", 1, 2], ["gone", None, "–"], ["new", "–", True]]


def test_the_difference_is_that_of_the_scores_and_its_interval_holds_it(voted: np.ndarray):
    before, after = noisy(voted, 0.1, 1), noisy(voted, 0.08, 2)
    pairs = comparison.pair((table(before), table(after)), (table(voted), table(voted)))
    assert pairs.same
    found = comparison.by_question(pairs)
    assert list(found["question"])[:2] == ["all", "1 smooth or features"]
    assert len(found) == 12
    assert found["before"][0] == pytest.approx(metrics.rmse(before, voted))
    assert found["after"][0] == pytest.approx(metrics.rmse(after, voted))
    odd = decision_tree.column_slice(decision_tree.question(6))
    assert found["after"][6] == pytest.approx(metrics.rmse(after[:, odd], voted[:, odd]))
    assert np.allclose(found["difference"], found["after"] - found["before"])
    assert ((found["low"] < found["difference"]) & (found["difference"] < found["high"])).all()
    assert comparison.verdict(found.iloc[0]) == "better"
    pd.testing.assert_frame_equal(found, comparison.by_question(pairs))


def test_two_runs_that_differ_by_chance_alone_are_within_noise(voted: np.ndarray):
    pairs = comparison.pair((table(noisy(voted, 0.1, 1)), table(noisy(voted, 0.1, 2))), (table(voted), table(voted)))
    assert comparison.verdict(comparison.by_question(pairs).iloc[0]) == "within noise"


def test_pairing_takes_what_is_hard_about_a_galaxy_out_of_the_interval(voted: np.ndarray):
    """Both runs err alike, galaxies differ a lot: a small constant gain is still seen."""
    error = np.linspace(0.01, 0.5, GALAXIES)[:, None] * np.ones(37)
    pairs = comparison.pair((table(voted + error), table(voted + 0.98 * error)), (table(voted), table(voted)))
    row = comparison.by_question(pairs).iloc[0]
    assert comparison.verdict(row) == "better"
    assert row["high"] - row["low"] < 0.1 * row["before"]


def test_the_interval_covers_the_true_difference_about_as_often_as_it_says():
    """Squared errors of known expectation: of 60 intervals some 57 hold the difference of the expected scores."""
    rng, held = np.random.default_rng(5), 0
    for _ in range(60):
        before, after = np.square(0.1 * rng.standard_normal((2, 80, 37))).mean(axis=2)
        low, high = comparison.interval(before, after)
        held += low <= 0 <= high
    assert 51 <= held <= 60


def test_only_galaxies_that_both_tested_are_paired(voted: np.ndarray):
    predicted = noisy(voted, 0.1, 1)
    relabelled = voted.copy()
    relabelled[30, 0] += 0.1  # the same id, another galaxy
    pairs = comparison.pair((table(predicted), table(predicted[20:], first=120)), (table(voted), table(relabelled)))
    assert pairs.tested == (60, 40)
    assert not pairs.same
    assert list(pairs.ids) == [i for i in range(120, 160) if i != 130]
    assert np.allclose(pairs.voted, np.delete(voted[20:], 10, axis=0))


def test_predictions_without_votes_are_refused(voted: np.ndarray):
    with pytest.raises(GalaxyError, match="do not belong together"):
        comparison.pair((table(voted), table(voted)), (table(voted), table(voted[:50])))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose two commits differ in one param and one model's predictions; the data in DVC's cache."""
    folder = tmp_path_factory.mktemp("project")
    votes = np.random.default_rng(0).random((GALAXIES, 37)).round(6)
    shutil.copyfile(DEFAULTS, folder / "params.yaml")
    for words in (("git", "init", "--quiet", "--initial-branch", "main"), ("dvc", "init", "--quiet")):
        command(*words, folder=folder)
    for epochs, noise, message in ((6, 0.1, "before"), (9, 0.05, "after")):
        params = yaml.safe_load((folder / "params.yaml").read_text())
        params["train_cnn"]["epochs"] = epochs
        (folder / "params.yaml").write_text(yaml.safe_dump(params))
        for name, values in (("cnn", noise), ("resnet", 0.2), ("mean", noise)):
            path = folder / f"data/predictions/{name}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            table(noisy(votes, values, 1)).to_csv(path, index=False)
        (folder / "data/preprocessed").mkdir(exist_ok=True)
        table(votes).to_csv(folder / "data/preprocessed/training.csv", index=False)
        command("dvc", "add", "--quiet", "data/predictions", "data/preprocessed", folder=folder)
        command("git", "add", "--all", folder=folder)
        command("git", "-c", "user.name=t", "-c", "user.email=t@e.org", "commit", "-qm", message, folder=folder)
    return folder


def compare(monkeypatch: pytest.MonkeyPatch, folder: Path, *words: str) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["galaxy", "compare", *words])
    cli.main()


def test_two_revisions_are_compared(project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    compare(monkeypatch, project, "HEAD~1", "main", "--model", "cnn")
    said = capsys.readouterr().out
    assert [line.split() for line in said.splitlines() if "epochs" in line] == [["train_cnn.epochs", "6", "9"]]
    assert "cnn, RMSE on 60 test galaxies" in said
    row = next(line.split() for line in said.splitlines() if line.split()[:1] == ["all"])
    assert row[-1] == "better"
    assert float(row[2]) - float(row[1]) == pytest.approx(float(row[3]), abs=2e-5)
    assert "resnet" not in said

    compare(monkeypatch, project, "HEAD~1", "workspace", "--model", "resnet")
    assert "the predictions are the same" in capsys.readouterr().out
    compare(monkeypatch, project, "HEAD", "--model", "resnet", "cnn")
    assert "resnet and cnn, RMSE on 60 test galaxies" in capsys.readouterr().out


def test_brief_is_a_row_per_model_with_the_figures_of_the_tables(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    compare(monkeypatch, project, "HEAD~1", "HEAD")
    whole = [line.split() for line in capsys.readouterr().out.splitlines() if line.split()[:1] == ["all"]]
    compare(monkeypatch, project, "HEAD~1", "HEAD", "--brief")
    text = capsys.readouterr().out
    assert "RMSE on 60 test galaxies\nresnet: the predictions are the same\n" in text
    said = [line.split() for line in text.splitlines()]
    assert ["train_cnn.epochs", "6", "9"] in said
    start = said.index(["model", "before", "after", "difference", "interval", "verdict"])
    assert [row[0] for row in said[start + 1 : start + 3]] == ["cnn", "mean"]
    assert [row[1:] for row in said[start + 1 : start + 3]] == [row[1:] for row in whole]
    assert said[start + 3] == []


def test_other_test_galaxies_are_called_out(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    path = project / "data/predictions/cnn.csv"
    whole = path.read_bytes()
    path.unlink()  # a link into DVC's cache
    path.write_bytes(b"\n".join(whole.splitlines()[:21]))
    compare(monkeypatch, project, "HEAD", "--model", "cnn")
    said = capsys.readouterr().out
    compare(monkeypatch, project, "HEAD", "--model", "cnn", "--brief")
    path.write_bytes(whole)
    brief = capsys.readouterr().out
    assert "RMSE on 20 test galaxies\nTHE TEST GALAXIES DIFFER: 60 before, 20 after, 20 in common" in brief
    assert "cnn: no difference is given: too few galaxies in common" in brief
    assert "THE TEST GALAXIES DIFFER: 60 before, 20 after, 20 in common" in said
    assert "no difference is given: too few galaxies in common" in said


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing"], "nothing: no params.yaml: unknown Git revision 'nothing'; name a revision or experiment"),
        (["HEAD", "--model", "vit"], "HEAD has no model 'vit'; it has cnn, resnet, mean"),
        (["HEAD", "HEAD", "--model", "a", "b", "c"], "--model takes one name or two, not 3"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(
    project: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
):
    with pytest.raises(SystemExit) as stop:
        compare(monkeypatch, project, *words)
    assert message in str(stop.value.code)


def test_a_clone_is_told_that_its_results_were_made_elsewhere(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    command("git", "clone", "--quiet", project, "clone", folder=tmp_path)
    for words, message in (
        (
            ["HEAD", "workspace", "--model", "cnn"],
            "error: HEAD: no data/predictions/cnn.csv: HEAD holds results made elsewhere, which DVC's cache does not",
        ),
        (["HEAD"], "; run dvc repro and commit yours first (git commit --all), or fetch them (dvc pull)"),
        (["workspace", "--model", "cnn"], "; run dvc repro first"),
    ):
        with pytest.raises(SystemExit) as stop:
            compare(monkeypatch, tmp_path / "clone", *words)
        assert message in str(stop.value.code)


def test_a_subfolder_is_not_taken_for_the_project(project: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(SystemExit, match=r"params.yaml: no such file; run in the folder of a pipeline, the one with"):
        compare(monkeypatch, project / "data", "HEAD~1", "HEAD")
