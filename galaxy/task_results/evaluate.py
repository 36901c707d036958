"""Score a task's models on each of its data sets, and write tables and figures."""

import pandas as pd

from galaxy.core import files
from galaxy.core.paths import Paths
from galaxy.task_results import scores
from galaxy.tasks.examples import Examples
from galaxy.tasks.params import TaskParams


def evaluate(options: TaskParams, paths: Paths) -> str:
    """Score the models of each data set on its test images, write everything, and return the tables as text."""
    printed = []
    for part, names in options.models.items():
        examples = Examples.open(paths.data / part)
        predictions = {name: scores.predict_classes(paths.model(name), examples, options.evaluate) for name in names}
        trainings = {name: paths.timed_training(name) for name in names}
        histories = {name: pd.read_csv(one.history) for name, one in trainings.items()}
        times = {name: files.read_json(one.time) for name, one in trainings.items() if one.time is not None}
        title = f"{options.data.name}, {part}"
        table = scores.write(paths.metrics / part, predictions, examples, histories, times, title)
        printed.append(f"{title} ({examples.source['source']}): {len(examples.rows('test')):,} test images")
        printed.append(table.to_string(index=False, float_format="{:.4f}".format))
    return "\n".join(printed)
