"""Score models of a task on the test images of one of its sets: `python -m stages.classification.evaluate galaxy10
labelled`, which takes the models to compare from the params, or `... galaxy10 held_out transfer`."""

import argparse

import pandas as pd

from galaxy.classification import evaluation, params
from galaxy.classification.examples import Examples
from galaxy.errors import run
from stages.classification.paths import TaskPaths


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.classification.evaluate", description=__doc__)
    parser.add_argument("task", help="a folder of classification/")
    parser.add_argument("set", help="what prepare made: labelled or held_out")
    parser.add_argument("models", nargs="*", help="models to score; those of the param compared if none is named")
    arguments = parser.parse_args()
    options = params.load(arguments.task)
    paths = TaskPaths(arguments.task)
    examples = Examples.open(paths.data / arguments.set)
    names = arguments.models or options.compared
    scored = {name: evaluation.score(paths.model(name), examples, options.evaluate.batch_size) for name in names}
    histories = {name: pd.read_csv(paths.training(name).history) for name in names}
    title = f"{arguments.task}, {arguments.set}"
    table = evaluation.write(paths.metrics / arguments.set, scored, examples, histories, title)
    print(f"{title} ({examples.source['source']}): {len(examples.rows('test'))} test images")
    print(table.to_string(index=False, float_format="{:.4f}".format))


if __name__ == "__main__":
    run(main)
