"""One galaxy's way through the decision tree: what most of the volunteers who came by would have said, in words."""

from dataclasses import dataclass

import numpy as np

from galaxy.core import decision_tree

WORDS = {
    "Class5.1": "no bulge",
    "Class9.3": "no bulge",
    "Class10.1": "tight winding",
    "Class10.2": "medium winding",
    "Class10.3": "loose winding",
    "Class11.6": "arms that cannot be counted",
}
"""Answers that a sentence words in another way than `galaxy.core.decision_tree`."""

UNSAID = ("Class3.2", "Class6.2")
"""No bar, nothing odd: what a sentence leaves out."""

COUNT_FIRST = {11: 10, 10: 11}
"""A sentence says how many arms there are before how they are wound."""


@dataclass(frozen=True)
class Step:
    """A question, the answer that most gave, its column's fraction, and the share of those asked who gave it."""

    question: decision_tree.Question
    answer: decision_tree.Answer
    column: str
    fraction: float
    share: float


def likeliest(fractions: np.ndarray) -> list[Step]:
    """The likeliest path through the tree: at each question the likeliest answer, until one ends the walk.

    Args:
        fractions: the 37 fractions of one galaxy, voted or predicted.
    """
    steps: list[Step] = []
    number: int | None = 1
    while number is not None:
        question = decision_tree.question(number)
        answers = fractions[decision_tree.column_slice(question)]
        chosen = int(np.argmax(answers))
        asked = float(answers.sum())
        share = float(answers[chosen]) / asked if asked > 0 else 0.0
        answer = question.answers[chosen]
        steps.append(Step(question, answer, question.columns[chosen], float(answers[chosen]), share))
        number = answer.next
    return steps


def sentence(fractions: np.ndarray) -> str:
    """The likeliest path in words: "features or disk 81 %: not edge-on, spiral, 2 arms, medium winding"."""
    first, *rest = likeliest(fractions)
    rest = sorted(rest, key=lambda step: _place(step, rest))
    said = [WORDS.get(step.column, step.answer.text) for step in rest if step.column not in UNSAID]
    return f"{first.answer.text} {100 * first.fraction:.0f} %" + (f": {', '.join(said)}" if said else "")


def _place(step: Step, steps: list[Step]) -> int:
    """Where a sentence says a step: in the walk's order, but for the questions about arms, which change places."""
    number = COUNT_FIRST.get(step.question.number, step.question.number)
    return [other.question.number for other in steps].index(number)
