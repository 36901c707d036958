"""Show what an experiment changed, what effect that had, and how certain the effect is.

BEFORE and AFTER are commits, branches, tags or experiments by name, or `workspace` (the files in the folder now). The
difference is measured on the test galaxies that both have, with a 95 % bootstrap interval over them. Models of own
labels and of tasks are compared in the same way, on images.
"""

import argparse
from typing import TYPE_CHECKING

from galaxy.core.errors import GalaxyError
from galaxy.core.params_file import PARAMS_FILE, read_text

if TYPE_CHECKING:
    import pandas as pd

    from galaxy.evaluation.comparison import Pairs
    from galaxy.report.revisions import Revision

EXAMPLES = """examples:
  galaxy compare HEAD workspace
  galaxy compare HEAD workspace --brief
  galaxy compare main my-experiment --model cnn
  galaxy compare HEAD HEAD --model cnn resnet"""

FEWEST = 30
"""With fewer galaxies in common an interval means nothing."""


def add(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("before", metavar="BEFORE")
    parser.add_argument("after", metavar="AFTER", nargs="?", default="workspace", help="(default: workspace)")
    parser.add_argument(
        "--model",
        nargs="+",
        metavar="NAME",
        help="a model, `mean` or `weighted`; two names: the first in BEFORE with the second in AFTER (default: each "
        "model that both have, and their mean)",
    )
    parser.add_argument("--brief", action="store_true", help="print one row per model instead of a row per question")


def run(arguments: argparse.Namespace) -> None:
    """Print the changed params, then a table for each model, or one for all of them."""
    read_text(PARAMS_FILE)  # in another folder DVC would find the same params in all revisions
    from galaxy.evaluation.comparison import changed
    from galaxy.report.revisions import Revision

    before, after = Revision(arguments.before), Revision(arguments.after)
    chosen = _models(arguments.model, before, after)
    print(f"before: {before.name}\nafter:  {after.name}\n")
    difference = changed(before.params, after.params)
    print("no param differs" if difference.empty else difference.to_string(index=False))
    if before.kind is not None and before.kind == after.kind:
        print("\n" + _by_error(before, after, chosen, before.kind))
    else:
        print("\n" + (_by_model if arguments.brief else _by_question)(before, after, chosen))
    print(
        "\nThe interval shows how much the difference depends on the choice of test\n"
        "galaxies. Another training seed changes it too: repeat small differences with\n"
        "other seeds."
    )


def _models(names: list[str] | None, before: "Revision", after: "Revision") -> list[tuple[str, str]]:
    """Return pairs of models to compare: one in BEFORE, one in AFTER."""
    if names is None:
        return [(name, name) for name in before.models if name in after.models]
    if len(names) > 2:
        raise GalaxyError(f"--model takes one name or two, not {len(names)}")
    return [(names[0], names[-1])]


def _by_error(before: "Revision", after: "Revision", chosen: list[tuple[str, str]], kind: str) -> str:
    """Return the text with a row for each model of own labels or of a task."""
    import pandas as pd

    from galaxy.evaluation.comparison import by_error

    rows = []
    for first, second in chosen:
        row, images = by_error(before.predictions(first), after.predictions(second), kind)
        title = first if first == second else f"{first} and {second}"
        rows.append(row.assign(model=title, images=images)[["model", "images", *row.columns]])
    return "\n".join(["on the test images that both have", *([_formatted(pd.concat(rows))] if rows else [])])


def _by_question(before: "Revision", after: "Revision", chosen: list[tuple[str, str]]) -> str:
    """Return the text with a table for each model, or each two that are compared."""
    from galaxy.evaluation.comparison import by_question

    parts = []
    for names in chosen:
        title, pairs = _pair(before, after, *names)
        lines = [f"{title}, RMSE on {len(pairs.ids):,} test galaxies", *_differing_galaxies(pairs)]
        parts.append("\n".join([*lines, _why_no_table(pairs) or _formatted(by_question(pairs))]))
    return "\n\n".join(parts)


def _by_model(before: "Revision", after: "Revision", chosen: list[tuple[str, str]]) -> str:
    """Return the text with a row for each model."""
    import pandas as pd

    from galaxy.evaluation.comparison import by_question

    lines: list[str] = []
    rows = []
    for names in chosen:
        title, pairs = _pair(before, after, *names)
        if not lines:  # all models of a revision are tested on the same galaxies
            lines = [f"RMSE on {len(pairs.ids):,} test galaxies", *_differing_galaxies(pairs)]
        if reason := _why_no_table(pairs):
            lines.append(f"{title}: {reason}")
        else:
            rows.append(by_question(pairs, brief=True).rename(columns={"question": "model"}).assign(model=title))
    return "\n".join([*lines, *([_formatted(pd.concat(rows))] if rows else [])])


def _pair(before: "Revision", after: "Revision", first: str, second: str) -> tuple[str, "Pairs"]:
    """Return the title of a comparison, and the predictions to compare."""
    from galaxy.evaluation.comparison import pair

    title = first if first == second else f"{first} and {second}"
    return title, pair((before.predictions(first), after.predictions(second)), (before.votes, after.votes))


def _differing_galaxies(pairs: "Pairs") -> list[str]:
    """Return a warning if the two runs were tested on different galaxies."""
    if pairs.same:
        return []
    return [
        f"THE TEST GALAXIES DIFFER: {pairs.tested[0]:,} before, {pairs.tested[1]:,} after, {len(pairs.ids):,} in "
        "common; the scores of the two runs cannot be compared directly"
    ]


def _why_no_table(pairs: "Pairs") -> str:
    """Return why no difference is given, or nothing."""
    if len(pairs.ids) < FEWEST:
        return "no difference is given: too few galaxies in common; test on the same ones"
    return "the predictions are the same" if (pairs.before == pairs.after).all() else ""


def _formatted(table: "pd.DataFrame") -> str:
    """Return differences with their intervals and verdicts as text."""
    from galaxy.evaluation.comparison import verdict

    intervals = [f"{low:+.5f} to {high:+.5f}" for low, high in zip(table["low"], table["high"], strict=True)]
    table = table.assign(interval=intervals, verdict=table.apply(verdict, axis=1)).drop(columns=["low", "high"])
    return table.to_string(index=False, formatters={"difference": "{:+.5f}".format}, float_format="{:.5f}".format)
