"""Intervals: between which fractions the votes of so many volunteers, or a number, lie with a given chance.

For the head dirichlet they follow from the concentrations (`galaxy.models.vote_chances`), for others from the residuals
on valid (`galaxy.models.residuals`).
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from galaxy.core.decision_tree import STEPS, Step
from galaxy.core.errors import GalaxyError
from galaxy.core.params import DIRICHLET
from galaxy.models import vote_chances
from galaxy.models.residuals import Fitted

MOST_VOLUNTEERS = 1000
"""Numbers of more votes would exceed the range of floats."""

_PART = 50_000
"""Galaxies times volunteers at a time, because the chances of each number of votes take memory."""


class Distribution(Protocol):
    """The distribution of N×C fractions: the chances of 0 and of 1, and the fraction below which a chance lies."""

    @property
    def zero(self) -> np.ndarray: ...
    @property
    def one(self) -> np.ndarray: ...
    def quantile(self, chance: np.ndarray) -> np.ndarray: ...


class Votes:
    """The distribution of the share of n votes, N×C, by the chances of 0 … n votes, N×C×(n + 1).

    A share k/n stands for those between (k − ½)/n and (k + ½)/n, but 0 and 1 for themselves: real votes are weighted,
    and of another number of volunteers.
    """

    def __init__(self, chances: np.ndarray) -> None:
        self.chances, self.cumulative = chances, chances.cumsum(axis=-1)

    @property
    def zero(self) -> np.ndarray:
        """The chance that nobody gives the answer."""
        return self.chances[..., 0]

    @property
    def one(self) -> np.ndarray:
        """The chance that everybody gives it."""
        return self.chances[..., -1]

    def quantile(self, chance: np.ndarray) -> np.ndarray:
        """Return the fraction below which the votes lie with a chance, N×C for N×C."""
        most = self.chances.shape[-1] - 1
        votes = np.minimum((self.cumulative < chance[..., None]).sum(axis=-1), most)[..., None]
        own, upto = (np.take_along_axis(x, votes, axis=-1)[..., 0] for x in (self.chances, self.cumulative))
        votes = votes[..., 0]
        inside = votes - 0.5 + np.clip(1 - (upto - chance) / np.maximum(own, 1e-300), 0, 1)
        return np.where(votes == 0, 0, np.where(votes == most, 1, inside / most))


def of_level(distribution: Distribution, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of the intervals, N×C each, in which fractions lie with the chance `level`.

    Equal chances are left out on both sides. But where 0 has a larger chance than that, it is within, and all that is
    left out lies above; and likewise for 1. If 0 alone has a chance of `level` or more, the interval is 0 to 0.
    """
    zero, one, tail = distribution.zero, distribution.one, (1 - level) / 2
    start = np.where(one > tail, 1 - level, tail)
    start = np.where((zero > tail) & (zero >= one), 0, start)
    low = np.where(start == 0, 0, distribution.quantile(start))
    high = np.where(start == 1 - level, 1, distribution.quantile(start + level))
    return low, high


def check(heads: dict[str, str], residuals: dict[str, dict[str, Any] | None], volunteers: int | None) -> None:
    """Check that models give intervals, by their heads and what their cards have under `residuals`.

    Args:
        heads, residuals: by the model's name or folder.
        volunteers: the number of votes, if it is not that of the training galaxies.

    Raises:
        GalaxyError: they do not, or not for that number.
    """
    for name, head in heads.items():
        if head == DIRICHLET:
            continue
        if residuals[name] is None:
            raise GalaxyError(f"{name}: the model was trained before models had intervals; train it again (dvc repro)")
        if volunteers is not None:
            raise GalaxyError(
                f"{name}: the number of volunteers can be chosen only for the head {DIRICHLET}, but this model has "
                f"{head}, whose intervals are for labels like those of its training; leave it out"
            )
    if volunteers is not None and not 1 <= volunteers <= MOST_VOLUNTEERS:
        raise GalaxyError(f"volunteers is {volunteers}; it may be 1 to {MOST_VOLUNTEERS}")


def bounds(
    predicted: np.ndarray,
    residuals: dict[str, Any] | None,
    level: float,
    volunteers: int,
    steps: Sequence[Step] = STEPS,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of the intervals of N images, N×C each.

    Args:
        predicted: what `Network.with_totals` gives: N×C predictions and, with the head dirichlet, questions' totals.
        residuals: what the card of a model with another head has under `residuals`; None for the head dirichlet.
        volunteers: so many votes; for the head dirichlet only.
        steps: the questions of the head dirichlet.
    """
    columns = predicted.shape[1] - (len(steps) if residuals is None else 0)
    low, high = np.empty((2, len(predicted), columns))
    step = max(_PART // volunteers, 1)
    for start in range(0, len(predicted), step):
        part = predicted[start : start + step].astype(np.float64)
        distribution: Distribution
        if residuals is None:
            concentrations = vote_chances.concentrations(part[:, :columns], part[:, columns:], steps)
            distribution = Votes(vote_chances.chances(concentrations, volunteers, steps))
        else:
            distribution = Fitted(residuals, part)
        low[start : start + len(part)], high[start : start + len(part)] = of_level(distribution, level)
    return low, high


def of_several(
    predicted: Sequence[np.ndarray],
    residuals: Sequence[dict[str, Any] | None],
    steps: Sequence[Sequence[Step]],
    level: float,
    volunteers: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of the intervals for the mean of several models; each argument but the last two has one each.

    With the head dirichlet in all, they are those of the mean fractions and the geometric mean of the totals. Otherwise
    each end is the mean of the models' ends. The models' mean errs less than each, so these intervals are rather too
    wide than too narrow.
    """
    if all(own is None for own in residuals) and all(own == steps[0] for own in steps):
        return bounds(np.mean(predicted, axis=0), None, level, volunteers, steps[0])
    ends = [
        bounds(one, own, level, volunteers, questions)
        for one, own, questions in zip(predicted, residuals, steps, strict=True)
    ]
    low, high = np.mean(ends, axis=0)
    return low, high
