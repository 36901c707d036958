"""Draw how good models of own labels are, in the style of the pipeline's figures."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from galaxy.evaluation.figures import COLOURS, GREY, draw_history, grid

METRIC_NAMES = {"accuracy": "accuracy", "rmse": "RMSE", "relative_rmse": "RMSE in standard deviations of the label"}

MOST_PANELS = 6


def residuals(predicted: np.ndarray, actual: np.ndarray, names: tuple[str, ...], title: str) -> Figure:
    """Draw predicted against labelled values of each of K columns (both N×K), and below them the differences."""
    shown = min(len(names), MOST_PANELS)
    figure, axes = grid(2, shown, max(3.2 * shown, 5), 6.5, title)
    for column in range(shown):
        above, below = axes[column], axes[shown + column]
        labelled, found = actual[:, column], predicted[:, column]
        above.plot(labelled, found, ".", color=COLOURS[0], ms=4, alpha=0.5)
        ends = [min(labelled.min(), found.min()), max(labelled.max(), found.max())]
        above.plot(ends, ends, color=COLOURS[1], linewidth=1)
        above.set(title=names[column], xlabel="label", ylabel="predicted")
        below.hist(found - labelled, bins=30, color=COLOURS[0])
        below.axvline(0, color=COLOURS[1], linewidth=1)
        below.set(xlabel="predicted − label", ylabel="images")
    return figure


def few_labels(table: pd.DataFrame, metric: str, baseline: float, name: str, title: str) -> Figure:
    """Draw a metric with its interval against the number of labels: columns `labels`, `metric`, `low` and `high`."""
    figure, (axis,) = grid(1, 1, 7, 4.5, title)
    table = table.sort_values("labels")
    errors = [table[metric] - table["low"], table["high"] - table[metric]]
    axis.errorbar(table["labels"], table[metric], errors, color=COLOURS[0], marker="o", capsize=4)
    axis.axhline(baseline, color=GREY, linestyle="--", label=name)
    axis.set_xscale("log")
    axis.set_xticks(table["labels"], [f"{count:,}" for count in table["labels"]])
    axis.minorticks_off()
    axis.set(xlabel="labels of train and valid", ylabel=METRIC_NAMES[metric])
    axis.legend(frameon=False)
    return figure


def history(histories: dict[str, pd.DataFrame], metric: str, title: str) -> Figure:
    """Draw a metric by epoch, on valid and (dashed) on train."""
    figure, (axis,) = grid(1, 1, 8, 4.5, title)
    draw_history(axis, histories, metric)
    axis.set_ylabel(METRIC_NAMES[metric])
    axis.grid(axis="y", alpha=0.3)
    figure.legend(loc="outside right upper", frameon=False)
    return figure
