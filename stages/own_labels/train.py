"""Train one of the models in the params on own labels: `python -m stages.own_labels.train resnet`."""

import argparse

from galaxy.core.errors import GalaxyError
from galaxy.core.params_file import PARAMS_FILE
from galaxy.core.paths import PATHS
from galaxy.core.runtime import say
from galaxy.core.stage import run
from galaxy.own_labels import params


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.own_labels.train", description=__doc__)
    parser.add_argument("model", help="a key of the section train of the params")
    name, options = parser.parse_args().model, params.load()
    if name not in options.train:
        raise GalaxyError(f"{PARAMS_FILE} has no model {name}; it has {', '.join(options.train)}")
    say(f"train {name}: starting")
    from galaxy.own_labels.labelled import Labelled
    from galaxy.own_labels.train import train

    train(options.train[name], Labelled.open(PATHS.data / "labelled"), PATHS.training(name))


if __name__ == "__main__":
    run(main)
