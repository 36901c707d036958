"""Predict a task's unlabelled images with the best model on valid: `python -m stages.classification.make_submission
sports`."""

from galaxy.core import files
from galaxy.tasks import params
from galaxy.tasks import submission
from galaxy.tasks.examples import Examples
from galaxy.tasks.prepare import LABELLED
from galaxy.tasks.prepare import UNLABELLED
from galaxy.core.errors import run
from stages.classification.arguments import parser
from stages.classification.paths import TaskPaths


def main() -> None:
    task = parser("make_submission", __doc__).parse_args().task
    options = params.load(task)
    paths = TaskPaths(task)
    unlabelled = Examples.open(paths.data / UNLABELLED)
    best = files.read_json(paths.metrics / LABELLED / "scores.json")["best"]
    submission.write(paths.submission, paths.model(best), unlabelled, options.evaluate)
    print(f"{paths.submission}: {submission.validate(paths.submission, unlabelled)} images by {best}; valid")


if __name__ == "__main__":
    run(main)
