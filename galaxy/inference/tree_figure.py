"""Draw a galaxy beside its decision tree, with branches as wide as the vote fractions."""

import pathlib
import re
import textwrap
import unicodedata
import warnings
from collections.abc import Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from galaxy.core import decision_tree
from galaxy.core.errors import GalaxyError
from galaxy.core.runtime import progress
from galaxy.evaluation import figures
from galaxy.inference import read_ahead
from galaxy.inference.read_image import SUFFIXES, Reader
from galaxy.inference.sources import Source
from galaxy.inference.stream import Part
from galaxy.report import likeliest_path

PLACES: dict[int, tuple[float, tuple[float, ...]]] = {
    1: (0, (0.80, 0.50, 0.20)),
    2: (1, (0.34, 0.56)),
    3: (2, (0.64, 0.50)),
    4: (3, (0.62, 0.30)),
    5: (6.15, (0.66, 0.54, 0.42, 0.30)),
    6: (7.4, (0.66, 0.46)),
    7: (1, (1.02, 0.94, 0.86)),
    8: (8.4, (0.96, 0.86, 0.76, 0.66, 0.56, 0.46, 0.36)),
    9: (2, (0.22, 0.13, 0.04)),
    10: (4, (0.70, 0.58, 0.46)),
    11: (5, (0.74, 0.665, 0.59, 0.515, 0.44, 0.365)),
}
"""Column of each question, from left to right, and height of each of its answers, 0 to 1: those that lead over other
questions lie higher or lower than the answers of these."""

WIDEST = 15.0
"""Width in points of a branch with a fraction of 1."""

BRANCH, LABEL, BEND = 0.30, 0.33, 0.40
"""Where a branch ends, where its label begins, and how far before the next question it bends, in widths of a column."""

PICTURE = 400
"""Side of the picture in pixels."""

# A name may have letters that the font does not; they become boxes.
warnings.filterwarnings("ignore", message="Glyph .* missing from font")

LIKELY, OTHER = "#1f6fb4", "#b9bec4"

LONGEST_NAME = 200
"""Bytes; file systems take 255, with an ending and, while it is written, a beginning."""

Point = tuple[float, float]


def write(
    folder: pathlib.Path, sources: Sequence[Source], names: Sequence[str], fractions: np.ndarray, reader: Reader
) -> None:
    """Write one PNG per galaxy into `folder`.

    Args:
        sources: the images, all readable.
        names: what the figures are called, see `file_names`.
        fractions: the galaxies' vote fractions, N×37.
        reader: reads the images for the network; the figure shows the same square.
    """
    finer = reader.finer(PICTURE)
    with progress("draw", len(sources), "figures") as bar:
        for batch in read_ahead.batches(sources, range(len(sources)), [finer], read_ahead.CHUNK, in_use=0):
            for row, (picture, outcome) in enumerate(zip(batch.images[0], batch.outcomes, strict=True), batch.first):
                if outcome.problem:
                    raise GalaxyError(f"{sources[row].name}: {outcome.problem}; it changed after it was predicted")
                figure = draw(picture, fractions[row], pathlib.PurePath(sources[row].name).name)
                figures.save(figure, folder / names[row])
                bar.update()
            batch.release()


class Drawing:
    """Draws the galaxies of some images, part by part, into `folder`; each figure is named after its image."""

    def __init__(self, folder: pathlib.Path, images: Sequence[Source], reader: Reader) -> None:
        self._folder, self._images, self._reader = folder, images, reader
        self._names = file_names([source.name for source in images])

    def add(self, part: Part) -> None:
        """Draw a part's galaxies."""
        numbers = [number for number in part.table.index if number not in part.problems]
        fractions = part.table.loc[numbers, list(decision_tree.COLUMNS)].to_numpy()
        sources, names = ([every[number] for number in numbers] for every in (self._images, self._names))
        write(self._folder, sources, names, fractions, self._reader)


def file_names(names: Sequence[str]) -> list[str]:
    """Return a file name per figure: the image's, preceded by its folders and followed by a number if it is taken.

    No two names differ in capitals alone, and none is longer than file systems take.
    """
    chosen: dict[str, str] = {}
    for name in names:
        suffix = next((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), "")
        stem = name[: len(name) - len(suffix)]
        with_folders = _file_name(stem)
        candidate = _file_name(pathlib.PurePath(stem).name)
        if candidate.casefold() in chosen:
            candidate = with_folders
        number = 2
        while candidate.casefold() in chosen:
            candidate = f"{with_folders}-{number}"
            number += 1
        chosen[candidate.casefold()] = candidate
    return [f"{name}.png" for name in chosen.values()]


def _file_name(text: str) -> str:
    """Return a text's last characters, at most `LONGEST_NAME` bytes, with `_` for what is no letter or digit."""
    name = re.sub(r"[^\w.+-]+", "_", unicodedata.normalize("NFC", text))
    return name.encode()[-LONGEST_NAME:].decode(errors="ignore").lstrip("._") or "image"


def draw(picture: np.ndarray, fractions: np.ndarray, title: str) -> Figure:
    """Draw the picture, the tree with the likeliest path in colour, and that path in words.

    Args:
        picture: H×W×3 uint8.
        fractions: the galaxy's 37 vote fractions.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(17, 6.5), layout="constrained", width_ratios=[1, 4.2])
    title = textwrap.fill(title, 150)
    figure.suptitle(f"{title}\n{likeliest_path.sentence(fractions)}", fontsize=13, parse_math=False)
    left.imshow(picture)
    left.axis("off")
    _draw_tree(right, fractions)
    return figure


def draw_tree(fractions: np.ndarray) -> Figure:
    """Draw the tree alone; see `draw`."""
    figure, axis = plt.subplots(figsize=(13.6, 7), layout="constrained")
    _draw_tree(axis, fractions)
    return figure


def _draw_tree(axis: Axes, fractions: np.ndarray) -> None:
    path = {step.column for step in likeliest_path.likeliest(fractions)}
    box = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.8}
    for question in decision_tree.QUESTIONS:
        x, heights = PLACES[question.number]
        entry = _entry(question)
        text = textwrap.fill(f"{question.number} {question.name}", 12)
        axis.text(x, max(heights) + 0.045, text, fontsize=9, weight="bold", va="bottom")
        for column, answer, y in zip(question.columns, question.answers, heights, strict=True):
            fraction = float(fractions[decision_tree.COLUMN_INDEX[column]])
            likely = column in path
            end = (x + BRANCH, y)
            _branch(axis, entry, end, fraction, likely)
            if answer.next is not None:
                following = _entry(decision_tree.question(answer.next))
                bend = (max(following[0] - BEND, end[0]), y)
                _branch(axis, end, bend, fraction, likely, faint=True)
                _branch(axis, bend, following, fraction, likely, faint=True)
            label = textwrap.fill(f"{answer.text} {100 * fraction:.0f}\N{NO-BREAK SPACE}%", 13)
            weight = "bold" if likely else "normal"
            axis.text(x + LABEL, y, label, fontsize=8, va="center", weight=weight, linespacing=0.95, zorder=5, bbox=box)
    legend = "Widths and percentages: fractions of all volunteers. Blue: the likeliest path."
    axis.text(9.4, -0.02, legend, fontsize=9, ha="right", color="#606468")
    axis.set(xlim=(-0.1, 9.4), ylim=(-0.03, 1.13))
    axis.axis("off")


def _entry(question: decision_tree.Question) -> Point:
    """Return where the branches of a question begin."""
    x, heights = PLACES[question.number]
    return x, float(np.mean(heights))


def _branch(axis: Axes, start: Point, end: Point, fraction: float, likely: bool, faint: bool = False) -> None:
    """Draw a curve, level at both ends and as wide as its fraction; `faint` if it only leads to the next question."""
    middle = (start[0] + end[0]) / 2
    points = [start, (middle, start[1]), (middle, end[1]), end]
    curve = PathPatch(
        Path(points, [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]),
        fill=False,
        edgecolor=LIKELY if likely else OTHER,
        linewidth=max(WIDEST * fraction, 0.4),
        alpha=0.3 if faint else 0.95,
        capstyle="butt",
        zorder=2 + likely - 2 * faint,
    )
    axis.add_patch(curve)
