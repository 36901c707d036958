"""Intervals of predictions: they hold the votes as often as they say, and what gives none is refused."""

import json
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from conftest import spec
from scipy.stats import betabinom

from galaxy import cli, load
from galaxy.core import decision_tree
from galaxy.core.decision_tree import STEPS
from galaxy.core.errors import GalaxyError
from galaxy.evaluation import coverage
from galaxy.evaluation.scores import Predictions
from galaxy.models import intervals, residuals, saved
from galaxy.models.network import build_network
from galaxy.models.vote_chances import chances

VOLUNTEERS = 44
COLUMNS = list(decision_tree.COLUMNS)


@pytest.fixture(scope="module")
def alphas() -> np.ndarray:
    """Concentrations of 1,500 galaxies, N×37: some questions are nearly certain, some wide open."""
    return np.exp(np.random.default_rng(0).normal(0.3, 1.3, (1500, 37)))


def drawn(alphas: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Fractions of `VOLUNTEERS` who answer, drawn along the tree: N×37."""
    votes = np.zeros(alphas.shape, int)
    for step in STEPS:
        shares = np.stack([rng.dirichlet(own) for own in alphas[:, step.block]])
        asked = np.full(len(alphas), VOLUNTEERS) if step.parent is None else votes[:, step.parent]
        votes[:, step.block] = rng.multinomial(asked, shares)
    return votes / VOLUNTEERS


def predicted(alphas: np.ndarray) -> np.ndarray:
    """What `Network.with_totals` gives for these concentrations: N×48."""
    network = build_network(spec(head="dirichlet"))
    logs = torch.from_numpy(np.log(alphas)).clamp(-6.9, 6.9)
    logits = 7 * (logs / 7).atanh()
    return torch.cat([network.head(logits), network.head.log_totals(logits)], dim=1).numpy()


def test_the_chances_are_beta_binomial_at_the_first_question_and_along_the_tree(alphas: np.ndarray):
    few, counts = alphas[:3], np.arange(VOLUNTEERS + 1)
    found = chances(few, VOLUNTEERS)
    assert found.sum(axis=2) == pytest.approx(1)
    for galaxy, a in enumerate(few):
        first = betabinom(VOLUNTEERS, a[1], a[0] + a[2]).pmf(counts)
        assert found[galaxy, 1] == pytest.approx(first, abs=1e-12)
        edge_on = sum(first[asked] * betabinom(asked, a[3], a[4]).pmf(counts) for asked in counts)
        assert found[galaxy, 3] == pytest.approx(edge_on, abs=1e-12)


@pytest.mark.parametrize("volunteers", [1, 44, 1000])
@pytest.mark.parametrize("bounds", [(-7, 7), (7, 7), (-7, -7)], ids=str)
def test_chances_stay_numbers_for_all_concentrations_and_volunteers(volunteers: int, bounds: tuple[int, int]):
    wild = np.exp(np.random.default_rng(1).uniform(*bounds, (2, 37)))
    with np.errstate(all="raise", under="ignore"):
        assert chances(wild, volunteers).sum(axis=2) == pytest.approx(1)


@pytest.mark.parametrize("level", coverage.LEVELS)
def test_intervals_of_concentrations_hold_the_votes_that_these_give(alphas: np.ndarray, level: float):
    low, high = intervals.bounds(predicted(alphas), None, level, VOLUNTEERS)
    voted = drawn(alphas, np.random.default_rng(5))
    wide = high > low
    held = ((low <= voted) & (voted <= high))[wide].mean()
    assert held == pytest.approx(level, abs=0.01)
    assert ((low >= 0) & (low <= high) & (high <= 1)).all()


@pytest.mark.parametrize("level", [*coverage.LEVELS, 0.7])
def test_intervals_of_residuals_hold_the_votes_of_new_galaxies(level: float):
    """Whatever the model is: here one whose errors depend on the prediction, and which is wrong on average."""
    rng = np.random.default_rng(2)
    shares = rng.beta(0.3, 0.8, (3000, 37))
    voted = rng.binomial(VOLUNTEERS, shares) / VOLUNTEERS
    guesses = np.clip(0.8 * shares + 0.1 + 0.1 * rng.standard_normal(shares.shape) * shares, 0, 1)
    fitted = json.loads(json.dumps(residuals.fit(guesses[:1000], voted[:1000])))
    low, high = intervals.bounds(guesses[1000:], fitted, level, VOLUNTEERS)
    held = ((low <= voted[1000:]) & (voted[1000:] <= high))[high > low].mean()
    assert held == pytest.approx(level, abs=0.02)


@pytest.mark.parametrize("level", [*coverage.LEVELS, 0.7])
def test_intervals_of_residuals_hold_the_numbers_of_new_images(level: float):
    """Of two outputs in other units, whose errors depend on the prediction and are not around 0."""
    rng = np.random.default_rng(2)
    guesses = rng.normal(0, [1, 1000], (9000, 2))
    labelled = guesses + 0.2 * np.abs(guesses) * (1 + rng.standard_normal(guesses.shape))
    fitted = json.loads(json.dumps(residuals.fit_each(guesses[:3000], labelled[:3000], numbers=True)))
    low, high = intervals.bounds(guesses[3000:], fitted, level, VOLUNTEERS)
    held = ((low <= labelled[3000:]) & (labelled[3000:] <= high)).mean(axis=0)
    assert held == pytest.approx([level, level], abs=0.02)


def test_a_number_that_valid_is_too_small_for_has_no_bounds():
    fitted = residuals.fit_each(np.zeros((8, 1)), np.arange(8.0)[:, None], numbers=True)
    low, high = intervals.bounds(np.full((1, 1), 5.0), fitted, 0.9, VOLUNTEERS)
    assert (low[0, 0], high[0, 0]) == (-np.inf, np.inf)


@pytest.mark.parametrize("level", coverage.LEVELS)
def test_intervals_of_several_models_hold_at_least_as_many_votes_as_they_say(level: float):
    rng = np.random.default_rng(3)
    shares = rng.beta(0.8, 0.8, (3000, 37))
    voted = rng.binomial(VOLUNTEERS, shares) / VOLUNTEERS
    models = [np.clip(shares + 0.1 * rng.standard_normal(shares.shape), 0, 1) for _ in range(3)]
    fitted = [residuals.fit(own[:1000], voted[:1000]) for own in models]
    new = [own[1000:] for own in models]
    low, high = intervals.of_several(new, fitted, [()] * 3, level, VOLUNTEERS)
    held = ((low <= voted[1000:]) & (voted[1000:] <= high))[high > low].mean()
    assert held > level - 0.01
    widths = [
        np.subtract(*intervals.bounds(p, own, level, VOLUNTEERS)[::-1]) for p, own in zip(new, fitted, strict=True)
    ]
    assert (high - low) == pytest.approx(np.mean(widths, axis=0))


def test_where_0_is_likely_all_that_is_left_out_lies_above_and_where_it_is_likelier_than_the_level_all_is_0():
    votes = np.array([[[0.95, 0.05, 0, 0, 0], [0.6, 0.2, 0.1, 0.1, 0], [0, 0.2, 0.6, 0.2, 0], [0, 0, 0, 0.3, 0.7]]])
    low, high = intervals.of_level(intervals.Votes(votes), 0.9)
    assert low[0] == pytest.approx([0, 0, 0.25 - 0.125 + 0.0625, 0.5 + 0.125 + 0.25 / 3])
    assert high[0] == pytest.approx([0, 0.75 - 0.125, 0.75 + 0.125 - 0.0625, 1])


def test_a_level_that_valid_is_too_small_for_gives_the_whole_range_and_not_too_little():
    rng = np.random.default_rng(4)
    voted = rng.uniform(0.2, 0.8, (8, 37))
    fitted = residuals.fit(np.full_like(voted, 0.5), voted)
    low, high = intervals.bounds(np.full((1, 37), 0.5, np.float32), fitted, 0.98, VOLUNTEERS)
    first = decision_tree.column_slice(decision_tree.question(1))
    assert low[0, first].tolist() == [0, 0, 0]
    assert high[0, first].tolist() == [1, 1, 1]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of models with random weights: two with the head dirichlet, two with residuals, one of numbers, one of
    classes, one older."""
    folder = tmp_path_factory.mktemp("sure")
    rng = np.random.default_rng(6)
    fitted = residuals.fit(rng.random((50, 37)), rng.random((50, 37)))
    cards = {"sure": {}, "surer": {}, "plain": {"residuals": fitted}, "other": {"residuals": fitted}, "old": {}}
    for seed, (name, card) in enumerate(cards.items()):
        torch.manual_seed(seed)
        head = "dirichlet" if name.startswith("sure") else "decision_tree"
        saved.save(folder / name, build_network(spec(head=head)), {"params": {"volunteers": VOLUNTEERS}} | card)
    numbers = {"head": "numbers", "head_args": {"means": [1, 2], "deviations": [1, 1]}, "outputs": ("z", "z_low")}
    fitted = residuals.fit_each(rng.random((50, 2)), rng.random((50, 2)), numbers=True)
    saved.save(folder / "numbers", build_network(spec(**numbers)), {"residuals": fitted})
    saved.save(folder / "classes", build_network(spec(head="logits", outputs=("a", "b"))), {})
    return folder


@pytest.fixture(scope="module")
def pictures() -> np.ndarray:
    return np.random.default_rng(7).integers(0, 255, (3, 80, 80, 3), dtype=np.uint8)


SEVERAL = [["sure", "surer"], ["plain", "other"], ["sure", "plain"]]


@pytest.mark.parametrize("names", [["sure"], ["plain"], *SEVERAL], ids=str)
def test_predict_adds_low_and_high_of_every_column_and_changes_no_fraction(
    names: list[str], models: Path, pictures: np.ndarray
):
    loaded = load(*(models / name for name in names))
    plain, table = loaded.predict(pictures), loaded.predict(pictures, interval=0.9, views=1)
    ends = [f"{column}_{end}" for column in COLUMNS for end in ("low", "high")]
    assert list(table) == ["file", *COLUMNS, *ends, "warning"]
    assert table[list(plain)].equals(plain)
    narrow = loaded.predict(pictures, interval=0.5)
    for column in COLUMNS:
        assert (table[f"{column}_low"] <= table[f"{column}_high"]).all()
        width, narrower = (t[f"{column}_high"] - t[f"{column}_low"] for t in (table, narrow))
        assert (narrower <= width + 1e-6).all()


def test_an_output_that_is_called_as_the_end_of_an_interval_keeps_its_column(models: Path, pictures: np.ndarray):
    plain = load(models / "numbers").predict(pictures)
    table = load(models / "numbers").predict(pictures, interval=0.9)
    assert list(table) == ["file", "z", "z_low", "p_z_low", "z_high", "z_low_low", "z_low_high", "warning"]
    assert table[list(plain)].equals(plain)
    assert (table["p_z_low"] < table["z"] + 1).all()


def test_more_volunteers_agree_better(models: Path, pictures: np.ndarray):
    loaded = load(models / "sure")
    few, many = (loaded.predict(pictures, interval=0.9, volunteers=number) for number in (10, 200))
    widths = [
        np.mean([table[f"{column}_high"] - table[f"{column}_low"] for column in COLUMNS]) for table in (many, few)
    ]
    assert widths[0] < widths[1]


@pytest.mark.parametrize(
    ("names", "options", "problem"),
    [
        (["old"], {"interval": 0.9}, "old: the model was trained before models had intervals; train it again"),
        (["sure", "old"], {"interval": 0.9}, "old: the model was trained before models had intervals; train it again"),
        (["sure", "plain"], {"interval": 0.9, "volunteers": 20}, "plain: the number of volunteers can be chosen only"),
        (["classes"], {"interval": 0.9}, "classes predicts classes: their probabilities, which it gives, say how sure"),
        (["sure"], {"interval": 0.9, "volunteers": 0}, "volunteers is 0; it may be 1 to 1000"),
        (["sure"], {"interval": 90}, "interval is 90; it must be above 0 and below 1, such as 0.9"),
        (["sure"], {"volunteers": 20}, "volunteers are for intervals; give a level, too"),
    ],
    ids=str,
)
def test_what_gives_no_interval_is_refused_in_one_line(
    names: list[str], options: dict, problem: str, models: Path, pictures: np.ndarray
):
    loaded = load(*(models / name for name in names))
    with pytest.raises(GalaxyError, match=problem) as caught:
        loaded.predict(pictures, **options)
    assert "\n" not in str(caught.value)


def test_the_command_writes_intervals_with_six_digits_and_keeps_a_lists_own_columns(
    models: Path, pictures: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    cv2.imwrite(str(tmp_path / "a.png"), pictures[0])
    pd.DataFrame({"path": ["a.png"], "Class1.1_low": ["mine"]}).to_csv(tmp_path / "list.csv", index=False)
    words = ["predict", "list.csv", "--model", str(models / "sure"), "--interval", "0.8", "--volunteers", "40"]
    arguments = cli.parser().parse_args(words)
    arguments.run(arguments)
    row = pd.read_csv(tmp_path / "predictions.csv", dtype=str).iloc[0]
    assert row["Class1.1_low_list"] == "mine"
    assert all(len(row[f"{column}_{end}"].partition(".")[2]) == 6 for column in COLUMNS for end in ("low", "high"))


def test_coverage_is_measured_by_question_and_overall(alphas: np.ndarray):
    given = predicted(alphas)
    voted = drawn(alphas, np.random.default_rng(8))
    test = Predictions.of(np.arange(len(voted)), voted, {"sure": given})
    card = {"spec": {"head": "dirichlet"}, "params": {"volunteers": VOLUNTEERS}}
    measured = coverage.table(test, {"sure": card}, None)
    assert len(measured) == 3 * (1 + 11)
    assert (measured["coverage"] - measured["level"]).abs().max() < 0.04
    assert (measured["coverage_all"] >= measured["level"] - 0.03).all()
    found = coverage.summary(measured)["sure"]
    assert list(found) == [f"{what}_{level}" for level in (50, 80, 90) for what in ("coverage", "width")]
    assert found["width_50"] < found["width_80"] < found["width_90"]
    assert f"{100 * found['coverage_90']:.1f} %" in coverage.terminal_table({"sure": found})
