"""Parse the command line of the stages that a pipeline's start has too."""

import argparse

from galaxy.core import params
from galaxy.core.errors import GalaxyError
from galaxy.core.params import Trainings
from galaxy.core.params_file import PARAMS_FILE
from galaxy.core.paths import PATHS, START, Paths
from galaxy.core.runtime import say


def parse(stage: str, doc: str | None, *further: tuple[str, str]) -> tuple[argparse.Namespace, Trainings, Paths]:
    """Return the arguments, the params of the pipeline or of its start, and the paths of its files.

    Args:
        doc: the stage's docstring.
        further: names of positional arguments, each with its help.

    Raises:
        GalaxyError: the params are invalid, or have no section `start`.
    """
    parser = argparse.ArgumentParser(prog=f"python -m stages.{stage}", description=doc)
    for name, meaning in further:
        parser.add_argument(name, help=meaning)
    parser.add_argument("--start", action="store_true", help="use the section start of the params, and files in start/")
    arguments = parser.parse_args()
    options = params.load()
    if arguments.start and options.start is None:
        raise GalaxyError(f"{PARAMS_FILE} has no section start; run the stage without --start")
    say(" ".join([stage, *(getattr(arguments, name) for name, _ in further)]) + ": starting")
    if options.start is None or not arguments.start:
        return arguments, options, PATHS
    return arguments, options.start, Paths(START)
