"""Score models of a task on the test images of one of its sets: `python -m stages.classification.evaluate galaxy10
labelled`, which takes the models to compare from the params, or `... galaxy10 held_out transfer`."""

import pandas as pd

from galaxy.tasks import scores
from galaxy.tasks import params
from galaxy.tasks.examples import Examples
from galaxy.core.errors import run
from stages.classification.arguments import SET, parser
from stages.classification.paths import TaskPaths


def main() -> None:
    named = parser("evaluate", __doc__, SET)
    named.add_argument("models", nargs="*", help="models to score; those of the param compared if none is named")
    arguments = named.parse_args()
    options = params.load(arguments.task)
    paths = TaskPaths(arguments.task)
    examples = Examples.open(paths.data / arguments.set)
    names = arguments.models or options.compared
    scored = {name: scores.score(paths.model(name), examples, options.evaluate) for name in names}
    histories = {name: pd.read_csv(paths.training(name).history) for name in names}
    title = f"{arguments.task}, {arguments.set}"
    table = scores.write(paths.metrics / arguments.set, scored, examples, histories, title)
    print(f"{title} ({examples.source['source']}): {len(examples.rows('test'))} test images")
    print(table.to_string(index=False, float_format="{:.4f}".format))


if __name__ == "__main__":
    run(main)
