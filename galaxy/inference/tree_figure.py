"""A galaxy beside its decision tree: branches as wide as the fraction of volunteers who would take them."""

import itertools
import pathlib
import re
import textwrap
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from tqdm import tqdm

from galaxy.evaluation import figures
from galaxy.core import decision_tree
from galaxy.report import likeliest_path
from galaxy.inference.find_images import Source
from galaxy.inference.read_image import SUFFIXES
from galaxy.inference.read_image import Reader

PLACES: dict[int, tuple[float, tuple[float, ...]]] = {
    1: (0, (0.80, 0.50, 0.20)),
    2: (1, (0.34, 0.56)),
    3: (2, (0.64, 0.50)),
    4: (3, (0.66, 0.46)),
    5: (6, (0.66, 0.55, 0.44, 0.33)),
    6: (7, (0.66, 0.46)),
    7: (1, (0.97, 0.88, 0.79)),
    8: (8, (0.96, 0.86, 0.76, 0.66, 0.56, 0.46, 0.36)),
    9: (2, (0.22, 0.13, 0.04)),
    10: (4, (0.80, 0.70, 0.60)),
    11: (5, (0.90, 0.81, 0.72, 0.63, 0.54, 0.45)),
}
"""Where each question stands, left to right, and how high each of its answers, 0 to 1."""

WIDEST = 15.0
"""Width of a branch that everybody takes, in points."""

BRANCH, LABEL = 0.30, 0.33
"""Where, in widths of a column, a branch ends and its label begins."""

PICTURE = 400
"""Side of the picture in pixels."""

LIKELY, OTHER = "#1f6fb4", "#b9bec4"


def write_all(folder: pathlib.Path, sources: Sequence[Source], table: pd.DataFrame, reader: Reader) -> None:
    """Write one PNG a galaxy into `folder`, called as its image.

    Args:
        sources: the images, all readable.
        table: their fractions, rows in the same order.
        reader: what the network saw them through; the figure shows the same square.
    """
    finer = replace(reader, size=PICTURE)
    fractions = table[list(decision_tree.COLUMNS)].to_numpy()
    names = file_names([source.name for source in sources])
    for source, values, name in zip(tqdm(sources, "draw", unit=" figures"), fractions, names, strict=True):
        figures.save(draw(finer(source.name, source.read()), values, source.name), folder / name)


def file_names(names: Sequence[str]) -> list[str]:
    """A file name for each image's figure: the image's own, with its folders or a number where that stands twice."""
    taken: set[str] = set()
    given = []
    for name in names:
        stem = next((name[: -len(suffix)] for suffix in SUFFIXES if name.lower().endswith(suffix)), name)
        bare, whole = (re.sub(r"[^\w.+-]+", "_", text).lstrip("._") for text in (pathlib.PurePath(stem).name, stem))
        choices = itertools.chain([bare, whole], (f"{whole}-{number}" for number in itertools.count(2)))
        given.append(next(choice for choice in choices if choice not in taken))
        taken.add(given[-1])
    return [f"{name}.png" for name in given]


def draw(picture: np.ndarray, fractions: np.ndarray, title: str) -> Figure:
    """The picture, the tree with the likeliest path in colour, and that path in words.

    Args:
        picture: H×W×3 uint8.
        fractions: the galaxy's 37.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(17, 6.5), layout="constrained", width_ratios=[1, 4.2])
    figure.suptitle(f"{title}\n{walk.sentence(fractions)}", fontsize=13)
    left.imshow(picture)
    left.axis("off")
    _draw_tree(right, fractions)
    return figure


def _draw_tree(axis: Axes, fractions: np.ndarray) -> None:
    path = {step.column for step in likeliest_path.likeliest(fractions)}
    for question in decision_tree.QUESTIONS:
        x, heights = PLACES[question.number]
        entry = _entry(question)
        text = textwrap.fill(f"{question.number} {question.name}", 12)
        axis.text(x, max(heights) + 0.045, text, fontsize=9, weight="bold", va="bottom")
        for column, answer, y in zip(question.columns, question.answers, heights, strict=True):
            fraction = float(fractions[decision_tree.COLUMN_INDEX[column]])
            likely = column in path
            _branch(axis, entry, (x + BRANCH, y), fraction, likely)
            if answer.next is not None:
                _branch(axis, (x + BRANCH, y), _entry(decision_tree.question(answer.next)), fraction, likely, faint=True)
            label = f"{textwrap.fill(answer.text, 13)} {100 * fraction:.0f} %"
            axis.text(
                x + LABEL,
                y,
                label,
                fontsize=8,
                va="center",
                weight="bold" if likely else "normal",
                linespacing=0.95,
                zorder=5,
                bbox={"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.8},
            )
    legend = "Widths and percentages: fractions of all volunteers. Blue: the likeliest path."
    axis.text(9, -0.02, legend, fontsize=9, ha="right", color="#606468")
    axis.set(xlim=(-0.1, 9.05), ylim=(-0.03, 1.13))
    axis.axis("off")


def _entry(question: decision_tree.Question) -> tuple[float, float]:
    """Where the branches of a question begin."""
    x, heights = PLACES[question.number]
    return x, float(np.mean(heights))


def _branch(
    axis: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    fraction: float,
    likely: bool,
    faint: bool = False,
) -> None:
    """A curve that leaves and arrives level, as wide as its fraction; `faint` where it only leads on."""
    middle = (start[0] + end[0]) / 2
    curve = Path(
        [start, (middle, start[1]), (middle, end[1]), end], [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]
    )
    axis.add_patch(
        PathPatch(
            curve,
            fill=False,
            edgecolor=LIKELY if likely else OTHER,
            linewidth=max(WIDEST * fraction, 0.4),
            alpha=0.3 if faint else 0.95,
            capstyle="butt",
            zorder=2 + likely - 2 * faint,
        )
    )
