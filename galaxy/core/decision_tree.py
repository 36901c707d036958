"""The Galaxy Zoo 2 decision tree, as data. `python -m galaxy.core.decision_tree` prints the table of docs/tree.md.

Eleven questions have 37 answers. A column of the competition's solutions is named `Class<question>.<answer>`. It holds
a vote fraction: the share of *all* volunteers of a galaxy who gave that answer. So the answers of a question sum to
the column of the answer that led there. Two quirks of the competition's files are kept here:

* question 6 ("odd?") was renormalised: its answers sum to 1, not to the fraction who reached it;
* question 5 (bulge) sums to 2.2 ("not edge-on"), because spirals reach it too, through question 11.

Sources: Willett et al. 2013 (MNRAS 435, 2835), figure 1 and table 2; the competition's page "The Galaxy Zoo Decision
Tree".
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """One answer: its words, and the number of the question that follows it (None: the volunteer is done)."""

    text: str
    next: int | None


@dataclass(frozen=True)
class Question:
    """One question of the tree, numbered as in the competition's columns.

    `parent` is the column that the question's answers sum to. None: they sum to 1.
    """

    number: int
    name: str
    text: str
    parent: str | None
    answers: tuple[Answer, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The question's columns, in order: `("Class3.1", "Class3.2")`."""
        return tuple(f"Class{self.number}.{i}" for i in range(1, len(self.answers) + 1))


def _question(number: int, name: str, text: str, parent: str | None, answers: dict[str, int | None]) -> Question:
    """Build a question from its answers' words and, for each, the number of the next question."""
    return Question(number, name, text, parent, tuple(Answer(*answer) for answer in answers.items()))


QUESTIONS: tuple[Question, ...] = (
    _question(
        1,
        "smooth or features",
        "Is the galaxy simply smooth and rounded, with no sign of a disk?",
        None,
        {"smooth": 7, "features or disk": 2, "star or artifact": None},
    ),
    _question(2, "edge-on", "Could this be a disk viewed edge-on?", "Class1.2", {"edge-on": 9, "not edge-on": 3}),
    _question(3, "bar", "Is there a bar through the centre of the galaxy?", "Class2.2", {"bar": 4, "no bar": 4}),
    _question(4, "spiral", "Is there any sign of a spiral arm pattern?", "Class2.2", {"spiral": 10, "no spiral": 5}),
    _question(
        5,
        "bulge",
        "How prominent is the central bulge, compared with the rest of the galaxy?",
        "Class2.2",
        {"no bulge": 6, "just noticeable bulge": 6, "obvious bulge": 6, "dominant bulge": 6},
    ),
    _question(6, "odd", "Is there anything odd?", None, {"odd": 8, "nothing odd": None}),
    _question(
        7, "roundness", "How rounded is it?", "Class1.1", {"completely round": 6, "in between": 6, "cigar-shaped": 6}
    ),
    _question(
        8,
        "odd feature",
        "Is the odd feature a ring, or is the galaxy disturbed or irregular?",
        "Class6.1",
        dict.fromkeys(("ring", "lens or arc", "disturbed", "irregular", "other", "merger", "dust lane")),
    ),
    _question(
        9,
        "edge-on bulge",
        "Does the galaxy have a bulge at its centre? If so, what shape?",
        "Class2.1",
        {"rounded bulge": 6, "boxy bulge": 6, "no bulge, edge-on": 6},
    ),
    _question(
        10,
        "winding",
        "How tightly wound do the spiral arms appear?",
        "Class4.1",
        {"tight arms": 11, "medium arms": 11, "loose arms": 11},
    ),
    _question(
        11,
        "arm count",
        "How many spiral arms are there?",
        "Class4.1",
        dict.fromkeys(("1 arm", "2 arms", "3 arms", "4 arms", "more than 4 arms", "can't tell arms"), 5),
    ),
)

COLUMNS: tuple[str, ...] = tuple(column for question in QUESTIONS for column in question.columns)
"""The 37 columns in the order of the competition's files."""

COLUMN_INDEX: dict[str, int] = {column: i for i, column in enumerate(COLUMNS)}

QUESTION_OF_COLUMN: dict[str, Question] = {column: question for question in QUESTIONS for column in question.columns}

DESCRIPTIONS: dict[str, str] = {
    column: answer.text
    for question in QUESTIONS
    for column, answer in zip(question.columns, question.answers, strict=True)
}
"""Each column's answer in words."""


def question(number: int) -> Question:
    """Return the question with that number, 1 to 11."""
    return QUESTIONS[number - 1]


def column_slice(question: Question) -> slice:
    """Return where the question's answers lie among the 37 columns."""
    first = COLUMN_INDEX[question.columns[0]]
    return slice(first, first + len(question.answers))


@dataclass(frozen=True)
class Step:
    """A question as a step of arithmetic on all columns of a tree.

    Attributes:
        block: where its answers lie among the columns.
        parent: the column that they sum to; None: they sum to 1.
        leads_here: the columns whose answers lead to the question; none for the first.
    """

    block: slice
    parent: int | None
    leads_here: list[int]


Block = tuple[int, int, int | None]
"""A question as a model's card has it: its first column, the one after its last, and the column that they sum to."""


def of_blocks(blocks: Sequence[Block]) -> tuple[Step, ...]:
    """Return the steps of a tree's questions, each after the one that leads to it."""
    return tuple(Step(slice(start, stop), parent, [] if parent is None else [parent]) for start, stop, parent in blocks)


def one_question(answers: int) -> list[Block]:
    """Return a tree of one question with so many answers."""
    return [(0, answers, None)]


def steps(questions: Sequence[Question]) -> tuple[Step, ...]:
    """Return a tree's questions, whose columns stand in their order, as steps: each after all that lead to it."""
    columns = [column for question in questions for column in question.columns]
    answers = [answer for question in questions for answer in question.answers]
    leads = {q.number: [i for i, answer in enumerate(answers) if answer.next == q.number] for q in questions}
    made: list[Step] = []
    left, done = list(questions), set[int]()
    while left:
        question = next(q for q in left if done.issuperset(leads[q.number]))
        first = columns.index(question.columns[0])
        block = slice(first, first + len(question.answers))
        parent = None if question.parent is None else columns.index(question.parent)
        made.append(Step(block, parent, leads[question.number]))
        done.update(range(block.start, block.stop))
        left.remove(question)
    return tuple(made)


STEPS = steps(QUESTIONS)
"""The steps of the tree of Galaxy Zoo 2."""


def by_column(steps: Sequence[Step]) -> list[Step]:
    """Return steps in the order of their columns, which is that of the questions."""
    return sorted(steps, key=lambda step: step.block.start)


def depth(question: Question) -> int:
    """Return how many columns lie above a question, by the sums of the tree: 0 to 3."""
    return 0 if question.parent is None else 1 + depth(QUESTION_OF_COLUMN[question.parent])


def markdown() -> str:
    """Return the tree as a table in Markdown, one row per answer."""
    lines = ["| question | sums to | column | answer | next |", "|---|---|---|---|---|"]
    for asked in QUESTIONS:
        name, parent = f"{asked.number} {asked.name}: {asked.text}", asked.parent or "1"
        for column, answer in zip(asked.columns, asked.answers, strict=True):
            lines.append(f"| {name} | {parent} | `{column}` | {answer.text} | {answer.next or 'end'} |")
            name = parent = ""  # the other rows of the question leave them empty
    return "\n".join(lines)


if __name__ == "__main__":
    print(markdown())
