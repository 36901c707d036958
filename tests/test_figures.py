"""The figures: which galaxies they show, and that equal content gives equal files."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from galaxy.evaluation import figures
from galaxy.evaluation.exploration import asymmetry, explore
from galaxy.evaluation.scores import GREYS
from galaxy.task_results import figures as task_figures


def test_each_column_gets_a_galaxy_of_its_own_with_a_large_fraction_and_a_small_cost():
    votes = np.zeros((100, 37))
    votes[:37] = np.eye(37) * 0.8
    votes[0] = 0.9  # would be the likeliest of every column
    votes[40, 3], votes[41, 3] = 1, 0.95
    costs = np.zeros(100)
    costs[40] = 0.3
    chosen = figures.one_per_column(votes, costs)
    assert len(set(chosen)) == 37
    assert chosen[0] == 0
    assert chosen[3] == 41
    few = figures.one_per_column(votes[:5], costs[:5])
    assert set(few) == set(range(5)), "fewer galaxies than columns repeat"


def test_a_galaxy_beside_a_star_is_less_symmetric_than_one_alone():
    rows, columns = np.mgrid[:212, :212]
    alone = 200 * np.exp(-((rows - 105.5) ** 2 + (columns - 105.5) ** 2) / 400)
    star = 250 * np.exp(-((rows - 40) ** 2 + (columns - 60) ** 2) / 100)
    tidy, untidy = [asymmetry(cv2.merge([image.clip(0, 255).astype(np.uint8)] * 3)) for image in (alone, alone + star)]
    assert tidy < 0.01
    assert 0.1 < untidy <= 1
    assert asymmetry(np.zeros((10, 10, 3), np.uint8)) == 0, "an image without light"


def test_the_same_galaxies_give_the_same_bytes(raw: Path, tmp_path: Path):
    source = {"source": "simulated", "training_galaxies": 60}
    for name in ("a", "b"):
        explore(raw, tmp_path / name / "data", tmp_path / name / "metrics", 212, 64, source)
    written = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*.png"))
    assert len(written) == 5
    assert all((tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes() for path in written)


def test_the_axis_of_a_history_begins_after_epoch_0():
    table = pd.DataFrame({"epoch": [0, 1, 2], "train_rmse": [0.43, 0.17, 0.15], "valid_rmse": [0.43, 0.18, 0.16]})
    axis = figures.history({"cnn": table}, {"central_pixel": 0.16}, "RMSE").axes[0]
    assert axis.get_ylim()[1] < 0.2
    assert axis.get_xlim()[0] > 0.5
    assert [line.get_label() for line in axis.lines] == ["cnn, valid", "cnn, train", "central pixel, valid"]


def test_a_long_title_of_a_small_figure_is_not_cut_off():
    figure = task_figures.confusion(
        np.eye(3, dtype=int), ("a", "b", "c"), "Galaxy10 (samples): transfer, 500 test images"
    )
    figure.draw_without_rendering()
    box = figure._suptitle.get_window_extent()
    assert 0 <= box.x0 < box.x1 <= figure.bbox.width


def test_what_there_is_to_compare_with_is_grey_and_the_floor_a_stroke():
    names = ["cnn", "column_means", "central_pixel", "vote_noise_floor"]
    rows = [(name, question, 0.1) for name in names for question in range(1, 12)]
    figure = figures.rmse_by_question(pd.DataFrame(rows, columns=["model", "question", "rmse"]), GREYS, "RMSE")
    colours = {line.get_label(): line.get_color() for line in figure.axes[0].lines}
    assert [name.replace("_", " ") for name in names] == list(colours)
    assert [name for name, colour in colours.items() if colour != figures.GREY] == ["cnn"]


def test_a_single_fraction_is_paler_than_many_but_not_white(tmp_path: Path):
    predicted = np.full((1000, 37), 0.9)
    voted = predicted.copy()
    predicted[0], voted[0] = 0.1, 0.5
    figure = figures.predicted_against_voted(predicted, voted, "predicted against voted")
    cells = figure.axes[0].collections[0]
    single, many = (cells.to_rgba(count)[:3] for count in (1, 999))
    assert sum(many) < sum(single) < 2.7
    assert any("fractions" in axis.get_ylabel() for axis in figure.axes + figure.axes[-1].child_axes)
    figures.save(figure, tmp_path / "figure.png")
    assert cv2.imread(str(tmp_path / "figure.png")).shape == (1000, 1300, 3)
