"""Score all models of a pipeline of own labels on test, and write tables, figures and predictions."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from galaxy.core import files
from galaxy.core.paths import Paths, few_name
from galaxy.evaluation import coverage as intervals
from galaxy.evaluation.figures import write_all
from galaxy.own_labels import coverage, figures, scores
from galaxy.own_labels.labelled import Labelled
from galaxy.own_labels.params import OwnLabels
from galaxy.own_labels.scores import Predicted
from galaxy.own_labels.targets import Labels
from galaxy.task_results import figures as task_figures


def evaluate(options: OwnLabels, data: Labelled, paths: Paths) -> str:
    """Predict valid and test with each model, score, and write everything; return the table for the terminal."""
    valid, test, train = data.rows("valid"), data.rows("test"), data.rows("train")
    labels = data.labels.of(test)
    deviations = np.maximum(data.labels.shares[train].std(axis=0), 1e-6)
    how, count = options.evaluate, len(train) + len(valid)

    def predict(name: str, rows: np.ndarray, labels: int) -> Predicted:
        return scores.predict_model(paths.model(name), data, rows, how.batch_size, how.views, labels)

    on_valid = pd.DataFrame(
        {"model": name, **scores.score(predict(name, valid, count).values, data.labels.of(valid), deviations)}
        for name in options.train
    )
    best = scores.best(on_valid, data.labels.kind)
    models = {name: predict(name, test, count) for name in options.train}
    few = {few_name(part): predict(few_name(part), test, part) for part in options.few_labels.counts if part < count}
    compared = {scores.BASELINE[data.labels.kind]: scores.baseline(data)} | models
    table = scores.table(compared, labels, deviations)
    steps = scores.table(few | {options.few_labels.model: models[options.few_labels.model]}, labels, deviations)
    files.write_csv(paths.metrics / "scores.csv", table, float_format="%.6g")
    files.write_csv(paths.metrics / "few_labels.csv", steps, float_format="%.6g")
    if data.labels.kind in ("class", "counts"):
        files.write_csv(
            paths.evaluation_figures / "classes.csv", scores.class_table(models, labels), float_format="%.6g"
        )
    content, text = _summary(data, table, best, on_valid), [table.to_string(index=False, float_format="{:.4f}".format)]
    if data.labels.kind != "class":
        measured = coverage.table(models, labels, deviations)
        files.write_csv(paths.evaluation_figures / "coverage.csv", measured, float_format="%.6g")
        content["intervals"] = intervals.summary(measured, "output")
        text.append(intervals.terminal_table(content["intervals"], "labels"))
    for name, one in models.items():
        error = scores.errors(one.values, labels, deviations)
        scores.write_predictions(paths.predictions, name, data, test, one.values, error)
    files.write_json(paths.evaluation, content)
    _draw(options, data, paths, models, labels, table, steps)
    return "\n".join([_title(data), *text])


def _title(data: Labelled) -> str:
    source = data.examples.source
    return f"{', '.join(source['columns'])} ({source['source']}), {len(data.rows('test')):,} test images"


def _summary(data: Labelled, table: pd.DataFrame, best: str, on_valid: pd.DataFrame) -> dict[str, Any]:
    """Return the content of `evaluate.json`."""
    decides = scores.DECIDES[data.labels.kind]
    by_model = table.set_index("model")
    return {
        "source": data.examples.source["source"],
        "kind": data.labels.kind,
        "test_images": len(data.rows("test")),
        "best": best,
        "valid": on_valid.set_index("model")[decides].to_dict(),
        "test": {name: by_model[name].dropna().to_dict() for name in score_names(table)},
    }


def score_names(table: pd.DataFrame) -> list[str]:
    """Return which columns of a table of scores are metrics."""
    return [str(name) for name in table if name not in ("model", "labels", "low", "high", "parameters")]


def _draw(
    options: OwnLabels,
    data: Labelled,
    paths: Paths,
    models: dict[str, Predicted],
    labels: Labels,
    table: pd.DataFrame,
    steps: pd.DataFrame,
) -> None:
    title, decides = _title(data), scores.DECIDES[labels.kind]
    histories = {name: pd.read_csv(paths.training(name).history) for name in models}
    metric = "accuracy" if labels.kind == "class" else "rmse"
    drawn: dict[str, Any] = {"history": partial(figures.history, histories, metric, title)}
    if len(steps) > 1:
        baseline = float(table[decides][0])
        name = str(table["model"][0])
        drawn["few_labels"] = partial(figures.few_labels, steps, decides, baseline, name, title)
    for name, one in models.items():
        heading = f"{title}: {name}"
        if labels.kind == "class":
            counts = pd.crosstab(labels.values, one.values.argmax(axis=1))
            every = range(len(labels.outputs))
            square = counts.reindex(index=every, columns=every, fill_value=0).to_numpy()
            drawn[f"confusion_{name}"] = partial(task_figures.confusion, square, labels.outputs, heading)
        else:
            actual = labels.shares
            drawn[f"residuals_{name}"] = partial(figures.residuals, one.values, actual, labels.outputs, heading)
    write_all(paths.evaluation_figures, drawn)
