"""Predict a task's unlabelled images with the model that is best on valid, and write their classes as CSV."""

from galaxy.core.paths import PATHS
from galaxy.core.runtime import say
from galaxy.core.stage import run
from galaxy.tasks import params


def main() -> None:
    options = params.load()
    say("make_submission: starting")
    from galaxy.core import files
    from galaxy.task_results import submission
    from galaxy.tasks.examples import Examples
    from galaxy.tasks.params import LABELLED, UNLABELLED

    unlabelled = Examples.open(PATHS.data / UNLABELLED)
    best = files.read_json(PATHS.metrics / LABELLED / "scores.json")["best"]
    path = PATHS.data / "submission.csv"
    submission.write(path, PATHS.model(best), unlabelled, options.evaluate)
    print(f"{path}: {submission.validate(path, unlabelled)} images by {best}; valid")


if __name__ == "__main__":
    run(main)
