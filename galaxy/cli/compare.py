"""Show what an experiment changed, what effect that had, and how certain the effect is.

BEFORE and AFTER are commits, branches, tags or experiments by name, or `workspace` (the files in the folder now). The
difference is measured on the test galaxies that both have, with a 95 % bootstrap interval over them.
"""

import argparse
from typing import TYPE_CHECKING

from galaxy.core.errors import GalaxyError

if TYPE_CHECKING:
    from galaxy.report.revisions import Revision

EXAMPLES = """examples:
  galaxy compare HEAD workspace
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
        help="a model or `mean`; two names: the first in BEFORE with the second in AFTER (default: each model that "
        "both have)",
    )


def run(arguments: argparse.Namespace) -> None:
    """Print the changed params, then a table for each model."""
    from galaxy.report.comparison import changed
    from galaxy.report.revisions import Revision

    before, after = Revision(arguments.before), Revision(arguments.after)
    chosen = _models(arguments.model, before, after)
    print(f"before: {before.name}\nafter:  {after.name}\n")
    difference = changed(before.params, after.params)
    print("no param differs" if difference.empty else difference.to_string(index=False))
    for names in chosen:
        print(f"\n{_compare(before, after, *names)}")
    print(
        "\nThe interval shows how much the difference depends on the choice of test galaxies. Another training seed "
        "changes it too: repeat small differences with other seeds."
    )


def _models(names: list[str] | None, before: "Revision", after: "Revision") -> list[tuple[str, str]]:
    """Return pairs of models to compare: one in BEFORE, one in AFTER."""
    if names is None:
        return [(name, name) for name in before.models if name in after.models]
    if len(names) > 2:
        raise GalaxyError(f"--model takes one name or two, not {len(names)}")
    return [(names[0], names[-1])]


def _compare(before: "Revision", after: "Revision", first: str, second: str) -> str:
    """Return the text on one model, or on the two that are compared."""
    from galaxy.report.comparison import by_question, pair, verdict

    pairs = pair((before.predictions(first), after.predictions(second)), (before.votes, after.votes))
    title = first if first == second else f"{first} and {second}"
    lines = [f"{title}, RMSE on {len(pairs.ids):,} test galaxies"]
    if not pairs.same:
        lines.append(
            f"THE TEST GALAXIES DIFFER: {pairs.tested[0]:,} before, {pairs.tested[1]:,} after, {len(pairs.ids):,} in "
            "common; the scores of the two runs cannot be compared directly"
        )
    if len(pairs.ids) < FEWEST:
        lines.append("no difference is given: too few galaxies in common; test on the same ones")
    elif (pairs.before == pairs.after).all():
        lines.append("the predictions are the same")
    else:
        table = by_question(pairs)
        intervals = [f"{low:+.5f} to {high:+.5f}" for low, high in zip(table["low"], table["high"], strict=True)]
        table = table.assign(interval=intervals, verdict=table.apply(verdict, axis=1)).drop(columns=["low", "high"])
        signed, plain = "{:+.5f}".format, "{:.5f}".format
        lines.append(table.to_string(index=False, formatters={"difference": signed}, float_format=plain))
    return "\n".join(lines)
