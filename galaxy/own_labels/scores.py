"""Score models of own labels, and the baselines, on the test images, which no training and no choice has used."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import classification_report, f1_score

from galaxy.core import files
from galaxy.core.decision_tree import Step
from galaxy.core.params_views import Views
from galaxy.data.test_time_views import views
from galaxy.models import saved
from galaxy.models.predict import predict
from galaxy.own_labels.labelled import Labelled
from galaxy.own_labels.targets import Labels

BASELINE = {"class": "most frequent", "fraction": "mean", "number": "mean", "counts": "mean"}
"""What each kind of label is compared with: the training images' most frequent class, or their mean."""

DECIDES = {"class": "accuracy", "fraction": "rmse", "number": "relative_rmse", "counts": "rmse"}
"""By kind: the metric that the figures show and that has an interval."""

HIGHER_IS_BETTER = ("accuracy",)

ERROR = "error"
"""The column of predictions with each image's error, by which `galaxy compare` compares two runs."""

RESAMPLES, SEED = 1000, 1
"""Of the bootstrap."""

LEAST = 1e-6
"""Least probability in a likelihood, so that one sure mistake does not make it infinite."""


@dataclass(frozen=True)
class Predicted:
    """What a model predicts for N images (N×K), how many labels it was trained on, and its parameters.

    Intervals need more: `with_totals` (see `Network.with_totals`), the model's card, and the questions of its head.
    """

    values: np.ndarray
    labels: int
    parameters: int
    with_totals: np.ndarray
    card: dict[str, Any] = field(default_factory=dict)
    questions: Sequence[Step] = ()


def predict_model(
    folder: Path, data: Labelled, rows: np.ndarray, batch_size: int, how: Views, labels: int
) -> Predicted:
    """Predict some rows with the model in a folder: probabilities of classes, fractions, shares, or numbers."""
    network, card = saved.load(folder, any_outputs=True)
    label = f"predict {folder.name}"
    found = predict(network, data.examples.images, batch_size, rows, views(how), data.field_of_view, label, totals=True)
    values = found[:, : len(network.spec.outputs)]
    return Predicted(values, labels, network.parameters_count, found, card, network.questions)


def baseline(data: Labelled) -> Predicted:
    """Predict for each test image the training images' shares of classes or answers, or the mean of their labels."""
    mean = data.labels.shares[data.rows("train")].mean(axis=0)
    values = np.tile(mean, (len(data.rows("test")), 1))
    return Predicted(values, len(data.rows("train")), 0, values)


def score(predicted: np.ndarray, labels: Labels, deviations: np.ndarray) -> dict[str, float]:
    """Return the metrics that fit the kind of label.

    Args:
        predicted: N×K.
        labels: of the same images.
        deviations: the standard deviation of each of K labels on train, in units of which a relative error is.
    """
    actual = labels.shares
    if labels.kind == "class":
        chosen, numbers = predicted.argmax(axis=1), np.arange(len(labels.values))
        return {
            "accuracy": float((chosen == labels.values).mean()),
            "macro_f1": float(f1_score(labels.values, chosen, average="macro", zero_division=0)),
            "log_likelihood": float(np.log(np.maximum(predicted[numbers, labels.values], LEAST)).mean()),
        }
    errors = {"rmse": _rmse(predicted - actual)}
    if labels.kind == "counts":
        first = labels.first
        errors["accuracy"] = float((predicted[:, first].argmax(axis=1) == actual[:, first].argmax(axis=1)).mean())
        errors["log_likelihood"] = _log_likelihood_of_votes(predicted, labels)
    if labels.kind == "number":
        errors = {"relative_rmse": _rmse((predicted - actual) / deviations)}
    for column, name in enumerate(labels.outputs):
        errors[f"rmse_{name}"] = _rmse(predicted[:, column] - actual[:, column])
    return errors


def _log_likelihood_of_votes(predicted: np.ndarray, labels: Labels) -> float:
    """Return the mean over all votes of the logarithm of the predicted share among those asked the question."""
    total = 0.0
    for start, stop, _ in labels.questions:
        shares = predicted[:, start:stop] / np.maximum(predicted[:, start:stop].sum(axis=1, keepdims=True), LEAST)
        total += float((labels.values[:, start:stop] * np.log(np.maximum(shares, LEAST))).sum())
    return total / float(labels.values.sum())


def _rmse(errors: np.ndarray) -> float:
    return float(np.sqrt(np.square(errors, dtype=np.float64).mean()))


def interval(predicted: np.ndarray, labels: Labels, deviations: np.ndarray) -> tuple[float, float]:
    """Return the 95 % bootstrap interval over the test images of the metric in `DECIDES`."""
    draw, count = np.random.default_rng(SEED), len(predicted)
    decides = DECIDES[labels.kind]
    values = []
    for _ in range(RESAMPLES):
        rows = draw.integers(0, count, count)
        values.append(score(predicted[rows], labels.of(rows), deviations))
    low, high = np.percentile([value[decides] for value in values], (2.5, 97.5))
    return float(low), float(high)


def table(predictions: dict[str, Predicted], labels: Labels, deviations: np.ndarray) -> pd.DataFrame:
    """Return a row per model: its metrics, the interval of the one that decides, its labels and parameters."""
    rows = []
    for name, one in predictions.items():
        low, high = interval(one.values, labels, deviations)
        found = score(one.values, labels, deviations)
        rows.append(
            {"model": name, "labels": one.labels, **found, "low": low, "high": high, "parameters": one.parameters}
        )
    return pd.DataFrame(rows)


def class_table(predictions: dict[str, Predicted], labels: Labels) -> pd.DataFrame:
    """Return `precision`, `recall`, `f1` and `images` per model and class, or answer to the first question."""
    tables, names = [], labels.outputs[labels.first]
    for name, one in predictions.items():
        by_class: dict[str, Any] = classification_report(
            labels.shares[:, labels.first].argmax(axis=1),
            one.values[:, labels.first].argmax(axis=1),
            labels=range(len(names)),
            target_names=names,
            output_dict=True,
            zero_division=0,
        )
        found = pd.DataFrame({class_: by_class[class_] for class_ in names}).T.rename_axis("class")
        found = found.rename(columns={"f1-score": "f1", "support": "images"}).reset_index()
        tables.append(found.assign(model=name, images=found["images"].astype(int)))
    return pd.concat(tables, ignore_index=True)[["model", "class", "precision", "recall", "f1", "images"]]


def best(scores: pd.DataFrame, kind: str) -> str:
    """Return the model with the best score on valid, from a table with the columns `model` and that of `DECIDES`."""
    decides = DECIDES[kind]
    choose: Callable[[pd.Series], Any] = pd.Series.idxmax if decides in HIGHER_IS_BETTER else pd.Series.idxmin
    return str(scores["model"][choose(scores[decides])])


def errors(predicted: np.ndarray, labels: Labels, deviations: np.ndarray) -> np.ndarray:
    """Return N errors: 1 for a wrong class and 0 for a right one; else the mean square over the K outputs."""
    actual = labels.shares
    if labels.kind == "class":
        return (predicted.argmax(axis=1) != labels.values).astype(np.float64)
    scale = deviations if labels.kind == "number" else 1.0
    return np.square((predicted - actual) / scale, dtype=np.float64).mean(axis=1)


def predictions_table(data: Labelled, rows: np.ndarray, values: np.ndarray, error: np.ndarray) -> pd.DataFrame:
    """Return the list's columns for some rows, and after them the predictions, `predicted_<output>`, and `error`."""
    catalogue = data.catalogue.iloc[rows].reset_index(drop=True)
    names = [*(f"predicted_{name}" for name in data.labels.outputs), ERROR]
    catalogue = catalogue.rename(columns={name: f"{name}_list" for name in names})
    return catalogue.join(pd.DataFrame(np.column_stack([values, error]), columns=names))


def write_predictions(
    folder: Path, name: str, data: Labelled, rows: np.ndarray, values: np.ndarray, error: np.ndarray
) -> None:
    """Write `<name>.csv`, see `predictions_table`."""
    files.write_csv(folder / f"{name}.csv", predictions_table(data, rows, values, error), float_format="%.6f")
