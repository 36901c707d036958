"""What a change did: two predictions of the same galaxies, question by question, with how sure one can be."""

from collections.abc import Sequence
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
"""The name of the row for all 37 columns."""


def changed(before: dict[str, Any], after: dict[str, Any]) -> pd.DataFrame:
    """The leaves of the params that differ: `param`, `before`, `after`; a leaf that one has not got is "–"."""
    keys = dict.fromkeys([*before, *after])
    rows = [(key, before.get(key, "–"), after.get(key, "–")) for key in keys]
    return pd.DataFrame([row for row in rows if row[1] != row[2]], columns=["param", "before", "after"], dtype=object)


@dataclass(frozen=True)
class Pairs:
    """Galaxies that two runs tested on: N ids, votes and both predictions (N×37), and how many each run had."""

    ids: np.ndarray
    voted: np.ndarray
    before: np.ndarray
    after: np.ndarray
    tested: tuple[int, int]

    @property
    def same(self) -> bool:
        """Whether both runs tested on these galaxies and no others."""
        return self.tested == (len(self.ids), len(self.ids))


def pair(predictions: Sequence[pd.DataFrame], votes: Sequence[pd.DataFrame]) -> Pairs:
    """The galaxies that both runs tested on. One of the same id and other votes is another galaxy.

    Args:
        predictions: of both runs, `GalaxyID` and 37 columns.
        votes: of both runs, the same columns for at least these galaxies.

    Raises:
        GalaxyError: the votes lack a galaxy that was predicted.
    """
    columns = list(decision_tree.COLUMNS)
    indexed = [table.set_index("GalaxyID")[columns] for table in predictions]
    for table, labels in zip(indexed, votes, strict=True):
        if not table.index.isin(labels["GalaxyID"]).all():
            raise GalaxyError("predictions and votes of a revision do not belong together; run dvc repro there")
    ids = indexed[0].index.intersection(indexed[1].index, sort=False)
    first, second = (table.set_index("GalaxyID").loc[ids, columns].to_numpy() for table in votes)
    ids = ids[np.isclose(first, second, atol=1e-6).all(axis=1)]
    return Pairs(
        ids.to_numpy(),
        votes[0].set_index("GalaxyID").loc[ids, columns].to_numpy(),
        indexed[0].loc[ids].to_numpy(),
        indexed[1].loc[ids].to_numpy(),
        (len(indexed[0]), len(indexed[1])),
    )


def by_question(pairs: Pairs) -> pd.DataFrame:
    """RMSE of both predictions and their difference, for all columns and for each question.

    The interval is the bootstrap's: galaxies are drawn again and again, each with both of its predictions, so what is
    hard or easy about a galaxy cancels.

    Returns:
        `question`, `before`, `after`, `difference` (below 0: after is better), `low` and `high` (95 % interval).
    """
    parts = {ALL: slice(None)} | {f"{q.number} {q.name}": decision_tree.column_slice(q) for q in decision_tree.QUESTIONS}
    rows = []
    for name, part in parts.items():
        before, after = (
            np.square(predicted[:, part] - pairs.voted[:, part]).mean(axis=1)
            for predicted in (pairs.before, pairs.after)
        )
        low, high = interval(before, after)
        rows.append(
            {
                "question": name,
                "before": np.sqrt(before.mean()),
                "after": np.sqrt(after.mean()),
                "difference": _difference(before, after),
                "low": low,
                "high": high,
            }
        )
    return pd.DataFrame(rows)


def interval(before: np.ndarray, after: np.ndarray) -> tuple[float, float]:
    """The 95 % bootstrap interval of the difference in RMSE, of N squared errors a galaxy before and after."""
    result = stats.bootstrap(
        (before, after),
        _difference,
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
    """Difference in RMSE, of squared errors a galaxy along the axis."""
    return np.sqrt(after.mean(axis=axis)) - np.sqrt(before.mean(axis=axis))


def verdict(row: pd.Series) -> str:
    """Whether the interval leaves a doubt about the sign."""
    if row["low"] > 0:
        return "worse"
    return "better" if row["high"] < 0 else "within noise"
