"""What a change did: two runs' predictions for the same galaxies, compared by question, with intervals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from galaxy.core import decision_tree
from galaxy.core.errors import GalaxyError

RESAMPLES = 2000
CONFIDENCE = 0.95
SEED = 1

ALL = "all"
"""Name of the row for all 37 columns."""


def changed(before: dict[str, Any], after: dict[str, Any]) -> pd.DataFrame:
    """Return the params that differ, by dotted key: `param`, `before`, `after`; an absent one is "–"."""
    keys = dict.fromkeys([*before, *after])
    rows = [(key, before.get(key, "–"), after.get(key, "–")) for key in keys]
    return pd.DataFrame([row for row in rows if row[1] != row[2]], columns=["param", "before", "after"], dtype=object)


@dataclass(frozen=True)
class Pairs:
    """Galaxies that both runs tested on: N ids, votes and both predictions (N×37), and how many each run tested on."""

    ids: np.ndarray
    voted: np.ndarray
    before: np.ndarray
    after: np.ndarray
    tested: tuple[int, int]

    @property
    def same(self) -> bool:
        """True if both runs tested on exactly these galaxies."""
        return self.tested == (len(self.ids), len(self.ids))


def pair(predictions: Sequence[pd.DataFrame], votes: Sequence[pd.DataFrame]) -> Pairs:
    """Find the galaxies that both runs tested on. Galaxies with the same id but other votes count as different.

    Args:
        predictions: `GalaxyID` and the 37 columns, for each run.
        votes: the same columns for at least these galaxies, for each run.

    Raises:
        GalaxyError: the votes lack a predicted galaxy.
    """
    columns = list(decision_tree.COLUMNS)
    indexed = [table.set_index("GalaxyID")[columns] for table in predictions]
    for table, labels in zip(indexed, votes, strict=True):
        if not table.index.isin(labels["GalaxyID"]).all():
            raise GalaxyError("predictions and votes of a revision do not belong together; run dvc repro in it")
    ids = indexed[0].index.intersection(indexed[1].index, sort=False)
    first = votes[0].set_index("GalaxyID").loc[ids, columns].to_numpy()
    second = votes[1].set_index("GalaxyID").loc[ids, columns].to_numpy()
    ids = ids[np.isclose(first, second, atol=1e-6).all(axis=1)]
    voted = votes[0].set_index("GalaxyID").loc[ids, columns].to_numpy()
    before = indexed[0].loc[ids].to_numpy()
    after = indexed[1].loc[ids].to_numpy()
    return Pairs(ids.to_numpy(), voted, before, after, (len(indexed[0]), len(indexed[1])))


def by_question(pairs: Pairs, *, brief: bool = False) -> pd.DataFrame:
    """Compare the RMSE of both predictions, for all columns and, unless `brief`, for each question.

    The interval is a paired bootstrap's: each draw of a galaxy takes both its predictions, so that a galaxy that is
    hard for both runs does not widen it.

    Returns:
        `question`, `before`, `after`, `difference` (below 0: after is better), `low` and `high` (95 % interval).
    """
    questions = () if brief else decision_tree.QUESTIONS
    parts = {f"{q.number} {q.name}": decision_tree.column_slice(q) for q in questions}
    rows = []
    for name, part in ({ALL: slice(None)} | parts).items():
        voted = pairs.voted[:, part]
        before = np.square(pairs.before[:, part] - voted).mean(axis=1)
        after = np.square(pairs.after[:, part] - voted).mean(axis=1)
        rmse = np.sqrt(before.mean()), np.sqrt(after.mean())
        rows.append((name, *rmse, _difference(before, after), *interval(before, after)))
    return pd.DataFrame(rows, columns=["question", "before", "after", "difference", "low", "high"])


def by_error(before: pd.DataFrame, after: pd.DataFrame, kind: str) -> tuple[pd.DataFrame, int]:
    """Compare two runs' predictions of own labels, or of a task's classes, for the same images.

    Args:
        before, after: `file` and `error` of each test image, see `galaxy.own_labels.scores.errors`.
        kind: of the labels.

    Returns:
        A row as those of `by_question`, of the share of wrong classes, or else the RMSE; and the number of images.

    Raises:
        GalaxyError: an image has two rows.
    """
    if before["file"].duplicated().any() or after["file"].duplicated().any():
        raise GalaxyError("a list names an image twice, so its predictions cannot be paired; name each image once")
    both = before.merge(after, on="file", suffixes=("_before", "_after"))
    errors = both["error_before"].to_numpy(), both["error_after"].to_numpy()
    means = tuple(float(error.mean()) for error in errors)
    if kind == "class":
        values, difference = means, _difference_of_means
    else:
        values, difference = tuple(mean**0.5 for mean in means), _difference
    row = ("wrong" if kind == "class" else "RMSE", *values, difference(*errors), *interval(*errors, difference))
    return pd.DataFrame([row], columns=["score", "before", "after", "difference", "low", "high"]), len(both)


def _difference_of_means(before: np.ndarray, after: np.ndarray, axis: int = -1) -> np.ndarray:
    """Return the difference in mean error along an axis."""
    return after.mean(axis=axis) - before.mean(axis=axis)


def interval(
    before: np.ndarray, after: np.ndarray, difference: Callable[..., np.ndarray] | None = None
) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the difference in RMSE from N galaxies' squared errors.

    Args:
        difference: another difference of N errors before and after.
    """
    result = stats.bootstrap(
        (before, after),
        difference or _difference,
        paired=True,
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=100,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(SEED),
    )
    return float(result.confidence_interval.low), float(result.confidence_interval.high)


def _difference(before: np.ndarray, after: np.ndarray, axis: int = -1) -> np.ndarray:
    """Return the difference in RMSE from galaxies' squared errors along an axis."""
    return np.sqrt(after.mean(axis=axis)) - np.sqrt(before.mean(axis=axis))


def verdict(row: pd.Series) -> str:
    """Return what the interval says about the change."""
    if row["low"] > 0:
        return "worse"
    return "better" if row["high"] < 0 else "within noise"
