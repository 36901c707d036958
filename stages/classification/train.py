"""Train one model of a task on one of its sets: `python -m stages.classification.train galaxy10 labelled cnn`."""

from galaxy.tasks import params
from galaxy.tasks import train
from galaxy.tasks.examples import Examples
from galaxy.core.errors import GalaxyError
from galaxy.core.errors import run
from stages.classification.arguments import SET, parser
from stages.classification.paths import TaskPaths


def main() -> None:
    arguments = parser("train", __doc__, SET, ("model", "<model> of a section train_<model>")).parse_args()
    options = params.load(arguments.task)
    if arguments.model not in options.models:
        raise GalaxyError(
            f"{arguments.task} has no section train_{arguments.model}; it has {', '.join(options.models)}"
        )
    paths = TaskPaths(arguments.task)
    examples = Examples.open(paths.data / arguments.set)
    train.train(options.models[arguments.model], examples, paths.training(arguments.model))


if __name__ == "__main__":
    run(main)
