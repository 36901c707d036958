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
        -1.30
        + 5.85 * see.arms
        + 1.37 * see.bar
        + 1.66 * see.ring
        + 1.00 * see.disc
        + 2.95 * see.edge_on
        + 1.56 * see.clumps
        + 1.00 * see.disturbance
        + 0.44 * see.merger
        + 0.81 * keen
    )
    return _options(0.00, features, -2.99 + 2.26 * (see.star + see.artifact))


def _edge_on(see: Visible, keen: Array) -> Array:
    return _options((0.48 - see.axis_ratio) / 0.06 - 4.14 * see.arms, 0.00 * keen)


def _bar(see: Visible, keen: Array) -> Array:
    return _options(-2.60 + 10.58 * see.bar + 0.51 * keen, 0.00)


def _spiral(see: Visible, keen: Array) -> Array:
    return _options(-1.78 + 19.74 * see.arms + (-0.08) * keen, 0.00)


def _bulge(see: Visible, keen: Array) -> Array:
    return _graded(see.bulge + 0.00 * keen, ((-0.02), 0.43, 1.05), 0.13)


def _odd(see: Visible, keen: Array) -> Array:
    odd = (
        -2.24
        + 2.97 * see.ring
        + 4.98 * see.disturbance
        + 0.62 * see.merger
        + 6.80 * see.dust
        + 4.79 * see.arc
        + 2.17 * see.clumps
        + 6.76 * see.artifact
        + 0.23 * keen
    )
    return _options(odd, 0.00)


def _roundness(see: Visible, keen: Array) -> Array:
    return _graded(1.00 - see.axis_ratio + 0.00 * keen, (0.22, 0.51), 0.06)


def _odd_feature(see: Visible, keen: Array) -> Array:
    return _options(
        -1.07 + 8.46 * see.ring,
        -1.29 + 7.90 * see.arc,
        -0.48 + 1.14 * see.disturbance,
        -0.64 + 5.96 * see.clumps,
        0.36 + 4.51 * see.artifact,
        -1.00 + 10.16 * see.merger,
        -3.33 + 4.25 * see.dust + 0.00 * keen,
    )


def _edge_on_bulge(see: Visible, keen: Array) -> Array:
    return _options(
        0.11 + 2.34 * see.bulge,
        -2.22 + 5.87 * see.boxy + 2.60 * see.bulge,
        0.78 - 3.37 * see.bulge + 0.00 * keen,
    )


def _winding(see: Visible, keen: Array) -> Array:
    return _graded(see.pitch + 0.00 * keen, (16.34, 28.77), 5.45)


def _arm_count(see: Visible, keen: Array) -> Array:
    sure = 4.83 * see.arms
    return _options(
        -1.41 + sure * (see.arm_count == 1),
        -0.16 + sure * (see.arm_count == 2),
        -1.23 + sure * (see.arm_count == 3),
        -1.39 + sure * (see.arm_count == 4),
        -1.15 + sure * (see.arm_count > 4),
        1.00 + 0.00 * keen,
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
