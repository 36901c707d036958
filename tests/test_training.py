"""The engine learns, keeps the best epoch, and repeats itself."""

import re
import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import augmentation, spec, whole
from torch import nn

from galaxy.core import metrics
from galaxy.core.errors import GalaxyError
from galaxy.core.params import DIRICHLET, DIRICHLET_MULTINOMIAL, Params, Train
from galaxy.data.augmentation import Augment
from galaxy.data.batches import Images, TrainingData
from galaxy.data.galaxies import Galaxies
from galaxy.models.heads import LOGITS_OF
from galaxy.models.network import Network, build_network
from galaxy.models.predict import predict
from galaxy.training import history, objectives, vote_fractions
from galaxy.training import schedule as schedules
from galaxy.training.engine import DivergedError, Engine
from galaxy.training.fit import fit
from galaxy.training.history import clock, fitting
from galaxy.training.precision import Device, resolve
from galaxy.training.run import histograms, pixel_statistics

ALL_AUGMENTATION = {
    "flip": True,
    "rotation": 180,
    "zoom": 1.3,
    "shift": 0.05,
    "brightness": 0.1,
    "contrast": 0.1,
}
SIDE = 16

PLAIN = {
    "epochs": 3,
    "batch_size": 16,
    "optimizer": "adam",
    "learning_rate": 0.003,
    "weight_decay": 0,
    "schedule": "constant",
    "head": "sigmoid",
    "output_bias": False,
    "loss": "mse",
    "augmentation": augmentation(),
}
"""The simplest training, so that each test changes one thing."""


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
    return defaults.models["cnn"].model_copy(update=PLAIN)


def train(
    tmp_path: Path, options: Train, count: int = 128, backbone: nn.Module | None = None
) -> tuple[Network, pd.DataFrame]:
    """Train a small network on blobs, or this one; the last quarter is valid."""
    images, votes = blobs(count)
    cut = count * 3 // 4
    torch.manual_seed(options.seed)
    network = build_network(spec(model=options.model, head=options.head, size=SIDE, mean=(120.0,) * 3, std=(60.0,) * 3))
    network.backbone = backbone or network.backbone
    augment = Augment.of(options.augmentation, whole(SIDE), options.seed)
    targets = vote_fractions.targets_of(options, votes)
    own, valid = Images(images, targets, np.arange(cut), augment), Images(images, targets, np.arange(cut, count))
    history, _ = fit(
        network,
        objectives.vote_fractions(options.loss),
        options,
        TrainingData(own, valid, {}),
        Path(tempfile.mkdtemp(dir=tmp_path)),
    )
    return network, history


@pytest.fixture(scope="module")
def reference(defaults: Params, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The history of the simplest training on blobs, two epochs long."""
    quick = defaults.models["cnn"].model_copy(update=PLAIN | {"epochs": 2})
    return train(tmp_path_factory.mktemp("reference"), quick)[1]


def test_it_learns_and_the_history_begins_before_training(tmp_path: Path, options: Train):
    _, history = train(tmp_path, options)
    assert list(history.columns) == ["epoch", "train_rmse", "valid_rmse", "lr"]
    assert history["epoch"].tolist() == [0, 1, 2, 3]
    assert history["valid_rmse"][0] > 0.3  # sigmoid of nothing learned is a half everywhere
    assert history["valid_rmse"][3] < 0.5 * history["valid_rmse"][0]
    assert history["lr"].tolist() == [0.003] * 4


@pytest.mark.parametrize("ema_decay", [None, 0.9], ids=["last step's", "averaged"])
def test_the_weights_kept_are_those_that_were_scored_in_the_best_epoch(
    tmp_path: Path, options: Train, ema_decay: float | None
):
    # At so high a rate the loss goes up and down, and the best epoch is hardly ever the last.
    wild = options.model_copy(update={"epochs": 6, "learning_rate": 0.03, "ema_decay": ema_decay})
    network, history = train(tmp_path, wild)
    images, votes = blobs(128)
    valid = predict(network, images, 16, np.arange(96, 128))
    assert metrics.rmse(valid, votes[96:]) == pytest.approx(history["valid_rmse"][1:].min(), abs=1e-6)


def test_the_same_seed_gives_the_same_weights_whatever_the_number_of_workers(tmp_path: Path, options: Train):
    augmented = options.model_copy(update={"augmentation": augmentation(**ALL_AUGMENTATION), "epochs": 2})
    results = [
        train(tmp_path, augmented.model_copy(update=changed))
        for changed in ({"workers": 0}, {"workers": 0}, {"workers": 2}, {"seed": 5})
    ]
    weights = [result[0].backbone.classifier.weight for result in results]
    assert torch.equal(weights[0], weights[1])
    assert torch.equal(weights[0], weights[2])
    assert not torch.equal(weights[0], weights[3])
    assert results[0][1].equals(results[2][1])


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("loss", objectives.LOSSES)
def test_every_loss_trains_in_mixed_precision_on_a_gpu(tmp_path: Path, options: Train, loss: str):
    head = DIRICHLET if loss == DIRICHLET_MULTINOMIAL else "sigmoid"
    _, history = train(tmp_path, options.model_copy(update={"loss": loss, "head": head, "precision": "bf16-mixed"}))
    assert history["valid_rmse"][3] < 0.5 * history["valid_rmse"][0]


@pytest.mark.parametrize(
    "changed",
    [
        {"deterministic": True},
        {"gradient_clip": 1e9},
        {"early_stopping": 100},
        {"freeze_epochs": 0, "warmup_epochs": 0.0},
        {"optimizer_args": {"betas": (0.9, 0.999)}},
        {"workers": 1},
    ],
    ids=str,
)
def test_a_change_without_effect_gives_the_identical_history(
    tmp_path: Path, options: Train, changed: dict, reference: pd.DataFrame
):
    _, history = train(tmp_path, options.model_copy(update=changed | {"epochs": 2}))
    torch.use_deterministic_algorithms(False)  # for the tests that come after
    assert history.equals(reference)


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
    runs = schedules.schedule(optimizer, chosen, steps)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        runs.step()
    assert [rates[i] for i in (0, 10, 20, 30, 39)] == pytest.approx(expected, abs=0.12)


@pytest.mark.parametrize("loss", ["mse", "bce"])
def test_a_loss_that_is_no_number_ends_training_with_the_epoch_and_the_first_such_batch(
    tmp_path: Path, options: Train, loss: str
):
    # Each step multiplies the weights by -999.
    diverging = {"optimizer": "sgd", "learning_rate": 100.0, "weight_decay": 10.0}
    with pytest.raises(DivergedError) as error:
        train(tmp_path, options.model_copy(update=diverging | {"loss": loss}), count=512)
    assert re.fullmatch(
        r"training diverged: the loss is nan in epoch 1, batch [2-9] of 24; lower learning_rate, or set gradient_clip",
        str(error.value),
    )


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (200, "epoch 2/6  rmse train 0.17 valid 0.18 best 0.16 (epoch 1)  loss 0.03  525 images/s  0:12 left"),
        (80, "epoch 2/6  rmse train 0.17 valid 0.18 best 0.16  525 images/s  0:12 left"),
        (70, "epoch 2/6  train 0.17 valid 0.18 best 0.16  525 images/s  0:12 left"),
        (10, "epoch 2/6  train 0.17 valid 0.18"),
    ],
)
def test_the_line_of_an_epoch_has_what_fits_into_the_terminal(columns: int, line: str):
    words = [(0, "epoch 2/6"), (0, " "), (4, " rmse"), (0, " train 0.17 valid 0.18"), (1, " best 0.16")]
    words += [(5, " (epoch 1)"), (6, "  loss 0.03"), (3, "  525 images/s"), (2, "  0:12 left")]
    assert fitting(words, columns) == line


def test_a_duration_is_in_minutes_and_seconds_or_hours_too():
    assert [clock(seconds) for seconds in (0.4, 12.3, 119.6, 3732)] == ["0:00", "0:12", "2:00", "1:02:12"]


def test_a_training_of_more_than_half_an_hour_says_so_after_its_first_epoch(
    tmp_path: Path, options: Train, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    assert history.too_long(1800) == ""
    assert "will take 30:01 more on this machine" in history.too_long(1801)
    monkeypatch.setattr(history, "LONG", 0)
    train(tmp_path, options.model_copy(update={"epochs": 3}))
    assert capsys.readouterr().out.count("warning: this training will take") == 1


def test_a_batch_in_parts_takes_the_same_steps(tmp_path: Path, options: Train, capsys: pytest.CaptureFixture[str]):
    """With batch normalisation it would not: each part is normalised by itself."""

    def history(parts: int) -> pd.DataFrame:
        torch.manual_seed(0)
        network = nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE**2, 37))
        changed = options.model_copy(update={"epochs": 2, "gradient_accumulation": parts, "precision": "32-true"})
        return train(tmp_path, changed, backbone=network)[1]

    pd.testing.assert_frame_equal(history(1), history(4), rtol=1e-5)
    losses = re.findall(r"loss ([0-9.]+)", capsys.readouterr().out)
    assert losses[:2] == losses[2:]


def test_early_stopping_stops(tmp_path: Path, options: Train):
    frozen = options.model_copy(update={"epochs": 30, "learning_rate": 1e-12, "early_stopping": 2})
    _, history = train(tmp_path, frozen)
    assert len(history) < 31
    assert history["valid_rmse"][1:].idxmin() == len(history) - 1 - 2  # two epochs after the best


def test_a_batch_larger_than_the_data_and_an_unknown_optimizer_are_named(tmp_path: Path, options: Train):
    with pytest.raises(GalaxyError, match="batch_size is 500, but there are only 96 images"):
        train(tmp_path, options.model_copy(update={"batch_size": 500}))
    with pytest.raises(GalaxyError, match="unknown optimizer 'adamx'; timm has"):
        train(tmp_path, options.model_copy(update={"optimizer": "adamx"}))


class Scattering(nn.Module):
    """A network with an operation that takes arrays of one type alone, of which half precision makes two."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Linear(3, 37)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = self.last(x.mean(dim=(2, 3)))
        places = torch.arange(37, device=x.device).expand_as(logits)
        return torch.zeros(logits.shape, device=x.device).scatter(1, places, logits)


def test_a_precision_that_the_network_does_not_compute_in_is_named(tmp_path: Path, options: Train):
    train(tmp_path, options, backbone=Scattering())
    with pytest.raises(GalaxyError) as error:
        train(tmp_path, options.model_copy(update={"precision": "bf16-mixed"}), backbone=Scattering())
    assert re.fullmatch(
        r"precision is bf16-mixed, but course_cnn does not compute in it here: scatter.*; set precision to 32-true",
        str(error.value),
    )


NATIVE_CPU = Device("this CPU", gpu=False, bf16=True)
OTHER_CPU = Device("this CPU", gpu=False, bf16=False)
OLD_GPU = Device("the GPU (Tesla V100)", gpu=True, bf16=False)


@pytest.mark.parametrize(
    ("asked", "changed", "where", "expected", "line"),
    [
        ("auto", {}, NATIVE_CPU, "bf16-mixed", "precision: bf16-mixed, in which this CPU computes natively"),
        ("auto", {}, OTHER_CPU, "32-true", "precision: 32-true, because this CPU does not .* natively"),
        ("auto", {}, OLD_GPU, "32-true", r"precision: 32-true, because the GPU \(Tesla V100\) does not .* natively"),
        (
            *("auto", {"gradient_clip": 1.0, "optimizer_args": {"fused": True}}, NATIVE_CPU, "32-true"),
            "precision: 32-true, because gradient_clip rules out bfloat16 for a fused optimizer",
        ),
        ("bf16-mixed", {}, NATIVE_CPU, "bf16-mixed", ""),
        (
            *("bf16-mixed", {}, OTHER_CPU, "bf16-mixed"),
            "precision is bf16-mixed, but this CPU does not .* natively: auto may be ten times as fast",
        ),
        ("16-mixed", {}, OLD_GPU, "16-mixed", ""),
        ("32-true", {}, NATIVE_CPU, "32-true", ""),
    ],
)
def test_the_precision_is_that_of_the_device_unless_one_is_asked_for_by_name(
    options: Train, asked: str, changed: dict, where: Device, expected: str, line: str
):
    chosen = options.model_copy(update=changed | {"precision": asked})
    precision, said = resolve(chosen, build_network(spec(model="course_cnn", size=SIDE)), where)
    assert precision == expected
    assert re.fullmatch(line, said)


def test_a_network_that_does_not_compute_in_bfloat16_is_trained_in_full_precision(options: Train):
    network = build_network(spec(model="course_cnn", size=SIDE))
    network.backbone = Scattering()
    said = "precision: 32-true, because course_cnn does not compute in bfloat16 on this CPU"
    assert resolve(options, network, NATIVE_CPU) == ("32-true", said)


def test_16_bits_are_refused_on_a_cpu(options: Train):
    half, network = options.model_copy(update={"precision": "16-mixed"}), build_network(spec(model="course_cnn"))
    with pytest.raises(GalaxyError, match="precision is 16-mixed, which needs a GPU; set precision to auto or 32-true"):
        resolve(half, network, OTHER_CPU)


def test_an_error_that_has_nothing_to_do_with_the_precision_is_left_as_it_is(tmp_path: Path, options: Train):
    half = options.model_copy(update={"precision": "bf16-mixed"})
    with pytest.raises(RuntimeError, match="mat1 and mat2 shapes cannot be multiplied"):
        train(tmp_path, half, backbone=nn.Sequential(nn.Flatten(), nn.Linear(5, 37)))


@pytest.mark.parametrize("head", LOGITS_OF)
def test_the_output_bias_predicts_the_column_means_before_training(head: str, preprocessed: Path):
    means = Galaxies.open(preprocessed, "training").votes.mean(axis=0)
    network = build_network(spec(head=head, size=SIDE))
    network.reset_last(LOGITS_OF[head](torch.from_numpy(means)))
    predicted = network.eval()(torch.from_numpy(blobs(2)[0]))
    assert predicted.detach().numpy() == pytest.approx(np.stack([means] * 2), abs=2e-4)


def test_layer_decay_gives_earlier_layers_lower_rates_throughout(options: Train):
    decayed = options.model_copy(update={"layer_decay": 0.5, "schedule": "one_cycle", "model": "resnet18"})
    engine = Engine(build_network(spec(model="resnet18", size=SIDE)), objectives.vote_fractions("mse"), decayed)
    engine.trainer = SimpleNamespace(estimated_stepping_batches=10)
    found = engine.configure_optimizers()
    optimizer, rates = found["optimizer"], found["lr_scheduler"]["scheduler"]
    name_of = {id(p): name for name, p in engine.network.backbone.named_parameters()}
    for _ in range(4):
        by_name = {name_of[id(p)]: group["lr"] for group in optimizer.param_groups for p in group["params"]}
        assert by_name["fc.weight"] == max(by_name.values())
        assert by_name["layer4.1.conv1.weight"] == pytest.approx(by_name["fc.weight"] / 2)
        assert by_name["conv1.weight"] < by_name["layer1.0.conv1.weight"] < by_name["layer4.0.conv1.weight"]
        optimizer.step()
        rates.step()


def test_channels_last_changes_the_order_of_memory_alone(tmp_path: Path, options: Train):
    plain, _ = train(tmp_path, options)
    turned = build_network(plain.spec)
    turned.backbone.load_state_dict(plain.backbone.state_dict())
    turned.channels_last()
    images = torch.from_numpy(blobs(8)[0])
    assert turned.backbone.features[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert torch.allclose(turned.eval()(images), plain.eval()(images), atol=1e-5)


def test_pixel_statistics_are_those_of_the_training_rows(options: Train):
    images, _ = blobs(3000)
    rows = np.arange(100, 2900)
    mean, std = pixel_statistics(options, images, rows)
    assert mean == pytest.approx(images[rows].mean(axis=(0, 1, 2)))
    assert std == pytest.approx(images[rows].std(axis=(0, 1, 2)))


def test_more_pixels_are_counted_than_single_precision_counts():
    images = np.full((17, 1024, 1024, 1), 7, np.uint8)  # 2**24 + 2**20
    assert histograms(images, np.arange(17))[0, 7] == images.size


def test_pretrained_networks_get_the_statistics_that_they_were_trained_with(options: Train):
    pretrained = options.model_copy(update={"model": "resnet18", "pretrained": True})
    mean, _ = pixel_statistics(pretrained, blobs(10)[0], np.arange(10))
    assert mean == pytest.approx((0.485 * 255, 0.456 * 255, 0.406 * 255))
