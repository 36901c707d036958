"""How often the intervals of models of own labels hold the labels of the test images, and how wide they are."""

import numpy as np
import pandas as pd

from galaxy.evaluation.coverage import ALL, LEVELS, measure
from galaxy.models import intervals
from galaxy.own_labels.scores import Predicted
from galaxy.own_labels.targets import Labels

COLUMNS = ("model", "output", "level", "coverage", "width", "single_values", "coverage_all", "images")


def table(predictions: dict[str, Predicted], labels: Labels, deviations: np.ndarray) -> pd.DataFrame:
    """Return one row per model, output and level (`ALL` outputs first); see `galaxy.evaluation.coverage.table`.

    Widths are in the unit of the label, but for all numbers together in their standard deviations.

    Args:
        predictions: for the test images, by model; not of classes.
        labels: of the same images.
        deviations: the standard deviation of each of K labels on train.

    Raises:
        GalaxyError: a model gives no intervals.
    """
    units = deviations if labels.kind == "number" else np.ones(len(labels.outputs))
    parts = {ALL: (slice(None), 1.0)}
    parts |= {name: (slice(i, i + 1), float(units[i])) for i, name in enumerate(labels.outputs)}
    actual, rows = labels.shares / units, []
    for name, one in predictions.items():
        for level in LEVELS:
            low, high = (end / units for end in _ends(name, one, labels, level))
            for output, (columns, unit) in parts.items():
                coverage, width, *rest = measure(low[:, columns], high[:, columns], actual[:, columns])
                rows.append((name, output, level, coverage, width * unit, *rest, len(actual)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _ends(name: str, one: Predicted, labels: Labels, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of the intervals, N×K each; of counts, each image's for as many votes as it has."""
    residuals = one.card.get("residuals")
    intervals.check({name: one.card["spec"]["head"]}, {name: residuals}, volunteers=None)
    counts = labels.kind == "counts"
    votes = np.minimum(labels.voters, intervals.MOST_VOLUNTEERS) if counts else np.ones(len(one.values), int)
    low, high = np.empty((2, *one.values.shape))
    for number in np.unique(votes):
        own = votes == number
        low[own], high[own] = intervals.bounds(one.with_totals[own], residuals, level, int(number), one.questions)
    return low, high
