"""How likely a volunteer gives each answer, given what shows in the picture.

One function a question turns what is visible, and how keen the volunteer is, into log-odds. Two-way and many-way
questions weigh evidence; graded ones (bulge, roundness, winding) cut a scale at limits. The numbers were chosen so
that means and standard deviations of the 37 columns come out near those of the competition's labels.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from galaxy.simulator.visibility import Visible
from galaxy.tree import COLUMNS, QUESTIONS, column_slice

Array = NDArray[np.float64]

_BLOCKS = tuple(column_slice(question) for question in QUESTIONS)


def answer_chances(visible: Visible, keenness: Array, impression: Array | None = None) -> Array:
    """Chance of each answer for volunteers who are asked its question.

    Args:
        visible: what shows in the picture.
        keenness: (volunteers,) in standard deviations: how readily someone sees more than a smooth galaxy.
        impression: (37,) in logits, added to the answers' own; none by default.

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
        -1.31
        + 4.75 * see.arms
        + 1.33 * see.bar
        + 2.74 * see.ring
        + 0.94 * see.disc
        + 1.44 * see.edge_on
        + 1.26 * see.edge_on * see.bulge
        + 2.32 * see.clumps
        + 1.00 * see.disturbance
        + 0.53 * see.merger
        + 0.30 * keen
    )
    return _options(0.00, features, -3.02 + 2.33 * (see.star + see.artifact))


def _edge_on(see: Visible, keen: Array) -> Array:
    return _options((0.50 - see.axis_ratio) / 0.05 - 3.45 * see.arms, 0.00 * keen)


def _bar(see: Visible, keen: Array) -> Array:
    return _options(-2.43 + 9.12 * see.bar + 0.32 * keen, 0.00)


def _spiral(see: Visible, keen: Array) -> Array:
    return _options(-1.71 + 7.95 * see.arms + 0.13 * keen, 0.00)


def _bulge(see: Visible, keen: Array) -> Array:
    return _graded(see.bulge + 0.00 * keen, ((-0.05), 0.36, 0.85), 0.14)


def _odd(see: Visible, keen: Array) -> Array:
    odd = (
        -2.15
        + 5.16 * see.ring
        + 3.28 * see.disturbance
        + 4.19 * see.merger
        + 2.38 * see.dust
        + 3.65 * see.arc
        + 2.07 * see.clumps
        + 5.24 * see.artifact
        + 0.20 * keen
    )
    return _options(odd, 0.00)


def _roundness(see: Visible, keen: Array) -> Array:
    return _graded(1.00 - see.axis_ratio + 0.00 * keen, (0.22, 0.53), 0.06)


def _odd_feature(see: Visible, keen: Array) -> Array:
    return _options(
        -0.99 + 3.74 * see.ring,
        -1.28 + 9.00 * see.arc,
        -0.57 + 2.13 * see.disturbance,
        -0.72 + 7.10 * see.clumps,
        0.15 + 4.96 * see.artifact + 4.09 * see.merger,
        -1.00 + 7.02 * see.merger,
        -2.64 + 8.47 * see.dust + 0.00 * keen,
    )


def _edge_on_bulge(see: Visible, keen: Array) -> Array:
    return _options(
        0.11 + 2.58 * see.bulge,
        -1.88 + 4.52 * see.boxy + 2.02 * see.bulge,
        0.73 - 3.87 * see.bulge + 0.00 * keen,
    )


def _winding(see: Visible, keen: Array) -> Array:
    return _graded(see.pitch + 0.00 * keen, (16.07, 28.74), 5.08)


def _arm_count(see: Visible, keen: Array) -> Array:
    sure = 4.60 * see.arms
    return _options(
        -0.91 + sure * (see.arm_count == 1),
        -0.09 + sure * (see.arm_count == 2),
        -1.33 + sure * (see.arm_count == 3),
        -1.61 + sure * (see.arm_count == 4),
        -1.57 + sure * (see.arm_count > 4),
        0.93 - (-0.02) * see.pitch + 0.00 * keen,
    )


def _options(*logits: Array | float) -> Array:
    """The answers' logits, brought to one shape, along a last axis."""
    return np.stack(np.broadcast_arrays(*logits), axis=-1)


def _graded(value: Array, limits: tuple[float, ...], width: float) -> Array:
    """Logits of grades that `limits` cut from a scale on which people differ by `width` (logistic)."""
    edges = np.array([-np.inf, *limits, np.inf])
    below = 0.5 * (1 + np.tanh((edges - value[..., None]) / (2 * width)))
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
