"""Predict a task's unlabelled images with the best model on valid: `python -m stages.classification.make_submission
sports`."""

import argparse

from galaxy import files
from galaxy.classification import params, submission
from galaxy.classification.examples import Examples
from galaxy.classification.prepare import LABELLED, UNLABELLED
from galaxy.errors import run
from stages.classification.paths import TaskPaths


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m stages.classification.make_submission", description=__doc__)
    parser.add_argument("task", help="a folder of classification/ whose data have unlabelled images")
    task = parser.parse_args().task
    options = params.load(task)
    paths = TaskPaths(task)
    unlabelled = Examples.open(paths.data / UNLABELLED)
    best = files.read_json(paths.metrics / LABELLED / "scores.json")["best"]
    submission.write(paths.submission, paths.model(best), unlabelled, options.evaluate.batch_size)
    print(f"{paths.submission}: {submission.validate(paths.submission, unlabelled)} images by {best}; valid")


if __name__ == "__main__":
    run(main)
