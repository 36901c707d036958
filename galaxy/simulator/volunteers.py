"""Volunteers answer the questions of the decision tree; their votes become the 37 columns.

Every volunteer has a grade of keenness: keen volunteers see arms, bars and oddities where others see a smooth galaxy.
Grades are few and equally common, so the expected value of each column is a plain mean over them. These expected values
are written beside the labels; the RMSE between the two is the noise floor.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from galaxy.core.decision_tree import COLUMN_INDEX, COLUMNS, QUESTIONS, STEPS, column_slice
from galaxy.simulator.answers import answer_chances
from galaxy.simulator.visibility import Visible

Array = NDArray[np.float64]

FEWEST = 16
"""The fewest volunteers of any galaxy of the competition; the median was 44 (Willett et al. 2013)."""

KEENNESS = np.array([-1.47, -0.79, -0.37, 0.0, 0.37, 0.79, 1.47])
"""Grades: the middles of seven equal shares of the standard normal distribution."""

IMPRESSION = 0.45
"""Standard deviation, in logits, of an impression of the picture that all its volunteers share."""

UNRELIABLE = 0.06
"""Share of volunteers whose votes count less because they often disagree with the others (Willett et al. 2013)."""


ODD, ODD_FEATURE = column_slice(QUESTIONS[5]), column_slice(QUESTIONS[7])
NOTHING_ODD, STAR = COLUMN_INDEX["Class6.2"], COLUMN_INDEX["Class1.3"]


@dataclass(frozen=True)
class Classification:
    """The result for one galaxy: `columns` are the labels, `expected` their expected values, both (37,)."""

    volunteers: int
    columns: Array
    expected: Array


def classify(visible: Visible, median: int, rng: np.random.Generator) -> Classification:
    """Let volunteers classify a galaxy by what is visible of it; `median` is their number in the median."""
    chances = answer_chances(visible, KEENNESS, rng.normal(0, IMPRESSION, len(COLUMNS)))
    count = number_of_volunteers(median, rng)
    votes = walk(chances[rng.integers(len(KEENNESS), size=count)], rng)
    weights = np.where(rng.random(count) < UNRELIABLE, rng.random(count) ** 4, 1.0)
    return Classification(count, columns_from_votes(votes, weights), expected_columns(chances, count))


def number_of_volunteers(median: int, rng: np.random.Generator) -> int:
    """Draw as in the competition: at a median of 44, over 99.9 % of galaxies have at least 28, and none below 16."""
    share = rng.uniform(0.36, 0.64) if rng.random() < 0.0002 else rng.normal(1, 0.105)
    return max(round(median * share), FEWEST)


def walk(chances: Array, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Draw each volunteer's answers from their chances of each answer: (volunteers, 37), true for the given ones."""
    votes = np.zeros(chances.shape, bool)
    for step in STEPS:
        asked = votes[:, step.leads_here].any(axis=1) if step.leads_here else np.ones(len(votes), bool)
        limits = chances[:, step.block].cumsum(axis=1)[:, :-1]
        answers = (rng.random(len(votes))[:, None] >= limits).sum(axis=1)
        votes[asked, step.block.start + answers[asked]] = True
    return votes


def columns_from_votes(votes: NDArray[np.bool_], weights: Array) -> Array:
    """Return the 37 columns by the competition's rules.

    A column is the weighted share of its question's answers, times the parent column. Question 6 has no parent; if
    nobody was asked it, nothing is odd.
    """
    totals = weights @ votes
    columns = np.zeros(len(COLUMNS))
    for step in STEPS:
        asked = totals[step.block].sum()
        if asked > 0:
            parent = 1.0 if step.parent is None else columns[step.parent]
            columns[step.block] = parent * totals[step.block] / asked
    if not columns[ODD].any():
        columns[NOTHING_ODD] = 1.0
    return columns


def expected_columns(chances: Array, count: int) -> Array:
    """Return each column's expected value for `count` volunteers of random grades: what a perfect model predicts.

    Args:
        chances: (grades, 37), of each answer if its question is asked.
    """
    given = np.empty_like(chances)
    for step in STEPS:
        asked = given[:, step.leads_here].sum(axis=1, keepdims=True) if step.leads_here else 1.0
        given[:, step.block] = chances[:, step.block] * asked
    expected: Array = given.mean(axis=0)
    # Columns 6 and 8 are shares of the volunteers who were asked; it is possible that nobody was.
    nobody = expected[STAR] ** count
    for block in (ODD, ODD_FEATURE):
        expected[block] *= (1 - nobody) / (1 - expected[STAR])
    expected[NOTHING_ODD] += nobody
    return expected
