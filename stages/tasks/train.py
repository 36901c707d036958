"""Train one model of a task on one of its data sets: `python -m stages.tasks.train labelled cnn`."""

import argparse

from galaxy.core.errors import GalaxyError
from galaxy.core.params_file import PARAMS_FILE
from galaxy.core.paths import PATHS
from galaxy.core.runtime import say
from galaxy.core.stage import run
from galaxy.tasks import params


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.tasks.train", description=__doc__)
    parser.add_argument("set", help="a data set that prepare wrote: labelled or held_out")
    parser.add_argument("model", help="a key of the section train of the params")
    arguments = parser.parse_args()
    options, name = params.load(), arguments.model
    if name not in options.train:
        raise GalaxyError(f"{PARAMS_FILE} has no model {name}; it has {', '.join(options.train)}")
    say(f"train {name}, {arguments.set}: starting")
    from galaxy.tasks.examples import Examples
    from galaxy.tasks.train import train

    train(options.train[name], Examples.open(PATHS.data / arguments.set), PATHS.timed_training(name))


if __name__ == "__main__":
    run(main)
