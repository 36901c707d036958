"""How a task's images are shared out to sets: sizes, shares of each class, identical images; and classes balanced."""

import numpy as np
import pytest

from galaxy.core.errors import GalaxyError
from galaxy.data.split import SETS
from galaxy.tasks import duplicates
from galaxy.tasks.params import Split
from galaxy.tasks.split import balanced, split


def sizes(train: int, valid: int, test: int, seed: int = 1) -> Split:
    return Split(train=train, valid=valid, test=test, seed=seed)


def test_sizes_are_exact_where_there_are_enough_and_shares_where_not():
    labels = np.arange(60_000) % 10
    enough = split(np.arange(60_000), labels, sizes(10_000, 1_000, 0))
    assert [int((enough == name).sum()) for name in (*SETS, "unused")] == [10_000, 1_000, 0, 49_000]
    fewer = split(np.arange(300), labels[:300], sizes(7000, 1500, 1500))
    assert [int((fewer == name).sum()) for name in (*SETS, "unused")] == [210, 45, 45, 0]
    assert np.array_equal(fewer, split(np.arange(300), labels[:300], sizes(7000, 1500, 1500)))
    assert not np.array_equal(fewer, split(np.arange(300), labels[:300], sizes(7000, 1500, 1500, seed=2)))
    with pytest.raises(GalaxyError, match="of 3 images none is left for valid"):
        split(np.arange(3), labels[:3], sizes(100, 1, 1))


def test_each_set_has_its_share_of_each_class_and_a_rare_class_is_in_all_of_them():
    counts = np.array([786, 740, 832, 84, 274, 3, 2, 104])  # about as many galaxies of each class as are at hand
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    assigned = split(np.arange(len(labels)), labels, sizes(18_000, 1_180, 1_180))
    by_class = np.array([np.bincount(labels[assigned == name], minlength=len(counts)) for name in SETS])
    valid = len(labels) * 1180 // 20360
    assert by_class.sum(axis=1).tolist() == [len(labels) - 2 * valid, valid, valid]
    assert by_class[:, 5].tolist() == [1, 1, 1]
    assert by_class[:, 6].sum() == 2
    large = counts > 50
    assert by_class[1:, large] == pytest.approx(np.tile(counts[large] * 1180 / 20360, (2, 1)), abs=1.5)


def test_a_rare_class_of_identical_images_stays_on_one_side():
    group = np.arange(400)
    group[:3] = 0
    assigned = split(group, np.repeat([0, 1], [3, 397]), sizes(300, 50, 50))
    assert len(set(assigned[:3])) == 1
    assert [int((assigned == name).sum()) for name in SETS] == [300, 50, 50]


def test_identical_images_stay_on_one_side():
    group = np.repeat(np.arange(100), 3)
    assigned = split(group, group % 2, sizes(200, 50, 50)).reshape(100, 3)
    assert (assigned == assigned[:, :1]).all()
    assert [int((assigned == name).sum()) for name in (*SETS, "unused")] == [204, 48, 48, 0]


def test_identical_images_are_counted_and_those_of_the_datas_own_test_left_out():
    images = np.random.default_rng(0).integers(0, 256, (8, 4, 4, 3)).astype(np.uint8)
    images[3], images[7], images[5] = images[0], images[1], images[4]
    group = duplicates.groups(images)
    own_test = np.array([False] * 6 + [True] * 2)
    labels = np.array([0, 1, 0, 1, 1, 1, 0, 0])
    assert duplicates.count(group, labels, own_test) == {
        "identical_images": 6,
        "identical_groups": 3,
        "of_several_classes": 2,
        "left_out": 1,
    }


def test_the_smaller_classes_are_drawn_again_until_all_are_equal():
    labels = np.repeat([0, 1, 2], [10, 4, 1])
    rows = np.arange(1, 15)
    again = balanced(rows, labels, seed=0)
    assert np.bincount(labels[again]).tolist() == [9, 9, 9]
    assert np.array_equal(again[: len(rows)], rows)
    assert set(again) == set(rows)
    assert np.bincount(again)[10:14].min() == 2  # evenly: no image a third time before all are there twice
