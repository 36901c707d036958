"""Train one model of a task on one of its sets: `python -m stages.classification.train galaxy10 labelled cnn`."""

import argparse

from galaxy.classification import params, training
from galaxy.classification.examples import Examples
from galaxy.errors import GalaxyError, run
from stages.classification.paths import TaskPaths


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.classification.train", description=__doc__)
    parser.add_argument("task", help="a folder of classification/")
    parser.add_argument("set", help="what prepare made: labelled or held_out")
    parser.add_argument("model", help="<model> of a section train_<model> of the task's params")
    arguments = parser.parse_args()
    options = params.load(arguments.task)
    if arguments.model not in options.models:
        raise GalaxyError(
            f"{arguments.task} has no section train_{arguments.model}; it has {', '.join(options.models)}"
        )
    paths = TaskPaths(arguments.task)
    examples = Examples.open(paths.data / arguments.set)
    training.train(options.models[arguments.model], examples, paths.training(arguments.model))


if __name__ == "__main__":
    run(main)
