"""Score a task's models on each of its data sets, and write tables, figures and predictions."""

from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from galaxy.core import files
from galaxy.core.paths import Paths
from galaxy.evaluation.figures import write_all
from galaxy.task_results import analyses, figures, scores, training_views
from galaxy.task_results.scores import ByModel
from galaxy.tasks.examples import Examples
from galaxy.tasks.params import TaskParams

SHOWN = 16
"""Training images that are drawn."""


def evaluate(options: TaskParams, paths: Paths) -> str:
    """Score the models of each data set on its test images, write everything, and return the tables as text."""
    printed = []
    for part, names in options.models.items():
        examples = Examples.open(paths.data / part)
        predictions = {name: scores.predict_classes(paths.model(name), examples, options.evaluate) for name in names}
        title = f"{options.data.name}, {part} ({examples.source['source']})"
        table = _write(predictions, examples, paths, paths.metrics / part, title)
        for name, one in predictions.items():
            predicted = scores.predictions_table(one, examples)
            files.write_csv(paths.predictions / f"{name}.csv", predicted, float_format="%.6f")
        normalised = pd.concat(
            training_views.normalised(options.train[name], one.spec, examples).assign(model=name)
            for name, one in predictions.items()
        )
        columns = ["model", "channel", "mean", "deviation"]
        files.write_csv(paths.metrics / part / "normalised.csv", normalised[columns], float_format="%.4f")
        rows = training_views.chosen(examples, SHOWN)
        views = training_views.views(options.train[names[0]], examples, rows)
        heading = f"{title}: training images, as {names[0]} sees them above the originals"
        drawn = partial(
            figures.training_images, views, examples.images[rows], examples.table["class"].iloc[rows].tolist(), heading
        )
        write_all(analyses.pictures(paths), {part: drawn})
        printed.append(f"{title}: {len(examples.rows('test')):,} test images")
        printed.append(table.to_string(index=False, float_format="{:.4f}".format))
    return "\n".join(printed)


def _write(predictions: ByModel, examples: Examples, paths: Paths, folder: Path, title: str) -> pd.DataFrame:
    """Write `scores.json`, the tables as CSV, and `figures/`; return the comparison of the models."""
    trainings = {name: paths.timed_training(name) for name in predictions}
    histories = {name: pd.read_csv(one.history) for name, one in trainings.items()}
    times = {name: files.read_json(one.time) for name, one in trainings.items() if one.time is not None}
    table = scores.comparison(predictions, examples, times)
    by_class = scores.class_table(predictions, examples)
    tables = {
        "comparison": table,
        "classes": by_class,
        "confusion": scores.confusion_table(predictions, examples),
        "turning_points": analyses.turning_points(histories),
    }
    for name, rows in tables.items():
        files.write_csv(folder / f"{name}.csv", rows, float_format="%.6g")
    summary = scores.summarise(table, by_class, examples)
    files.write_json(folder / "scores.json", summary)
    drawn: dict[str, Any] = {"history": partial(figures.history, histories, f"{title}: loss and accuracy by epoch")}
    for name, predicted in predictions.items():
        heading = f"{title}: {name}, {len(predicted.test):,} test images"
        counts = scores.confusion(predicted, examples)
        drawn[f"confusion_{name}"] = partial(figures.confusion, counts, examples.classes, heading)
    if correlations := summary["rank_correlation_of_training_images_and_recall"]:
        heading = f"{title}: are larger classes found better?"
        drawn["recall_by_size"] = partial(figures.recall_by_size, by_class, correlations, heading)
    write_all(folder / "figures", drawn)
    return table
