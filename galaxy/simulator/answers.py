"""The chance that a volunteer gives each answer, given what is visible in the picture.

One function per question turns what is visible, and how keen the volunteer is, into logits. Most questions weigh the
evidence for each answer; graded ones (bulge, roundness, winding) cut a scale at limits. The numbers were set by
judgement, then changed by at most about half their size in a least-squares fit to the means, standard deviations and
correlations of the competition's 37 columns.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from galaxy.core.decision_tree import COLUMNS, QUESTIONS, column_slice
from galaxy.simulator.visibility import Visible

Array = NDArray[np.float64]

_BLOCKS = tuple(column_slice(question) for question in QUESTIONS)


def answer_chances(visible: Visible, keenness: Array, impression: Array | None = None) -> Array:
    """Return the chance of each answer for volunteers who are asked its question.

    Args:
        visible: what is visible in the picture.
        keenness: (volunteers,) in standard deviations: how readily a volunteer sees more than a smooth galaxy.
        impression: (37,) in logits, added to the answers' logits; none by default.

    Returns:
        (volunteers, 37); the answers of each question sum to 1.
    """
    chances = np.empty((*keenness.shape, len(COLUMNS)))
    for block, answers in zip(_BLOCKS, _ANSWERS, strict=True):
        logits = answers(visible, keenness)
        if impression is not None:
            logits = logits + impression[block]
        power = np.exp(logits - logits.max(axis=-1, keepdims=True))
        chances[..., block] = power / power.sum(axis=-1, keepdims=True)
    return chances


def _smooth(see: Visible, keen: Array) -> Array:
    features = (
        -1.19
        + 4.98 * see.arms
        + 1.33 * see.bar
        + 3.74 * see.ring
        + 0.58 * see.disc
        + 1.73 * see.edge_on
        + 0.95 * see.edge_on * see.bulge
        + 1.74 * see.clumps
        + 1.0 * see.disturbance
        + 0.61 * see.merger
        + 0.21 * keen
    )
    return _options(0.0, features, -3.03 + 3.2 * (see.star + see.artifact))


def _edge_on(see: Visible, keen: Array) -> Array:
    return _options((0.49 - see.axis_ratio) / 0.05 - 2.51 * see.arms, 0.0)


def _bar(see: Visible, keen: Array) -> Array:
    return _options(-2.41 + 9.2 * see.bar + 0.28 * keen, 0.0)


def _spiral(see: Visible, keen: Array) -> Array:
    return _options(-1.74 + 8.33 * see.arms + 0.09 * keen, 0.0)


def _bulge(see: Visible, keen: Array) -> Array:
    return _graded(see.bulge, (0.0, 0.37, 0.82), 0.11)


def _odd(see: Visible, keen: Array) -> Array:
    odd = (
        -2.11
        + 6.65 * see.ring
        + 2.59 * see.disturbance
        + 4.36 * see.merger
        + 1.62 * see.dust
        + 3.55 * see.arc
        + 1.91 * see.clumps
        + 6.02 * see.artifact
        + 0.21 * keen
    )
    return _options(odd, 0.0)


def _roundness(see: Visible, keen: Array) -> Array:
    return _graded(1.0 - see.axis_ratio, (0.23, 0.53), 0.06)


def _odd_feature(see: Visible, keen: Array) -> Array:
    return _options(
        -0.98 + 3.32 * see.ring,
        -1.34 + 9.93 * see.arc,
        -0.61 + 2.65 * see.disturbance,
        -0.79 + 8.86 * see.clumps,
        0.13 + 5.27 * see.artifact + 3.95 * see.merger,
        -1.0 + 6.93 * see.merger,
        -2.94 + 10.94 * see.dust,
    )


def _edge_on_bulge(see: Visible, keen: Array) -> Array:
    return _options(
        0.09 + 2.77 * see.bulge,
        -1.82 + 4.48 * see.boxy + 1.96 * see.bulge,
        0.8 - 4.09 * see.bulge,
    )


def _winding(see: Visible, keen: Array) -> Array:
    return _graded(see.pitch, (16.01, 28.74), 5.14)


def _arm_count(see: Visible, keen: Array) -> Array:
    sure = 4.5 * see.arms
    return _options(
        -0.93 + sure * (see.arm_count == 1),
        -0.11 + sure * (see.arm_count == 2),
        -1.36 + sure * (see.arm_count == 3),
        -1.66 + sure * (see.arm_count == 4),
        -1.63 + sure * (see.arm_count > 4),
        1.14,
    )


def _options(*logits: Array | float) -> Array:
    """Stack the answers' logits along a last axis, in one shape."""
    return np.stack(np.broadcast_arrays(*logits), axis=-1)


def _graded(value: Array | float, limits: tuple[float, ...], width: float) -> Array:
    """Return the logits of grades: `limits` cut a scale on which people differ by `width` (logistic)."""
    edges = np.array([-np.inf, *limits, np.inf])
    below = 0.5 * (1 + np.tanh((edges - np.asarray(value)[..., None]) / (2 * width)))
    return np.log(np.maximum(np.diff(below, axis=-1), 1e-12))


_ANSWERS: tuple[Callable[[Visible, Array], Array], ...] = (
    _smooth,
    _edge_on,
    _bar,
    _spiral,
    _bulge,
    _odd,
    _roundness,
    _odd_feature,
    _edge_on_bulge,
    _winding,
    _arm_count,
)
