"""Figures as PNG, drawn by matplotlib's Agg, so that they are the same with and without a screen."""

import itertools
import textwrap
from collections.abc import Callable
from pathlib import Path

import cv2
import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from scipy.optimize import linear_sum_assignment

from galaxy.core import decision_tree, files
from galaxy.core.runtime import progress

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
"""Okabe and Ito's palette, which colour-blind people can tell apart, without its black and its pale yellow."""

GREY = "#8c8c8c"
MARKERS = "osD^vP*X"

TILE, TILES = 136, 8
"""Side of a gallery's pictures in pixels, and how many stand in a row."""


def save(figure: Figure, path: Path) -> None:
    """Write a figure without matplotlib's version in it, so that equal figures are equal files."""
    with files.atomic(path) as part:
        figure.savefig(part, dpi=100, format="png", metadata={"Software": None})
    plt.close(figure)


def grid(
    rows: int, columns: int, width: float, height: float, title: str, share_y: bool = False
) -> tuple[Figure, list[Axes]]:
    """Return a figure of `width`×`height` inches with rows and columns of panels, and their axes row by row."""
    figure, axes = plt.subplots(
        rows, columns, figsize=(width, height), layout="constrained", squeeze=False, sharey=share_y
    )
    figure.suptitle(textwrap.fill(title, int(9 * width)))  # some ten letters fit into an inch
    return figure, list(axes.flat)


def one_per_column(votes: np.ndarray, costs: np.ndarray) -> np.ndarray:
    """Choose a galaxy per column: fractions less costs are largest in sum, and none repeats if there are enough.

    Args:
        votes: N×37.
        costs: N, by galaxy.

    Returns:
        37 rows of `votes`.
    """
    copies = -(-votes.shape[1] // len(votes))
    worth = np.tile((votes - costs[:, None]).T, copies)
    return linear_sum_assignment(worth, maximize=True)[1] % len(votes)


def gallery(images: list[np.ndarray], ids: list[int], values: list[float], title: str) -> Figure:
    """Draw one galaxy per column: its answer in words, the column and its fraction, the picture and the GalaxyID.

    Args:
        images, ids, values: 37 pictures (H×W×3 uint8), their GalaxyIDs and fractions.
    """
    across, down = TILE + 10, TILE + 45
    width, height = TILES * across, -(-len(images) // TILES) * down + 35
    figure = plt.figure(figsize=(width / 100, height / 100), dpi=100)
    figure.text(0.5, 1 - 8 / height, title, ha="center", va="top", fontsize=14)
    for i, (column, image, galaxy_id, value) in enumerate(zip(decision_tree.COLUMNS, images, ids, values, strict=True)):
        x, y = i % TILES * across + 5, height - 35 - (i // TILES + 1) * down + 5
        method = cv2.INTER_AREA if len(image) > TILE else cv2.INTER_NEAREST
        figure.figimage(cv2.resize(image, (TILE, TILE), interpolation=method), x, y, origin="upper")
        text = f"{decision_tree.DESCRIPTIONS[column]}\n{column}: {100 * value:.0f} %"
        figure.text((x + TILE / 2) / width, (y + TILE + 4) / height, text, ha="center", va="bottom", fontsize=9.5)
        figure.text((x + 4) / width, (y + 4) / height, str(galaxy_id), fontsize=7, color="white")
    return figure


def notice(text: str) -> Figure:
    """Draw a line of text instead of a picture."""
    figure = plt.figure(figsize=(9, 0.8))
    figure.text(0.5, 0.5, text, ha="center", va="center")
    return figure


def distributions(votes: np.ndarray, title: str) -> Figure:
    """Draw a histogram of each of the 37 columns of N×37 fractions, with a logarithmic scale."""
    bins = np.linspace(0, 1, 21)
    counts = [np.histogram(column, bins)[0] for column in votes.T]
    # Axes with limits of their own: matplotlib takes seconds to share them, and for a constrained layout.
    limits = {"autoscale_on": False, "xlim": (0, 1), "yscale": "log", "ylim": (0.7, 2 * np.max(counts))}
    figure, axes = plt.subplots(5, 8, figsize=(16, 10), subplot_kw=limits)
    figure.subplots_adjust(0.06, 0.06, 0.99, 0.91, wspace=0.1, hspace=0.4)
    figure.suptitle(title)
    last = len(decision_tree.COLUMNS) - 1
    for j, (axis, column) in enumerate(zip(axes.flat, decision_tree.COLUMNS, strict=False)):
        colour = COLOURS[decision_tree.QUESTION_OF_COLUMN[column].number % len(COLOURS)]
        axis.stairs(counts[j], bins, fill=True, color=colour)
        axis.axvline(votes[:, j].mean(), color="black", linewidth=1, linestyle="--")
        axis.set_title(f"{column}\n{decision_tree.DESCRIPTIONS[column]}", fontsize=9.5)
        axis.set_xticks((0, 0.5, 1), ("0", "0.5", "1"))
        axis.minorticks_off()
        axis.tick_params(labelleft=j % 8 == 0, labelbottom=j + 8 > last)
    for axis in axes.flat[last + 1 :]:
        axis.remove()
    figure.supxlabel("fraction of the volunteers (dashed: mean)")
    figure.supylabel("galaxies")
    return figure


def draw_history(axis: Axes, histories: dict[str, pd.DataFrame], metric: str) -> None:
    """Draw a metric of each model by epoch, on valid and (dashed) on train.

    Epoch 0, before training, is left out: it would squeeze all others into a corner. Models that share a colour have
    different markers.
    """
    styles = ((colour, marker) for marker in MARKERS for colour in COLOURS)
    for (colour, marker), (model, table) in zip(itertools.cycle(styles), histories.items(), strict=False):
        rows = table[table["epoch"] > 0]
        axis.plot(rows["epoch"], rows[f"valid_{metric}"], color=colour, marker=marker, ms=4, label=f"{model}, valid")
        axis.plot(rows["epoch"], rows[f"train_{metric}"], color=colour, marker=".", ls="--", label=f"{model}, train")
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set(xlabel="epoch", ylabel=metric)


def draw_rmse_history(axis: Axes, histories: dict[str, pd.DataFrame], baselines: dict[str, float]) -> None:
    """Draw the RMSE of each model by epoch; `baselines` are their RMSE on valid."""
    draw_history(axis, histories, "rmse")
    for style, (name, value) in zip((":", "-."), baselines.items(), strict=False):
        axis.axhline(value, color=GREY, linestyle=style, label=f"{name.replace('_', ' ')}, valid")
    axis.set_ylabel("RMSE")


def history(histories: dict[str, pd.DataFrame], baselines: dict[str, float], title: str) -> Figure:
    """Draw the RMSE of each model by epoch, on valid and (dashed) on train; `baselines` are their RMSE on valid."""
    figure, (axis,) = grid(1, 1, 8, 5, title)
    draw_rmse_history(axis, histories, baselines)
    axis.grid(axis="y", alpha=0.3)
    figure.legend(loc="outside right upper", frameon=False)
    return figure


def draw_rmse_by_question(axis: Axes, table: pd.DataFrame, greys: tuple[str, ...], size: float) -> None:
    """Draw the RMSE by question, one mark per prediction, side by side: columns `model`, `question`, `rmse`.

    Args:
        greys: predictions to compare with, drawn hollow and grey; the last one, the noise floor, as a stroke.
        size: of the marks, in points.
    """
    names = list(dict.fromkeys(table["model"]))
    for i, (name, marker) in enumerate(zip(names, itertools.cycle(MARKERS), strict=False)):
        part = table[table["model"] == name]
        rmse, y, label = part["rmse"], part["question"], name.replace("_", " ")
        colour, filled = (GREY, "none") if name in greys else (COLOURS[i % len(COLOURS)], "full")
        if name == greys[-1]:
            axis.vlines(rmse, y - 0.4, y + 0.4, color=GREY, linewidth=2)
            axis.plot([], [], "|", color=GREY, ms=1.5 * size, mew=2, label=label)
        else:
            offset = 0.7 * ((i + 0.5) / len(names) - 0.5)
            axis.plot(rmse, y + offset, marker, color=colour, fillstyle=filled, ms=size, label=label)
    labels = {question.number: f"{question.number} {question.name}" for question in decision_tree.QUESTIONS}
    axis.set_yticks(list(labels), list(labels.values()))
    for number in list(labels)[::2]:
        axis.axhspan(number - 0.5, number + 0.5, color=GREY, alpha=0.12, linewidth=0)
    axis.tick_params(axis="y", length=0)
    axis.set(xlim=(0, None), ylim=(len(labels) + 0.5, 0.5))


def rmse_by_question(table: pd.DataFrame, greys: tuple[str, ...], title: str) -> Figure:
    """Draw the RMSE by question, one mark per prediction; see `draw_rmse_by_question`."""
    figure, (axis,) = grid(1, 1, 10, 7.5, title)
    draw_rmse_by_question(axis, table, greys, 6)
    axis.set_xlabel("RMSE (further left is better)")
    figure.legend(loc="outside right upper", frameon=False)
    return figure


def predicted_against_voted(predicted: np.ndarray, voted: np.ndarray, title: str) -> Figure:
    """Draw predicted against voted fractions (both N×37) per question, as density on a logarithmic scale."""
    figure, axes = grid(3, 4, 13, 10, title)
    bins = np.linspace(0, 1, 41)
    parts = [decision_tree.column_slice(question) for question in decision_tree.QUESTIONS]
    counts = [np.histogram2d(voted[:, part].ravel(), predicted[:, part].ravel(), bins)[0] for part in parts]
    norm = LogNorm(1, max(2, *(count.max() for count in counts)))
    # Single fractions are pale, but not as pale as the paper.
    colours = ListedColormap(plt.get_cmap("Blues")(np.linspace(0.25, 1, 256)))
    for axis, question, count in zip(axes, decision_tree.QUESTIONS, counts, strict=False):
        cells = axis.pcolormesh(bins, bins, np.ma.masked_equal(count.T, 0), norm=norm, cmap=colours)
        axis.plot([0, 1], [0, 1], color=COLOURS[1], linewidth=1)
        axis.set(title=f"{question.number} {question.name}", aspect="equal")
    axes[-1].axis("off")
    scale = axes[-1].inset_axes((0.1, 0, 0.08, 1))
    figure.colorbar(cells, cax=scale, label="fractions in a cell (line: both agree)")
    figure.supxlabel("voted fraction")
    figure.supylabel("predicted fraction")
    return figure


def write_all(folder: Path, drawn: dict[str, Callable[[], Figure]]) -> None:
    """Draw each figure and write it as `<name>.png`, one at a time."""
    with progress(f"draw {folder}", len(drawn), "figures") as bar:
        for name, draw in drawn.items():
            save(draw(), folder / f"{name}.png")
            bar.update()
