"""A task's models on its test images, which no model and no choice has seen: tables, a report, figures."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import classification_report, confusion_matrix

from galaxy.core import files
from galaxy.models import saved
from galaxy.tasks import figures
from galaxy.models import small_classifiers
from galaxy.tasks.examples import Examples
from galaxy.tasks.params import Evaluate
from galaxy.evaluation.figures import save
from galaxy.models.predict import predict
from galaxy.data.test_time_views import ONE
from galaxy.data.test_time_views import View

__all__ = ["Scored", "networks", "score", "write"]


@dataclass(frozen=True)
class Scored:
    """What a model predicts for valid and test (numbers of classes), its size, and its speed on the test images."""

    valid: np.ndarray
    test: np.ndarray
    parameters: int
    images_per_second: float


def score(folder: Path, examples: Examples, options: Evaluate) -> Scored:
    """Predict valid and test with the model saved in `folder`."""
    network, _ = saved.load(folder, any_outputs=True)
    images = examples.seen(network.spec.crop, network.spec.size)
    valid = predict(network, images, options.batch_size, examples.rows("valid"), views(options))
    rows = examples.rows("test")
    start = time.perf_counter()
    test = predict(network, images, options.batch_size, rows, views(options))
    speed = len(rows) / (time.perf_counter() - start)
    return Scored(valid.argmax(axis=1), test.argmax(axis=1), network.parameters_count, speed)


def views(options: Evaluate) -> tuple[View, ...]:
    """The image as it is, and mirrored where the options ask for that."""
    return (View(), View(mirrored=True)) if options.mirrored else ONE


def comparison(scored: dict[str, Scored], examples: Examples) -> pd.DataFrame:
    """A row a model: `model`, `valid_accuracy`, `test_accuracy`, `parameters`, `images_per_second` (predicting)."""
    labels = {name: examples.labels[examples.rows(name)] for name in ("valid", "test")}
    return pd.DataFrame(
        [
            {
                "model": name,
                "valid_accuracy": float((one.valid == labels["valid"]).mean()),
                "test_accuracy": float((one.test == labels["test"]).mean()),
                "parameters": one.parameters,
                "images_per_second": round(one.images_per_second, 1),
            }
            for name, one in scored.items()
        ]
    )


def class_report(scored: dict[str, Scored], examples: Examples) -> pd.DataFrame:
    """Of each model and class on the test images: `precision`, `recall`, `f1`, `support`; and their two averages."""
    actual = examples.labels[examples.rows("test")]
    tables = []
    for name, one in scored.items():
        report: dict[str, Any] = classification_report(
            actual,
            one.test,
            labels=range(len(examples.classes)),
            target_names=examples.classes,
            output_dict=True,
            zero_division=0,
        )
        report.pop("accuracy", None)  # the comparison has it
        table = pd.DataFrame(report).T.rename_axis("class").reset_index()
        tables.append(table.assign(model=name, support=table["support"].astype(int)))
    found = pd.concat(tables, ignore_index=True).rename(columns={"f1-score": "f1"})
    return found[["model", "class", "precision", "recall", "f1", "support"]]


def confusion(one: Scored, examples: Examples) -> np.ndarray:
    """K×K counts of test images: a row an actual class, a column a predicted one."""
    actual = examples.labels[examples.rows("test")]
    return confusion_matrix(actual, one.test, labels=range(len(examples.classes)))


def confusion_table(scored: dict[str, Scored], examples: Examples) -> pd.DataFrame:
    """The same of all models, in long form: `model`, `actual`, `predicted`, `images`."""
    names = pd.Index(examples.classes, name="actual")
    tables = [
        pd.DataFrame(confusion(one, examples), index=names, columns=examples.classes)
        .reset_index()
        .melt("actual", var_name="predicted", value_name="images")
        .assign(model=model)
        for model, one in scored.items()
    ]
    return pd.concat(tables, ignore_index=True)[["model", "actual", "predicted", "images"]]


def report(table: pd.DataFrame, examples: Examples) -> dict[str, Any]:
    """What `scores.json` holds. `best` is the model of highest accuracy on valid: a choice without the test set."""
    by_model = table.set_index("model")
    return {
        "source": examples.source["source"],
        "test_images": len(examples.rows("test")),
        "best": str(by_model["valid_accuracy"].idxmax()),
        "valid_accuracy": by_model["valid_accuracy"].to_dict(),
        "test_accuracy": by_model["test_accuracy"].to_dict(),
    }


def write(
    folder: Path, scored: dict[str, Scored], examples: Examples, histories: dict[str, pd.DataFrame], title: str
) -> pd.DataFrame:
    """Write `scores.json`, the tables as CSV, and `figures/`; the comparison of the models.

    Args:
        histories: each model's history by epoch.
        title: what the task is, for the figures' titles.
    """
    table = comparison(scored, examples)
    label = f"{title} ({examples.source['source']})"
    files.write_csv(folder / "comparison.csv", table, float_format="%.6g")
    files.write_csv(folder / "classes.csv", class_report(scored, examples), float_format="%.6g")
    files.write_csv(folder / "confusion.csv", confusion_table(scored, examples))
    for name, one in scored.items():
        heading = f"{label}: {name}, {len(one.test):,} test images"
        drawn = figures.confusion(confusion(one, examples), examples.classes, heading)
        save(drawn, folder / "figures" / f"confusion_{name}.png")
    curves = figures.history(histories, f"{label}: loss and accuracy by epoch")
    save(curves, folder / "figures" / "history.png")
    files.write_json(folder / "scores.json", report(table, examples))
    return table
