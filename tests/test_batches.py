"""Batches are whole, have the targets of their images, and mix labelled with taught images as asked."""

import numpy as np
import pytest
import torch
from conftest import augmentation, whole
from torch.utils.data import DataLoader

from galaxy.core.params import Params, Train
from galaxy.data.augmentation import Augment
from galaxy.data.batches import Images, ShuffledKeys, Taught, training_loader

SIDE = 8


def numbered(count: int, first: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images that hold their own number, and targets that do."""
    numbers = np.arange(first, first + count)
    images = np.broadcast_to(numbers[:, None, None, None], (count, SIDE, SIDE, 3)).astype(np.uint8)
    return images, np.repeat(numbers[:, None], 37, axis=1).astype(np.float32)


def noise(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Images without any symmetry, and targets of zeros."""
    return np.random.default_rng(0).integers(0, 256, (count, SIDE, SIDE, 3), np.uint8), np.zeros(
        (count, 37), np.float32
    )


@pytest.fixture
def options(defaults: Params) -> Train:
    return defaults.models["cnn"].model_copy(update={"batch_size": 16, "workers": 0})


def test_every_epoch_has_every_galaxy_once_in_another_order():
    sampler = ShuffledKeys(10, batch_size=5, seed=3)
    orders = []
    for epoch in range(3):
        sampler.set_epoch(epoch)
        keys = np.array(list(sampler))
        assert (keys // 10 == epoch).all()
        assert sorted(keys % 10) == list(range(10))
        orders.append(tuple(keys % 10))
    assert len(set(orders)) == 3


def test_batches_are_full_and_match_images_with_their_votes(options: Train):
    images, votes = numbered(50)
    loader = training_loader(options, Images(images, votes, np.arange(10, 50)))
    batches = list(loader)
    assert [len(batch[0]) for batch in batches] == [16, 16]
    for batch, targets in batches:
        assert batch.dtype == torch.uint8
        for image, target in zip(batch.numpy(), targets.numpy(), strict=True):
            (row,) = np.flatnonzero((images == image).all(axis=(1, 2, 3)))
            assert row >= 10
            assert np.array_equal(votes[row], target)


def test_a_view_depends_on_seed_epoch_and_galaxy_alone():
    images, votes = noise(20)
    data = Images(images, votes, np.arange(20), Augment.of(augmentation(rotation=180, shift=0.1), whole(SIDE), seed=1))
    one_by_one = torch.stack([data[key][0] for key in (3, 23, 5)])
    together = data.__getitems__([5, 3, 23])[0]
    assert torch.equal(one_by_one, together[[1, 2, 0]])
    assert not torch.equal(one_by_one[0], one_by_one[1])  # the same galaxy in another epoch
    other = Images(images, votes, np.arange(20), Augment.of(augmentation(rotation=180, shift=0.1), whole(SIDE), seed=2))
    assert not torch.equal(other[3][0], one_by_one[0])
    assert isinstance(DataLoader(data).dataset, Images)


def test_a_batch_is_divided_into_equal_parts_and_no_part_of_a_batch_is_left_over(options: Train):
    images, votes = numbered(60)
    parts = training_loader(
        options.model_copy(update={"gradient_accumulation": 4}), Images(images, votes, np.arange(60))
    )
    assert [len(images) for images, _ in parts] == [4] * 12  # three batches of 16
    whole_batches = training_loader(options, Images(images, votes, np.arange(60)))
    assert torch.equal(torch.cat([images for images, _ in parts]), torch.cat([images for images, _ in whole_batches]))


@pytest.mark.parametrize("taught", [50, 5], ids=["many", "few"])
def test_each_batch_has_the_share_of_taught_images_and_an_epoch_every_labelled_one(options: Train, taught: int):
    labelled, taught_images = numbered(48), numbered(taught, first=100)
    extra = Taught(Images(*taught_images, np.arange(taught)), share=0.25)
    loader = training_loader(options, Images(*labelled, np.arange(48)), extra)
    drawn = []
    for images, targets in loader:
        assert torch.equal(images[:, 0, 0, 0].float(), targets[:, 0])
        assert (targets[:, 0] >= 100).sum() == 4
        drawn += targets[:, 0].int().tolist()
    assert sorted(number for number in drawn if number < 100) == list(range(48))
    counts = np.bincount([number - 100 for number in drawn if number >= 100], minlength=taught)
    assert counts.sum() == 16
    assert counts.max() - counts.min() <= 1  # none comes again before all came


def test_a_taught_image_that_comes_again_in_an_epoch_is_another_view(options: Train):
    labelled = numbered(48)
    images, votes = noise(2)
    augment = Augment.of(augmentation(rotation=180), whole(SIDE), seed=1)
    extra = Taught(Images(images, votes + 100, np.arange(2), augment), share=0.25)
    views = [
        image.numpy().tobytes()
        for batch, targets in training_loader(options, Images(*labelled, np.arange(48)), extra)
        for image, target in zip(batch, targets, strict=True)
        if target[0] >= 100
    ]
    assert len(set(views)) == len(views) == 16
