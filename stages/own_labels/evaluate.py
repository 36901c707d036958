"""Score the models on the test images: tables, figures, predictions."""

from galaxy.core.paths import PATHS
from galaxy.core.runtime import say
from galaxy.core.stage import run
from galaxy.own_labels import params


def main() -> None:
    options = params.load()
    say("evaluate: starting")
    from galaxy.own_labels.evaluation import evaluate
    from galaxy.own_labels.labelled import Labelled

    print(evaluate(options, Labelled.open(PATHS.data / "labelled"), PATHS))


if __name__ == "__main__":
    run(main)
