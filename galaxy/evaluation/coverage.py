"""How often the intervals of predictions hold the voted fractions, and how wide they are."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from galaxy.core import decision_tree
from galaxy.evaluation.scores import Predictions
from galaxy.models import intervals

LEVELS = (0.5, 0.8, 0.9)
ALL = "all"
"""What the table has in place of a question's number, for all columns."""

COLUMNS = ("model", "question", "name", "level", "coverage", "width", "single_values", "coverage_all", "galaxies")

NOT_MEASURED = (
    "intervals: not measured, because there is no test split, and valid chose the epochs and gave the residuals"
)

_ROUNDED = 1e-5
"""Voted fractions have six decimals."""


def table(test: Predictions, cards: dict[str, dict[str, Any]], volunteers: int | None) -> pd.DataFrame:
    """Return one row per model, level and question (`ALL` first).

    An interval is a single value where 0 (or 1) alone has a chance of the level or more, and then it must hold more
    votes than the level says. `coverage` is the share of voted fractions within the other intervals, which should be
    the level; `coverage_all` is the share within all, `single_values` the share of single values, and `width` the mean
    width of all.

    Args:
        test: predictions that were used for no choice.
        cards: of the models to measure, by name.
        volunteers: the number of votes of each galaxy; None: as many as the model was trained for.

    Raises:
        GalaxyError: a model gives no intervals.
    """
    rows: list[tuple[Any, ...]] = []
    for name, card in cards.items():
        residuals = card.get("residuals")
        intervals.check({name: card["spec"]["head"]}, {name: residuals}, volunteers=None)
        predicted = np.hstack([test.by_name[name], *([test.totals[name]] if name in test.totals else [])])
        for level in LEVELS:
            votes = card["params"]["volunteers"] if volunteers is None else volunteers
            low, high = intervals.bounds(predicted, residuals, level, votes)
            for question, words, part in _parts():
                found = measure(low[:, part], high[:, part], test.voted[:, part])
                rows.append((name, question, words, level, *found, len(test.voted)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def measure(low: np.ndarray, high: np.ndarray, actual: np.ndarray) -> tuple[float, float, float, float]:
    """Return `coverage`, `width`, `single_values` and `coverage_all`, see `table`, of the ends of N×C intervals."""
    single = high == low
    held = (low - _ROUNDED <= actual) & (actual <= high + _ROUNDED)
    coverage = float(held[~single].mean()) if not single.all() else np.nan
    return coverage, float((high - low).mean()), float(single.mean()), float(held.mean())


def terminal_table(found: dict[str, dict[str, float]], what: str = "votes") -> str:
    """Return what `summary` returned as text for a terminal; `what` lies within the intervals."""
    percents = [round(100 * level) for level in LEVELS]
    rows = [
        [
            text
            for i in percents
            for text in (f"{100 * own.get(f'coverage_{i}', np.nan):.1f} %", f"{own.get(f'width_{i}', np.inf):.3f}")
        ]
        for own in found.values()
    ]
    columns = [words for percent in percents for words in (f"in {percent} %", "width")]
    table = pd.DataFrame(rows, index=list(found), columns=columns)
    return f"{what} within the intervals of each level, and their mean width\n{table.to_string()}"


def _parts() -> Iterator[tuple[str | int, str, slice]]:
    yield ALL, "all columns", slice(None)
    for question in decision_tree.QUESTIONS:
        yield question.number, question.name, decision_tree.column_slice(question)


def summary(measured: pd.DataFrame, parts: str = "question") -> dict[str, dict[str, float]]:
    """Return coverage and mean width of all columns by model, as `coverage_50` and `width_50`, for `evaluate.json`.

    A width without bound is left out, and a coverage where all intervals are single values.

    Args:
        parts: the column that says `ALL`.
    """
    whole = measured[measured[parts] == ALL]
    found: dict[str, dict[str, float]] = {}
    for row in whole.to_dict("records"):
        percent = round(100 * row["level"])
        values = {f"coverage_{percent}": float(row["coverage"]), f"width_{percent}": float(row["width"])}
        found.setdefault(row["model"], {}).update({key: value for key, value in values.items() if np.isfinite(value)})
    return found
