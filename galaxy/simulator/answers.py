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
        -1.26
        + 4.54 * see.arms
        + 1.38 * see.bar
        + 1.82 * see.ring
        + 0.96 * see.disc
        + 2.87 * see.edge_on
        + 1.47 * see.clumps
        + 1.00 * see.disturbance
        + 0.44 * see.merger
        + 0.60 * keen
    )
    return _options(0.00, features, -2.99 + 2.25 * (see.star + see.artifact))


def _edge_on(see: Visible, keen: Array) -> Array:
    return _options((0.46 - see.axis_ratio) / 0.07 - 3.61 * see.arms, 0.00 * keen)


def _bar(see: Visible, keen: Array) -> Array:
    return _options(-2.56 + 10.45 * see.bar + 0.46 * keen, 0.00)


def _spiral(see: Visible, keen: Array) -> Array:
    return _options(-1.84 + 15.06 * see.arms + 0.04 * keen, 0.00)


def _bulge(see: Visible, keen: Array) -> Array:
    return _graded(see.bulge + 0.00 * keen, ((-0.02), 0.43, 1.05), 0.12)


def _odd(see: Visible, keen: Array) -> Array:
    odd = (
        -2.25
        + 3.09 * see.ring
        + 5.27 * see.disturbance
        + 0.67 * see.merger
        + 6.14 * see.dust
        + 4.36 * see.arc
        + 2.25 * see.clumps
        + 6.32 * see.artifact
        + 0.23 * keen
    )
    return _options(odd, 0.00)


def _roundness(see: Visible, keen: Array) -> Array:
    return _graded(1.00 - see.axis_ratio + 0.00 * keen, (0.22, 0.50), 0.06)


def _odd_feature(see: Visible, keen: Array) -> Array:
    return _options(
        -1.04 + 7.86 * see.ring,
        -1.30 + 7.15 * see.arc,
        -0.45 + 1.13 * see.disturbance,
        -0.61 + 5.84 * see.clumps,
        0.38 + 4.22 * see.artifact,
        -1.00 + 9.66 * see.merger,
        -3.43 + 4.45 * see.dust + 0.00 * keen,
    )


def _edge_on_bulge(see: Visible, keen: Array) -> Array:
    return _options(
        0.08 + 3.04 * see.bulge,
        -1.89 + 5.00 * see.boxy + 2.16 * see.bulge,
        0.93 - 3.41 * see.bulge + 0.00 * keen,
    )


def _winding(see: Visible, keen: Array) -> Array:
    return _graded(see.pitch + 0.00 * keen, (16.48, 28.69), 5.32)


def _arm_count(see: Visible, keen: Array) -> Array:
    sure = 4.24 * see.arms
    return _options(
        -1.43 + sure * (see.arm_count == 1),
        -0.23 + sure * (see.arm_count == 2),
        -1.29 + sure * (see.arm_count == 3),
        -1.43 + sure * (see.arm_count == 4),
        -1.19 + sure * (see.arm_count > 4),
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
