"""Train a model on a part of the labels, to see what more would give: `python -m stages.own_labels.train_part 50`."""

import argparse

from galaxy.core.paths import PATHS, few_name
from galaxy.core.runtime import say
from galaxy.core.stage import run
from galaxy.own_labels import params


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.own_labels.train_part", description=__doc__)
    parser.add_argument("count", type=int, help="number of labels, of train and valid together")
    count, options = parser.parse_args().count, params.load()
    model = options.few_labels.model
    say(f"train {model} on {count} labels: starting")
    from galaxy.own_labels.labelled import Labelled
    from galaxy.own_labels.train import train_part

    data = Labelled.open(PATHS.data / "labelled")
    train_part(options.train[model], data, count, PATHS.training(few_name(count)))


if __name__ == "__main__":
    run(main)
