"""Several models as one."""

import numpy as np
import pytest

from galaxy.core import metrics
from galaxy.core.errors import GalaxyError
from galaxy.data.galaxies import Galaxies
from galaxy.evaluation import ensemble
from galaxy.evaluation.ensemble import MEAN, WEIGHTED
from galaxy.ingest import archives


@pytest.fixture
def voted() -> np.ndarray:
    return np.random.default_rng(0).random((300, 37))


def noisy(voted: np.ndarray, spread: float, seed: int) -> np.ndarray:
    return voted + np.random.default_rng(seed).normal(0, spread, voted.shape)


def test_weights_go_to_the_better_model_as_their_variances_say(voted):
    weights = ensemble.fit_weights({"good": noisy(voted, 0.1, 1), "bad": noisy(voted, 0.2, 2)}, voted)
    assert weights["good"] == pytest.approx(0.8, abs=0.02)  # by the inverse of the variances: 4 to 1
    assert sum(weights.values()) == pytest.approx(1)


def test_no_weight_is_negative_and_a_useless_model_gets_none(voted):
    good = noisy(voted, 0.1, 1)
    weights = ensemble.fit_weights({"good": good, "worse": good + noisy(np.zeros_like(voted), 0.1, 2)}, voted)
    assert weights["worse"] == pytest.approx(0, abs=0.01)
    assert min(weights.values()) >= 0


def test_the_weighted_sum_is_no_worse_than_the_mean_where_it_was_fitted(voted):
    predictions = {str(seed): noisy(voted, 0.05 * seed, seed) for seed in (1, 2, 3)}
    combined = ensemble.combine(predictions, ensemble.fit_weights(predictions, voted))
    assert list(combined) == ["1", "2", "3", MEAN, WEIGHTED]
    assert combined[MEAN] == pytest.approx(sum(predictions.values()) / 3)
    assert metrics.rmse(combined[WEIGHTED], voted) < metrics.rmse(combined[MEAN], voted)


def test_sums_of_the_decision_tree_hold_for_ensembles_of_models_that_keep_them(preprocessed):
    votes = Galaxies.open(preprocessed, "training").votes
    predictions = {"one": votes, "other": np.roll(votes, 1, axis=0)}
    combined = ensemble.combine(predictions, ensemble.fit_weights(predictions, np.roll(votes, 2, axis=0)))
    for name in (MEAN, WEIGHTED):
        assert max(np.abs(excess).max() for _, excess in archives.tree_sums(combined[name])) < 1e-5


def test_weights_of_other_models_are_refused(voted):
    with pytest.raises(GalaxyError, match=r"weights belong to cnn, but the models are resnet; run dvc repro evaluate"):
        ensemble.combine({"resnet": voted}, {"cnn": 1.0})
