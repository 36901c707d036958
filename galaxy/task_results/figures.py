"""Draw the figures of the classification tasks, in the style of the pipeline's (`galaxy.evaluation.figures`)."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.metrics import ConfusionMatrixDisplay

from galaxy.evaluation.figures import draw_history, grid


def confusion(counts: np.ndarray, classes: tuple[str, ...], title: str) -> Figure:
    """Draw a K×K confusion matrix: rows actual, columns predicted, coloured by the share of the row."""
    side = 3 + 0.55 * len(classes)
    figure, (axis,) = grid(1, 1, side, side, title)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    display = ConfusionMatrixDisplay(shares, display_labels=classes)
    display.plot(ax=axis, cmap="Blues", colorbar=False, include_values=False, im_kw={"vmin": 0, "vmax": 1})
    for (row, column), count in np.ndenumerate(counts):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axis.text(column, row, str(count), ha="center", va="center", fontsize=8, color=colour)
    axis.set(xlabel="predicted", ylabel="actual")
    axis.tick_params(axis="x", labelrotation=90)
    return figure


def history(histories: dict[str, pd.DataFrame], title: str) -> Figure:
    """Draw each model's loss and accuracy by epoch, on train (dashed) and valid."""
    figure, axes = grid(1, 2, 12, 5, title)
    for axis, metric in zip(axes, ("loss", "accuracy"), strict=True):
        draw_history(axis, histories, metric)
        axis.legend(fontsize=8)
    axes[0].set_yscale("log")
    axes[0].yaxis.set_major_formatter("{x:.3g}")
    axes[0].yaxis.set_minor_formatter("{x:.3g}")
    return figure
