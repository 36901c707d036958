"""The engine learns, keeps the best epoch, and repeats itself; views depend on seed, epoch and galaxy alone."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from galaxy import metrics, models, tasks, training, tree
from galaxy.augmentation import Augment
from galaxy.datasets import Images, ShuffledKeys, training_loader
from galaxy.errors import GalaxyError
from galaxy.params import Augmentation, Params, Train
from galaxy.prediction import predict
from galaxy.training_run import pixel_statistics

NO_AUGMENTATION = {"flip": False, "rotation": 0, "zoom": 1, "shift": 0, "brightness": 0, "contrast": 0}
ALL_AUGMENTATION = {"flip": True, "rotation": 180, "zoom": 1.3, "shift": 0.05, "brightness": 0.1, "contrast": 0.1}
SIDE = 16


def augmentation(**options: object) -> Augmentation:
    return Augmentation(**(NO_AUGMENTATION | options))


def blobs(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Noisy squares whose votes follow from their brightness alone: easy to learn."""
    draw = np.random.default_rng(seed)
    level = draw.random(count)
    images = draw.integers(0, 40, (count, SIDE, SIDE, 3)) + (200 * level)[:, None, None, None]
    votes = np.zeros((count, 37), np.float32)
    votes[:, 0], votes[:, 1] = level, 1 - level
    return images.astype(np.uint8), votes


@pytest.fixture
def options(defaults: Params) -> Train:
    return defaults.models["cnn"].model_copy(update={"epochs": 3, "batch_size": 16})


def train(tmp_path: Path, options: Train, count: int = 128) -> tuple[models.Network, "training.pd.DataFrame"]:
    """Train a small network on blobs; the last quarter is valid."""
    images, votes = blobs(count)
    cut = count * 3 // 4
    spec = models.Spec(
        model=options.model,
        model_args=options.model_args,
        head=options.head,
        outputs=tree.COLUMNS,
        crop=212,
        size=SIDE,
        mean=(120.0,) * 3,
        std=(60.0,) * 3,
    )
    torch.manual_seed(options.seed)
    network = models.build(spec)
    augment = Augment.of(options.augmentation, options.seed)
    history = training.fit(
        network,
        tasks.vote_fractions(options.loss),
        options,
        Images(images, votes, np.arange(cut), augment),
        Images(images, votes, np.arange(cut, count)),
        Path(tempfile.mkdtemp(dir=tmp_path)),
    )
    return network, history


def test_it_learns_and_the_history_begins_before_training(tmp_path: Path, options: Train):
    _, history = train(tmp_path, options)
    assert list(history.columns) == ["epoch", "train_rmse", "valid_rmse", "lr"]
    assert history["epoch"].tolist() == [0, 1, 2, 3]
    assert history["valid_rmse"][0] > 0.3  # sigmoid of nothing learned is a half everywhere
    assert history["valid_rmse"][3] < 0.5 * history["valid_rmse"][0]
    assert history["lr"].tolist() == [0.003] * 4


def test_the_weights_kept_are_those_of_the_best_epoch(tmp_path: Path, options: Train):
    # At so high a rate the loss goes up and down, and the best epoch is hardly ever the last.
    wild = options.model_copy(update={"epochs": 6, "learning_rate": 0.03})
    network, history = train(tmp_path, wild)
    images, votes = blobs(128)
    valid = predict(network, images, 16, np.arange(96, 128))
    assert metrics.rmse(valid, votes[96:]) == pytest.approx(history["valid_rmse"][1:].min(), abs=1e-6)


def test_the_same_seed_gives_the_same_weights_whatever_the_number_of_workers(tmp_path: Path, options: Train):
    augmented = options.model_copy(update={"augmentation": Augmentation(**ALL_AUGMENTATION), "epochs": 2})
    results = [
        train(tmp_path, augmented.model_copy(update=changed))
        for changed in ({"workers": 0}, {"workers": 0}, {"workers": 2}, {"seed": 5})
    ]
    weights = [result[0].backbone.classifier.weight for result in results]
    assert torch.equal(weights[0], weights[1])
    assert torch.equal(weights[0], weights[2])
    assert not torch.equal(weights[0], weights[3])
    assert results[0][1].equals(results[2][1])


@pytest.mark.parametrize(
    "changed",
    [
        {"head": "decision_tree"},
        {"loss": "bce"},
        {"optimizer": "adamw", "weight_decay": 0.05},
        {"optimizer": "sgd", "learning_rate": 0.1, "gradient_clip": 1.0},
        {"schedule": "one_cycle"},
        {"schedule": "cosine", "warmup_epochs": 1},
        {"ema_decay": 0.5},
        {"precision": "bf16-mixed"},
        {"model": "resnet10t", "model_args": {"drop_rate": 0.1}},
    ],
    ids=str,
)
def test_heads_losses_optimizers_schedules_and_networks_by_params_alone(tmp_path: Path, options: Train, changed: dict):
    _, history = train(tmp_path, options.model_copy(update=changed))
    assert history["valid_rmse"].iloc[-1] < history["valid_rmse"][0]


@pytest.mark.parametrize(
    ("schedule", "warmup", "expected"),
    [
        ("constant", 0, [1, 1, 1, 1, 1]),
        ("constant", 2, [0.1, 0.5, 1, 1, 1]),
        ("cosine", 0, [1, 0.9, 0.5, 0.1, 0]),
        ("cosine", 2, [0.1, 0.5, 1, 0.5, 0]),
        ("one_cycle", 0, [0.04, 0.9, 0.8, 0.2, 0]),
    ],
)
def test_the_learning_rate_runs_as_asked(options: Train, schedule: str, warmup: int, expected: list[float]):
    chosen = options.model_copy(
        update={"schedule": schedule, "warmup_epochs": warmup, "epochs": 4, "learning_rate": 1.0}
    )
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 1.0)
    steps = 40
    runs = training.schedule(optimizer, chosen, steps)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        runs.step()
    assert [rates[i] for i in (0, 10, 20, 30, 39)] == pytest.approx(expected, abs=0.12)


def test_early_stopping_stops(tmp_path: Path, options: Train):
    frozen = options.model_copy(update={"epochs": 30, "learning_rate": 1e-12, "early_stopping": 2})
    _, history = train(tmp_path, frozen)
    assert len(history) < 31
    assert history["valid_rmse"][1:].idxmin() == len(history) - 1 - 2  # two epochs after the best


def test_a_batch_larger_than_the_data_and_an_unknown_optimizer_are_named(tmp_path: Path, options: Train):
    with pytest.raises(GalaxyError, match="batch_size is 500, but there are only 96 galaxies"):
        train(tmp_path, options.model_copy(update={"batch_size": 500}))
    with pytest.raises(GalaxyError, match="unknown optimizer 'adamx'; timm has"):
        train(tmp_path, options.model_copy(update={"optimizer": "adamx"}))


def test_every_epoch_has_every_galaxy_once_in_another_order():
    sampler = ShuffledKeys(10, seed=3)
    orders = []
    for epoch in range(3):
        sampler.set_epoch(epoch)
        keys = np.array(list(sampler))
        assert (keys // 10 == epoch).all()
        assert sorted(keys % 10) == list(range(10))
        orders.append(tuple(keys % 10))
    assert len(set(orders)) == 3


def test_batches_are_full_and_match_images_with_their_votes():
    images, votes = blobs(50)
    loader = training_loader(Images(images, votes, np.arange(10, 50)), batch_size=16, seed=0, workers=0)
    batches = list(loader)
    assert [len(batch[0]) for batch in batches] == [16, 16]
    for batch, targets in batches:
        assert batch.dtype == torch.uint8
        for image, target in zip(batch.numpy(), targets.numpy(), strict=True):
            (row,) = np.flatnonzero((images == image).all(axis=(1, 2, 3)))
            assert row >= 10
            assert np.array_equal(votes[row], target)


def test_a_view_depends_on_seed_epoch_and_galaxy_alone():
    images, votes = blobs(20)
    data = Images(images, votes, np.arange(20), Augment.of(augmentation(rotation=180, shift=0.1), seed=1))
    one_by_one = torch.stack([data[key][0] for key in (3, 23, 5)])
    together = data.__getitems__([5, 3, 23])[0]
    assert torch.equal(one_by_one, together[[1, 2, 0]])
    assert not torch.equal(one_by_one[0], one_by_one[1])  # the same galaxy in another epoch
    other = Images(images, votes, np.arange(20), Augment.of(augmentation(rotation=180, shift=0.1), seed=2))
    assert not torch.equal(other[3][0], one_by_one[0])
    assert isinstance(DataLoader(data).dataset, Images)


def test_no_augmentation_is_none_at_all():
    assert Augment.of(augmentation(), seed=1) is None


def test_flips_are_exact_and_of_four_kinds():
    image = blobs(1)[0][0]
    augment = Augment.of(augmentation(flip=True), seed=1)
    kinds = {v.tobytes() for v in (image, image[::-1], image[:, ::-1], image[::-1, ::-1])}
    assert {augment(image, key).tobytes() for key in range(40)} == kinds


def test_a_rotation_turns_about_the_centre_and_leaves_no_black_corner():
    image = np.full((65, 65, 3), 100, np.uint8)
    image[30:35, 30:35] = 255
    augment = Augment.of(augmentation(rotation=180), seed=1)
    views = np.stack([augment(image, key) for key in range(20)])
    assert views.min() >= 99
    bright = np.argwhere(views[..., 0] > 180)
    assert np.abs(bright[:, 1:].mean(axis=0) - 32).max() < 0.5
    assert len({view.tobytes() for view in views}) == 20


def test_zooms_are_as_often_in_as_out():
    image = np.zeros((64, 64, 3), np.uint8)
    image[24:40, 24:40] = 200
    augment = Augment.of(augmentation(zoom=2), seed=1)
    sides = np.sqrt([(augment(image, key)[..., 0] > 100).sum() for key in range(200)])
    assert sides.min() <= 10
    assert sides.max() > 27
    assert np.median(sides) == pytest.approx(16, abs=2)


def test_pixel_statistics_are_those_of_the_training_rows(options: Train):
    images, _ = blobs(3000)
    rows = np.arange(100, 2900)
    mean, std = pixel_statistics(options, images, rows)
    assert mean == pytest.approx(images[rows].mean(axis=(0, 1, 2)))
    assert std == pytest.approx(images[rows].std(axis=(0, 1, 2)))


def test_pretrained_networks_get_the_statistics_that_they_were_trained_with(options: Train):
    pretrained = options.model_copy(update={"model": "resnet18", "pretrained": True})
    mean, _ = pixel_statistics(pretrained, blobs(10)[0], np.arange(10))
    assert mean == pytest.approx((0.485 * 255, 0.456 * 255, 0.406 * 255))
