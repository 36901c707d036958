"""Say what an experiment changed and what that did, with how sure one can be.

BEFORE and AFTER are commits, branches, tags or experiments by name, or `workspace` (what lies in the folder now). The
difference is taken on the test galaxies that both have, with a 95 % bootstrap interval over them.
"""

import argparse
from typing import TYPE_CHECKING

from galaxy.core.errors import GalaxyError

if TYPE_CHECKING:
    import pandas as pd

    from galaxy.report.comparison import Pairs
    from galaxy.report.revisions import Revision

EXAMPLES = """examples:
  galaxy compare HEAD workspace
  galaxy compare main my-experiment --model cnn
  galaxy compare HEAD HEAD --model cnn resnet"""

FEWEST = 30
"""Below so many galaxies in common an interval says nothing."""


def add(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.epilog = EXAMPLES
    parser.add_argument("before", metavar="BEFORE")
    parser.add_argument("after", metavar="AFTER", nargs="?", default="workspace", help="(default: workspace)")
    parser.add_argument(
        "--model",
        nargs="+",
        metavar="NAME",
        help="which model, or `mean`; two names: the first of BEFORE with the second of AFTER (default: each model "
        "that both have)",
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
        "\nThe interval says how far a difference hangs on which galaxies are tested. Another seed of the training "
        "moves it too: repeat a small one with other seeds."
    )


def _models(names: list[str] | None, before: "Revision", after: "Revision") -> list[tuple[str, str]]:
    """Pairs of models to compare, of BEFORE and of AFTER."""
    if names is None:
        common = [name for name in before.models if name in after.models]
        return [(name, name) for name in common]
    if len(names) > 2:
        raise GalaxyError(f"--model takes one name or two, not {len(names)}")
    return [(names[0], names[-1])]


def _compare(before: "Revision", after: "Revision", first: str, second: str) -> str:
    """The text on one model."""
    from galaxy.report.comparison import by_question
    from galaxy.report.comparison import pair

    pairs = pair((before.predictions(first), after.predictions(second)), (before.votes, after.votes))
    title = first if first == second else f"{first} and {second}"
    lines = [f"{title}, RMSE on {len(pairs.ids):,} test galaxies"]
    if not pairs.same:
        lines.append(_other_galaxies(pairs))
    if len(pairs.ids) < FEWEST:
        return "\n".join([*lines, "no difference is given: too few galaxies in common; test on the same ones"])
    if (pairs.before == pairs.after).all():
        return "\n".join([*lines, "the predictions are the same"])
    return "\n".join([*lines, _text(by_question(pairs))])


def _other_galaxies(pairs: "Pairs") -> str:
    return (
        f"THE TEST GALAXIES DIFFER: {pairs.tested[0]:,} before, {pairs.tested[1]:,} after, {len(pairs.ids):,} in common"
        "; scores of the two runs are not comparable as they stand"
    )


def _text(table: "pd.DataFrame") -> str:
    from galaxy.report.comparison import verdict

    shown = table.assign(
        interval=[f"{low:+.5f} to {high:+.5f}" for low, high in zip(table["low"], table["high"], strict=True)],
        verdict=table.apply(verdict, axis=1),
    ).drop(columns=["low", "high"])
    return shown.to_string(index=False, formatters={"difference": "{:+.5f}".format}, float_format="{:.5f}".format)
