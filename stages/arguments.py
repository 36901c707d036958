"""Parse the command line of the stages that a pipeline's start has too."""

import argparse

from galaxy.core import params
from galaxy.core.errors import GalaxyError
from galaxy.core.params import Trainings
from galaxy.core.params_file import PARAMS_FILE
from galaxy.core.paths import PATHS, START, Paths
from galaxy.core.runtime import say


def parse(stage: str, doc: str | None) -> tuple[Trainings, Paths]:
    """Return the params of the pipeline or of its start, and the paths of its files.

    Args:
        doc: the stage's docstring.

    Raises:
        GalaxyError: the params are invalid, or have no section `start`.
    """
    found = _read(_parser(stage, doc))
    say(f"{stage}: starting")
    return found[1:]


def parse_model(stage: str, doc: str | None) -> tuple[str, int | None, Trainings, Paths]:
    """Return a model's name and the number of a fold beside what `parse` returns; None: there are no folds.

    Raises:
        GalaxyError: as `parse`, or the params have no such model or fold.
    """
    parser = _parser(stage, doc)
    parser.add_argument("model", help="cnn, resnet, or a key of the section train")
    parser.add_argument("--fold", type=int, metavar="N", help="without the galaxies of this fold, counted from 0")
    arguments, options, paths = _read(parser)
    name, fold, folds = arguments.model, arguments.fold, options.folds
    if name not in options.models:
        raise GalaxyError(f"{PARAMS_FILE} has no model {name}; it has {', '.join(options.models)}")
    if (fold is None) != (folds is None) or (folds is not None and fold not in range(folds)):
        allowed = "no --fold, because split.folds is absent" if folds is None else f"--fold 0 to {folds - 1}"
        raise GalaxyError(f"python -m stages.{stage} {name} takes {allowed}")
    say(f"{stage} {name}{'' if fold is None else f', fold {fold}'}: starting")
    return name, fold, options, paths


def _parser(stage: str, doc: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m stages.{stage}", description=doc)
    parser.add_argument("--start", action="store_true", help="use the section start of the params, and files in start/")
    return parser


def _read(parser: argparse.ArgumentParser) -> tuple[argparse.Namespace, Trainings, Paths]:
    arguments, options = parser.parse_args(), params.load()
    if not arguments.start:
        return arguments, options, PATHS
    if options.start is None:
        raise GalaxyError(f"{PARAMS_FILE} has no section start; run the stage without --start")
    return arguments, options.start, Paths(START)
