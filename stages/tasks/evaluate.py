"""Score the models of a task on the test images of each of its data sets."""

from galaxy.core.paths import PATHS
from galaxy.core.runtime import say
from galaxy.core.stage import run
from galaxy.tasks import params


def main() -> None:
    options = params.load()
    say("evaluate: starting")
    from galaxy.task_results.evaluate import evaluate

    print(evaluate(options, PATHS))


if __name__ == "__main__":
    run(main)
