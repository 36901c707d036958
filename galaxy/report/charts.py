"""The report's charts, as SVG in the page's text colour: legible on light and dark backgrounds."""

import io
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from galaxy.evaluation import figures, scores

INK = "#010203"
"""Placeholder for the page's text colour, which matplotlib cannot name."""

STYLE: dict[Any, Any] = {
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK),
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def history(histories: dict[str, pd.DataFrame], baselines: dict[str, float]) -> str:
    """Draw the RMSE of each model by epoch, on valid and (dashed) on train; `baselines` are their RMSE on valid."""
    return _svg("history", lambda axis: figures.draw_rmse_history(axis, histories, baselines), 4.4)


def by_question(table: pd.DataFrame) -> str:
    """Draw the RMSE by question, one mark per prediction: columns `model`, `question`, `name`, `rmse`."""

    def draw(axis: Axes) -> None:
        figures.draw_rmse_by_question(axis, table, scores.GREYS, 3.5)
        axis.set_xlabel("RMSE")

    return _svg("by_question", draw, 5)


def reliability(table: pd.DataFrame) -> str:
    """Draw mean voted against mean predicted fractions, one line per `group`; see `galaxy.report.page.reliability`."""

    def draw(axis: Axes) -> None:
        axis.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle=":")
        for colour, (group, part) in zip(figures.COLOURS, table.groupby("group", sort=False), strict=False):
            axis.plot(part["predicted"], part["voted"], color=colour, linewidth=1.2, label=str(group))
            sizes = 60 * np.sqrt(part["values"] / part["values"].max()) + 3
            axis.scatter(part["predicted"], part["voted"], s=sizes, color=colour, alpha=0.7)
        axis.set(xlabel="predicted fraction (mean of a bin)", ylabel="voted fraction", xlim=(0, 1), ylim=(0, 1))

    return _svg("reliability", draw, 4.6)


def _svg(name: str, draw: Callable[[Axes], None], height: float) -> str:
    """Return an `<svg>` element, drawn 4.2 inches wide, so that it is legible on a phone, and scaled by the page."""
    with plt.rc_context(STYLE | {"svg.hashsalt": name}):
        figure, axis = plt.subplots(figsize=(4.2, height), layout="constrained")
        draw(axis)
        figure.legend(loc="outside lower center", ncols=2, fontsize=10, frameon=False)
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
        plt.close(figure)
    text = buffer.getvalue()
    head, body = text[text.index("<svg") :].split(">", 1)
    return (re.sub(r' (width|height)="[^"]*"', "", head) + ">" + body).replace(INK, "currentColor")
