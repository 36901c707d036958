"""The chances of each number of votes, from the Dirichlet distributions that a network predicts.

Of n volunteers who are asked a question, k give an answer with the chances of a beta-binomial distribution: those of a
binomial whose share is drawn from the answer's part of the Dirichlet distribution. Along the tree, the number who give
an answer is the number who are asked its follow-up question, so the chances of each number follow exactly from those of
the question before.
"""

from collections.abc import Sequence

import numpy as np
from scipy.special import gammaln

from galaxy.core.decision_tree import STEPS, Step, by_column


def concentrations(fractions: np.ndarray, log_totals: np.ndarray, steps: Sequence[Step] = STEPS) -> np.ndarray:
    """Return the concentrations N×C that have these expected fractions N×C and these totals.

    Args:
        log_totals: logarithms of each question's total, N×questions, in the order of the columns.
    """
    blocks = [step.block for step in by_column(steps)]
    shares = [fractions[:, block] / fractions[:, block].sum(axis=1, keepdims=True) for block in blocks]
    return np.hstack([share * np.exp(log_totals[:, [i]]) for i, share in enumerate(shares)])


def chances(concentrations: np.ndarray, volunteers: int, steps: Sequence[Step] = STEPS) -> np.ndarray:
    """Return the chance that 0, 1 … of the volunteers give each answer, N×C×(volunteers + 1).

    All volunteers are taken to be asked a question whose answers sum to 1. (Those who see a star are not asked question
    6, but they are few.)

    Args:
        concentrations: N×C.
    """
    found = np.empty((*concentrations.shape, volunteers + 1))
    everyone = np.zeros(volunteers + 1)
    everyone[volunteers] = 1
    for step in steps:
        asked = everyone if step.parent is None else found[:, [step.parent]]
        found[:, step.block] = _given(concentrations[:, step.block], asked)
    return found


def _given(concentrations: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Return the chance that 0, 1 … volunteers give each answer to a question, N×C×(most + 1).

    k of n give an answer with the chance `own[k] × other[n - k] / either[n]`, where each is a rising factorial over a
    factorial: of the answer's concentration, of the others', and of their sum.

    Args:
        concentrations: of its answers, N×C.
        asked: the chance that 0, 1 … `most` volunteers are asked it, that many values or N×1×(most + 1).
    """
    most = asked.shape[-1] - 1
    totals = concentrations.sum(axis=1, keepdims=True)
    # A factor for each volunteer cancels. With this one `either` begins and ends with 1, within the range of floats.
    scale = np.exp((gammaln(totals + most) - gammaln(totals) - gammaln(most + 1)) / most)
    own, other, either = (_rising(x, scale, most) for x in (concentrations, totals - concentrations, totals))
    padded = np.concatenate([np.zeros((*other.shape[:2], most)), other], axis=-1)
    rest = np.lib.stride_tricks.sliding_window_view(padded, most + 1, axis=-1)  # [n, most - k] is other[n - k]
    return own * np.einsum("xyn,xcnk->xck", np.broadcast_to(asked / either, either.shape), rest)[..., ::-1]


def _rising(values: np.ndarray, scale: np.ndarray, most: int) -> np.ndarray:
    """Return 1, x / 1, x (x + 1) / 2!, … over powers of the scale, for each x of N×C: N×C×(most + 1)."""
    number = np.arange(most)
    factors = (values[..., None] + number) / ((number + 1) * scale[..., None])
    return np.concatenate([np.ones((*values.shape, 1)), factors.cumprod(axis=-1)], axis=-1)
