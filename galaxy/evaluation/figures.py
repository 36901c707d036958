"""Figures as PNG, drawn by matplotlib's Agg, so that they are the same with and without a screen."""

import itertools
from collections.abc import Callable
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from galaxy.core import decision_tree, files

COLOURS = plt.get_cmap("tab10").colors  # type: ignore[attr-defined]
QUESTION_COLOURS = (*COLOURS, (0.1, 0.2, 0.4))


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
    figure.suptitle(title)
    return figure, list(axes.flat)


def gallery(images: list[np.ndarray], ids: list[int], values: list[float], title: str) -> Figure:
    """Draw the likeliest galaxy of each of the 37 columns: picture, column, its answer in words, and the fraction.

    Args:
        images, ids, values: 37 pictures (H×W×3 uint8), their GalaxyIDs and fractions.
    """
    figure, axes = grid(5, 8, 11.2, 9.2, title)
    for axis in axes:
        axis.axis("off")
    for axis, column, image, galaxy_id, value in zip(axes, decision_tree.COLUMNS, images, ids, values, strict=False):
        axis.imshow(image, interpolation="nearest")
        colour = QUESTION_COLOURS[decision_tree.QUESTION_OF_COLUMN[column].number - 1]
        axis.set_title(f"{column}  {value:.2f}\n{decision_tree.DESCRIPTIONS[column]}", fontsize=7.5, color=colour)
        axis.text(0.5, -0.03, str(galaxy_id), transform=axis.transAxes, ha="center", va="top", fontsize=6, color="grey")
    return figure


def distributions(votes: np.ndarray, title: str) -> Figure:
    """Draw a histogram of each of the 37 columns of N×37 fractions, with a logarithmic scale."""
    figure, axes = grid(5, 8, 16, 10, title, share_y=True)
    for axis in axes[len(decision_tree.COLUMNS) :]:
        axis.axis("off")
    for j, (axis, column) in enumerate(zip(axes, decision_tree.COLUMNS, strict=False)):
        colour = QUESTION_COLOURS[decision_tree.QUESTION_OF_COLUMN[column].number - 1]
        axis.hist(votes[:, j], bins=20, range=(0, 1), color=colour, log=True)
        axis.axvline(votes[:, j].mean(), color="black", linewidth=1, linestyle="--")
        axis.set_title(f"{column}\n{decision_tree.DESCRIPTIONS[column]}", fontsize=9)
        axis.tick_params(labelsize=7)
        axis.set_xlim(0, 1)
    figure.supxlabel("fraction of the volunteers (dashed: mean)")
    figure.supylabel("galaxies")
    return figure


def draw_history(axis: Axes, histories: dict[str, pd.DataFrame], metric: str, first: int = 0) -> None:
    """Draw a metric of each model by epoch, from epoch `first` on: on valid, and dashed on train."""
    for colour, (model, table) in zip(itertools.cycle(COLOURS), histories.items(), strict=False):
        rows = table[table["epoch"] >= first]
        axis.plot(rows["epoch"], rows[f"valid_{metric}"], color=colour, marker="o", ms=4, label=f"{model}, valid")
        axis.plot(rows["epoch"], rows[f"train_{metric}"], color=colour, ls="--", label=f"{model}, train")


def history(histories: dict[str, pd.DataFrame], lines: dict[str, float], title: str) -> Figure:
    """Draw the RMSE of each model by epoch, on train (dashed) and valid; `lines` are baselines to compare with."""
    figure, (axis,) = grid(1, 1, 8, 5, title)
    draw_history(axis, histories, "rmse")
    for style, (name, value) in zip(("-", ":", "-."), lines.items(), strict=False):
        axis.axhline(value, color="grey", linestyle=style, linewidth=1, label=name)
    axis.set(xlabel="epoch (0: before training)", ylabel="RMSE", yscale="log")
    axis.yaxis.set_major_formatter("{x:.2f}")
    axis.yaxis.set_minor_formatter("{x:.2f}")
    axis.legend()
    return figure


def rmse_by_question(table: pd.DataFrame, title: str) -> Figure:
    """Draw the RMSE by question, one bar per model: columns `model`, `question`, `name`, `rmse`."""
    figure, (axis,) = grid(1, 1, 10, 5, title)
    models = list(dict.fromkeys(table["model"]))
    width = 0.8 / len(models)
    for i, model in enumerate(models):
        part = table[table["model"] == model]
        axis.bar(np.arange(len(part)) + (i - (len(models) - 1) / 2) * width, part["rmse"], width, label=model)
    labels = [f"{question.number}\n" + question.name.replace(" ", "\n") for question in decision_tree.QUESTIONS]
    axis.set_xticks(range(len(labels)), labels, fontsize=8)
    axis.set(xlabel="question", ylabel="RMSE")
    axis.legend()
    return figure


def predicted_against_voted(predicted: np.ndarray, voted: np.ndarray, title: str) -> Figure:
    """Draw predicted against voted fractions (both N×37) per question, as density on a logarithmic scale."""
    figure, axes = grid(3, 4, 13, 10, title)
    bins = np.linspace(0, 1, 41)
    axes[-1].axis("off")
    for axis, question in zip(axes, decision_tree.QUESTIONS, strict=False):
        answers = decision_tree.column_slice(question)
        axis.hist2d(
            voted[:, answers].ravel(), predicted[:, answers].ravel(), bins=[bins, bins], norm=LogNorm(), cmap="viridis"
        )
        axis.plot([0, 1], [0, 1], color="red", linewidth=1)
        axis.set(title=f"{question.number} {question.name}", aspect="equal")
    figure.supxlabel("voted fraction")
    figure.supylabel("predicted fraction")
    return figure


def write_all(folder: Path, drawn: dict[str, Callable[[], Figure]]) -> None:
    """Draw each figure and write it as `<name>.png`, one at a time."""
    for name, draw in drawn.items():
        save(draw(), folder / f"{name}.png")
