"""A split has the shares asked for, is the same for a seed, and never empty."""

import numpy as np
import pytest

from galaxy.core.errors import GalaxyError
from galaxy.data.galaxies import Galaxies
from galaxy.data.split import split

IDS = np.arange(1000) * 7


def test_shares_order_and_seed():
    table = split(IDS, test=0.2, valid=0.1, seed=1)
    assert table["Set"].value_counts().to_dict() == {"train": 700, "test": 200, "valid": 100}
    assert np.array_equal(table["GalaxyID"], IDS)
    assert table.equals(split(IDS, test=0.2, valid=0.1, seed=1))
    assert not table.equals(split(IDS, test=0.2, valid=0.1, seed=2))


def test_the_sets_are_mixed():
    where = np.flatnonzero(split(IDS, test=0.2, valid=0.1, seed=1)["Set"] == "test")
    assert 400 < where.mean() < 600


def test_an_empty_set_is_an_error():
    with pytest.raises(
        GalaxyError, match=r"of 4 galaxies none is left for valid \(split\.test 0\.2, split\.valid 0\.1\)"
    ):
        split(IDS[:4], test=0.2, valid=0.1, seed=1)


def test_a_split_of_other_galaxies_is_refused(preprocessed):
    galaxies = Galaxies.open(preprocessed, "training")
    with pytest.raises(GalaxyError, match="other galaxies"):
        galaxies.rows(split(galaxies.ids + 1, 0.2, 0.1, 1))
    rows = galaxies.rows(split(galaxies.ids, 0.2, 0.1, 1))
    assert sorted(np.concatenate(list(rows.values()))) == list(range(len(galaxies.ids)))


def test_a_test_share_of_zero_leaves_nothing_out_but_valid():
    counts = split(IDS, test=0, valid=0.1, seed=1)["Set"].value_counts()
    assert counts.to_dict() == {"train": 900, "valid": 100}
