"""The likeliest path through the decision tree, and its words."""

import itertools

import numpy as np
import pytest

from galaxy.core import decision_tree
from galaxy.report import likeliest_path


def fractions(**shares: dict[int, float]) -> np.ndarray:
    """37 fractions that obey the tree, from shares of those asked: `q1={1: 0.2, 2: 0.8}`; the rest evenly."""
    found: dict[str, float] = {}
    for question in sorted(decision_tree.QUESTIONS, key=decision_tree.depth):
        given = shares.get(f"q{question.number}", {})
        rest = (1 - sum(given.values())) / max(len(question.answers) - len(given), 1)
        parent = 1.0 if question.parent is None else found[question.parent]
        found |= {column: parent * given.get(i, rest) for i, column in enumerate(question.columns, 1)}
    return np.array([found[column] for column in decision_tree.COLUMNS])


SPIRAL = {"q1": {2: 0.81}, "q2": {2: 0.9}, "q3": {2: 0.8}, "q4": {1: 0.8}, "q10": {2: 0.6}, "q11": {2: 0.7}}


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        (SPIRAL | {"q5": {1: 0.6}}, "features or disk 81 %: not edge-on, spiral, 2 arms, medium winding, no bulge"),
        ({"q1": {1: 0.7}, "q7": {3: 0.9}}, "smooth 70 %: cigar-shaped"),
        ({"q1": {3: 0.9}}, "star or artifact 90 %"),
        ({"q1": {2: 0.6}, "q2": {1: 0.9}, "q9": {3: 0.6}}, "features or disk 60 %: edge-on, no bulge"),
        ({"q1": {1: 0.6}, "q7": {2: 0.9}, "q6": {1: 0.7}, "q8": {6: 0.9}}, "smooth 60 %: in between, odd, merger"),
        (
            SPIRAL | {"q3": {1: 0.9}, "q11": {6: 0.9}, "q5": {4: 0.9}},
            "features or disk 81 %: not edge-on, bar, spiral, arms that cannot be counted, medium winding, "
            "dominant bulge",
        ),
    ],
)  # fmt: skip
def test_the_likeliest_path_is_put_in_words(shares: dict, said: str):
    assert likeliest_path.sentence(fractions(**({"q6": {2: 0.9}} | shares))) == said


def test_a_step_knows_its_fraction_of_all_and_its_share_of_those_asked():
    steps = likeliest_path.likeliest(fractions(**SPIRAL, q5={3: 0.7}, q6={2: 0.9}))
    assert [step.question.number for step in steps] == [1, 2, 3, 4, 10, 11, 5, 6]
    arms = steps[5]
    assert arms.column == "Class11.2"
    assert arms.share == pytest.approx(0.7)
    assert arms.fraction == pytest.approx(0.81 * 0.9 * 0.8 * 0.7)


def test_every_walk_ends_and_takes_the_likeliest_answer_of_each_question():
    for values in np.random.default_rng(0).random((200, 37)):
        steps = likeliest_path.likeliest(values)
        assert steps[-1].answer.next is None
        for step, following in itertools.pairwise(steps):
            assert step.answer.next == following.question.number
        for step in steps:
            assert step.fraction == values[decision_tree.column_slice(step.question)].max()


def test_fractions_of_nothing_have_no_share():
    assert likeliest_path.likeliest(np.zeros(37))[0].share == 0
