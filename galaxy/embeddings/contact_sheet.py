"""Draw many images on one sheet, each with a line of text."""

from collections.abc import Sequence

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

SIDE = 144
"""Of a picture, in pixels."""

ACROSS = 8


def draw(pictures: Sequence[np.ndarray | None], texts: Sequence[str], title: str) -> Figure:
    """Draw pictures (`SIDE`×`SIDE`×3 uint8; None: it cannot be read) in rows, each with its text below."""
    across, step_x, step_y, head = min(ACROSS, max(len(pictures), 3)), SIDE + 8, SIDE + 30, 34
    width, height = across * step_x, -(-len(pictures) // across) * step_y + head
    figure = plt.figure(figsize=(width / 100, height / 100), dpi=100)
    figure.text(0.5, 1 - 8 / height, title, ha="center", va="top", fontsize=12, parse_math=False)
    for number, (picture, text) in enumerate(zip(pictures, texts, strict=True)):
        x, y = number % across * step_x + 4, height - head - (number // across + 1) * step_y + 26
        if picture is not None:
            figure.figimage(picture, x, y, origin="upper")
        for line, part in enumerate(text.split("\n")):
            figure.text(
                (x + SIDE / 2) / width,
                (y - 3 - 11 * line) / height,
                part[-24:],
                ha="center",
                va="top",
                fontsize=7.5,
                parse_math=False,
            )
    return figure
