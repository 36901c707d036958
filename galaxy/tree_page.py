"""The decision tree as a table in Markdown: `python -m galaxy.core.decision_tree` prints what `docs/tree.md` holds."""

from galaxy.core import decision_tree


def markdown() -> str:
    """A row an answer: its question, what that one's answers sum to, column, words, and the question that follows."""
    lines = ["| question | sums to | column | answer | next |", "|---|---|---|---|---|"]
    for question in decision_tree.QUESTIONS:
        for i, (column, answer) in enumerate(zip(question.columns, question.answers, strict=True)):
            asked = f"{question.number} {question.name}: {question.text}" if i == 0 else ""
            parent = (question.parent or "1") if i == 0 else ""
            lines.append(f"| {asked} | {parent} | `{column}` | {answer.text} | {answer.next or 'end'} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(markdown())
