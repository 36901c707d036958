"""The report shows what a run left, and says where a figure would mislead."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT, committed

from galaxy.core import decision_tree, params_file, source_info
from galaxy.core.params import Params
from galaxy.data.galaxies import Galaxies
from galaxy.data.split import split
from galaxy.evaluation import scores
from galaxy.evaluation.scores import Predictions
from galaxy.report import leaderboard, likeliest_path
from galaxy.report import page as report
from galaxy.report.page import Run


@pytest.fixture(scope="module")
def run(preprocessed: Path, raw: Path, defaults: Params) -> Run:
    """A run of the pipeline on the small competition, with a model that errs at random."""
    galaxies = Galaxies.open(preprocessed, "training")
    assigned = split(galaxies.ids, 0.4, 0.1, 1)
    rows = galaxies.rows(assigned)

    def scored(name: str) -> Predictions:
        voted = galaxies.votes[rows[name]]
        noise = 0.1 * np.random.default_rng(0).standard_normal(voted.shape)
        scored = Predictions(galaxies.ids[rows[name]], voted, {"cnn": np.clip(voted + noise, 0, 1)})
        return scored.with_ensembles({"cnn": 1.0})

    test = scores.add_baselines(scored("test"), galaxies, rows["train"], rows["test"])
    valid = scores.add_baselines(scored("valid"), galaxies, rows["train"], rows["valid"])
    source = source_info.read(raw)
    history = pd.DataFrame({"epoch": [0, 1], "train_rmse": [0.4, 0.2], "valid_rmse": [0.4, 0.2], "lr": [0.1, 0.1]})
    predicted = pd.DataFrame(test.by_name["cnn"], columns=list(decision_tree.COLUMNS)).assign(GalaxyID=test.ids)
    return Run(
        options=defaults.model_dump(exclude_unset=True),
        source=source,
        evaluated=scores.summarise(
            test,
            "test",
            valid.rmse(),
            ["cnn"],
            source,
            single_view=None,
            expected=test.voted,
            weights={"cnn": 1.0},
        )
        | {"intervals": {"cnn": {"coverage_50": 0.512, "width_50": 0.1, "coverage_90": 0.896, "width_90": 0.25}}},
        histories={"cnn": history},
        questions=scores.question_table(test),
        predicted=predicted,
        galaxies=galaxies,
        rows=rows["test"],
        sizes={name: len(own) for name, own in rows.items()},
    )


@pytest.fixture(scope="module")
def page(run: Run) -> str:
    return report.html(run)


def test_the_page_has_everything_in_itself(page: str):
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)[^\"]*", page)
    assert not re.findall(r"url\((?!#)", page)
    assert "<script" not in page
    assert "prefers-color-scheme: dark" in page
    assert page.count("<svg") == 3
    assert page.count("data:image/jpeg") == 2 * report.EXTREMES + 37


def test_the_result_stands_first_and_where_the_data_is_from_last(page: str, run: Run):
    gain = run.evaluated["improvement_over_central_pixel_percent"]["cnn"]
    verdict = f"The best model, cnn, is {gain:.1f} % better than the central pixel, and the ensemble "
    assert page.index("<h1>") < page.index(verdict) < page.index("<h2>")
    assert page.index("One galaxy per class</h2>") < page.index("SHA-256") < page.index("Params that differ")


def test_a_model_that_the_central_pixel_beats_is_called_worse(run: Run):
    gains = {"cnn": -2.06, "mean": -2.5, "weighted": 1.0}
    evaluated = run.evaluated | {"improvement_over_central_pixel_percent": gains}
    assert "cnn, is 2.1 % worse than the central pixel" in report.verdict(evaluated)


def test_curves_of_valid_stand_beside_baselines_scored_on_valid(page: str, run: Run):
    assert {"column_means", "central_pixel"} <= set(run.evaluated["valid_rmse"])
    assert "central pixel, valid" in page


def test_the_coverage_of_intervals_is_given_where_it_was_measured(page: str, run: Run):
    cells = r"<td>cnn</td><td>51.2 %</td><td>0.100</td><td>89.6 %</td><td>0.250</td>"
    assert re.search(cells, page)
    assert "50 % intervals hold" in page
    evaluated = {key: value for key, value in run.evaluated.items() if key != "intervals"}
    assert "intervals hold" not in report.html(Run(**{**vars(run), "evaluated": evaluated}))


def test_the_noise_floor_is_given_by_question(page: str, run: Run):
    voted = run.galaxies.votes[run.rows]
    floor = run.questions[run.questions["model"] == "vote_noise_floor"].set_index("question")["rmse"]
    assert floor[2] == pytest.approx(np.sqrt((voted[:, 3:5] * (1 - voted[:, 3:5])).mean() / 43))
    assert len(floor) == 11
    assert "vote noise floor</text>" in page


def test_the_same_run_gives_the_same_page(page: str, run: Run):
    assert report.html(run) == page


def test_simulated_galaxies_are_called_so_and_get_no_rank(page: str):
    assert "These galaxies are simulated." in page
    assert "No ranks are given: the galaxies are simulated, and the leaderboard is for real ones" in page
    assert "would have stood" not in page


def test_ranks_stand_where_the_data_is_the_whole_competition(run: Run):
    source = run.source | {"source": "kaggle", "complete_competition": True}
    page = report.html(Run(**{**vars(run), "source": source}))
    assert "These galaxies are simulated." not in page
    assert "No ranks are given" not in page
    assert page.count("near the middle or below") + page.count("in the upper half") >= 1


@pytest.mark.parametrize(
    ("rmse", "standing"),
    [
        (0.07, "before place 1 (Dieleman, 0.07492)"),
        (0.0775, "before place 2 (Milakov, 0.07753)"),
        (0.0785, "before place 3 (tund, 0.07869)"),
        (0.08, "among the first ten"),
        (0.1, "in the upper half"),
        (0.16, "near the middle or below"),
    ],
)
def test_a_score_stands_where_it_would_have(rmse: float, standing: str):
    assert leaderboard.standing(rmse) == standing


def test_a_part_of_the_competition_is_called_a_part():
    source = {"source": "local", "complete_competition": False, "training_galaxies": 4157}
    assert leaderboard.why_not(source) == (
        "the data is not the whole competition (4,157 of its 61,578 labelled galaxies)"
    )


def test_the_table_holds_every_score(page: str, run: Run):
    for name, value in run.evaluated["rmse"].items():
        assert re.search(rf"<td>{name.replace('_', ' ')}</td><td>{value:.5f}</td>", page), name


def test_params_that_differ_are_named(run: Run, page: str):
    assert "None: all params have their default values." in page
    options = run.options | {"preprocess": {"crop": 212, "size": 96}}
    page = report.html(Run(**{**vars(run), "options": options}))
    assert re.search(r"preprocess\.size</td><td[^>]*>64</td><td[^>]*>96</td>", page)


def test_the_packaged_defaults_are_the_params_that_come_with_the_project():
    versions = [[(ROOT / "params.yaml").read_text()], *committed("params.yaml")]
    assert any(params_file.leaves(yaml.safe_load(text)) == params_file.defaults() for (text,) in versions)


def test_best_and_worst_are_those_of_least_and_most_error(page: str, run: Run):
    rows = run.rows
    voted = run.galaxies.votes[rows]
    predicted = run.predicted[list(decision_tree.COLUMNS)].to_numpy()
    order = run.galaxies.ids[rows][np.argsort(((predicted - voted) ** 2).sum(axis=1))]
    shown = [int(i) for i in re.findall(r"<strong>(\d+)</strong>, RMSE", page)]
    assert shown == [*order[: report.EXTREMES], *order[::-1][: report.EXTREMES]]
    assert likeliest_path.sentence(voted[list(run.galaxies.ids[rows]).index(shown[0])]) in page


def test_confusion_counts_likeliest_answers():
    voted, predicted = np.zeros((4, 37)), np.zeros((4, 37))
    voted[[0, 1, 2, 3], [0, 0, 1, 2]] = 1
    predicted[[0, 1, 2, 3], [0, 1, 1, 0]] = 1
    assert report.confusion(predicted, voted).tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]


def test_reliability_is_the_mean_vote_where_a_fraction_was_predicted():
    predicted, voted = np.full((10, 37), 0.55), np.full((10, 37), 0.25)
    predicted[:, 0], voted[:5, 0], voted[5:, 0] = 1.0, 0.8, 1.0
    table = report.reliability(predicted, voted)
    smooth = table[table["group"] == "smooth"]
    assert smooth[["predicted", "voted", "values"]].to_numpy().tolist() == [[1.0, pytest.approx(0.9), 10]]
    together = table[table["group"] == "all 37 columns"]
    assert together["values"].tolist() == [360, 10]


def test_a_listed_tree_leaves_out_what_hardly_anybody_reached():
    predicted, voted = np.zeros(37), np.zeros(37)
    voted[[0, 14]] = 1  # smooth, nothing odd
    predicted[[0, 15]] = 0.95, 0.2
    listed = list(report.listed_tree(predicted, voted))
    assert [question["name"] for question in listed] == ["smooth or features", "roundness", "odd"]
    assert [question["depth"] for question in listed] == [0, 1, 0]
    assert listed[0]["answers"][0] == {"text": "smooth", "predicted": 0.95, "voted": 1.0}


def test_a_picture_is_a_small_jpeg():
    assert report.picture(np.zeros((300, 300, 3), np.uint8)).startswith("data:image/jpeg;base64,/9j/")
