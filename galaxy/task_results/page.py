"""The report of a task: one self-contained HTML page on its models, and on what their numbers say."""

from typing import Any

import pandas as pd

from galaxy.core import files
from galaxy.core.paths import Paths
from galaxy.core.templates import environment
from galaxy.report import tables
from galaxy.task_results.analyses import AVERAGES, pictures
from galaxy.tasks.params import HELD_OUT, LABELLED, TaskParams

TITLES = {LABELLED: "Models", HELD_OUT: "Transfer to the classes held out"}

WARNINGS = {"galaxy10": "These galaxies and their votes are simulated."}
"""About the source builtin, where it is not `MADE`."""

MADE = "These images are made for trying the pipeline."


def html(options: TaskParams, paths: Paths) -> str:
    """Return the page. It loads nothing from elsewhere."""
    name = options.data.name
    sets = [_set(part, paths) for part in options.models]
    made = any(one["found"]["source"] == "builtin" for one in sets)
    template = environment("galaxy.report").get_template("task.html.j2")
    return template.render(title=name, sets=sets, warning=WARNINGS.get(name, MADE) if made else "")


def _set(part: str, paths: Paths) -> dict[str, Any]:
    """Return what the page shows of a data set."""
    folder = paths.metrics / part
    scored, found = files.read_json(folder / "scores.json"), files.read_json(folder / "images.json")
    comparison, counts = pd.read_csv(folder / "comparison.csv"), pd.read_csv(folder / "examples.csv")
    by_class, best = pd.read_csv(folder / "classes.csv"), scored["best"]
    classes = by_class[(by_class["model"] == best) & ~by_class["class"].isin(AVERAGES)].drop(columns="model")
    return {
        "name": part,
        "title": TITLES[part],
        "verdict": verdict(comparison, counts, best),
        "best": best,
        "models": tables.rows(comparison, "model"),
        "turning_points": tables.rows(pd.read_csv(folder / "turning_points.csv"), "model"),
        "classes": tables.rows(classes, "class"),
        "correlations": scored["rank_correlation_of_training_images_and_recall"],
        "normalised": tables.rows(pd.read_csv(folder / "normalised.csv"), "model"),
        "picture": next(one for one in tables.figures(pictures(paths)) if one["name"] == part),
        "figures": tables.figures(folder / "figures"),
        "found": found,
        "counts": tables.rows(counts, "class"),
    }


def verdict(comparison: pd.DataFrame, counts: pd.DataFrame, best: str) -> str:
    """Return the result in a sentence: the best model beside always naming the class with most training images."""
    row = comparison.set_index("model").loc[best]
    largest, images = counts.iloc[int(counts["train"].argmax())], counts["test"].sum()
    named = "one class" if counts["train"].nunique() == 1 else f"{largest['class']}, the largest class in training,"
    return (
        f"The best model, {best}, finds the class of {row['test_accuracy']:.1%} of {images:,} test images "
        f"(interval {row['low']:.1%} to {row['high']:.1%}); always naming {named} is right for "
        f"{largest['test'] / images:.1%}."
    )
