"""One galaxy's likeliest path through the decision tree, in words: the answer that most gave at each question."""

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
"""Answers that a sentence words differently than `galaxy.core.decision_tree`."""

UNSAID = ("Class3.2", "Class6.2")
"""Answers that a sentence leaves out: no bar, nothing odd."""

COUNT_FIRST = {11: 10, 10: 11}
"""Questions that change places: a sentence gives the number of arms before their winding."""


@dataclass(frozen=True)
class Step:
    """A question, its likeliest answer, that column's fraction, and the share of those asked who gave the answer."""

    question: decision_tree.Question
    answer: decision_tree.Answer
    column: str
    fraction: float
    share: float


def likeliest(fractions: np.ndarray) -> list[Step]:
    """Follow the likeliest answer of each question until an answer ends the tree.

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
    """Return the likeliest path in words: "features or disk 81 %: not edge-on, spiral, 2 arms, medium winding"."""
    first, *rest = likeliest(fractions)
    numbers = [step.question.number for step in rest]
    ordered = sorted(rest, key=lambda step: numbers.index(COUNT_FIRST.get(step.question.number, step.question.number)))
    words = [WORDS.get(step.column, step.answer.text) for step in ordered if step.column not in UNSAID]
    return f"{first.answer.text} {100 * first.fraction:.0f} %" + (f": {', '.join(words)}" if words else "")
