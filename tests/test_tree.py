"""The decision tree agrees with the competition's columns and with itself."""

from galaxy.core import decision_tree


def test_37_columns_in_the_order_of_the_official_header():
    # The header of Kaggle's central_pixel_benchmark.csv.
    header = (
        "Class1.1,Class1.2,Class1.3,Class2.1,Class2.2,Class3.1,Class3.2,Class4.1,Class4.2,Class5.1,Class5.2,Class5.3,"
        "Class5.4,Class6.1,Class6.2,Class7.1,Class7.2,Class7.3,Class8.1,Class8.2,Class8.3,Class8.4,Class8.5,Class8.6,"
        "Class8.7,Class9.1,Class9.2,Class9.3,Class10.1,Class10.2,Class10.3,Class11.1,Class11.2,Class11.3,Class11.4,"
        "Class11.5,Class11.6"
    )
    assert ",".join(decision_tree.COLUMNS) == header


def test_parents_are_the_answers_that_lead_there_but_for_the_two_quirks():
    leads = {
        (column, answer.next)
        for question in decision_tree.QUESTIONS
        for column, answer in zip(question.columns, question.answers, strict=True)
    }
    quirks = {5, 6}
    for question in decision_tree.QUESTIONS:
        if question.parent is not None and question.number not in quirks | {4, 11}:
            assert (question.parent, question.number) in leads
    assert decision_tree.question(6).parent is None
    assert decision_tree.question(5).parent == "Class2.2"
    # Everyone asked about a bar is asked about arms, everyone asked how they wind is asked how many.
    assert decision_tree.question(4).parent == decision_tree.question(3).parent
    assert decision_tree.question(11).parent == decision_tree.question(10).parent


def test_each_column_has_its_own_description_and_slice():
    assert len(set(decision_tree.DESCRIPTIONS.values())) == 37
    for question in decision_tree.QUESTIONS:
        assert decision_tree.COLUMNS[decision_tree.column_slice(question)] == question.columns
