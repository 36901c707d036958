"""Score a task's models on its test images, which no model and no choice has used: tables and a summary."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest
from sklearn.metrics import classification_report, confusion_matrix

from galaxy.data.test_time_views import ONE, View
from galaxy.evaluation.comparison import CONFIDENCE
from galaxy.models import saved
from galaxy.models.network import Spec
from galaxy.models.predict import predict
from galaxy.task_results.analyses import rank_correlations
from galaxy.tasks.examples import Examples
from galaxy.tasks.params import Evaluate


@dataclass(frozen=True)
class ClassPredictions:
    """What a model predicts, its size, what it was built from, and its speed on the test images.

    `valid` holds N class numbers, `probabilities` those of the M×classes on test.
    """

    valid: np.ndarray
    probabilities: np.ndarray
    parameters: int
    images_per_second: float
    spec: Spec

    @property
    def test(self) -> np.ndarray:
        """The M class numbers on test."""
        return self.probabilities.argmax(axis=1)


ByModel = dict[str, ClassPredictions]


def predict_classes(folder: Path, examples: Examples, options: Evaluate) -> ClassPredictions:
    """Predict the classes of the valid and test images with the model saved in `folder`."""
    network, _ = saved.load(folder, any_outputs=True)
    images = examples.network_input(network.spec.crop, network.spec.size)
    label = f"predict {folder.name}"
    valid = predict(
        network, images, options.batch_size, examples.rows("valid"), views(options), label=f"{label}, valid"
    )
    rows = examples.rows("test")
    start = time.perf_counter()
    test = predict(network, images, options.batch_size, rows, views(options), label=f"{label}, test")
    speed = len(rows) / (time.perf_counter() - start)
    return ClassPredictions(valid.argmax(axis=1), test, network.parameters_count, speed, network.spec)


def views(options: Evaluate) -> tuple[View, ...]:
    """Return the views (variants of an image whose predictions are averaged): as it is, and mirrored if asked for."""
    return (View(), View(mirrored=True)) if options.mirrored else ONE


def comparison(predictions: ByModel, examples: Examples, times: dict[str, dict[str, float]]) -> pd.DataFrame:
    """Return one row per model.

    Args:
        times: how long each model's training took, by name: `seconds` and `training_images_per_second`.

    Returns:
        `model`, `valid_accuracy`, `test_accuracy`, `low` and `high` (the latter's 95 % interval), `parameters`, the
        columns of `times`, and `images_per_second` (predicting).
    """
    valid, test = examples.labels[examples.rows("valid")], examples.labels[examples.rows("test")]
    rows: list[dict[str, Any]] = []
    for name, one in predictions.items():
        right = one.test == test
        low, high = interval(int(right.sum()), len(right))
        rows.append(
            {
                "model": name,
                "valid_accuracy": float((one.valid == valid).mean()),
                "test_accuracy": float(right.mean()),
                "low": low,
                "high": high,
                "parameters": one.parameters,
                **times[name],
                "images_per_second": round(one.images_per_second, 1),
            }
        )
    return pd.DataFrame(rows)


def interval(right: int, images: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of an accuracy: it holds for few images, and near 0 and 1, too."""
    found = binomtest(right, images).proportion_ci(CONFIDENCE, "wilson")
    return float(found.low), float(found.high)


def class_table(predictions: ByModel, examples: Examples) -> pd.DataFrame:
    """Return `precision`, `recall`, `f1` and `support` per model and class on the test images, and two averages.

    `training_images` counts those of the class, in an average all.
    """
    actual, numbers = examples.labels[examples.rows("test")], range(len(examples.classes))
    learned = examples.labels[examples.rows("train")]
    trained = dict(zip(examples.classes, np.bincount(learned, minlength=len(numbers)).tolist(), strict=True))
    tables = []
    for name, one in predictions.items():
        by_class: dict[str, Any] = classification_report(
            actual, one.test, labels=numbers, target_names=examples.classes, output_dict=True, zero_division=0
        )
        by_class.pop("accuracy", None)  # the comparison has it
        table = pd.DataFrame(by_class).T.rename_axis("class").reset_index()
        tables.append(table.assign(model=name, support=table["support"].astype(int)))
    found = pd.concat(tables, ignore_index=True).rename(columns={"f1-score": "f1"})
    found["training_images"] = [trained.get(name, len(learned)) for name in found["class"]]
    return found[["model", "class", "precision", "recall", "f1", "support", "training_images"]]


def confusion(one: ClassPredictions, examples: Examples) -> np.ndarray:
    """Return K×K counts of test images: one row per actual class, one column per predicted class."""
    actual = examples.labels[examples.rows("test")]
    return confusion_matrix(actual, one.test, labels=range(len(examples.classes)))


def confusion_table(predictions: ByModel, examples: Examples) -> pd.DataFrame:
    """Return the counts of all models in long form: `model`, `actual`, `predicted`, `images`."""
    names = pd.Index(examples.classes, name="actual")
    tables = []
    for model, one in predictions.items():
        counts = pd.DataFrame(confusion(one, examples), index=names, columns=examples.classes).reset_index()
        tables.append(counts.melt("actual", var_name="predicted", value_name="images").assign(model=model))
    return pd.concat(tables, ignore_index=True)[["model", "actual", "predicted", "images"]]


def predictions_table(one: ClassPredictions, examples: Examples) -> pd.DataFrame:
    """Return a row per test image: `file`, `actual`, the probability of each class, `predicted_<class>`, and `error`.

    `galaxy compare` pairs two runs by `file` and compares their `error`: 1 if the likeliest class is wrong, else 0.
    """
    rows = examples.rows("test")
    images = examples.table.iloc[rows]
    table = pd.DataFrame({"file": images["name"].to_numpy(), "actual": images["class"].to_numpy()})
    shares = pd.DataFrame(one.probabilities, columns=[f"predicted_{name}" for name in examples.classes])
    return table.join(shares).assign(error=(one.test != examples.labels[rows]).astype(int))


def summarise(table: pd.DataFrame, by_class: pd.DataFrame, examples: Examples) -> dict[str, Any]:
    """Return the content of `scores.json`. `best` has the highest accuracy on valid: a choice without the test set."""
    by_model = table.set_index("model")
    return {
        "source": examples.source["source"],
        "test_images": len(examples.rows("test")),
        "best": str(by_model["valid_accuracy"].idxmax()),
        "valid_accuracy": by_model["valid_accuracy"].to_dict(),
        "test_accuracy": by_model["test_accuracy"].to_dict(),
        "rank_correlation_of_training_images_and_recall": rank_correlations(by_class),
    }
