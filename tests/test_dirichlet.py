"""The head dirichlet and its loss: distributions of votes along the decision tree."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import augmentation, spec
from scipy.stats import dirichlet_multinomial

from galaxy.core import decision_tree, params
from galaxy.core.decision_tree import STEPS, Answer, Question, by_column, steps
from galaxy.core.params import Params
from galaxy.core.paths import Paths
from galaxy.data import simulated_truth
from galaxy.data.galaxies import Galaxies
from galaxy.data.split import split
from galaxy.data.test_time_views import of_number
from galaxy.models import saved
from galaxy.models.heads import Dirichlet
from galaxy.models.network import build_network
from galaxy.models.predict import predict
from galaxy.models.vote_chances import concentrations
from galaxy.simulator.volunteers import columns_from_votes, walk
from galaxy.training import likelihood, vote_fractions

VOLUNTEERS = 44


@pytest.fixture(scope="module")
def logits() -> torch.Tensor:
    return 2 * torch.randn((6, 37), generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.fixture(scope="module")
def votes() -> list[np.ndarray]:
    """What each of `VOLUNTEERS` answers, 44×37, for six galaxies."""
    rng = np.random.default_rng(3)
    chances = np.empty((VOLUNTEERS, 37))
    galaxies = []
    for _ in range(6):
        for step in STEPS:
            chances[:, step.block] = rng.dirichlet(np.ones(step.block.stop - step.block.start))
        galaxies.append(walk(chances, rng))
    return galaxies


def test_fractions_are_the_expected_ones_and_obey_every_sum_of_the_tree(logits: torch.Tensor):
    head = Dirichlet()
    fractions, alphas = head(logits), head.log_concentrations(logits).exp()
    for question in decision_tree.QUESTIONS:
        block = decision_tree.column_slice(question)
        parent = 1 if question.parent is None else fractions[:, [decision_tree.COLUMN_INDEX[question.parent]]]
        share = alphas[:, block] / alphas[:, block].sum(dim=1, keepdim=True)
        torch.testing.assert_close(fractions[:, block], share * parent)


def test_concentrations_follow_from_fractions_and_totals(logits: torch.Tensor):
    head = Dirichlet()
    found = concentrations(head(logits).numpy(), head.log_totals(logits).numpy())
    assert found == pytest.approx(head.log_concentrations(logits).exp().numpy(), rel=1e-6)


def test_the_likelihood_is_that_of_scipy_for_each_question(logits: torch.Tensor, votes: list[np.ndarray]):
    alphas = Dirichlet.log_concentrations(logits).exp()
    given = torch.from_numpy(np.stack([own.sum(axis=0) for own in votes])).double()
    found = likelihood.log_likelihood(alphas, given).numpy()
    for galaxy in range(len(votes)):
        for number, step in enumerate(STEPS):
            counts = given[galaxy, step.block].numpy().astype(int)
            expected = dirichlet_multinomial.logpmf(counts, alphas[galaxy, step.block].numpy(), counts.sum())
            assert found[galaxy, number] == pytest.approx(expected, abs=1e-9)


def test_votes_follow_from_the_columns_of_the_competition(votes: list[np.ndarray]):
    """Also of question 6, whose columns are of those who were asked, and of 8 below it."""
    columns = np.stack([columns_from_votes(own, np.ones(VOLUNTEERS)) for own in votes])
    volunteers = torch.full((len(votes), 1), VOLUNTEERS, dtype=torch.float64)
    given = likelihood.answers_given(torch.from_numpy(columns), volunteers)
    assert given.numpy() == pytest.approx(np.stack([own.sum(axis=0) for own in votes]))


def test_the_gradient_is_right_for_numbers_of_votes_that_are_not_whole(logits: torch.Tensor):
    volunteers = torch.full((len(logits), 1), 41.7, dtype=torch.float64)
    given = likelihood.answers_given(Dirichlet()(logits.flip(0)), volunteers)

    def total(own: torch.Tensor) -> torch.Tensor:
        return likelihood.log_likelihood(Dirichlet.log_concentrations(own).exp(), given).sum()

    assert torch.autograd.gradcheck(total, logits.clone().requires_grad_())


@pytest.mark.parametrize("size", [0.0, 1.0, 30.0, 1e6])
def test_the_loss_is_finite_and_that_of_float32_in_mixed_precision(size: float, votes: list[np.ndarray]):
    columns = np.stack([columns_from_votes(own, np.ones(VOLUNTEERS)) for own in votes])
    targets = torch.from_numpy(np.column_stack([columns, np.full(len(votes), VOLUNTEERS)]).astype(np.float32))
    wild = (size * torch.randn((len(votes), 37), generator=torch.Generator().manual_seed(2))).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        found = likelihood.loss(wild, targets)
    found.backward()
    assert found.dtype == torch.float32
    assert found.isfinite()
    assert wild.grad is not None
    assert wild.grad.isfinite().all()
    assert found.item() == pytest.approx(likelihood.loss(wild.double(), targets).item(), rel=1e-5)


def test_a_tree_of_ones_own_takes_the_same_arithmetic():
    """One question of three answers, of which the second leads to another with two."""
    own = (
        Question(1, "kind", "", None, (Answer("a", None), Answer("b", 2), Answer("c", None))),
        Question(2, "more", "", "Class1.2", (Answer("yes", None), Answer("no", None))),
    )
    tree = steps(own)
    fractions = Dirichlet([(0, 3, None), (3, 5, 1)])(torch.zeros((1, 5)))
    assert fractions.tolist() == [pytest.approx([1 / 3, 1 / 3, 1 / 3, 1 / 6, 1 / 6])]
    given = likelihood.answers_given(fractions, torch.full((1, 1), 30.0), tree)
    assert given.tolist() == [pytest.approx([10, 10, 10, 5, 5])]
    found = likelihood.log_likelihood(torch.ones((1, 5)), given, tree)
    assert found[0, 1] == pytest.approx(np.log(1 / 11), abs=1e-5)  # each of 11 outcomes is as likely


def test_steps_are_in_the_order_of_columns_or_each_after_what_leads_to_it():
    assert [step.block.start for step in by_column(STEPS)] == [
        decision_tree.column_slice(question).start for question in decision_tree.QUESTIONS
    ]
    done: set[int] = set()
    for step in STEPS:
        assert done.issuperset(step.leads_here)
        done.update(range(step.block.start, step.block.stop))


@pytest.mark.parametrize(("head", "loss"), [("dirichlet", "bce"), ("sigmoid", "dirichlet_multinomial")])
def test_head_and_loss_without_each_other_are_refused_in_one_line(head: str, loss: str, defaults: Params):
    section = defaults.models["cnn"].model_dump() | {"head": head, "loss": loss}
    with pytest.raises(ValueError, match=f"head is {head} and loss {loss}, but .* belong together; set both, or neit"):
        params.Train.model_validate(section)


def test_simulated_galaxies_count_with_their_own_volunteers_and_others_with_the_params(
    preprocessed: Path, raw: Path, defaults: Params, tmp_path: Path
):
    galaxies = Galaxies.open(preprocessed, "training")
    options = defaults.models["cnn"].model_copy(update={"loss": "dirichlet_multinomial", "volunteers": 30})
    numbers = simulated_truth.volunteers(raw, galaxies.ids)
    own = vote_fractions.targets_of(options, galaxies.votes, numbers)
    truth = pd.read_csv(raw / "simulated_truth.csv", index_col="GalaxyID")["volunteers"]
    assert own[:, -1].tolist() == truth.loc[galaxies.ids].tolist()
    assert simulated_truth.volunteers(tmp_path, galaxies.ids) is None
    assert vote_fractions.targets_of(options, galaxies.votes, None)[:, -1].tolist() == [30] * len(galaxies.ids)


def test_a_training_learns_and_its_model_gives_totals(preprocessed: Path, defaults: Params, tmp_path: Path):
    galaxies = Galaxies.open(preprocessed, "training")
    changed = {"head": "dirichlet", "loss": "dirichlet_multinomial", "epochs": 3, "batch_size": 8}
    changed |= {"augmentation": augmentation(), "precision": "32-true", "output_bias": False}
    paths = Paths(str(tmp_path)).training("sure")
    table = split(galaxies.ids, 0.2, 0.2, 1)
    options = defaults.models["cnn"].model_copy(update=changed)
    vote_fractions.train(options, galaxies, table, {"source": "simulated"}, paths)
    history = pd.read_csv(paths.history)
    assert history["train_rmse"].iloc[-1] < 0.9 * history["train_rmse"].iloc[0]
    network, card = saved.load(paths.model)
    assert "residuals" not in card
    plain = predict(network, galaxies.images, 16, packed=galaxies.field_of_view)
    sure = predict(network, galaxies.images, 16, packed=galaxies.field_of_view, totals=True)
    assert sure.shape == (len(plain), 48)
    assert np.array_equal(sure[:, :37], plain)
    assert json.loads(paths.metrics.read_text())["valid_rmse"] < 0.25


def test_views_are_averaged_fractions_by_their_mean_and_totals_by_their_geometric_mean():
    network = build_network(spec(head="dirichlet"))
    images = np.random.default_rng(0).integers(0, 255, (3, 64, 64, 3), dtype=np.uint8)
    views = of_number(4)
    together = predict(network, images, 8, views=views, totals=True)
    alone = [predict(network, images, 8, views=[view], totals=True) for view in views]
    assert together == pytest.approx(np.mean(alone, axis=0), abs=1e-5)
    assert np.exp(together[:, 37:]) == pytest.approx(np.exp(np.mean([a[:, 37:] for a in alone], axis=0)), rel=1e-4)
