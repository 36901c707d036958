"""Draw the figures of the classification tasks, in the style of the pipeline's (`galaxy.evaluation.figures`)."""

import itertools
import textwrap

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from sklearn.metrics import ConfusionMatrixDisplay

from galaxy.evaluation.figures import COLOURS, MARKERS, draw_history, grid
from galaxy.task_results.analyses import of_classes


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
    handles, labels = axes[0].get_legend_handles_labels()
    ncols = len(histories) * (2 if len(histories) < 5 else 1)  # from five on, train is below valid
    figure.legend(handles, labels, loc="outside lower center", ncols=ncols, fontsize=8, frameon=False)
    lowest, highest = axes[0].dataLim.intervaly
    if highest > 10 * lowest:  # within a factor of ten a logarithmic axis has hardly a tick
        axes[0].set_yscale("log")
        axes[0].yaxis.set_major_formatter("{x:.3g}")
    return figure


def recall_by_size(by_class: pd.DataFrame, correlations: dict[str, float], title: str) -> Figure:
    """Draw each class's recall, from the class with fewest training images to that with most, one colour per model.

    Args:
        by_class: see `galaxy.task_results.scores.class_table`.
        correlations: the rank correlation of training images and recall, by model.
    """
    classes = of_classes(by_class).sort_values("training_images", kind="stable")
    figure, (axis,) = grid(1, 1, max(6, 2 + 0.7 * classes["class"].nunique()), 5.5, title)
    styles = zip(itertools.cycle(COLOURS), itertools.cycle(MARKERS), strict=False)
    for (colour, marker), name in zip(styles, classes["model"].unique(), strict=False):
        rows = classes[classes["model"] == name]
        words = f"{name}, rank correlation {correlations[name]:.2f}" if name in correlations else name
        labels = [f"{one} ({images:,})" for one, images in zip(rows["class"], rows["training_images"], strict=True)]
        axis.plot(labels, rows["recall"], marker, color=colour, ms=7, alpha=0.8, label=words)
    axis.set(xlabel="class (its training images)", ylabel="recall on test", ylim=(-0.05, 1.05))
    axis.tick_params(axis="x", labelrotation=90)
    axis.grid(axis="y", alpha=0.3)
    figure.legend(loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    return figure


def training_images(views: np.ndarray, originals: np.ndarray, names: list[str], title: str) -> Figure:
    """Draw N augmented views of training images in pairs of rows, each above its original.

    Args:
        views, originals: N×H×W×C uint8; the sizes may differ.
        names: of their classes.
    """
    across = min(len(views), 8)
    down = -(-len(views) // across)
    figure, axes = grid(2 * down, across, 1.25 * across, 2.7 * down + 0.4, title)
    for axis in axes:
        axis.axis("off")
    for i, name in enumerate(names):
        first = i // across * 2 * across + i % across
        for place, images in ((first, views), (first + across, originals)):
            axes[place].imshow(images[i].squeeze(), cmap="gray", vmin=0, vmax=255)
        axes[first].set_title(textwrap.fill(name, 20), fontsize=7)
    return figure
